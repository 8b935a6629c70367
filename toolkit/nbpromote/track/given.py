"""Everything that a notebook gave to MLflow itself, for whoever looks for something in it. Judges nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbpromote.model import Run
from nbpromote.track.asking import ask
from nbpromote.track.models import fetched, folder_of
from nbpromote.track.runs import family, logged


def given(run: Run, into: Path) -> Iterator[tuple[str, str | Path]]:
    """Where it is, and the text or the file: of the run, of its children and of the models that they logged.

    What is kept elsewhere than on this disk is fetched to below `into`. Metrics' values are numbers: not told.
    """

    def look(mlflow: Any) -> tuple[list[Any], list[Any]]:
        runs = family(mlflow, run)
        return runs, logged(mlflow, runs)

    runs, models = ask(run.tracking_uri, look)
    for one in runs:
        where = "" if one.info.run_id == run.mlflow_run else f" of its child {one.info.run_id}"
        yield from ((f"{place}{where}", text) for place, text in _said(one))
        folder = fetched(run.tracking_uri, one.info.artifact_uri, into / one.info.run_id)
        yield from ((f"artifact {path.relative_to(folder)}{where}", path) for path in _files(folder))
    for model in models:
        yield from _of_model(run.tracking_uri, model, into / model.model_id)


def _said(run: Any) -> Iterator[tuple[str, str]]:
    """Names and values that stand in MLflow's own records."""
    yield "the run's name", run.info.run_name or ""
    for what, pairs in (("param", run.data.params), ("tag", run.data.tags)):
        yield from ((f"{what} {key!r}", f"{key}\n{value}") for key, value in pairs.items())
    yield from ((f"metric {key!r}", key) for key in run.data.metrics)
    for used in run.inputs.dataset_inputs if run.inputs else ():
        yield f"dataset {used.dataset.name!r}", json.dumps(used.to_dictionary(), ensure_ascii=False)


def _of_model(uri: str, model: Any, into: Path) -> Iterator[tuple[str, str | Path]]:
    yield f"model {model.name!r}", "\n".join((model.name, json.dumps([model.params, model.tags], ensure_ascii=False)))
    folder = folder_of(uri, f"models:/{model.model_id}", into)
    yield from ((f"file {path.relative_to(folder)} of model {model.name!r}", path) for path in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
