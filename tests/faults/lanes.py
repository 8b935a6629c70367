"""Trials shared among as many processes as there are cores, until all are done or time is up; and what came of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    """How often something was done to the project, and what was wrong afterwards."""

    tried: int = 0
    faults: list[str] = field(default_factory=list)
    late: bool = False  # time was up before all was tried

    def add(self, other: Tally) -> None:
        self.tried += other.tried
        self.faults += other.faults
        self.late |= other.late

    def __str__(self) -> str:
        return f"{self.tried:,} tried, {len(self.faults)} faults{', time was up before all' if self.late else ''}"


def sized(short: int, whole: int) -> int:
    """A number as this form of the suite has it."""
    return whole if WHOLE else short


def within(short: float, whole: float) -> float:
    """Seconds of a part. `FAULTS_TIMES` of them let every trial of the whole form be made."""
    return whole * float(os.environ.get("FAULTS_TIMES", "1")) if WHOLE else short


def share(items: Sequence[_Item], lane: int) -> Sequence[_Item]:
    return items[lane::LANES]


def told(line: str) -> None:
    """A part's own line among pytest's."""
    print(f"\n{line}", flush=True)


def tried(trials: Callable[[int], Iterator[Tally]], *, seconds: float) -> Tally:
    """What came of all trials, each lane in a process of its own; none begins when so many seconds have gone by."""
    end = time.monotonic() + seconds
    running = [fork(lambda lane=lane: _tried(trials(lane), end)) for lane in range(LANES)]
    tally = Tally()
    for one in running:
        ended = one.wait(seconds + 300)
        tally.add(ended.value or Tally(faults=[ended.error or f"a lane ended by signal {ended.signal}"]))
    return tally


def counted(trials: Iterable[list[str]], *, seconds: float) -> Tally:
    """The same in this process, one after the other."""
    return _tried((Tally(1, faults) for faults in trials), time.monotonic() + seconds)


def _tried(trials: Iterable[Tally], end: float) -> Tally:
    tally = Tally()
    for one in trials:
        tally.add(one)
        for fault in one.faults:
            print(fault, flush=True)
        if time.monotonic() > end:
            tally.late = True
            break
    return tally
