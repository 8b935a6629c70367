"""Twenty promoters at once: exactly one wins a round, and each record replaces what the one before it made live."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults import lanes, racing
from faults.grounds import plot

ROUNDS = lanes.sized(1, 50)
STORES = ["SQLite", *(["PostgreSQL"] if lanes.WHOLE else [])]
SHARED = [True, *([False] if lanes.WHOLE else [])]


@pytest.mark.parametrize("shared", SHARED, ids=lambda shared: "clones" if shared else "one checkout")
@pytest.mark.parametrize("store", STORES)
def test_of_twenty_promoters_at_once_one_wins_every_round(
    store: str, shared: bool, warm: None, empty_store: Path, request: pytest.FixtureRequest
) -> None:
    tracking = request.getfixturevalue("postgres") if store == "PostgreSQL" else ""
    with plot() as own:
        course = racing.prepared(own, empty_store, tracking=tracking, shared=shared)
        rounds = (racing.race(course) for _ in range(ROUNDS))
        tally = lanes.counted(rounds, of=ROUNDS, seconds=lanes.within(10, 40))
        tally.faults += racing.chained(course)

    where = "separate clones with a shared remote" if shared else "one checkout"
    lanes.told(f"rounds of {racing.AT_ONCE} promoters at once in {where}, {store}", tally)


@pytest.mark.skipif(not lanes.WHOLE, reason="make faults")
def test_of_twenty_whole_commands_at_once_one_goes_live(warm: None, empty_store: Path) -> None:
    with plot() as own:
        course = racing.prepared(own, empty_store)
        rounds = (racing.commands(course, number) for number in range(1, 6))
        tally = lanes.counted(rounds, of=5, seconds=lanes.within(0, 15))
        tally.faults += racing.chained(course)

    lanes.told(f"rounds of {racing.AT_ONCE} times `nbpromote promote` at once, SQLite", tally)
