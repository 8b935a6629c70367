"""Candidate and live on the same rows: their scores, and how sure the change between them is.

Wants numpy (0.1 s), so whoever holds a contest imports this when it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from nbpromote.model import FEWEST_ROWS, WITHOUT_INTERVAL, Contest
from nbpromote.validate.contests.resampling import RESAMPLES, interval
from nbpromote.validate.contests.scores import ORDERED, SUMMED, Array, score

__all__ = ["ORDERED", "RESAMPLES", "SUMMED", "Rows", "held", "interval", "score"]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A table to score on, by columns. `live` is None where nothing was asked of a live model, `missing` says why not.

    `digest` names the table, so that the same one is resampled in the same way.
    """

    truth: Array
    candidate: Array
    live: Array | None = None
    missing: str = ""
    slices: Array | None = None
    digest: str = ""

    def among(self, chosen: Array) -> Rows:
        return replace(
            self,
            truth=self.truth[chosen],
            candidate=self.candidate[chosen],
            live=None if self.live is None else self.live[chosen],
            slices=None,
        )


def held(asked: Contest, rows: Rows) -> tuple[Contest, ...]:
    """The contest that is asked for, with its numbers; for slices one of each, by name."""
    if not asked.by:
        return (_held(asked, rows),)
    names = np.asarray([_name(value) for value in (rows.slices if rows.slices is not None else ())])
    known = np.unique(names)
    if not 0 < len(known) <= _SLICES:
        return (replace(asked, trouble=f"{asked.by} has {len(known)} values; between 1 and {_SLICES} make slices"),)
    return tuple(_held(replace(asked, of=str(name)), rows.among(names == name)) for name in known)


_SLICES = 1000


def _name(value: object) -> str:
    missing = value is None or value != value
    return "(missing)" if missing else str(value) or "(empty)"


def _held(asked: Contest, rows: Rows) -> Contest:
    asked = replace(asked, rows=len(rows.truth))
    if asked.rows < FEWEST_ROWS:
        return replace(asked, trouble=f"too few rows: {asked.rows}, and {FEWEST_ROWS} are needed")
    found = asked
    for found in _stages(asked, rows):
        if found.trouble:
            break
    return found


def _stages(asked: Contest, rows: Rows) -> Iterator[Contest]:
    """What is known after each step, the last with everything; one with trouble is the last."""
    found = _scored(asked, rows, "candidate")
    yield found
    if rows.live is None:
        yield replace(found, trouble=rows.missing)
        return
    if not found.trouble and _answers_with_classes(asked.metric, rows):
        yield replace(found, trouble=_CLASSES)
        return
    found = _scored(found, rows, "live")
    yield found
    if asked.confidence is not None and asked.metric not in WITHOUT_INTERVAL:
        yield _with_interval(found, rows)


def _scored(asked: Contest, rows: Rows, who: str) -> Contest:
    try:
        value = score(asked.metric, rows.truth, getattr(rows, who))
    except ValueError as error:
        return replace(asked, trouble=f"{_WHO[who]} cannot be scored: {error}")
    if not np.isfinite(value):
        return replace(asked, trouble=f"{asked.metric} of {_WHO[who]} has no value over these rows")
    return replace(asked, candidate=value) if who == "candidate" else replace(asked, live=value)


_WHO = {"candidate": "the candidate", "live": "the live model"}


def _answers_with_classes(metric: str, rows: Rows) -> bool:
    """A classifier that is asked for chances by MLflow says 0 or 1 unless it was logged to say more."""
    if metric not in ("auc", "log_loss", "brier") or rows.live is None:
        return False
    return bool(np.isin(rows.live, (0, 1)).all() and not np.isin(rows.candidate, (0, 1)).all())


_CLASSES = (
    "the live model answers with classes where the candidate has chances: log it with pyfunc_predict_fn='predict_proba'"
)


def _with_interval(found: Contest, rows: Rows) -> Contest:
    assert found.confidence is not None
    words = f"{rows.digest} {found.metric} {found.by} {found.of}"
    try:
        low, high = interval(
            SUMMED[found.metric], rows.truth, rows.candidate, rows.live, confidence=found.confidence, words=words
        )
    except ValueError as error:
        return replace(found, trouble=str(error))
    return replace(found, low=low, high=high, resamples=RESAMPLES)
