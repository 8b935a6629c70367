"""A run's beginning and end in MLflow, outside the kernel; what its notebook logged is read once in between."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from nbpromote.model import Evidence, Json, Model, Run
from nbpromote.track import credentials
from nbpromote.track.asking import ask, once
from nbpromote.track.experiments import experiment_of
from nbpromote.track.models import digests, folder_of
from nbpromote.track.store import QUIET, artifact_root


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A run that the toolkit opened, and what its kernel is told of it."""

    run: str
    experiment: str
    variables: Mapping[str, str]


def open_run(run: Run, *, project: str) -> Opened:
    """Open the MLflow run that the notebook's own `start_run()` will join.

    Raises `Unavailable` when the environment's tracking server does not answer.
    """
    experiment = experiment_of(run.tracking_uri, _experiment(run, project))

    def look(mlflow: Any) -> str | None:
        found = _named(mlflow, experiment, run.id)
        for run_id in found[1:]:
            mlflow.delete_run(run_id)
        return found[0] if found else None

    opened = once(
        run.tracking_uri,
        look=look,
        make=lambda mlflow: mlflow.create_run(experiment, run_name=run.id, tags=_tags(run)),
        done=f"run {run.id} was opened",
        fresh=True,
    )
    return Opened(run=opened, experiment=experiment, variables=_variables(run, opened, experiment))


def _experiment(run: Run, project: str) -> str:
    return f"{project}/{run.environment}/{run.notebook}"


def _named(mlflow: Any, experiment: str, run_id: str) -> list[str]:
    """MLflow's runs that were opened for one of ours, the first one first."""
    sought, order = f"tags.`nbpromote.run` = '{run_id}'", ["attributes.start_time ASC"]
    return [str(one.info.run_id) for one in mlflow.search_runs([experiment], sought, order_by=order)]


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
    params = {"nbpromote.params_commit": run.params_commit} if run.params_commit else {}
    ci = {"nbpromote.ci": run.ci.url} if run.ci else {}
    return {**tags, **commit, **params, **ci, "nbpromote.params_dirty": str(run.params_dirty).lower()}


# what a kernel is told of its run; no secret may have one of these names
VARIABLES = (
    *QUIET,
    "MLFLOW_TRACKING_URI",
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_RUN_ID",
    "MLFLOW_RUN_CONTEXT",
)


def _variables(run: Run, opened: str, experiment: str) -> dict[str, str]:
    root = artifact_root(run.tracking_uri)
    return {
        **QUIET,
        **credentials.variables(run.tracking_uri),
        "MLFLOW_TRACKING_URI": run.tracking_uri,
        "MLFLOW_REGISTRY_URI": run.tracking_uri,
        "MLFLOW_EXPERIMENT_ID": experiment,
        "MLFLOW_RUN_ID": opened,
        "MLFLOW_RUN_CONTEXT": json.dumps(
            _tags(run)
        ),  # for children and models, else ipykernel_launcher.py is their source
        "NBPROMOTE_MLFLOW_RUN": opened,
        "NBPROMOTE_RUN_FOLDER": str(run.folder),
        # where experiments that a notebook makes itself keep their artifacts; else ./mlruns in its folder
        **({"_MLFLOW_SERVER_ARTIFACT_ROOT": root.as_uri()} if root else {}),
    }


def collect(run: Run) -> Run:
    """The run with the metrics and models that its notebook gave to MLflow, read once and then frozen.

    The last model is the run's own last one, or the last of its children where it logged none itself.
    """

    def look(mlflow: Any) -> tuple[Any, list[Any]]:
        own, *children = family(mlflow, run)
        return own, [*logged(mlflow, children), *logged(mlflow, [own])]

    own, found = ask(run.tracking_uri, look)
    answered = _answered(run.folder)
    models = [_model(run, one.model_id, answered) for one in found if one.status == "READY"]
    lost = [f"logging model {one.model_id} did not end well: it is left out" for one in found if one.status != "READY"]
    empty = [f"{model.uri} has no MLmodel file: it is left out" for model in models if "MLmodel" not in model.files]
    return replace(
        run,
        tracked={name: _plain(value) for name, value in own.data.metrics.items()},
        models=tuple(model for model in models if "MLmodel" in model.files),
        notes=(*run.notes, *lost, *empty),
    )


