"""Where runs of MLflow say that they come from, without nbpromote's doing anything: real IPython, git and MLflow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ground import begun, git

START = """
import os, mlflow
with mlflow.start_run() as run: pass
print("TAGS", __import__("json").dumps(mlflow.get_run(run.info.run_id).data.tags))
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    root = tmp_path_factory.mktemp("plain") / "a repository"
    ground = begun(root, empty_store)
    ground.write("notebooks/explore.ipynb", "{}")
    ground.commit("start")
    shutil.copy(empty_store, root / "mlflow.db")
    return root


def around() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}


def shell(repository: Path, *sources: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """An IPython in the notebook's folder, as a kernel is."""
    own = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{repository}/mlflow.db",
        "IPYTHONDIR": f"{repository}/.ipython",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    return subprocess.run(
        [sys.executable, "-m", "IPython", "--quick", "-c", "\n".join(sources)],
        cwd=repository / "notebooks",
        env={**around(), **own, **variables},
        capture_output=True,
        text=True,
    )


def test_a_plain_run_of_mlflow_has_its_notebook_and_commit(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")

    done = shell(repository, START, JPY_SESSION_NAME=str(repository / "notebooks/explore.ipynb"))

    assert "TAGS " in done.stdout, done.stdout + done.stderr
    tags = json.loads(done.stdout.partition("TAGS ")[2])
    assert tags["mlflow.source.name"] == "notebooks/explore.ipynb"
    assert tags["mlflow.source.type"] == "NOTEBOOK"
    assert tags["mlflow.source.git.commit"] == commit
    assert tags["nbpromote.dirty"] == "false"


PROVIDE = """
import json, os, sys
from nbpromote.source import Notebook
asked = Notebook()
given = json.loads(os.environ["GIVEN"])
for variables, shell in given:
    kept = dict(os.environ)
    os.environ.update(variables)
    globals().update(shell)
    print("SAID", json.dumps([asked.in_context(), asked.tags()]))
    for name in shell: del globals()[name]
    os.environ.clear()
    os.environ.update(kept)
assert not {"mlflow", "nbpromote.project", "nbpromote.model", "nbpromote.track"} & set(sys.modules)
"""

FOUND = "notebooks/explore.ipynb"
# variables of the kernel, names in its shell, and the notebook that it is then known as
WHO = [
    ({}, {}, None),
    ({"JPY_SESSION_NAME": "console-1"}, {}, None),
    ({"JPY_SESSION_NAME": "explore.ipynb"}, {}, FOUND),
    ({"JPY_SESSION_NAME": "/of/the/server/explore.ipynb"}, {}, FOUND),
    ({"JPY_SESSION_NAME": "notebooks/RTC:explore.ipynb"}, {}, FOUND),
    ({}, {"__vsc_ipynb_file__": "explore.ipynb"}, FOUND),
    ({"JPY_SESSION_NAME": "explore.ipynb", "MLFLOW_RUN_CONTEXT": "{}"}, {}, None),
]


def test_a_notebook_is_known_by_who_started_its_kernel(repository: Path) -> None:
    done = shell(repository, PROVIDE, GIVEN=json.dumps([who[:2] for who in WHO]))

    answers = [json.loads(line.partition("SAID ")[2]) for line in done.stdout.splitlines() if "SAID" in line]
    known = [tags.get("mlflow.source.name") if said else None for said, tags in answers]
    assert known == [expected for _, _, expected in WHO], done.stdout


def test_a_kernel_without_git_or_with_unsaved_work_says_what_it_knows(repository: Path) -> None:
    notebook = repository / FOUND
    notebook.write_text("{ }")
    try:
        ways = [({"JPY_SESSION_NAME": str(notebook)}, {}), ({"JPY_SESSION_NAME": str(notebook), "PATH": ""}, {})]
        done = shell(repository, PROVIDE, GIVEN=json.dumps(ways))
    finally:
        notebook.write_text("{}")

    dirty, alone = [json.loads(line.partition("SAID ")[2])[1] for line in done.stdout.splitlines() if "SAID" in line]
    assert dirty["nbpromote.dirty"] == "true"
    assert alone == {"mlflow.source.type": "NOTEBOOK", "mlflow.source.name": str(notebook)}


def test_a_script_that_a_notebook_starts_is_no_notebook(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROVIDE],
        cwd=repository / "notebooks",
        env={**around(), "GIVEN": json.dumps([({"JPY_SESSION_NAME": "explore.ipynb"}, {})])},
        capture_output=True,
        text=True,
    )

    assert done.stdout.strip() == "SAID [false, {}]", done.stderr
