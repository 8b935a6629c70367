"""What MLflow loads: where a run comes from, also without nbpromote. Never breaks a run, and imports nothing of MLflow.

MLflow knows a notebook by its last name, if a Jupyter server answers it, and the commit of the kernel's own program.
The entry point `mlflow.run_context_provider` adds tags to each run and model that a notebook starts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


class Notebook:
    """A `RunContextProvider`, by its two methods."""

    def in_context(self) -> bool:
        # whoever sets this variable has said where the run comes from: nbpromote does, for its own
        return "MLFLOW_RUN_CONTEXT" not in os.environ and notebook() is not None

    def tags(self) -> dict[str, str]:
        path = notebook()
        return {} if path is None else {"mlflow.source.type": "NOTEBOOK", **_from(path)}


def notebook() -> Path | None:
    """The file whose kernel this process is; None where nobody says so, or there is no such file."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:  # a script that a notebook started has its variables too
        return None
    said = (shell.user_ns.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME"))
    return next((path for one in said if one for path in _meant(str(one)) if path.is_file()), None)


def _meant(said: str) -> tuple[Path, ...]:
    """A server may say the path from its own folder; a kernel starts in the notebook's. `RTC:` is shared editing."""
    path = Path(said)
    return path.absolute(), Path(path.name.removeprefix("RTC:")).absolute()


def _from(path: Path) -> Mapping[str, str]:
    """The notebook's path from the top of its repository, the commit checked out there, and whether it holds all."""
    from nbpromote.errors import Error
    from nbpromote.git import Repository

    repository = Repository(path.parent)
    try:
        name = f"{repository.prefix}{path.name}"
        # without the lock that it would take to note what it has seen: the notebook's user may be about to commit
        head, *lines = repository.run(*_STATUS, env={"GIT_OPTIONAL_LOCKS": "0"}).decode(errors="replace").splitlines()
    except Error:  # no git, or no repository
        return {"mlflow.source.name": str(path)}
    commit = head.removeprefix("# branch.oid ")
    changed = any(not line.startswith("# ") for line in lines)
    told = {"mlflow.source.git.commit": commit, "nbpromote.dirty": str(changed).lower()}
    return {"mlflow.source.name": name, **(told if commit != "(initial)" else {})}


_STATUS = ("status", "--porcelain=v2", "--branch", "--untracked-files=no")
