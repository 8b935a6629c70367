"""A bit flipped in anything that a promotion rests on, between any two steps: refused, and the thing is named."""

from __future__ import annotations

import random
from collections.abc import Iterator

from faults import flipping, lanes
from faults.lanes import Tally
from faults.verbs import Prepared


def test_a_flipped_bit_is_refused_by_name_or_harms_nothing(prepared: list[Prepared]) -> None:
    tally = lanes.tried(lambda lane: _flips(prepared[lane], lane), seconds=lanes.sized(4, 50))

    lanes.told(f"bits flipped before release, promote and rollback: {tally}")
    assert not tally.faults, "\n".join(tally.faults)


def _flips(prepared: Prepared, lane: int) -> Iterator[Tally]:
    chance = random.Random(lanes.SEED)
    all_of = [
        (scenario, thing) for scenario in prepared.scenarios for thing in flipping.things(prepared.plot, scenario)
    ]
    chance.shuffle(all_of)
    for scenario, thing in lanes.share(all_of, lane):
        yield Tally(1, flipping.flipped(prepared.plot, scenario, thing, chance))