def family(mlflow: Any, run: Run) -> list[Any]:
    """The run, and every run below it."""
    own = mlflow.get_run(run.mlflow_run)
    others = list(_begun_since(mlflow, run.experiment, own.info.start_time))
    parents = {one.info.run_id: one.data.tags.get("mlflow.parentRunId") for one in others}
    family: set[str] = set()
    while fresh := {child for child, parent in parents.items() if parent in {run.mlflow_run, *family}} - family:
        family |= fresh
    return [own, *(one for one in others if one.info.run_id in family)]


def _begun_since(mlflow: Any, experiment: str, start: int) -> Iterator[Any]:
    page = None
    while page != "":
        found = mlflow.search_runs([experiment], f"attributes.start_time >= {start}", page_token=page)
        yield from found
        page = found.token or ""


def logged(mlflow: Any, runs: list[Any]) -> list[Any]:
    """Models in the order they were logged; MLflow lists a run's outputs by their random ids."""
    outputs = [output for run in runs if run.outputs for output in run.outputs.model_outputs]
    found = {output.model_id: mlflow.get_logged_model(output.model_id) for output in outputs}
    return sorted(found.values(), key=lambda model: model.creation_timestamp)


def _model(run: Run, model_id: str, answered: Mapping[str, Json]) -> Model:
    uri = f"models:/{model_id}"
    with tempfile.TemporaryDirectory() as folder:
        files = digests(folder_of(run.tracking_uri, uri, Path(folder)))
    return Model(uri=uri, files=files, predictions=answered.get(uri))


def _answered(folder: Path) -> dict[str, Json]:
    """What the kernel wrote of models that it asked, by their URIs."""
    path = folder / "predictions.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def judge(evidence: Evidence) -> None:
    """Say in MLflow what the checks said; asked again for the same run when a person accepted its outputs."""
    from mlflow.entities import RunTag

    run = evidence.run
    tags = {"nbpromote.passed": str(evidence.passed).lower(), "nbpromote.evidence": evidence.digest}
    ask(
        run.tracking_uri,
        lambda mlflow: mlflow.log_batch(run.mlflow_run, tags=[RunTag(*tag) for tag in tags.items()]),
        done=f"run {run.id} was judged in MLflow",
    )
    close(run, "FINISHED" if evidence.passed else "FAILED")


def close(run: Run, status: str, *, project: str = "") -> None:
    """End the run, and children that it left open, from outside the kernel.

    A kernel that is killed leaves them RUNNING, and one that fails says FINISHED. A record that does not know yet what
    MLflow calls its run is looked up among those of the project.
    """
    if not run.mlflow_run:
        found = ask(run.tracking_uri, lambda mlflow: _opened_for(mlflow, run, project))
        if found is None:
            return
        run = found

    def end(mlflow: Any) -> None:
        own, *children = family(mlflow, run)
        for child in children:
            if child.info.status == "RUNNING":
                mlflow.set_terminated(child.info.run_id, status)
        # not now: a run may be judged again days later, and a copy's record is older than the copy
        ended = max(moment(run), own.info.start_time) if run.ended else None
        mlflow.set_terminated(run.mlflow_run, status, end_time=ended)

    ask(run.tracking_uri, end, done=f"run {run.id} is {status} in MLflow")


def _opened_for(mlflow: Any, run: Run, project: str) -> Run | None:
    """The record with its run in MLflow, where one was opened before somebody was killed."""
    experiment = mlflow.get_experiment_by_name(_experiment(run, project))
    found = _named(mlflow, str(experiment.experiment_id), run.id) if experiment else []
    return replace(run, mlflow_run=found[0], experiment=str(experiment.experiment_id)) if found else None


def moment(run: Run) -> int:
    """When the run ended, as MLflow counts: milliseconds."""
    return int(datetime.fromisoformat(run.ended).timestamp() * 1000)


def tag_release(run: Run, release: str, alias: str) -> None:
    from mlflow.entities import RunTag

    tags = [RunTag("nbpromote.release", release), RunTag("nbpromote.alias", alias)]
    ask(
        run.tracking_uri,
        lambda mlflow: mlflow.log_batch(run.mlflow_run, tags=tags),
        done=f"run {run.id} is tagged with release {alias}",
    )
