"""Run and model <-> MLflow. Reads each value back once, at the end of its run; decides nothing.

MLflow is a projection: what is live, and on what evidence, is in the ledger.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from nbpromote.errors import Unavailable
from nbpromote.model import Evidence, Json, Model, Run, Scrap, dump, sha256
from nbpromote.track.store import artifact_root, client, is_local

__all__ = [
    "CHAMPION",
    "Opened",
    "check_model",
    "close",
    "collect",
    "finish",
    "folder_of",
    "inside",
    "is_local",
    "keep_model",
    "open_run",
    "pointed",
    "predictions",
    "register",
    "set_alias",
    "version_files",
]

CHAMPION, CHALLENGER = "champion", "challenger"
_TOKEN = "nbpromote.attempt"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A run that the toolkit opened, and what its kernel is told of it."""

    run: str
    experiment: str
    variables: Mapping[str, str]


def inside() -> tuple[str, str]:
    """Sources for the kernel: one before the first cell, one after the last."""
    text = resources("nbpromote.track").joinpath("inside.py").read_text()
    opening = f"""
import sys, types
_module = sys.modules["_nbpromote"] = types.ModuleType("_nbpromote")
exec(compile({text!r}, "<nbpromote>", "exec"), _module.__dict__)
del sys, types, _module
"""
    return opening, '__import__("sys").modules["_nbpromote"].answer()'


def question(model_uri: str) -> str:
    """A source that prints what a model answers to its own input example, for a fresh kernel."""
    text = resources("nbpromote.track").joinpath("inside.py").read_text()
    return f"""
_names = {{"__name__": "question"}}
exec(compile({text!r}, "<nbpromote>", "exec"), _names)
print("nbpromote:" + _names["json"].dumps(_names["predict"]({model_uri!r})))
"""


def predictions(printed: str) -> Json:
    """The answer to `question` among what the kernel printed."""
    line = next((line for line in printed.splitlines() if line.startswith("nbpromote:")), None)
    return json.loads(line.removeprefix("nbpromote:")) if line else {"error": "no answer"}


# -- runs ---------------------------------------------------------------------------------------------------------


def open_run(run: Run, *, project: str) -> Opened:
    """Open the MLflow run that the notebook's own `start_run()` will join.

    Raises `Unavailable` when the environment's tracking server does not answer.
    """
    with _told(run.tracking_uri):
        mlflow = client(run.tracking_uri)
        experiment = _experiment(mlflow, f"{project}/{run.environment}/{run.notebook}", run.tracking_uri)
        opened = mlflow.create_run(experiment, run_name=run.id, tags=_tags(run))
    variables = {
        "MLFLOW_TRACKING_URI": run.tracking_uri,
        "MLFLOW_REGISTRY_URI": run.tracking_uri,
        "MLFLOW_EXPERIMENT_ID": experiment,
        "MLFLOW_RUN_ID": opened.info.run_id,
        "NBPROMOTE_MLFLOW_RUN": opened.info.run_id,
        "NBPROMOTE_RUN_FOLDER": str(run.folder),
    }
    return Opened(run=opened.info.run_id, experiment=experiment, variables=variables)


def _experiment(mlflow: Any, name: str, uri: str) -> str:
    from mlflow.exceptions import MlflowException

    found = mlflow.get_experiment_by_name(name)
    if found is None:
        root = artifact_root(uri)
        try:
            return str(mlflow.create_experiment(name, artifact_location=(root / name).as_uri() if root else None))
        except MlflowException:  # another process was first
            found = mlflow.get_experiment_by_name(name)
    return str(found.experiment_id)


def _tags(run: Run) -> dict[str, str]:
    tags = {
        "nbpromote.environment": run.environment,
        "nbpromote.notebook": run.notebook,
        "nbpromote.code": run.code.digest,
        "nbpromote.run": run.id,
        "nbpromote.dirty": str(run.dirty).lower(),
        "mlflow.source.name": run.path,
        "mlflow.source.type": "NOTEBOOK",
        "mlflow.user": run.actor,
    }
    commit = {"nbpromote.commit": run.commit, "mlflow.source.git.commit": run.commit} if run.commit else {}
    return {**tags, **commit}


def collect(run: Run) -> Run:
    """The run with the metrics and models that its notebook gave to MLflow, read once and then frozen."""
    with _told(run.tracking_uri):
        mlflow = client(run.tracking_uri)
        tracked = {name: _plain(v) for name, v in mlflow.get_run(run.mlflow_run).data.metrics.items()}
        models = [_model(mlflow, output.model_id, run) for output in _outputs(mlflow, run)]
    if models:
        models[-1] = replace(models[-1], predictions=_answered(run.folder))
    return replace(run, tracked=tracked, models=tuple(models))


