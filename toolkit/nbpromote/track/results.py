"""What came out of a run, laid out in MLflow as its users expect it: params, metrics, tables, figures, the notebook."""

from __future__ import annotations

import base64
import binascii
import csv
import json
import posixpath
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from nbpromote.model import Evidence, Json, dump
from nbpromote.track.asking import Lost, ask
from nbpromote.track.runs import judge, moment

_Entity = TypeVar("_Entity")
_Value = TypeVar("_Value")

_LONGEST_VALUE = 6000
# MLflow refuses a request of more than 1 MB, in which a character may take six bytes
_PARAMS_A_REQUEST, _METRICS_A_REQUEST = 25, 500


def finish(evidence: Evidence) -> None:
    """Log what the run was and what came out, and close it: the toolkit's word on its status is the last."""
    run = evidence.run
    with tempfile.TemporaryDirectory() as folder:
        _lay_out(evidence, Path(folder))

        def log(mlflow: Any) -> None:
            known = mlflow.get_run(run.mlflow_run).data
            for params in _parts(_params(evidence, known), _PARAMS_A_REQUEST):
                mlflow.log_batch(run.mlflow_run, params=params)
            for metrics in _parts(_metrics(evidence, known), _METRICS_A_REQUEST):
                mlflow.log_batch(run.mlflow_run, metrics=metrics)
            mlflow.log_artifact(run.mlflow_run, str(run.notebook_file))
            mlflow.log_artifacts(run.mlflow_run, folder)
            _look_for(mlflow, run.mlflow_run, [run.notebook_file, *Path(folder).glob("*.json")])

        ask(run.tracking_uri, log, done=f"all of run {run.id} was logged")
    judge(evidence)


def _look_for(mlflow: Any, run_id: str, sent: Iterable[Path]) -> None:
    """Whatever answers with a page has not kept what it was sent: MLflow's client does not look at the answer."""
    there = {file.path: file.file_size for file in mlflow.list_artifacts(run_id)}
    lost = [file.name for file in sent if there.get(file.name) != file.stat().st_size]
    if lost:
        raise Lost(f"took {', '.join(lost)} and does not have it")


def _params(evidence: Evidence, known: Any) -> list[Any]:
    """The run's parameters. What the notebook logged under the same name stands: MLflow refuses a second value."""
    from mlflow.entities import Param

    values = _spelled({**evidence.run.parameters, **evidence.run.resolved}.items(), _key)
    return [Param(key, str(value)[:_LONGEST_VALUE]) for key, value in values.items() if key not in known.params]


def _metrics(evidence: Evidence, known: Any) -> list[Any]:
    """The run's metrics, without those that MLflow has: once more would put a second point into their history."""
    from mlflow.entities import Metric

    end = moment(evidence.run)
    values = _spelled(evidence.metrics.items(), _key)
    return [Metric(key, value, end, 0) for key, value in values.items() if known.metrics.get(key) != value]


def _parts(entities: Sequence[_Entity], size: int) -> Iterator[Sequence[_Entity]]:
    return (entities[start : start + size] for start in range(0, len(entities), size))


def _spelled(named: Iterable[tuple[str, _Value]], spell: Callable[[str], str]) -> dict[str, _Value]:
    """Values by their names in another spelling; names that would be spelled alike are numbered."""
    spelled: dict[str, _Value] = {}
    for name, value in named:
        key = spell(name)
        spelled[key if key not in spelled else f"{key[:240]}-{len(spelled)}"] = value
    return spelled


def _key(name: str) -> str:
    """A name as MLflow takes it: letters, digits and `_-. :/`, and the same when it is read as a path."""
    key = re.sub(r"[^\w\-. :/]", "_", name)[:250] or "_"
    unlike = posixpath.normpath(key) != key or key == "." or key.startswith(("/", ".."))
    return re.sub(r"[./]", "_", key) if unlike else key


def _lay_out(evidence: Evidence, folder: Path) -> None:
    """The run's artifacts, all but the notebook."""
    record = json.dumps(dump(evidence), indent=1, ensure_ascii=False)
    folder.joinpath("record.json").write_text(record, encoding="utf-8")
    tables = ((scrap.name, scrap.value) for scrap in evidence.scraps if scrap.kind == "table" and scrap.value)
    for name, rows in _spelled(tables, _file).items():
        _write_table(rows, folder / "tables" / f"{name}.csv")
    for name, png in _spelled(_figures(evidence.run.notebook_file), _file).items():
        path = folder / "figures" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(png)


def _write_table(rows: list[dict[str, Json]], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    columns = dict.fromkeys(name for row in rows for name in row)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(columns))
        writer.writeheader()
        writer.writerows(rows)


def _figures(notebook: Path) -> Iterator[tuple[str, bytes]]:
    """Every PNG among the outputs, named by its scrap or by its cell."""
    cells = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells, start=1):
        shown = [output for output in cell["outputs"] if "image/png" in output.get("data", {})]
        for index, output in enumerate(shown, start=1):
            named = output.get("metadata", {}).get("scrapbook", {}).get("name") or f"cell-{number}-{index}"
            try:
                yield named, base64.b64decode("".join(output["data"]["image/png"]))
            except binascii.Error:
                continue  # whatever a notebook shows as a picture; the notebook itself is there to look at


def _file(name: str) -> str:
    return re.sub(r"[^\w\-.]", "_", name)
