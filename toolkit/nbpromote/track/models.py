"""Models by their bytes, and the registered versions and the alias that lead to them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlparse

from nbpromote import files
from nbpromote.errors import Unavailable
from nbpromote.model import Model
from nbpromote.track.store import client, experiment_of, is_local, told

CHAMPION = "champion"
_TOKEN = "nbpromote.attempt"


# -- bytes --------------------------------------------------------------------------------------------------------


def folder_of(uri: str, model_uri: str, into: Path) -> Path:
    """A model's files on this disk: the store's own folder where it is local, else a copy in `into`.

    Raises `Unavailable` when they cannot be fetched.
    """
    with told(uri):
        mlflow = client(uri)
        location = mlflow.get_logged_model(_model_id(mlflow, model_uri)).artifact_location
        here = local(location)
        if here is not None:
            return here
        import mlflow.artifacts as artifacts

        into.mkdir(parents=True, exist_ok=True)
        return Path(artifacts.download_artifacts(artifact_uri=location, dst_path=str(into), tracking_uri=uri))


def local(location: str) -> Path | None:
    """The folder on this disk that an artifact location is; None where it is elsewhere."""
    if location.startswith("file:"):
        return Path(unquote(urlparse(location).path))
    return Path(location) if location.startswith("/") else None


def _model_id(mlflow: Any, model_uri: str) -> str:
    """`models:/m-...` names bytes; `models:/name/3` and `models:/name@alias` lead to such."""
    name = model_uri.removeprefix("models:/")
    if "@" in name:
        return str(mlflow.get_model_version_by_alias(*name.rsplit("@", 1)).source).removeprefix("models:/")
    if "/" in name:
        return str(mlflow.get_model_version(*name.rsplit("/", 1)).source).removeprefix("models:/")
    return name


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that is the model, by path; what loading leaves in its folder is not.

    `registered_model_meta` is MLflow's note of a load, `__pycache__` Python's of one that brought code along.
    """
    found = (path for path in folder.rglob("*") if path.is_file())
    kept = (p for p in found if p.name != "registered_model_meta" and "__pycache__" not in p.relative_to(folder).parts)
    return {path.relative_to(folder).as_posix(): files.sha256(path) for path in sorted(kept)}


def check_model(uri: str, model: Model, into: Path) -> str | None:
    """Why the bytes at a model's URI are not those of its record; None when every file is.

    Raises `Unavailable` when the store cannot be asked, which says nothing about the bytes.
    """
    try:
        folder = folder_of(uri, model.uri, into)
    except Unavailable as error:
        if getattr(error.__cause__, "error_code", None) == "RESOURCE_DOES_NOT_EXIST":
            return f"{model.uri} is gone"
        raise
    with told(uri):
        for path, digest in model.files.items():
            file = folder / path
            if not file.is_file():
                return f"{path} of {model.uri} is gone"
            if files.sha256(file) != digest:
                return f"{path} of {model.uri} was changed"
    return None


def keep_model(uri: str, *, experiment: str, folder: Path, files: Mapping[str, str], run: str | None = None) -> Model:
    """Bring a model's bytes into an environment's own store, and read them back there.

    Raises `Unavailable` when what arrived is not what was sent.
    """
    from mlflow.entities import LoggedModelOutput

    with told(uri):
        mlflow = client(uri)
        logged = mlflow.create_logged_model(experiment_of(mlflow, experiment, uri), "model", source_run_id=run)
        mlflow.log_model_artifacts(logged.model_id, str(folder))
        mlflow.finalize_logged_model(logged.model_id, "READY")
        if run:
            mlflow.log_outputs(run, [LoggedModelOutput(logged.model_id, step=0)])
    model = Model(uri=f"models:/{logged.model_id}", files=files)
    with tempfile.TemporaryDirectory() as seen:
        fault = check_model(uri, model, Path(seen))
    if fault:
        raise Unavailable(f"the model did not arrive whole at {uri}: {fault}", hint="run the same command again")
    return model


# -- versions and the alias -----------------------------------------------------------------------------------------


def register(uri: str, model: Model, name: str, *, token: str, tags: Mapping[str, str]) -> Model:
    """The model as a version of a registered one. `token` names the attempt: asked twice, one version is made."""
    with told(uri):
        mlflow = client(uri)
        _create_registered(mlflow, name)
        found = _versions(mlflow, name, token)
        if not found:
            _create_version(mlflow, name, model, {**tags, _TOKEN: token})
            found = _versions(mlflow, name, token)
        first, *more = found
        # MLflow sends a request again whose reply was lost, and then there are two
        for version in more:
            mlflow.delete_model_version(name, version)
    return replace(model, name=name, version=str(first))


def _create_registered(mlflow: Any, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        mlflow.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _versions(mlflow: Any, name: str, token: str) -> list[int]:
    """Versions that an attempt has made, the first one first."""
    found = mlflow.search_model_versions(f"name = '{name}' and tags.`{_TOKEN}` = '{token}'")
    return sorted(int(version.version) for version in found)


def _create_version(mlflow: Any, name: str, model: Model, tags: Mapping[str, str]) -> None:
    model_id = model.uri.removeprefix("models:/")
    run = mlflow.get_logged_model(model_id).source_run_id
    with _as_default(mlflow.tracking_uri):
        mlflow.create_model_version(
            name, model.uri, run_id=run, tags=dict(tags), model_id=model_id, await_creation_for=0
        )


_ONE_AT_A_TIME = Lock()  # the default belongs to the whole process


@contextmanager
def _as_default(uri: str) -> Iterator[None]:
    """A local store looks a `models:/m-...` source up at the process's default address, whatever the client's is."""
    if not is_local(uri):
        yield
        return
    from mlflow.tracking._tracking_service.utils import _use_tracking_uri

    with _ONE_AT_A_TIME:
        before = os.environ.get("MLFLOW_TRACKING_URI")
        try:
            with _use_tracking_uri(uri):
                yield
        finally:
            if before is not None:  # MLflow's own way back forgets it
                os.environ["MLFLOW_TRACKING_URI"] = before


def set_alias(uri: str, model: Model) -> None:
    """Point `champion` at a version and read it back. Raises `Unavailable` when it points elsewhere."""
    assert model.name is not None
    with told(uri):
        client(uri).set_registered_model_alias(model.name, CHAMPION, model.version)
    seen = pointed(uri, model.name)
    if seen != model.version:
        raise Unavailable(f"{model.name}@{CHAMPION} points at version {seen}, not at {model.version}")


def pointed(uri: str, name: str) -> str | None:
    """The version that `champion` points at; None where there is none."""
    with told(uri):
        found = _found(lambda: client(uri).get_model_version_by_alias(name, CHAMPION))
    return str(found.version) if found else None


def has_version(uri: str, model: Model) -> bool:
    """Whether the registry still has this version, and it still leads to these bytes."""
    with told(uri):
        found = _found(lambda: client(uri).get_model_version(model.name, model.version))
    return found is not None and str(found.source) == model.uri


def _found(ask: Any) -> Any:
    """What the registry answers; None for what it does not know."""
    from mlflow.exceptions import MlflowException

    try:
        return ask()
    except MlflowException as error:
        # an alias that is not there is an invalid parameter to some stores
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