def _outputs(mlflow: Any, run: Run) -> list[Any]:
    """Models of the run and of its children, in the order they were logged."""
    where = f"tags.mlflow.parentRunId = '{run.mlflow_run}'"
    children = mlflow.search_runs([run.experiment], where, order_by=["attributes.start_time ASC"])
    runs = [*children, mlflow.get_run(run.mlflow_run)]
    return [output for one in runs if one.outputs for output in one.outputs.model_outputs]


def _model(mlflow: Any, model_id: str, run: Run) -> Model:
    folder = folder_of(run.tracking_uri, f"models:/{model_id}", run.folder / "models" / model_id)
    return Model(uri=f"models:/{model_id}", files=_digests(folder))


def _answered(folder: Path) -> Json:
    path = folder / "predictions.json"
    return json.loads(path.read_text()) if path.exists() else None


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def finish(evidence: Evidence) -> None:
    """Log what the run was and what came out, and close it: the toolkit's word on its status is the last."""
    from mlflow.entities import Metric, Param

    run = evidence.run
    with _told(run.tracking_uri):
        mlflow = client(run.tracking_uri)
        moment = int(datetime.fromisoformat(run.ended).timestamp() * 1000)
        metrics = [Metric(_key(name), value, moment, 0) for name, value in evidence.metrics.items()]
        params = [Param(_key(name), str(value)[:6000]) for name, value in {**run.parameters, **run.resolved}.items()]
        known = mlflow.get_run(run.mlflow_run).data
        params = [param for param in params if param.key not in known.params]
        for start in range(0, max(len(metrics), len(params), 1), 100):
            part = slice(start, start + 100)
            mlflow.log_batch(run.mlflow_run, metrics[part], params[part])
        _log_artifacts(mlflow, evidence)
    judge(evidence)


def judge(evidence: Evidence) -> None:
    """Say in MLflow what the checks said; asked again for the same run when a person accepted its outputs."""
    run = evidence.run
    with _told(run.tracking_uri):
        mlflow = client(run.tracking_uri)
        mlflow.set_tag(run.mlflow_run, "nbpromote.passed", str(evidence.passed).lower())
        mlflow.set_tag(run.mlflow_run, "nbpromote.evidence", evidence.digest)
    close(run, "FINISHED" if evidence.passed else "FAILED")


def close(run: Run, status: str) -> None:
    """End the run outside the kernel: a kernel that is killed leaves it RUNNING, one that fails FINISHED."""
    with _told(run.tracking_uri):
        client(run.tracking_uri).set_terminated(run.mlflow_run, status)


def tag_release(run: Run, release: str, alias: str) -> None:
    with _told(run.tracking_uri):
        mlflow = client(run.tracking_uri)
        mlflow.set_tag(run.mlflow_run, "nbpromote.release", release)
        mlflow.set_tag(run.mlflow_run, "nbpromote.alias", alias)


def _log_artifacts(mlflow: Any, evidence: Evidence) -> None:
    run = evidence.run
    mlflow.log_artifact(run.mlflow_run, str(run.notebook_file))
    mlflow.log_text(run.mlflow_run, json.dumps(dump(evidence), indent=1, ensure_ascii=False), "record.json")
    for scrap in evidence.scraps:
        if scrap.kind == "table" and scrap.value:
            mlflow.log_text(run.mlflow_run, _csv(scrap), f"tables/{_file(scrap.name)}.csv")
    for name, figure in _figures(run.notebook_file):
        path = run.folder / "figures" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(figure)
        mlflow.log_artifact(run.mlflow_run, str(path), "figures")


def _csv(scrap: Scrap) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(scrap.value[0]))
    writer.writeheader()
    writer.writerows(scrap.value)
    return out.getvalue()


def _figures(notebook: Path) -> Iterator[tuple[str, bytes]]:
    """Every PNG among the outputs, named by its scrap or by its cell."""
    import base64

    cells = [c for c in json.loads(notebook.read_text())["cells"] if c["cell_type"] == "code"]
    for number, cell in enumerate(cells, start=1):
        shown = [output for output in cell["outputs"] if "image/png" in output.get("data", {})]
        for index, output in enumerate(shown, start=1):
            named = output.get("metadata", {}).get("scrapbook", {}).get("name") or f"cell-{number}-{index}"
            png = output["data"]["image/png"]
            yield f"{_file(named)}.png", base64.b64decode("".join(png))


def _key(name: str) -> str:
    """MLflow takes letters, digits and `_-. :/` in names."""
    return re.sub(r"[^\w\-. :/]", "_", name)[:250]


def _file(name: str) -> str:
    return re.sub(r"[^\w\-.]", "_", name)


# -- models -------------------------------------------------------------------------------------------------------


