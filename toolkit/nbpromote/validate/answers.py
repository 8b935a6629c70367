"""What a model says where it is live, against what it said when it was validated."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nbpromote.model import Check, Json, Outcome

# the same bytes on another machine may differ in the last digits: other BLAS, other threads
_RELATIVE = 1e-6
_ABSOLUTE = 1e-9


def answers(expected: Json, said: Json, *, when: str = "validated") -> Check:
    """Compare predictions for the same input example; both in the form that the kernel gave them.

    `when` says at what moment the expected ones were taken.

    `{"values": ...}` are predictions, `{"missing": ...}` a model without an input example, `{"error": ...}` one
    that does not load or predict.
    """
    if "error" in said:
        return _check(Outcome.FAILED, f"the live model does not predict: {said['error']}")
    if not expected or "values" not in expected:
        return _check(Outcome.PASSED, "the live model loads; it has no input example to predict")
    if "values" not in said:
        return _check(Outcome.FAILED, "the live model has lost its input example")
    before, now = list(_leaves(expected["values"])), list(_leaves(said["values"]))
    if len(before) != len(now):
        return _check(Outcome.FAILED, f"{len(now)} predictions where {len(before)} were {when}")
    differing = [(a, b) for a, b in zip(before, now, strict=True) if not _same(a, b)]
    if differing:
        first = f"first {differing[0][1]} instead of {differing[0][0]}"
        return _check(Outcome.FAILED, f"{len(differing)} of {len(now)} predictions differ, {first}")
    return _check(Outcome.PASSED, f"{len(now)} predictions as {when}", count=len(now))


def _same(a: Json, b: Json) -> bool:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return bool(a == b)


def _leaves(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        value = [value[key] for key in sorted(value)]
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _check(outcome: Outcome, summary: str, count: int = 0) -> Check:
    return Check(name="model-answers", outcome=outcome, summary=summary, count=count)
