"""Candidate and live, scored on the same rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Contest:
    """One metric of both models over one table, or over the rows of one slice of it.

    `low` and `high` bound the change, candidate minus live, at `confidence`: from a paired bootstrap of `resamples`.
    `live` is None where nothing is live; `trouble` says why there is no number.
    """

    metric: str
    on: str
    by: str = ""  # the column that slices
    of: str = ""  # the value of the slice
    rows: int = 0
    candidate: float | None = None
    live: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    resamples: int = 0
    trouble: str = ""

    @property
    def change(self) -> float | None:
        return None if self.candidate is None or self.live is None else self.candidate - self.live
