"""Models by their bytes, and the registered versions and the alias that lead to them."""

from __future__ import annotations

import os
import secrets
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
from nbpromote.track.asking import ask, once
from nbpromote.track.experiments import experiment_of
from nbpromote.track.store import is_local

CHAMPION = "champion"
_TOKEN = "nbpromote.attempt"


# -- bytes --------------------------------------------------------------------------------------------------------


def folder_of(uri: str, model_uri: str, into: Path) -> Path:
    """A model's files on this disk: the store's own folder where it is local, else a copy in `into`.

    Raises `Unavailable` when they cannot be fetched.
    """
    location = ask(uri, lambda mlflow: mlflow.get_logged_model(id_of(mlflow, model_uri)).artifact_location)
    return fetched(uri, location, into)


def fetched(uri: str, location: str, into: Path) -> Path:
    """What is kept at an artifact location: where it is, or a copy in `into`."""
    here = local(location)
    if here is not None:
        return here

    def fetch(_: Any) -> Path:
        import mlflow.artifacts as artifacts

        into.mkdir(parents=True, exist_ok=True)
        if not artifacts.list_artifacts(artifact_uri=location, tracking_uri=uri):
            return into  # MLflow would take a folder without files for a file that is gone
        return Path(artifacts.download_artifacts(artifact_uri=location, dst_path=str(into), tracking_uri=uri))

    return ask(uri, fetch)


def local(location: str) -> Path | None:
    """The folder on this disk that an artifact location is; None where it is elsewhere."""
    if location.startswith("file:"):
        return Path(unquote(urlparse(location).path))
    return Path(location) if location.startswith("/") else None


def id_of(mlflow: Any, model_uri: str) -> str:
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
    fault = _difference(uri, model, into / "once")
    if fault is None or is_local(uri):
        return fault
    # what stands between may have answered with a page of its own where a file was asked for
    return _difference(uri, model, into / "again")


def _difference(uri: str, model: Model, into: Path) -> str | None:
    try:
        folder = folder_of(uri, model.uri, into)
    except Unavailable as error:
        if getattr(error.__cause__, "error_code", None) == "RESOURCE_DOES_NOT_EXIST":
            return f"{model.uri} is gone"
        raise
    for path, digest in model.files.items():
        file = folder / path
        try:
            if files.sha256(file) != digest:
                return f"{path} of {model.uri} was changed"
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return f"{path} of {model.uri} is gone"
        except OSError as error:
            raise Unavailable(f"{file} cannot be read: {error.strerror}") from error
    return None


def keep_model(
    uri: str, *, experiment: str, folder: Path, files: Mapping[str, str], run: str | None = None, token: str = ""
) -> Model:
    """Bring a model's bytes into an environment's own store, and read them back there.

    `token` names the attempt: asked twice, one model is made. Raises `Unavailable` when what arrived is not what was
    sent.
    """
    token = token or secrets.token_hex(6)
    where = experiment_of(uri, experiment)
    kept = once(
        uri,
        look=lambda mlflow: _kept(mlflow, where, token),
        make=lambda mlflow: mlflow.create_logged_model(where, "model", source_run_id=run, tags={_TOKEN: token}),
        done=f"a model was made in {experiment}",
    )
    model = Model(uri=f"models:/{kept}", files=files)
    for _ in range(2):  # a file that a login page took is missed only here
        ask(uri, lambda mlflow: _fill(mlflow, kept, folder, run), done=f"the files of {model.uri} arrived")
        with tempfile.TemporaryDirectory() as seen:
            fault = check_model(uri, model, Path(seen))
        if fault is None:
            return model
    raise Unavailable(f"the model did not arrive whole at {uri}: {fault}", hint="run the same command again")


def _kept(mlflow: Any, experiment: str, token: str) -> str | None:
    """The model that an attempt has made; of two, which a request that was sent again makes, the first stays."""
    found = mlflow.search_logged_models([experiment], f"tags.`{_TOKEN}` = '{token}'")
    models = sorted(found, key=lambda model: (model.creation_timestamp, model.model_id))
    for model in models[1:]:
        mlflow.delete_logged_model(model.model_id)
    return str(models[0].model_id) if models else None


