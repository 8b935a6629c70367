"""Which numbers a run handed out, and whether they can be compared at all. Thresholds are the gate's."""

from __future__ import annotations

import math
import re
from collections import defaultdict

from nbpromote.model import Check, Json, Outcome
from nbpromote.validate.case import Case, counted

# scrapbook turns float("nan") into the text 'nan'
_NOT_FINITE = re.compile(r"\s*[+-]?(nan|inf|infinity)\s*", re.IGNORECASE)
_INFINITE = 1.79e308  # MLflow turns infinity into 1.797e308, which passes any `>=`


def metrics(case: Case) -> dict[str, float]:
    """Every number by its name, NaN and infinity among them; a scrap comes before what MLflow was given."""
    tracked = {name: number(value) for name, value in case.run.tracked.items()}
    glued = {scrap.name: number(scrap.value) for scrap in case.scraps if scrap.kind == "value"}
    return {name: value for name, value in (tracked | glued).items() if value is not None}


def number(value: Json) -> float | None:
    """A metric's value, NaN and infinity for what stands for them; None for anything that is no number."""
    if isinstance(value, str):
        return float(value) if _NOT_FINITE.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if abs(value) >= _INFINITE:
        return math.inf if value > 0 else -math.inf
    return value


def metrics_finite(case: Case) -> Check:
    """Every metric is a finite number, and has one value."""
    asked = metrics(case)
    wrong = (*_not_finite(asked), *_no_numbers(case), *_glued_twice(case), *_two_values(case))
    if wrong:
        return _check(Outcome.FAILED, "; ".join(wrong), wrong if len(wrong) > 1 else (), len(asked))
    if not asked:
        return _check(Outcome.SKIPPED, "no metrics handed out", (), 0)
    are = "is a finite number" if len(asked) == 1 else "are finite numbers"
    return _check(Outcome.PASSED, f"{counted(len(asked), 'metric')} {are}", (), len(asked))


def _check(outcome: Outcome, summary: str, details: tuple[str, ...], count: int) -> Check:
    return Check(name="metrics-finite", outcome=outcome, summary=summary, details=details, count=count)


def _not_finite(asked: dict[str, float]) -> list[str]:
    return [
        f"{name} is {'NaN' if math.isnan(value) else 'infinite'}"
        for name, value in asked.items()
        if not math.isfinite(value)
    ]


def _no_numbers(case: Case) -> list[str]:
    tracked = case.run.tracked.items()
    return [f"{name} was logged as {value!r}, no number" for name, value in tracked if number(value) is None]


def _glued_twice(case: Case) -> list[str]:
    cells = defaultdict(list)
    for scrap in case.scraps:
        cells[scrap.name].append(scrap.cell)
    return [f"{name} was glued more than once: {_where(at)}" for name, at in cells.items() if len(at) > 1]


def _where(cells: list[int]) -> str:
    if len(set(cells)) == 1:
        return f"{len(cells)} times in cell {cells[0]}"
    return "in cells " + " and ".join(str(cell) for cell in sorted(set(cells)))


def _two_values(case: Case) -> list[str]:
    glued = {scrap.name: number(scrap.value) for scrap in case.scraps if scrap.kind == "value"}
    tracked = {name: number(value) for name, value in case.run.tracked.items()}
    return [
        f"{name} is {glued[name]!r} where it was glued and {tracked[name]!r} where it was logged"
        for name in glued
        if name in tracked and _differ(glued[name], tracked[name])
    ]


def _differ(glued: float | None, logged: float | None) -> bool:
    if glued is None or logged is None:
        return False  # text of the same name is no second value of the metric
    return glued != logged and not (math.isnan(glued) and math.isnan(logged))
