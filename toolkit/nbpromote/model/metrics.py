"""What is known of a metric by its name: which way is better, and whether it can be scored from a table's rows."""

from __future__ import annotations

import re
from collections.abc import Mapping

# whether more of it is better; None: it is best near a value of its own
SCORES: Mapping[str, bool | None] = {
    "mae": False,
    "rmse": False,
    "mse": False,
    "mape": False,
    "median_absolute_error": False,
    "max_error": False,
    "bias": None,
    "r2": True,
    "accuracy": True,
    "balanced_accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "auc": True,
    "log_loss": False,
    "brier": False,
}
# a bootstrap is inconsistent for the largest value (Bickel & Freedman 1981), and slow to settle for the middle one
WITHOUT_INTERVAL = frozenset(("median_absolute_error", "max_error"))

_LESS = frozenset(("mae", "rmse", "mse", "mape", "loss", "logloss", "brier", "error", "errors", "dropped"))
_MORE = frozenset(("accuracy", "auc", "f1", "r2", "precision", "recall", "score"))


def greater_is_better(metric: str) -> bool | None:
    """By its name, or by the words that the name is made of: `val_mae`, `error_rate`. None: nobody can tell."""
    if metric in SCORES:
        return SCORES[metric]
    words = set(re.split(r"[^a-z0-9]+", metric.lower()))
    less, more = bool(words & _LESS), bool(words & _MORE)
    return None if less == more else more
