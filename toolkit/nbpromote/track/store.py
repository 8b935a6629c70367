"""An environment's MLflow store, ready for use: its schema made once, its server known to answer, its errors short."""

from __future__ import annotations

import os
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbpromote import files
from nbpromote.errors import Unavailable

_SQLITE = "sqlite:///"
_PREFLIGHT_SECONDS = 3.0

# MLflow reports its use over the network, and prints links to stdout, unless it is told not to: the one is nobody's
# business, the other spoils a JSON document here and outputs that are compared in a kernel
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}

_DEFAULTS = {
    # MLflow's own patience with a dead server is 246 s
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
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
    elif uri.startswith(("http://", "https://")):
        _preflight(uri)
    from mlflow import MlflowClient  # two seconds; only the verbs that track pay it

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def told(uri: str) -> Iterator[None]:
    """MLflow's and SQLAlchemy's words as one short error."""
    try:
        yield
    except (ImportError, OSError) as error:
        raise Unavailable(f"MLflow at {uri} cannot be used: {_line(error)}") from error
    except Exception as error:
        if type(error).__module__.split(".")[0] not in ("mlflow", "sqlalchemy", "requests", "urllib3"):
            raise
        raise Unavailable(f"MLflow at {uri} could not answer: {_line(error)}") from error


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:300]


def experiment_of(mlflow: Any, name: str, uri: str) -> str:
    """The id of the experiment of this name, which is made where there is none."""
    from mlflow.exceptions import MlflowException

    found = mlflow.get_experiment_by_name(name)
    if found is None:
        root = artifact_root(uri)
        try:
            return str(mlflow.create_experiment(name, artifact_location=(root / name).as_uri() if root else None))
        except MlflowException:  # another process was first
            found = mlflow.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


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
    import logging

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


def _preflight(uri: str) -> None:
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_PREFLIGHT_SECONDS).close()
    except urllib.error.HTTPError:
        return  # somebody answers; what they say to the real question is another matter
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLError):
            return  # likewise: MLflow has its own settings for certificates
        raise Unavailable(
            f"the tracking server {uri} does not answer ({reason}); nothing was changed",
            hint="start it, or correct tracking_uri in params/*.yaml",
        ) from error
