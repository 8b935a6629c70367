"""pytest with the plugin: what it collects, runs once and says; and what it leaves alone."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ground import Done, Ground, build

LOUD = """
# %%
print("\\x1b[31mred\\x1b[0m")
raise ValueError("no \\x1b[31mflights\\x1b[0m \\x01 here")

# %%
1
"""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """`count`, accepted; `loud`, which fails in color; and a test of the team's own."""
    ground = build(tmp_path_factory.mktemp("plugin") / "small", empty_store)
    (ground.root / "notebooks/train.py").unlink()
    (ground.root / "notebooks/train.ipynb").unlink()
    ground.write("notebooks/loud.py", f"# %%\nprint('quiet')\n{LOUD}")
    ground.write("test_own.py", "def test_own():\n    assert True\n")
    return ground.released()


WITH_IT = ("-p", "nbpromote.plugin", "-p", "no:cacheprovider", "-rA", "--color=no")


def asked(ground: Ground, *args: str) -> Done:
    """In this process, where MLflow is imported already; no plugin of this environment but ours."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.chdir(ground.root)
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        code = pytest.main([*WITH_IT, "--capture=no", *args])
    return Done(int(code), said.getvalue(), "")


def pytest_in(ground: Ground, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *args]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} | more
    return subprocess.run(command, cwd=ground.root, capture_output=True, text=True, env=env)


def runs(ground: Ground, name: str) -> list[str]:
    return sorted(path.name for path in (ground.root / ".nbpromote/runs").glob(f"*-{name}-*"))


def outcomes(done: Done) -> dict[str, str]:
    """By the item's name, without its file's."""
    rows = [line.split(" - ")[0].split() for line in done.stdout.splitlines() if "::" in line]
    return {row[1].partition("::")[2]: row[0] for row in rows if row[0] in ("PASSED", "FAILED", "ERROR")}


def test_every_cell_check_and_gate_is_an_item_and_a_pair_is_collected_once(ground: Ground) -> None:
    before = runs(ground, "count")

    done = asked(ground, "--nbpromote-env", "staging", "--collect-only", "-q", "notebooks")
    by_script = asked(ground, "--nbpromote", "--collect-only", "-q", "notebooks/count.py")

    items = [line for line in done.stdout.splitlines() if line.startswith("notebooks/count")]
    assert items[:5] == [f"notebooks/count.ipynb::cell[{n}]" for n in (1, 2, 3, 4)] + [
        "notebooks/count.ipynb::check[ran-to-the-end]"
    ]
    assert items[-3:] == [
        "notebooks/count.ipynb::gate[rows at least 2]",
        "notebooks/count.ipynb::gate[error at most 10 % above live]",
        "notebooks/count.ipynb::gate[outputs-match passes (warn)]",
    ]
    assert "notebooks/count.py::cell[1]" in by_script.stdout
    assert "notebooks/count.ipynb" not in by_script.stdout
    assert runs(ground, "count") == before


def test_one_execution_answers_them_all_in_plain_words(ground: Ground) -> None:
    before = runs(ground, "loud"), runs(ground, "count")

    done = asked(ground, "--nbpromote", "--junitxml=data/junit.xml", "notebooks", "test_own.py")

    assert done.returncode == 1
    assert len(runs(ground, "loud")) == len(before[0]) + 1
    assert len(runs(ground, "count")) == len(before[1]) + 1
    found = outcomes(done)
    assert {name for name, outcome in found.items() if outcome == "FAILED"} == {
        "cell[2]",
        "cell[3]",
        "check[ran-to-the-end]",
    }
    assert found["check[outputs-match]"] == found["test_own"] == "PASSED"
    text = (ground.root / "data/junit.xml").read_text()
    failures = [case.get("message", "") for case in ElementTree.fromstring(text).iter("failure")]
    assert "failed: ValueError: no flights" in failures[0]
    skipped = [case.get("message") for case in ElementTree.fromstring(text).iter("skipped")]
    assert "no model was logged" in skipped
    assert not any(bad in text for bad in ("\x1b", "#x1B", "\x01", "#x01"))
    assert "\x1b" not in done.stdout


def test_a_run_that_was_made_is_judged_and_nothing_is_executed(ground: Ground) -> None:
    before = runs(ground, "loud")

    judged = asked(ground, "--nbpromote-run", before[-1] if before else "none", "notebooks")
    unknown = asked(ground, "--nbpromote-run", "nobody", "notebooks")

    assert judged.returncode == 1
    assert "count" not in judged.stdout.replace("counted", "")
    assert runs(ground, "loud") == before
    assert unknown.returncode == 4
    assert "no run 'nobody' here" in unknown.stdout


def test_workers_of_xdist_share_one_run(ground: Ground) -> None:
    before = runs(ground, "count")

    done = pytest_in(
        ground,
        *WITH_IT,
        "-p",
        "xdist.plugin",
        "--nbpromote",
        "-n",
        "2",
        "notebooks/count.ipynb",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )

    assert done.returncode == 0, done.stdout
    assert len(runs(ground, "count")) == len(before) + 1


def test_what_cannot_be_asked_is_a_plain_error(ground: Ground) -> None:
    environment = asked(ground, "--nbpromote-env", "prdo", "notebooks/count.ipynb")
    both = asked(ground, "--nbpromote-env", "dev", "--nbpromote-run", "any")

    assert "no environment 'prdo'; did you mean 'prod'?" in environment.stdout
    assert "Traceback" not in environment.stdout
    assert environment.returncode == 2
    assert both.returncode == 4


def test_plain_nbval_goes_on_as_without_it(ground: Ground) -> None:
    before = runs(ground, "count")

    done = pytest_in(ground, "--nbval-lax", "notebooks/count.ipynb")

    assert done.returncode == 0, done.stdout
    assert re.search(r"^plugins: .*nbpromote-", done.stdout, re.MULTILINE), done.stdout
    assert "4 passed" in done.stdout
    assert runs(ground, "count") == before


def test_unasked_it_collects_nothing_and_imports_nothing_of_the_toolkit(ground: Ground) -> None:
    script = "import sys, pytest; pytest.main(sys.argv[1:]); print('loaded:', *sorted(sys.modules))"
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    done = subprocess.run(
        [sys.executable, "-c", script, *WITH_IT], cwd=ground.root, capture_output=True, text=True, env=env
    )

    assert "1 passed" in done.stdout
    loaded = done.stdout.rpartition("loaded: ")[2].split()
    ours = {name for name in loaded if name.startswith("nbpromote")}
    assert ours == {"nbpromote", "nbpromote.faces", "nbpromote.plugin"}
    assert not {"mlflow", "nbformat", "numpy", "papermill"} & set(loaded)
