"""Twenty promoters at once: exactly one wins a round, and each record replaces what the one before it made live."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults import lanes, racing
from faults.grounds import plot

ROUNDS = lanes.sized(2, 50)


@pytest.mark.parametrize("shared", [False, True], ids=["one checkout", "clones"])
def test_of_twenty_promoters_at_once_one_wins_every_round(shared: bool, warm: None, empty_store: Path) -> None:
    with plot() as own:
        course = racing.prepared(own, empty_store, shared=shared)
        tally = lanes.counted((racing.race(course) for _ in range(ROUNDS)), seconds=lanes.sized(20, 120))
        tally.faults += racing.chained(course)

    where = "separate clones with a shared remote" if shared else "one checkout"
    lanes.told(f"{racing.AT_ONCE} promoters at once in {where}, SQLite: rounds {tally}")
    assert not tally.faults, "\n".join(tally.faults)


def test_of_twenty_whole_commands_at_once_one_goes_live(warm: None, empty_store: Path) -> None:
    with plot() as own:
        course = racing.prepared(own, empty_store)
        rounds = range(1, lanes.sized(1, 5) + 1)
        tally = lanes.counted((racing.commands(course, number) for number in rounds), seconds=lanes.sized(20, 60))
        tally.faults += racing.chained(course)

    lanes.told(f"{racing.AT_ONCE} times `nbpromote promote` at once, SQLite: rounds {tally}")
    assert not tally.faults, "\n".join(tally.faults)
