"""How far a change may be chance: a paired bootstrap, since both models are scored on the same rows."""

from __future__ import annotations

import numpy as np

from nbpromote.model import sha256
from nbpromote.validate.contests.scores import Array, Score

RESAMPLES = 2000
# rows beyond that are first dealt into so many sums: the spread is then known to 2 %, which is less than 2,000
# resamples leave open, and 100,000 rows cost no more than these
_GROUPS = 2048
_AT_ONCE = 1 << 20  # draws that are held


def interval(
    score: Score, truth: Array, candidate: Array, live: Array, *, confidence: float, words: str
) -> tuple[float, float]:
    """The percentile interval (Efron & Tibshirani 1993, chapter 13) of the change, candidate minus live; two-sided.

    `words` seed the draws: the same question of the same rows has the same answer. Raises `ValueError` where a
    resample has no score, as one without a row of a rare class.
    """
    draw = np.random.default_rng(int(sha256(words.encode())[:16], 16))
    ours, theirs = (score.parts(*score.wants(truth, said)) for said in (candidate, live))
    width = ours.shape[1]
    sums = _resampled(_dealt(np.hstack([ours, theirs]), draw), draw)
    changes = score.value(sums[:, :width]) - score.value(sums[:, width:])
    if not np.isfinite(changes).all():
        raise ValueError("some of the resampled rows have no score: too few rows of a kind")
    low, high = np.quantile(changes, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _dealt(parts: Array, draw: np.random.Generator) -> Array:
    """The rows as they are, or in random groups of one size, give or take a row."""
    if len(parts) <= _GROUPS:
        return parts
    starts = np.linspace(0, len(parts), _GROUPS, endpoint=False).astype(int)
    return np.add.reduceat(parts[draw.permutation(len(parts))], starts)


def _resampled(parts: Array, draw: np.random.Generator) -> Array:
    """The sums of each resample: as many rows as there are, drawn with replacement."""
    count = len(parts)
    at_once = max(1, _AT_ONCE // count)
    found = []
    for begin in range(0, RESAMPLES, at_once):
        size = min(at_once, RESAMPLES - begin)
        drawn = draw.integers(0, count, size=(size, count), dtype=np.int32)
        drawn += (np.arange(size, dtype=np.int32) * count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)
        found.append(times.astype(np.float64) @ parts)
    return np.concatenate(found)
