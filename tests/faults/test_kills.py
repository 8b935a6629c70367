"""kill -9 at every step of release, promote and rollback; run again, there is one outcome, and everything agrees."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from faults import killing, lanes, places
from faults.killing import Scenario
from faults.lanes import Tally
from faults.places import Place
from faults.verbs import Prepared

KILLS = 500  # at random, on each of two stores
IN_A_ROW = lanes.sized(3, 10)  # of them before the command is let through
STORES = ["prepared", *(["prepared_on_postgres"] if lanes.WHOLE else [])]


@pytest.fixture(params=STORES, ids=["SQLite", "server on PostgreSQL"][: len(STORES)])
def grounds(request: pytest.FixtureRequest) -> tuple[str, list[Prepared]]:
    return request.node.callspec.id, request.getfixturevalue(request.param)


# where a kill once did harm: MLflow's run stayed open, a draft stayed in the store, in a run's code or beside its
# records, a rollback went back twice
HARMED = [
    ("copy", Place("sql INSERT INTO logged_models")),
    ("copy", Place("rename .nbpromote/store")),
    ("retrain", Place("rename .nbpromote/runs", 3)),
    ("request", Place("rename .nbpromote/runs")),
    ("rollback", Place("git update-ref", 3)),
]


@pytest.mark.parametrize(("verb", "place"), HARMED, ids=str)
def test_a_kill_that_once_did_harm_does_none(verb: str, place: Place, prepared: list[Prepared]) -> None:
    assert killing.killed_at(prepared[0].plot, prepared[0].scenario(verb), place) == []


def test_a_verb_killed_at_any_place_is_finished_once_by_the_same_command(grounds: tuple[str, list[Prepared]]) -> None:
    where, prepared = grounds
    tally = lanes.tried(lambda lane: _at_places(prepared[lane], lane), seconds=lanes.within(6, 110))

    lanes.told(f"kills at places where the world differs, {where}", tally)


def test_verbs_killed_again_and_again_at_random_are_finished_once(grounds: tuple[str, list[Prepared]]) -> None:
    where, prepared = grounds
    tally = lanes.tried(lambda lane: _at_random(prepared[lane], lane), seconds=lanes.within(3, 60))

    lanes.told(f"random kills, {where}", tally)


def _at_places(prepared: Prepared, lane: int) -> Iterator[Tally]:
    """In any order, so that time that is up leaves no verb untried."""
    found = [
        (scenario, place)
        for scenario in _some(prepared)
        for place in places.differing(killing.places_of(prepared.plot, scenario))
    ]
    random.Random(lanes.SEED).shuffle(found)
    mine = lanes.share(found, lane)
    yield Tally(of=len(mine))
    for scenario, place in mine:
        yield Tally(1, killing.killed_at(prepared.plot, scenario, place))


def _some(prepared: Prepared) -> list[Scenario]:
    """All verbs, or in the short form another one every day."""
    count = lanes.sized(1, len(prepared.scenarios))
    return random.Random(lanes.SEED).sample(prepared.scenarios, count)


def _at_random(prepared: Prepared, lane: int) -> Iterator[Tally]:
    chance = random.Random(lanes.SEED + lane)
    seconds = {one.name: killing.seconds_of(prepared.plot, one) for one in _some(prepared)}
    series = lanes.share(range(lanes.sized(1, KILLS // IN_A_ROW)), lane)
    yield Tally(of=len(series) * IN_A_ROW)
    for _ in series:
        scenario = prepared.scenario(chance.choice(list(seconds)))
        most = seconds[scenario.name]
        yield Tally(IN_A_ROW, killing.killed_randomly(prepared.plot, scenario, chance, times=IN_A_ROW, seconds=most))
