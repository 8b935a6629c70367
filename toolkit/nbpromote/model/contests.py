"""Candidate and live, scored on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST_ROWS = 30  # below that nothing is said of a table or a slice


@dataclass(frozen=True, kw_only=True)
class Contest:
    """One metric of both models over one table, or over the rows of one slice of it.

    `low` and `high` bound the change, candidate minus live, at `confidence`: from a paired bootstrap of `resamples`.
    `against` is the run of the live deployment. `live` is None where nothing is live; `trouble` says why there is no
    number.
    """

    metric: str
    on: str
    by: str = ""  # the column that slices
    of: str = ""  # the value of the slice
    against: str = ""
    rows: int = 0
    candidate: float | None = None
    live: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    resamples: int = 0
    trouble: str = ""

    @property
    def is_small(self) -> bool:
        """A slice with too few rows is listed and not judged."""
        return bool(self.by) and 0 < self.rows < FEWEST_ROWS

    @property
    def change(self) -> float | None:
        return None if self.candidate is None or self.live is None else self.candidate - self.live
