"""The way from remark to remark: numbers, and who comes before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbpromote.report.verdict import Remark

_TOLD = 100  # a reader who has seen so many knows


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One remark on the page; `before` and `after` are the places of its neighbours."""

    number: int
    of: int
    remark: Remark
    before: str = ""
    after: str = ""


class Stops:
    """Looked up by place. Iterates in the order of the page."""

    def __init__(self, remarks: Sequence[Remark]) -> None:
        told = remarks[:_TOLD]
        places = ["", *(remark.place for remark in told), ""]
        self.left_out = len(remarks) - len(told)
        self._stops = {
            remark.place: Stop(number=n, of=len(told), remark=remark, before=places[n - 1], after=places[n + 1])
            for n, remark in enumerate(told, start=1)
        }

    def __iter__(self) -> Iterator[Stop]:
        return iter(self._stops.values())

    def __len__(self) -> int:
        return len(self._stops)

    def at(self, place: str) -> Stop | None:
        return self._stops.get(place)
