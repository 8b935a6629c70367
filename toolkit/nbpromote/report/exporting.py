"""The history for auditors, as JSON or CSV: one line an event, written as the events come."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from nbpromote.model import Event, Json
from nbpromote.report.plain import event_json

# the order of the columns is a promise, as the keys of the JSON are: more may come at the end
COLUMNS = (
    *("id", "commit", "at", "actor", "vouched", "verb", "step", "environment", "notebooks", "releases", "aliases"),
    *("attempt", "reason", "holds", "incumbents", "runs", "evidence", "codes", "overrides", "bound", "after"),
)


def exported(form: str, events: Iterable[Event], *, then: Mapping[str, Json] | None = None) -> Iterator[str]:
    """Text in pieces. `then` is what else a JSON document says, such as what was live at a moment."""
    return EXPORTS[form](events, then or {})


def _json(events: Iterable[Event], then: Mapping[str, Json]) -> Iterator[str]:
    yield '{\n  "events": ['
    for number, event in enumerate(events):
        yield (",\n    " if number else "\n    ") + json.dumps(event_json(event), ensure_ascii=False)
    yield "\n  ]"
    for key, value in then.items():
        yield f",\n  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
    yield "\n}\n"


def _csv(events: Iterable[Event], _then: Mapping[str, Json]) -> Iterator[str]:
    """RFC 4180: a header, commas, CRLF, quotes where they are needed."""
    yield _row(COLUMNS)
    for event in events:
        told = event_json(event)
        yield _row(_cell(told[column]) for column in COLUMNS)


def _row(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _cell(value: Json) -> str:
    """A spreadsheet calculates what begins like a formula, and whoever may write a reason could write one."""
    text = "; ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text


_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")

EXPORTS: Mapping[str, Callable[[Iterable[Event], Mapping[str, Json]], Iterator[str]]] = {"json": _json, "csv": _csv}
