"""Full disks, stores that may not be written, things that were deleted: what is live is not harmed, rollback works."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from faults import judging, lanes, shortage
from faults.killing import Scenario, value
from faults.lanes import Tally
from faults.shortage import DELETED, LOST
from faults.verbs import Prepared
from ground import Ground
from nbpromote.model import Outcome


@pytest.fixture
def own(prepared: list[Prepared]) -> Prepared:
    return prepared[0]


@pytest.fixture
def rollback(own: Prepared) -> Scenario:
    return own.scenario("rollback")


def test_a_full_disk_harms_nothing_wherever_it_is_full(prepared: list[Prepared]) -> None:
    if not shortage.can_mount(prepared[0].plot.temporary):
        pytest.skip("A FULL DISK WAS NOT TRIED: mounting one wants root")
    tally = lanes.tried(lambda lane: _full(prepared[lane], lane), seconds=lanes.within(4, 40))

    lanes.told("full disks, in steps of 4 KiB", tally)


def _full(prepared: Prepared, lane: int) -> Iterator[Tally]:
    """Ever finer, so that time that is up leaves no part of the way untried."""
    steps = (start for step in (64, 32, 16, 8, 4, 2, 1) for start in range(step // 2, 160, step))
    mine = lanes.share(list(dict.fromkeys(steps)), lane)
    yield Tally(of=2 * len(mine))
    with shortage.small_disk(prepared.plot) as root:
        for number in mine:
            for name in ("copy", "rollback"):
                yield Tally(1, shortage.with_room(prepared.plot, prepared.scenario(name), root, number))


def test_a_store_that_may_not_be_written_is_told_and_rollback_needs_not_write(
    own: Prepared, rollback: Scenario
) -> None:
    if not shortage.can_mount(own.plot.temporary):
        pytest.skip("A READ-ONLY STORE WAS NOT TRIED: mounting one wants root")
    copy = own.scenario("copy")
    ground = own.plot.lay("copy")
    with shortage.read_only(ground.root / ".nbpromote/store"):
        refused = value(own.plot, lambda: copy.run(ground))
    after = value(own.plot, lambda: shortage.lived(ground, copy))
    ground = own.plot.lay("rollback")
    with shortage.read_only(ground.root / ".nbpromote/store"):
        back = value(own.plot, lambda: rollback.run(ground))

    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "Read-only file system" in refused.stderr
    assert after is None
    assert back.returncode == 0, back.stdout + back.stderr
    assert value(own.plot, lambda: judging.judged(ground, rollback.attempt)) == []


@pytest.mark.parametrize("delete", DELETED, ids=lambda delete: delete.__name__.replace("_", " "))
def test_a_rollback_needs_nothing_that_others_clean_up(
    delete: Callable[[Ground], None], own: Prepared, rollback: Scenario
) -> None:
    ground = own.plot.lay("rollback")
    value(own.plot, lambda: delete(ground))

    done = value(own.plot, lambda: rollback.run(ground))

    assert done.returncode == 0, done.stdout + done.stderr
    faults = value(own.plot, lambda: judging.judged(ground, rollback.attempt))
    assert [fault for fault in faults if "versions" not in fault] == []


def test_a_rollback_that_would_not_work_is_told_today_and_harms_nothing(own: Prepared, rollback: Scenario) -> None:
    ground = own.plot.lay("rollback")
    before = value(own.plot, lambda: shortage.lived(ground, rollback))
    value(own.plot, lambda: shortage.release_is_gone(ground))

    told, refused = (value(own.plot, act) for act in (lambda: ground.nbpromote("doctor"), lambda: rollback.run(ground)))

    assert told.returncode == 1
    assert "cannot be put back" in told.stdout
    assert refused.returncode in (1, 3), refused.stdout + refused.stderr
    assert "gone from the store" in refused.stderr
    now = value(own.plot, lambda: shortage.lived(ground, rollback))
    assert before is not None
    assert now is not None
    assert now.run == before.run


@pytest.mark.parametrize("delete", [*DELETED, *LOST], ids=lambda delete: delete.__name__.replace("_", " "))
def test_plan_and_doctor_say_today_whether_a_rollback_would_work(
    delete: Callable[[Ground], None], own: Prepared
) -> None:
    """Where the store has what is needed it would, whatever was deleted at MLflow; else it is named what is lost."""
    ground = own.plot.lay("rollback")
    value(own.plot, lambda: delete(ground))

    said = value(own.plot, lambda: shortage.ways_back(ground))

    wanted = Outcome.FAILED if delete in LOST else Outcome.PASSED
    assert [one.outcome for one in said] == [wanted, wanted], said
    assert all(("cannot be put back" in one.summary) is (delete in LOST) for one in said), said
