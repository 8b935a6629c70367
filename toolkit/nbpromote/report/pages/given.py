"""What the run was given: parameters and packages, those first that the other side had differently."""

from __future__ import annotations

from typing import Any

from nbpromote.model import Json, ValueChange
from nbpromote.report import words
from nbpromote.report.pages.sheet import Sheet
from nbpromote.report.subject import Subject
from nbpromote.report.verdict import unlike

_ROWS = 200
_WIDE = 240  # letters of a value


def parameters(sheet: Sheet) -> dict[str, Any] | None:
    subject, most = sheet.subject, sheet.few(_ROWS)
    run = subject.evidence.run
    values = {**run.parameters, **run.inputs, **run.outputs}
    if not values:
        return None
    return {
        "changes": [_change(change) for change in _changed(subject, values)[:most]],
        "all": [_given(subject, name, value) for name, value in sorted(values.items())[:most]],
        "count": len(values),
        "rival": subject.rival,
    }


def _changed(subject: Subject, values: dict[str, Json]) -> list[ValueChange]:
    """As the comparison has them; of a live deployment whose evidence is gone, by its own record."""
    if subject.comparison is not None:
        return unlike(subject.comparison.parameters)
    if subject.rival is None:
        return []
    before, origins = subject.rival.parameters, subject.evidence.run.origins
    names = [name for name in sorted({*before, *values}) if before.get(name) != values.get(name)]
    return [
        ValueChange(name=name, before=before.get(name), after=values.get(name), origin=origins.get(name, ""))
        for name in names
    ]


def _change(change: ValueChange) -> dict[str, str]:
    return {
        "name": change.name,
        "before": _spelled(change.before),
        "after": _spelled(change.after),
        "origin": change.origin,
    }


def _spelled(value: Json) -> str:
    return "–" if value is None else words.value(value)[:_WIDE]


def _given(subject: Subject, name: str, value: Json) -> dict[str, str]:
    run = subject.evidence.run
    exact = f" → {words.line(run.resolved[name])}" if name in run.resolved else ""
    return {
        "name": name,
        "value": words.value(value)[:_WIDE] + exact,
        "kind": "output" if name in run.outputs else "input" if name in run.inputs else "",
        "origin": run.origins.get(name, ""),
    }


def scraps(sheet: Sheet) -> dict[str, Any] | None:
    """What was handed out differently, besides metrics and figures."""
    changes = unlike(sheet.subject.comparison.scraps) if sheet.subject.comparison else []
    shown = [_change(change) for change in changes[: sheet.few(_ROWS)]]
    return {"changes": shown, "rival": sheet.subject.rival} if shown else None


def packages(sheet: Sheet) -> dict[str, Any] | None:
    """The kernel's, where they were recorded; those that differ, and all of them folded."""
    subject, most = sheet.subject, sheet.few(_ROWS)
    found = subject.evidence.run.packages
    changes = unlike(subject.comparison.packages) if subject.comparison else []
    if not (found or changes):
        return None
    return {
        "changes": [_version(change) for change in changes[:most]],
        "all": sorted(found.items())[:most],
        "count": len(found),
        "rival": subject.rival,
    }


def _version(change: ValueChange) -> dict[str, str]:
    return {"name": change.name, "before": str(change.before or "–"), "after": str(change.after or "–")}
