"""A real project in a temporary folder: real git, real kernels, real MLflow on SQLite."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbpromote import Project, cli, find

COMMAND = (sys.executable, "-m", "nbpromote")

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
"""

# counts numbers: no heavy import, so a run costs a kernel's start. `glue` as scrapbook does it, without its second.
COUNT = """
# %% tags=["parameters"]
top: int = 3  # count to
limit: float = 1.5  # a number with a point
result: str = "../data/dev/result.csv"  # where to

# %%
from IPython.display import display
from pathlib import Path

def glue(name, data):
    payload = {"name": name, "data": data, "encoder": "json", "version": 1}
    display({"application/scrapbook.scrap.json+json": payload}, raw=True, metadata={"scrapbook": {"name": name}})

# %%
# NBVAL_CHECK_OUTPUT
numbers = list(range(top))
print("counted to", len(numbers))

# %%
Path(result).parent.mkdir(parents=True, exist_ok=True)
Path(result).write_text("number\\n" + "".join(f"{number}\\n" for number in numbers if number > -limit))
glue("rows", len(numbers))
glue("error", 10.0 / len(numbers))
"""

TRAIN = """
# %% tags=["parameters"]
alpha: float = 1.0  # of the ridge

# %%
import mlflow
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

X, y = load_diabetes(return_X_y=True, as_frame=True)
model = Ridge(alpha=alpha).fit(X[:300], y[:300])

# %%
with mlflow.start_run():
    mlflow.log_metric("mae", float(abs(model.predict(X[300:]) - y[300:]).mean()))
    mlflow.sklearn.log_model(
        model, name="model", input_example=X.head(3), pip_requirements=["scikit-learn"]
    )
"""

POLICY = """\
promotes_from: [{below}]
notebooks:
  count:
    gates:
      - {{metric: rows, min: 2}}
      - {{metric: error, versus: live, max_relative_increase: 0.1}}
      - {{check: outputs-match, mode: warn}}
  train:
    strategy: {strategy}
    gates: [{{metric: mae, max: 60}}]
"""


@dataclass(frozen=True)
class Ground:
    """A project's folder, with what a user does to it."""

    root: Path
    empty_store: Path

    @property
    def project(self) -> Project:
        return find(self.root)

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def git(self, *args: str) -> str:
        return git(self.root, *args)

    def commit(self, message: str = "edit") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def refs(self) -> str:
        return self.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/nbpromote")

    def nbpromote(self, *args: str) -> Done:
        return command("-C", str(self.root), *args)

    def start(self, *args: str) -> subprocess.Popen[str]:
        """The command as a process of its own, for faults that need one."""
        return subprocess.Popen(
            [*COMMAND, "-C", str(self.root), *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def json(self, *args: str) -> Any:
        done = self.nbpromote(*args, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def released(self, name: str = "count") -> Ground:
        """Run, accept, commit, release: what comes before every promotion."""
        for line in (("sync",), ("run",), ("baseline", "--yes")):
            self.nbpromote(*line, name)
        if self.git("status", "--porcelain"):
            self.commit("accept the outputs")
        done = self.nbpromote("release", name)
        assert done.returncode == 0, done.stdout + done.stderr
        return self


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def command(*args: str) -> Done:
    """The command line, in this process: importing MLflow once is enough."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.answer(list(args))
    return Done(code, out.getvalue(), err.getvalue())


def begun(root: Path, empty_store: Path) -> Ground:
    """A repository with somebody to commit, and nothing in it; MLflow's first tables where they are looked for."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "config", "user.name", "Ada Test")
    git(root, "config", "user.email", "ada@example.org")
    if empty_store.is_file():
        store = root / ".nbpromote" / "mlflow"
        store.mkdir(parents=True)
        shutil.copy(empty_store, store / empty_store.name)
    return Ground(root, empty_store)


def build(root: Path, empty_store: Path, *, strategy: str = "retrain") -> Ground:
    ground = begun(root, empty_store)
    ground.write("pyproject.toml", '[tool.nbpromote]\nproject = "small"\n')
    ground.write(".gitignore", ".nbpromote/\ndata/\n")
    ground.write("notebooks/count.py", HEADER + COUNT)
    ground.write("notebooks/train.py", HEADER + TRAIN)
    ground.write("params/base.yaml", "limits: {cell: 60s, notebook: 2m}\n")
    for below, name, top in ((None, "dev", 3), ("dev", "staging", 4), ("staging", "prod", 5)):
        values = f"parameters: {{top: {top}}}\n    outputs: {{result: data/{name}/result.csv}}"
        ground.write(f"params/{name}.yaml", f"notebooks:\n  count:\n    {values}\n")
        if below:
            ground.write(f"params/{name}.policy.yaml", POLICY.format(below=below, strategy=strategy))
    ground.nbpromote("sync")
    ground.commit("start")
    return ground
