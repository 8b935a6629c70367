"""What a kernel is given to run besides the notebook, and how its answer is read."""

from __future__ import annotations

import json
from collections.abc import Collection
from importlib.resources import files as resources
from pathlib import Path

from nbpromote.model import Json

_MARK = "nbpromote:"

# what loading any model needs, for a kernel that is started before it is asked
WARMING = ("mlflow", "mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store")
# what MLflow imports in any run, what it does to log a model, and what scikit-learn's want for it
_ALWAYS = ("mlflow.store.tracking.sqlalchemy_store", "mlflow.store.tracking.sqlalchemy_workspace_store")
_LOGGING = (*WARMING, "mlflow.pyfunc.scoring_server", "git")
_SKLEARN = ("mlflow.sklearn", "skops.io")
_OURS = ("nbpromote.track.logging",)  # whose `log_model` imports MLflow for the notebook
_MODELS = ("log_model", "autolog", "load_model")


def later(imported: Collection[str], source: str) -> tuple[str, ...]:
    """What MLflow will import besides what a notebook imports itself; for models only where the source has some."""
    packages = {name.split(".")[0] for name in imported}
    models = _LOGGING if any(verb in source for verb in _MODELS) else ()
    ours = _OURS if models and "nbpromote" in packages else ()
    if "mlflow" not in packages and not ours:
        return ()
    return (*_ALWAYS, *models, *ours, *(_SKLEARN if models and "sklearn" in packages else ()))


def inside() -> tuple[str, str]:
    """Sources for the kernel: one before the first cell, one after the last."""
    opening = f"""
import sys, types
_module = sys.modules["_nbpromote"] = types.ModuleType("_nbpromote")
_module.REQUIREMENTS = {_text("requirements.py")!r}
exec(compile({_text("inside.py")!r}, "<nbpromote>", "exec"), _module.__dict__)
del sys, types, _module
"""
    return opening, '__import__("sys").modules["_nbpromote"].finish()'


def question(model_uri: str) -> str:
    """A source that prints what a model answers to its own input example, for a kernel that writes to `TMPDIR` alone.

    It raises there when the tracking server cannot be reached, which says nothing about the model.
    """
    return f"""
import tempfile
_names = {{"__name__": "question"}}
exec(compile({_text("inside.py")!r}, "<nbpromote>", "exec"), _names)
with tempfile.TemporaryDirectory() as _folder:
    print({_MARK!r} + _names["json"].dumps(_names["predict"]({model_uri!r}, _folder)))
"""


def question_of_rows(model_uri: str, table: Path, *, answers: Path) -> str:
    """A source that writes what a model says of each row of a table to a file of numpy's, and prints how that went.

    Nothing of the rows goes through the kernel's output: there may be millions.
    """
    return f"""
_names = {{"__name__": "question"}}
exec(compile({_text("inside.py")!r}, "<nbpromote>", "exec"), _names)
exec(compile({_text("rows.py")!r}, "<nbpromote>", "exec"), _names)
print({_MARK!r} + _names["json"].dumps(_names["say_of_rows"]({model_uri!r}, {str(table)!r}, {str(answers)!r})))
"""


def answer(printed: str) -> Json:
    """The answer to a question among what the kernel printed."""
    line = next((line for line in printed.splitlines() if line.startswith(_MARK)), None)
    return json.loads(line.removeprefix(_MARK)) if line else {"error": "no answer"}


def _text(name: str) -> str:
    return resources("nbpromote.track").joinpath(name).read_text(encoding="utf-8")
