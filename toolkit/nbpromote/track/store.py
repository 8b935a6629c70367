"""An environment's MLflow store, ready for use: its schema made once, its server known to answer."""

from __future__ import annotations

import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from nbpromote.errors import Unavailable

_SQLITE = "sqlite:///"
_PREFLIGHT_SECONDS = 3.0


def client(uri: str) -> Any:
    """An MLflow client for a tracking URI. Raises `Unavailable` when nothing answers there."""
    if uri.startswith(_SQLITE):
        _schema(Path(uri.removeprefix(_SQLITE)))
    elif uri.startswith(("http://", "https://")):
        _preflight(uri)
    # MLflow's own patience with a dead server is 246 s
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    from mlflow import MlflowClient  # two seconds; only the verbs that track pay it

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def is_local(uri: str) -> bool:
    return uri.startswith(_SQLITE)


def artifact_root(uri: str) -> Path | None:
    """Where a local store keeps its artifacts: beside its database, not in whatever folder a command ran."""
    if not is_local(uri):
        return None
    database = Path(uri.removeprefix(_SQLITE))
    return database.with_name(f"{database.stem}-artifacts")


def _schema(database: Path) -> None:
    """Make the tables once, under a lock: two first users at once can ruin a store for good.

    The migrations take seconds, so one empty database a version of MLflow is kept and copied for each environment.
    """
    if database.exists():
        return
    from filelock import FileLock

    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.parent / ".schema.lock"):
        if not database.exists():
            draft = database.with_name(f".{database.name}.new")
            shutil.copyfile(_empty(database.parent), draft)
            os.replace(draft, database)


def _empty(folder: Path) -> Path:
    import logging

    import mlflow

    empty = folder / f".empty-{mlflow.__version__}.db"
    if not empty.exists():
        draft = folder / ".empty.new"
        draft.unlink(missing_ok=True)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        mlflow.MlflowClient(tracking_uri=f"{_SQLITE}{draft}").search_experiments()
        os.replace(draft, empty)
    return empty


def _preflight(uri: str) -> None:
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_PREFLIGHT_SECONDS).close()
    except urllib.error.HTTPError:
        return  # somebody answers; what they say to the real question is another matter
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise Unavailable(
            f"the tracking server {uri} does not answer ({reason}); nothing was changed",
            hint="start it, or correct tracking_uri in params/*.yaml",
        ) from error
