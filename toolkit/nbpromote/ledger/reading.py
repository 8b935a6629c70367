"""The events of a branch, read when they are asked for: one, a stretch, or all of them, in bounded memory.

The tree of a branch's last commit holds every event, so that a clone of depth 1 has them all; each names the commit
of the one before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import overload

from nbpromote.errors import Unavailable
from nbpromote.git import Repository
from nbpromote.ledger.records import Spelling, place
from nbpromote.model import Event

_LOOKS = 100  # events that a search reads at once


@dataclass(frozen=True, eq=False)
class Events(Sequence[Event]):
    """A stretch of history: events by their `numbers`, of those up to the `newest` that commit `tip` holds.

    A slice is another stretch, forwards or backwards; nothing is read before it is iterated over or indexed.
    """

    git: Repository
    spelling: Spelling
    tip: str
    newest: int
    numbers: range

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Events: ...
    def __getitem__(self, index: int | slice) -> Event | Events:
        if isinstance(index, slice):
            return replace(self, numbers=self.numbers[index])
        number = self.numbers[index]
        (event,) = replace(self, numbers=range(number, number + 1))
        return event

    def __iter__(self) -> Iterator[Event]:
        """Each with the ledger commit that holds it: the one that its successor stands on."""
        if self.numbers:
            yield from self._forwards() if self.numbers.step > 0 else self._backwards()

    def __reversed__(self) -> Iterator[Event]:
        return iter(self[::-1])

    def _forwards(self) -> Iterator[Event]:
        read = self._records(range(self.numbers[0], min(self.numbers[-1] + 1, self.newest) + 1))
        for _, (event, successor) in zip(self.numbers, pairwise(chain(read, [None])), strict=False):
            assert event is not None
            yield self._held(event, successor)

    def _backwards(self) -> Iterator[Event]:
        first, last = self.numbers[0], self.numbers[-1]
        read = self._records(range(min(first + 1, self.newest), last - 1, -1))
        for successor, event in pairwise(chain([None] if first == self.newest else [], read)):
            assert event is not None
            yield self._held(event, successor)

    def _held(self, event: Event, successor: Event | None) -> Event:
        return replace(event, commit=successor.after if successor else self.tip)

    def _records(self, numbers: range) -> Iterator[Event]:
        names = (f"{self.tip}:{place(number)}" for number in numbers)
        for number, blob in zip(numbers, self.git.stream(names), strict=True):
            if blob is None:
                where = f"{place(number)} of commit {self.tip[:10]}"
                raise Unavailable(f"the ledger has a hole: {where} is missing", hint="nbpromote doctor")
            yield self.spelling.read(Event, blob, where=place(number))

    def upto(self, moment: str) -> Events:
        """Those that had happened by a moment; times never decrease, so three looks find the last one of a million."""
        low, high = 0, len(self)  # those below `low` had happened, those from `high` on had not
        while low < high:
            looked = range(low, high, -(-(high - low) // _LOOKS))
            first, last = self.numbers[looked[0]], self.numbers[looked[-1]]
            times = [event.at for event in self._records(range(first, last + 1, looked.step))]
            passed = bisect_right(times, moment)
            low = looked[passed - 1] + 1 if passed else low
            high = looked[passed] if passed < len(looked) else high
        return self[:low]