def _fill(mlflow: Any, model_id: str, folder: Path, run: str | None) -> None:
    from mlflow.entities import LoggedModelOutput

    mlflow.log_model_artifacts(model_id, str(folder))
    mlflow.finalize_logged_model(model_id, "READY")
    if run is None:
        return
    outputs = mlflow.get_run(run).outputs
    if model_id not in [output.model_id for output in (outputs.model_outputs if outputs else ())]:
        mlflow.log_outputs(run, [LoggedModelOutput(model_id, step=0)])


# -- versions and the alias -----------------------------------------------------------------------------------------


def register(uri: str, model: Model, name: str, *, token: str, tags: Mapping[str, str]) -> Model:
    """The model as a version of a registered one. `token` names the attempt: asked twice, one version is made."""

    _registered(uri, name)
    version = once(
        uri,
        look=lambda mlflow: _version(mlflow, name, token),
        make=lambda mlflow: _create_version(mlflow, name, model, {**tags, _TOKEN: token}),
        done=f"a version of {name} was made",
    )
    return replace(model, name=name, version=version)


def _registered(uri: str, name: str) -> None:
    """Another process that is first makes the making fail, and is seen."""
    once(
        uri,
        look=lambda mlflow: if_known(lambda: mlflow.get_registered_model(name)),
        make=lambda mlflow: mlflow.create_registered_model(name),
        done=f"{name} was registered",
    )


def _version(mlflow: Any, name: str, token: str) -> str | None:
    """The version that an attempt has made; of two, which a request that was sent again makes, the first stays."""
    found = mlflow.search_model_versions(f"name = '{name}' and tags.`{_TOKEN}` = '{token}'")
    versions = sorted(int(version.version) for version in found)
    for version in versions[1:]:
        mlflow.delete_model_version(name, str(version))
    return str(versions[0]) if versions else None


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
    """Point `champion` at a version, unless it does already, and read it back."""
    name, version = model.name, model.version
    assert name is not None
    once(
        uri,
        look=lambda mlflow: True if _pointed(mlflow, name) == version else None,
        make=lambda mlflow: mlflow.set_registered_model_alias(name, CHAMPION, version),
        done=f"{name}@{CHAMPION} points at version {version}",
    )


def drop_alias(uri: str, name: str) -> None:
    """Let `champion` point at nothing: what it was moved to did not go live, and nothing was live before."""
    once(
        uri,
        look=lambda mlflow: True if _pointed(mlflow, name) is None else None,
        make=lambda mlflow: mlflow.delete_registered_model_alias(name, CHAMPION),
        done=f"{name}@{CHAMPION} is gone",
    )


def pointed(uri: str, name: str) -> str | None:
    """The version that `champion` points at; None where there is none."""
    return ask(uri, lambda mlflow: _pointed(mlflow, name))


def _pointed(mlflow: Any, name: str) -> str | None:
    found = if_known(lambda: mlflow.get_model_version_by_alias(name, CHAMPION))
    return str(found.version) if found else None


def has_version(uri: str, model: Model) -> bool:
    """Whether the registry still has this version, and it still leads to these bytes."""
    found = ask(uri, lambda mlflow: if_known(lambda: mlflow.get_model_version(model.name, model.version)))
    return found is not None and str(found.source) == model.uri


def try_registry(uri: str, name: str) -> None:
    """Register a model without a version under a name that nobody has, and delete it. Raises where that is refused."""
    try:
        _registered(uri, name)
    finally:
        ask(uri, lambda mlflow: if_known(lambda: mlflow.delete_registered_model(name)), done=f"{name} was deleted")


def if_known(ask: Any) -> Any:
    """What the registry answers; None for what it does not know."""
    from mlflow.exceptions import MlflowException

    try:
        return ask()
    except MlflowException as error:
        # an alias that is not there is an invalid parameter to some stores
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
