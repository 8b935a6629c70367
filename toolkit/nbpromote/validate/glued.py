"""What a notebook handed out with `scrapbook.glue`, read from its outputs. Nothing is judged here."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from datetime import date, datetime, time
from io import BytesIO
from typing import TYPE_CHECKING, Any

from nbpromote.model import Json, Scrap
from nbpromote.validate.case import code_cells

if TYPE_CHECKING:
    from nbformat import NotebookNode

PAYLOAD = "application/scrapbook.scrap."
TABLE = "application/scrapbook.scrap.pandas+json"


def scraps(node: NotebookNode) -> tuple[Scrap, ...]:
    """Every scrap in the order it was glued; a name glued twice is there twice.

    The payloads are read directly, since importing scrapbook takes a second.
    """
    found: list[Scrap] = []
    for number, cell in enumerate(code_cells(node), 1):
        for output in cell.get("outputs", []):
            found += _data(output, number)
            found += _figure(output, number, found)
    return tuple(found)


def _data(output: NotebookNode, cell: int) -> list[Scrap]:
    payloads = [(mime, it) for mime, it in output.get("data", {}).items() if mime.startswith(PAYLOAD)]
    return [_scrap(mime, payload, cell) for mime, payload in payloads if isinstance(payload, Mapping)]


def _scrap(mime: str, payload: Mapping[str, Any], cell: int) -> Scrap:
    name, data = str(payload.get("name", "")), payload.get("data")
    if mime == TABLE:
        return Scrap(name=name, kind="table", value=rows(data), cell=cell)
    return Scrap(name=name, kind="value", value=_json(data), cell=cell)


def _figure(output: NotebookNode, cell: int, before: list[Scrap]) -> list[Scrap]:
    told = output.get("metadata", {}).get("scrapbook")
    if not isinstance(told, Mapping) or not told.get("display"):
        return []
    figure = Scrap(name=str(told.get("name", "")), kind="figure", cell=cell)
    # glue(name, data, display=True) writes two outputs, the data first: still one scrap
    last = before[-1] if before else None
    shown = last is not None and last.kind != "figure" and (last.name, last.cell) == (figure.name, cell)
    return [] if shown else [figure]


def glued_table(node: NotebookNode, name: str) -> bytes | None:
    """A glued DataFrame as the parquet that scrapbook keeps; None where none of that name was glued, or several."""
    payloads = (out.get("data", {}).get(TABLE) for cell in code_cells(node) for out in cell.get("outputs", []))
    named = [payload for payload in payloads if isinstance(payload, Mapping) and payload.get("name") == name]
    try:
        return base64.b64decode(str(named[0].get("data"))) if len(named) == 1 else None
    except ValueError:
        return None


def rows(data: object) -> Json:
    """The rows of a glued DataFrame, which scrapbook keeps as parquet; None where they cannot be read."""
    try:
        import pyarrow.parquet as parquet  # type: ignore[import-untyped]  # of the `flights` extra, 0.2 s
    except ImportError:
        return None
    try:
        return _json(parquet.read_table(BytesIO(base64.b64decode(str(data)))).to_pylist())
    except (ValueError, OSError):  # pyarrow's own errors are kinds of these
        return None


def _json(value: Any) -> Json:
    """The same in plain JSON. NaN and infinity become text, as scrapbook writes them."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)
