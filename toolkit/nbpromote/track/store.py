"""An environment's MLflow store, ready for use: its schema made once, its server known to answer."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Any

from nbpromote import files
from nbpromote.track import server

_SQLITE = "sqlite:///"

# MLflow reports its use over the network, and prints links to stdout, unless it is told not to: the one is nobody's
# business, the other spoils a JSON document here and outputs that are compared in a kernel
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}

_DEFAULTS = {
    # it would send a request again whose reply was lost, and make a second of everything; `asking` looks first
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def client(uri: str) -> Any:
    """An MLflow client for a tracking URI. Raises `Unavailable` when nothing answers there."""
    os.environ.update(QUIET)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    if is_local(uri):
        _schema(Path(uri.removeprefix(_SQLITE)))
    server.reach(uri)
    from mlflow import MlflowClient  # two seconds; only the verbs that track pay it

    # it prints the traceback of what is told in words: a disk that is full, a database that is locked
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def is_local(uri: str) -> bool:
    return uri.startswith(_SQLITE)


def artifact_root(uri: str) -> Path | None:
    """Where a local store keeps its artifacts: beside its database, not in whatever folder a command ran."""
    if not is_local(uri):
        return None
    database = Path(uri.removeprefix(_SQLITE))
    return database.with_name(f"{database.stem}-artifacts")


def places(uri: str) -> tuple[Path, ...]:
    """Which folders of this machine a store writes to: SQLite keeps its journal beside the database."""
    return (Path(uri.removeprefix(_SQLITE)).parent,) if is_local(uri) else ()


def _schema(database: Path) -> None:
    """Make the tables once, under a lock: two first users at once can ruin a store for good.

    The migrations take seconds, so one empty database a version of MLflow is kept and copied for each environment.
    """
    if database.exists():
        return
    from filelock import FileLock

    # a store by default is in a folder of its environment's own; what they share is beside these
    shared = database.parent.parent if database.match("mlflow/*/mlflow.db") else database.parent
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(shared / ".schema.lock"):
        if not database.exists():
            files.publish(_empty(shared), database)


def _empty(folder: Path) -> Path:
    import mlflow

    empty = folder / f".empty-{mlflow.__version__}.db"
    if not empty.exists():
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        # each of some sixty migrations waits for the disk: 4.9 s there, 1.3 s in memory
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="nbpromote-", dir=memory) as place:
            draft = Path(place) / "empty.db"
            mlflow.MlflowClient(tracking_uri=f"{_SQLITE}{draft}").search_experiments()
            files.publish(draft, empty)
    return empty
