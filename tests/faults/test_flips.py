"""A bit flipped in anything that a promotion rests on, between any two steps: refused, and the thing is named."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from faults import flipping, judging, lanes
from faults.killing import Scenario, value
from faults.lanes import Tally
from faults.verbs import Prepared
from ground import Ground
from nbpromote import release
from nbpromote.workflow.site import Site


def test_a_flipped_bit_is_refused_by_name_or_harms_nothing(prepared: list[Prepared]) -> None:
    tally = lanes.tried(lambda lane: _flips(prepared[lane], lane), seconds=lanes.within(4, 60))

    lanes.told("bits flipped before any verb", tally)


def test_what_will_not_run_in_the_target_has_to_be_whole_too(prepared: list[Prepared]) -> None:
    copy = prepared[0].scenario("copy")
    ground = prepared[0].plot.lay("copy")
    code = value(prepared[0].plot, lambda: _code_of(ground, copy))
    file = ground.root / ".nbpromote/store/sha256" / code[:2] / code[2:]
    file.chmod(0o600)
    file.write_bytes(file.read_bytes() + b"#")

    done = value(prepared[0].plot, lambda: copy.run(ground))

    assert done.returncode == 3
    assert f"{code[:12]} in the store" in done.stderr
    assert value(prepared[0].plot, lambda: judging.lives(ground, copy.attempt, "model")) == []


def _code_of(ground: Ground, scenario: Scenario) -> str:
    files = release.open_(Site(ground.project).store, scenario.attempt.releases["model"]).files
    return files["code/notebooks/model.py"].sha256


def test_a_run_whose_code_is_another_by_now_is_not_released(prepared: list[Prepared]) -> None:
    sealing = prepared[0].scenario("release")
    ground = prepared[0].plot.lay("release")
    ran = max(ground.root.glob(".nbpromote/runs/*model*/code/notebooks/model.py"))
    ran.write_text(ran.read_text().replace("alpha: float = 1.0", "alpha: float = 9.0"))

    done = value(prepared[0].plot, lambda: sealing.run(ground))

    assert done.returncode == 1
    assert "this is not the code that ran" in done.stderr


def test_a_run_compared_with_another_notebook_by_now_is_not_released(prepared: list[Prepared]) -> None:
    sealing = prepared[0].scenario("release")
    ground = prepared[0].plot.lay("release")
    compared = max(ground.root.glob(".nbpromote/runs/*model*/reference.ipynb"))
    flipping.flip(compared, random.Random(lanes.SEED))

    done = value(prepared[0].plot, lambda: sealing.run(ground))

    assert done.returncode == 1
    assert f"{compared}: this notebook is not as its run left it" in done.stderr


@pytest.mark.parametrize("what", flipping.RESTS_ON, ids=str)
def test_what_consent_rests_on_has_to_be_as_it_was_when_it_was_given(what: str, prepared: list[Prepared]) -> None:
    """Asked for by Ada and consented to by Bob; then a bit is another one, and whoever advances it is told of which.

    Nothing is lost by that: with the bit as it was, it goes live.
    """
    plot, advance = prepared[0].plot, prepared[0].scenario("advance")
    ground = plot.lay("advance")
    (file, name) = value(plot, lambda: flipping.RESTS_ON[what](ground))
    before = flipping.flip(file, random.Random(lanes.SEED))

    done = value(plot, lambda: advance.run(ground))
    file.write_bytes(before)

    assert done.returncode in (1, 3), done.stdout + done.stderr
    assert name in done.stdout + done.stderr
    assert value(plot, lambda: judging.lives(ground, advance.attempt, "model")) == []
    assert value(plot, lambda: advance.run(ground)).returncode == 0
    assert value(plot, lambda: judging.is_done(ground, advance.attempt))


def _flips(prepared: Prepared, lane: int) -> Iterator[Tally]:
    chance = random.Random(lanes.SEED)
    all_of = [
        (scenario, thing) for scenario in prepared.scenarios for thing in flipping.things(prepared.plot, scenario)
    ]
    chance.shuffle(all_of)
    mine = lanes.share(all_of, lane)
    yield Tally(of=len(mine))
    for scenario, thing in mine:
        yield Tally(1, flipping.flipped(prepared.plot, scenario, thing, chance))
