"""Commands as processes of their own, without what their imports cost: forks of one that has imported everything."""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import random
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbpromote.workflow.authoring.kernels import TOOLKIT
from nbpromote.workflow.site import values

LATEST = 180.0  # seconds for anything at all

# what MLflow and others import when they first need it
LATE = (
    "filelock",
    "fsspec.implementations.local",
    "mlflow.artifacts",
    "mlflow.store.model_registry.sqlalchemy_workspace_store",
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    "mlflow.tracing.processor.base_mlflow",
    "mlflow.tracking",
    "mlflow.utils.search_logged_model_utils",
    "numpy",
    "opentelemetry.sdk.metrics",
    "pandas",
    "pyarrow.csv",
    "pyarrow.parquet",
    "sqlalchemy.dialects.sqlite",
)


@dataclass(frozen=True)
class Ended:
    """How a fork ended: by a signal, or with what its function gave back or raised."""

    signal: int
    value: Any = None
    error: str = ""

    @property
    def killed(self) -> bool:
        return self.signal == signal.SIGKILL


@dataclass(frozen=True)
class Fork:
    """A function at work in a process of its own, which leads a session: all that it starts can be killed with it."""

    pid: int
    answer: Path

    def kill(self) -> None:
        """It and what it has begun, git too, in this moment."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def wait(self, within: float = LATEST) -> Ended:
        end = time.monotonic() + within
        while not (status := _status(self.pid)):
            if time.monotonic() > end:
                self.kill()
                return Ended(_waited(self.pid), error=f"it did not end within {within:g} s")
            time.sleep(0.002)
        ended = os.waitstatus_to_exitcode(status[0])
        try:
            value, error = pickle.loads(self.answer.read_bytes()) if ended == 0 else (None, "")
        finally:
            self.answer.unlink(missing_ok=True)
        return Ended(-ended, value, error)


def imported() -> None:
    """Everything that a promotion imports, so that no fork has to."""
    for name in (*TOOLKIT, *LATE):
        importlib.import_module(name)
    import nbformat
    from sqlalchemy.orm import configure_mappers

    configure_mappers()
    nbformat.validate(nbformat.v4.new_notebook())  # its schema becomes Python code once a process


def familiar(act: Callable[[], Any]) -> None:
    """Carried out in this process, so that forks find what it made: records' readers, and MLflow's stores.

    To make them is more than half of what a command takes. Connections stay behind: they may not cross a fork. What
    was read of a commit is forgotten, since somebody may flip a bit of it.
    """
    from sqlalchemy import Engine, event

    met: set[Engine] = set()

    def connected(connection: Any) -> None:
        met.add(connection.engine)

    event.listen(Engine, "engine_connect", connected)
    act()
    event.remove(Engine, "engine_connect", connected)
    for engine in met:
        engine.dispose()
    values._blobs.cache_clear()


def fork(act: Callable[[], Any]) -> Fork:
    gc.freeze()  # a collector that goes through what is shared copies all of it
    handle, answer = tempfile.mkstemp(prefix="fork-")
    os.close(handle)
    pid = os.fork()
    if pid == 0:
        _act(act, Path(answer))
    return Fork(pid, Path(answer))


def forked(act: Callable[[], Any], *, within: float = LATEST) -> Ended:
    return fork(act).wait(within)


def _act(act: Callable[[], Any], answer: Path) -> None:
    """In the fork. Does not come back."""
    value, error = None, ""
    try:
        os.setsid()
        random.seed()  # else all forks wait for one another in step
        value = act()
    except BaseException:
        error = traceback.format_exc()
    finally:
        answer.write_bytes(pickle.dumps((value, error)))
        os._exit(0)


def _status(pid: int) -> tuple[int] | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return (status,) if found else None


def _waited(pid: int) -> int:
    return -os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