def folder_of(uri: str, model_uri: str, into: Path) -> Path:
    """A model's files on this disk: the store's own folder where it is local, else a copy in `into`.

    Raises `Unavailable` when they cannot be fetched.
    """
    with _told(uri):
        mlflow = client(uri)
        location = mlflow.get_logged_model(_model_id(mlflow, model_uri)).artifact_location
        local = _local(location)
        if local is not None:
            return local
        import mlflow.artifacts as artifacts

        into.mkdir(parents=True, exist_ok=True)
        return Path(artifacts.download_artifacts(artifact_uri=location, dst_path=str(into), tracking_uri=uri))


def _local(location: str) -> Path | None:
    if location.startswith("file:"):
        from urllib.parse import unquote, urlparse

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


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file. `registered_model_meta` is MLflow's own note of a later load, not the model."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "registered_model_meta")
    return {p.relative_to(folder).as_posix(): sha256(p.read_bytes()) for p in sorted(found)}


def check_model(uri: str, model: Model, into: Path) -> str | None:
    """Why the bytes at a model's URI are not those of its record; None when every file is."""
    try:
        folder = folder_of(uri, model.uri, into)
    except Unavailable as error:
        return f"{model.uri} cannot be read: {error}"
    for path, digest in model.files.items():
        file = folder / path
        if not file.is_file():
            return f"{path} of {model.uri} is gone"
        if sha256(file.read_bytes()) != digest:
            return f"{path} of {model.uri} was changed"
    return None


def keep_model(uri: str, *, experiment: str, folder: Path, files: Mapping[str, str], run: str | None = None) -> Model:
    """Bring a model's bytes into an environment's own store, and read them back there."""
    with _told(uri):
        mlflow = client(uri)
        logged = mlflow.create_logged_model(_experiment(mlflow, experiment, uri), "model", source_run_id=run)
        mlflow.log_model_artifacts(logged.model_id, str(folder))
        mlflow.finalize_logged_model(logged.model_id, "READY")
    return Model(uri=f"models:/{logged.model_id}", files=files)


def register(uri: str, model: Model, name: str, *, token: str, tags: Mapping[str, str]) -> Model:
    """The model as a version of a registered one. `token` names the attempt: asked twice, one version is made."""
    from mlflow.exceptions import MlflowException

    with _told(uri):
        mlflow = client(uri)
        try:
            mlflow.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = [v for v in mlflow.search_model_versions(f"name = '{name}'") if v.tags.get(_TOKEN) == token]
        version = found[0] if found else _create_version(mlflow, name, model, {**tags, _TOKEN: token})
    return replace(model, name=name, version=str(version.version))


def _create_version(mlflow: Any, name: str, model: Model, tags: Mapping[str, str]) -> Any:
    model_id = model.uri.removeprefix("models:/")
    run = mlflow.get_logged_model(model_id).source_run_id
    with _as_default(mlflow.tracking_uri):
        return mlflow.create_model_version(name, model.uri, run_id=run, tags=dict(tags), model_id=model_id)


@contextmanager
def _as_default(uri: str) -> Iterator[None]:
    """MLflow looks a `models:/m-...` source up at the process's default address, whatever the client's is."""
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


def set_alias(uri: str, model: Model, alias: str = CHAMPION) -> None:
    """Point an alias at a version and read it back. Raises `Unavailable` when it points elsewhere."""
    with _told(uri):
        mlflow = client(uri)
        mlflow.set_registered_model_alias(model.name, alias, model.version)
        seen = str(mlflow.get_model_version_by_alias(model.name, alias).version)
    if seen != model.version:
        raise Unavailable(f"{model.name}@{alias} points at version {seen}, not at {model.version}")


def has_version(uri: str, model: Model) -> bool:
    """Whether the registry still has this version, and it still leads to these bytes."""
    from mlflow.exceptions import MlflowException

    with _told(uri):
        try:
            return str(client(uri).get_model_version(model.name, model.version).source) == model.uri
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise


def drop_alias(uri: str, name: str, alias: str) -> None:
    with _told(uri):
        client(uri).delete_registered_model_alias(name, alias)


def pointed(uri: str, name: str, alias: str = CHAMPION) -> str | None:
    """The version an alias points at; None where there is none."""
    from mlflow.exceptions import MlflowException

    with _told(uri):
        try:
            return str(client(uri).get_model_version_by_alias(name, alias).version)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise


@contextmanager
def _told(uri: str) -> Iterator[None]:
    """MLflow's and SQLAlchemy's words as one short error."""
    try:
        yield
    except (ImportError, OSError) as error:
        raise Unavailable(f"MLflow at {uri} cannot be used: {error}") from error
    except Exception as error:
        if type(error).__module__.split(".")[0] not in ("mlflow", "sqlalchemy", "requests", "urllib3"):
            raise
        text = str(error).splitlines()[0][:300]
        raise Unavailable(f"MLflow at {uri} could not answer: {text}") from error
