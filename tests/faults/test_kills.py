"""kill -9 at every step of release, promote and rollback; run again, there is one outcome, and everything agrees."""

from __future__ import annotations

import random
from collections.abc import Iterator

from faults import killing, lanes, places
from faults.lanes import Tally
from faults.verbs import Prepared

SEED = 6
IN_A_ROW = 10  # random kills before the command is let through


def test_a_verb_killed_at_any_place_is_finished_once_by_the_same_command(prepared: list[Prepared]) -> None:
    tally = lanes.tried(lambda lane: _at_places(prepared[lane], lane), seconds=lanes.sized(15, 270))

    lanes.told(f"kills at places of release, promote and rollback, SQLite: {tally}")
    assert not tally.faults, "\n".join(tally.faults)


def test_verbs_killed_again_and_again_at_random_are_finished_once(prepared: list[Prepared]) -> None:
    tally = lanes.tried(lambda lane: _at_random(prepared[lane], lane), seconds=lanes.sized(10, 270))

    lanes.told(f"random kills of release, promote and rollback, SQLite: {tally}")
    assert not tally.faults, "\n".join(tally.faults)


def _at_places(prepared: Prepared, lane: int) -> Iterator[Tally]:
    """Where the world differs; in the short form at one place a verb, another one each time the suite changes."""
    chance = random.Random(SEED)
    found = [
        (scenario, place)
        for scenario in prepared.scenarios
        for place in places.differing(killing.places_of(prepared.plot, scenario))
    ]
    chance.shuffle(found)
    for scenario, place in lanes.share(found, lane):
        yield Tally(1, killing.killed_at(prepared.plot, scenario, place))


def _at_random(prepared: Prepared, lane: int) -> Iterator[Tally]:
    chance = random.Random(SEED + lane)
    seconds = {scenario.name: killing.seconds_of(prepared.plot, scenario) for scenario in prepared.scenarios}
    for _ in range(lanes.sized(1, 1000) // IN_A_ROW // lanes.LANES + 1):
        scenario = chance.choice(prepared.scenarios)
        most = seconds[scenario.name]
        faults = killing.killed_randomly(prepared.plot, scenario, chance, times=IN_A_ROW, seconds=most)
        yield Tally(IN_A_ROW, faults)
