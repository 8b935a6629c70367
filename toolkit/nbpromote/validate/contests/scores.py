"""Scores of predictions against the truth, as scikit-learn 1.5 defines them.

Nearly all are functions of sums over the rows. Rows that are drawn again only count more or less often in those sums,
and so one product of matrices scores thousands of resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any  # a numpy array


@dataclass(frozen=True)
class Score:
    """`parts` gives a row of terms for each row of the table; `value` makes the score of their sums.

    `wants` makes truth and predictions comparable, and raises `ValueError` where they are not what the score is of.
    The sums come as the last axis, so that a matrix of them gives a score for each of its rows.
    """

    wants: Callable[[Array, Array], tuple[Array, Array]]
    parts: Callable[[Array, Array], Array]
    value: Callable[[Array], Array]

    def __call__(self, truth: Array, said: Array) -> float:
        return float(self.value(self.parts(*self.wants(truth, said)).sum(axis=0)))


# -- what the scores are of


def numbers(truth: Array, said: Array) -> tuple[Array, Array]:
    return _numbers(truth, "the truth"), _numbers(said, "the prediction")


def _numbers(values: Array, what: str) -> Array:
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{what} is {_first(values)!r} in the first row, which is no number") from None
    missing = int((~np.isfinite(found)).sum())
    if missing:
        raise ValueError(f"{what} is missing or infinite in {missing} of {len(found)} rows")
    return found


def classes(truth: Array, said: Array) -> tuple[Array, Array]:
    """Numbers are compared as numbers, everything else as text."""
    found = _labels(truth, "the truth"), _labels(said, "the prediction")
    if found[0].dtype.kind != found[1].dtype.kind:
        raise ValueError(f"the truth is {_first(truth)!r} in the first row, and the prediction {_first(said)!r}")
    return found


def _labels(values: Array, what: str) -> Array:
    if np.asarray(values).dtype.kind in "biuf":
        return _numbers(values, what)
    missing = sum(value is None or value != value for value in values)
    if missing:
        raise ValueError(f"{what} is missing in {missing} of {len(values)} rows")
    if all(isinstance(value, bool | int | float | np.number) for value in values):
        return _numbers(values, what)
    return np.asarray([str(value) for value in values])


def two_classes(truth: Array, said: Array) -> tuple[Array, Array]:
    return _two(truth, "the truth"), _two(said, "the prediction")


def _two(values: Array, what: str) -> Array:
    found = _numbers(values, what)
    if not np.isin(found, (0, 1)).all():
        raise ValueError(f"{what} is {found[~np.isin(found, (0, 1))][0]:g} in a row, and only 0 and 1 count here")
    return found


def ranks(truth: Array, said: Array) -> tuple[Array, Array]:
    found = _two(truth, "the truth")
    if len(np.unique(found)) < 2:
        raise ValueError("the truth has one class alone")
    return found, _numbers(said, "the prediction")


def chances(truth: Array, said: Array) -> tuple[Array, Array]:
    found = _numbers(said, "the prediction")
    if ((found < 0) | (found > 1)).any():
        raise ValueError("the prediction is no chance between 0 and 1")
    return _two(truth, "the truth"), found


def _first(values: Array) -> object:
    return next(iter(np.asarray(values)[:1].tolist()), None)


# -- terms, and what is made of their sums


_Both = Callable[[Array, Array], Any]  # of the truth and the predictions
_Of = Callable[[Array], Array]  # of sums


def _mean_of(loss: _Both, *, of: _Both = numbers, after: _Of = np.asarray) -> Score:
    def parts(truth: Array, said: Array) -> Array:
        terms = loss(truth, said).astype(np.float64)
        return np.column_stack([terms, np.ones(len(terms))])

    return Score(of, parts, lambda sums: after(sums[..., 0] / sums[..., 1]))


def _share_of_error(truth: Array, said: Array) -> Array:
    return np.abs(said - truth) / np.maximum(np.abs(truth), np.finfo(np.float64).eps)


def _surprise(truth: Array, said: Array) -> Array:
    eps = np.finfo(np.float64).eps
    said = np.clip(said, eps, 1 - eps)
    return -(truth * np.log(said) + (1 - truth) * np.log(1 - said))


def _spread(truth: Array, said: Array) -> Array:
    # about the mean, so that large values do not cancel; R2 does not change by it
    middle = truth - truth.mean()
    return np.column_stack([(said - truth) ** 2, middle, middle**2, np.ones(len(truth))])


def _explained(sums: Array) -> Array:
    error, total, squares, count = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - error / (squares - total**2 / count)


def _by_class(truth: Array, said: Array) -> Array:
    known = np.unique(truth)
    if len(known) > _CLASSES:
        raise ValueError(f"the truth has {len(known)} classes; up to {_CLASSES} are weighed")
    within = truth[:, None] == known[None, :]
    return np.hstack([within & (truth == said)[:, None], within]).astype(np.float64)


_CLASSES = 100


def _mean_recall(sums: Array) -> Array:
    hits, all_of = np.split(sums, 2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nanmean(np.where(all_of > 0, hits / all_of, np.nan), axis=-1)


def _confused(truth: Array, said: Array) -> Array:
    return np.column_stack([truth * said, said, truth])


def _ratio(over: _Of, under: _Of) -> _Of:
    """0 where there is nothing to divide by, as in scikit-learn."""

    def value(sums: Array) -> Array:
        below = under(sums)
        return np.where(below > 0, over(sums) / np.where(below > 0, below, 1), 0.0)

    return value


def _placements(truth: Array, said: Array) -> Array:
    """Which share of the other class each row is on the right side of; ties count half.

    The area under the curve is the mean over either class. A resample's is taken by its linear part, the sum of both
    means less the area itself (DeLong, DeLong & Clarke-Pearson 1988): half the area is taken off each here.
    """
    yes: Array = truth == 1
    above, below = np.sort(said[yes]), np.sort(said[~yes])
    under: Array = (np.searchsorted(below, said, "left") + np.searchsorted(below, said, "right")) / (2 * len(below))
    over: Array = 1 - (np.searchsorted(above, said, "left") + np.searchsorted(above, said, "right")) / (2 * len(above))
    half = under[yes].mean() / 2
    terms = [np.where(yes, under - half, 0), yes, np.where(yes, 0, over - half), ~yes]
    return np.column_stack(terms).astype(np.float64)


def _area(sums: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[..., 0] / sums[..., 1] + sums[..., 2] / sums[..., 3]


def _errors(truth: Array, said: Array) -> Array:
    return np.abs(said - truth)


SUMMED: Mapping[str, Score] = {
    "mae": _mean_of(_errors),
    "mse": _mean_of(lambda truth, said: (said - truth) ** 2),
    "rmse": _mean_of(lambda truth, said: (said - truth) ** 2, after=np.sqrt),
    "mape": _mean_of(_share_of_error),
    "bias": _mean_of(lambda truth, said: said - truth),
    "r2": Score(numbers, _spread, _explained),
    "accuracy": _mean_of(lambda truth, said: truth == said, of=classes),
    "balanced_accuracy": Score(classes, _by_class, _mean_recall),
    "precision": Score(two_classes, _confused, _ratio(lambda s: s[..., 0], lambda s: s[..., 1])),
    "recall": Score(two_classes, _confused, _ratio(lambda s: s[..., 0], lambda s: s[..., 2])),
    "f1": Score(two_classes, _confused, _ratio(lambda s: 2 * s[..., 0], lambda s: s[..., 1] + s[..., 2])),
    "auc": Score(ranks, _placements, _area),
    "log_loss": _mean_of(_surprise, of=chances),
    "brier": _mean_of(lambda truth, said: (said - truth) ** 2, of=chances),
}

# of the rows in their order, which no sum knows
ORDERED: Mapping[str, Callable[[Array, Array], float]] = {
    "median_absolute_error": lambda truth, said: float(np.median(_errors(*numbers(truth, said)))),
    "max_error": lambda truth, said: float(_errors(*numbers(truth, said)).max()),
}


def score(metric: str, truth: Array, said: Array) -> float:
    """Raises `ValueError` where the rows cannot be scored so."""
    return SUMMED[metric](truth, said) if metric in SUMMED else ORDERED[metric](truth, said)
