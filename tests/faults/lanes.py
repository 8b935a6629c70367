"""Trials shared among as many processes as there are cores, until all are done or time is up; and what came of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from faults.forks import fork

_Item = TypeVar("_Item")

WHOLE = "FAULTS" in os.environ  # `make faults` sets it; in `make test` this folder has a minute for everything
SEED = int(os.environ.get("FAULTS_SEED", date.today().toordinal()))  # another order every day, so that all is met
LANES = (os.cpu_count() or 1) if WHOLE else 1


@dataclass
class Tally:
    """How often something was done to the project, of how often it should be, and what was wrong afterwards."""

    tried: int = 0
    faults: list[str] = field(default_factory=list)
    of: int = 0

    def add(self, other: Tally) -> None:
        self.tried += other.tried
        self.faults += other.faults
        self.of += other.of

    def __str__(self) -> str:
        late = "; time was up before all" if self.tried < self.of else ""
        return f"{self.tried:,} of {self.of:,}, {len(self.faults)} faults{late}"


class Spare:
    """What parts did not need of their time, which goes to those after them."""

    seconds = 0.0


def sized(short: int, whole: int) -> int:
    """A number as this form of the suite has it."""
    return whole if WHOLE else short


def within(short: float, whole: float) -> float:
    """Seconds of a part. `FAULTS_TIMES` of them let every trial of the whole form be made."""
    return whole * float(os.environ.get("FAULTS_TIMES", "1")) if WHOLE else short


def share(items: Sequence[_Item], lane: int) -> Sequence[_Item]:
    return items[lane::LANES]


def told(what: str, tally: Tally) -> None:
    """A part's own line among pytest's."""
    print(f"\n{what}: {tally}", flush=True)
    assert not tally.faults, "\n".join(tally.faults)


def tried(trials: Callable[[int], Iterator[Tally]], *, seconds: float) -> Tally:
    """What came of all trials, each lane in a process of its own; none begins when so many seconds have gone by."""
    tally = Tally()
    with _until(seconds) as end:
        running = [fork(lambda lane=lane: _tried(trials(lane), end)) for lane in range(LANES)]
        for one in running:
            ended = one.wait(end - time.monotonic() + 300)
            tally.add(ended.value or Tally(faults=[ended.error or f"a lane ended by signal {ended.signal}"]))
    return tally


def counted(trials: Iterable[list[str]], *, of: int, seconds: float) -> Tally:
    """The same in this process, one after the other."""
    tally = Tally(of=of)
    with _until(seconds) as end:
        tally.add(_tried((Tally(1, faults) for faults in trials), end))
    return tally


@contextmanager
def _until(seconds: float) -> Iterator[float]:
    """Until when a part may begin trials: its share of the time, and what others have left of theirs."""
    began, mine = time.monotonic(), seconds + (Spare.seconds if WHOLE else 0)
    yield began + mine
    Spare.seconds = mine - (time.monotonic() - began)


def _tried(trials: Iterable[Tally], end: float) -> Tally:
    tally = Tally()
    for one in trials:
        tally.add(one)
        for fault in one.faults:
            print(fault, flush=True)
        if time.monotonic() > end:
            break
    return tally
