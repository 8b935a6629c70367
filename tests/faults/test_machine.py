"""Whatever is done to an environment in whatever order, crashes and people at MLflow included, the promises hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from mlflow.exceptions import MlflowException

from faults import judging, lanes, places
from faults.forks import forked
from faults.killing import inside, value
from faults.lanes import Tally
from faults.wares import NAME, Wares, promoted
from nbpromote import clock, ledger
from nbpromote.errors import Refused, Usage
from nbpromote.model import Attempt, State
from nbpromote.track import CHAMPION
from nbpromote.track.store import client
from nbpromote.workflow.promotion import holding, returning
from nbpromote.workflow.site import Site

NUMBERS = st.integers(0, 2)


@dataclass(frozen=True)
class Step:
    """What one act came to, between two looks at the ledger."""

    before: State
    said: str
    after: State
    faults: list[str]

    @property
    def moved(self) -> bool:
        return _live(self.before) != _live(self.after)


class Environment(RuleBasedStateMachine):
    """One environment, its ledger in git and its registry in MLflow. Every act is a process of its own."""

    wares: Wares
    env = "staging"
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.ground = self.wares.plot.lay("machine")
        self.hours = 0
        self.meddled = False

    # -- what people do -----------------------------------------------------------------------------------------------

    @rule(number=NUMBERS)
    def promote(self, number: int) -> None:
        source = self.wares.sources[number]
        step = self.act(lambda: promoted(self.ground, self.wares.commits[number], source, self.env))
        standing = step.before[NAME]
        if step.before.frozen or standing.held or source.release in standing.holds:
            assert not claims(step.after)
            assert claims(step.before) or not step.moved, step.said
        else:
            assert _live(step.after) == source.release, step.said

    @rule()
    def roll_back(self) -> None:
        step = self.act(lambda: returning.rollback(self.ground.project, [NAME], env=self.env).state)
        before, after = step.before[NAME], step.after[NAME]
        if claims(step.before) or (before.live and before.live.state != "verified"):
            return  # what a crash had begun was ended first
        if before.back is None:
            assert not step.moved, step.said
        else:
            assert _live(step.after) == before.back.release, step.said
            assert before.live is not None
            assert before.live.release in after.holds

    @rule(number=NUMBERS)
    def hold(self, number: int) -> None:
        self.still(lambda: holding.hold(self.ground.project, self.wares.sources[number].alias, env=self.env))

    @rule(number=NUMBERS)
    def unhold(self, number: int) -> None:
        self.still(lambda: holding.unhold(self.ground.project, self.wares.sources[number].alias, env=self.env))

    @rule()
    def freeze(self) -> None:
        assert self.still(lambda: holding.freeze(self.ground.project, env=self.env)).after.frozen

    @rule()
    def thaw(self) -> None:
        assert not self.still(lambda: holding.thaw(self.ground.project, env=self.env)).after.frozen

    @rule()
    def repair(self) -> None:
        self.act(lambda: self.ground.nbpromote("doctor", "--repair").stdout, mends=True)

    # -- what happens to it -------------------------------------------------------------------------------------------

    @rule(number=NUMBERS, at=st.floats(0, 0.999))
    def crash(self, number: int, at: float) -> None:
        place = self.wares.places[int(at * len(self.wares.places))]
        source, commit = self.wares.sources[number], self.wares.commits[number]

        def promote() -> str:
            places.killed_at(self.ground.root, place)
            return self.told(lambda: promoted(self.ground, commit, source, self.env))

        ended = forked(inside(self.wares.plot, promote))
        assert not ended.error, ended.error
        self.look()

    @rule(hours=st.integers(-48, 48))
    def clock_jumps(self, hours: int) -> None:
        self.hours += hours

    @rule()
    def somebody_moves_the_alias(self) -> None:
        self.meddle(_move_alias)

    @rule()
    def somebody_deletes_the_version(self) -> None:
        self.meddle(lambda mlflow, name, mine: mlflow.delete_model_version(name, mine))

    def meddle(self, do: Callable[[Any, str, str], None]) -> None:
        def act() -> str:
            live = Site(self.ground.project).ledger.state(self.env)[NAME].live
            if live is not None and live.model is not None:
                with suppress(MlflowException):  # it is gone already
                    do(client(live.tracking_uri), live.model.name, live.model.version)
            return ""

        self.meddled = True
        self.act(act)

    # -- what holds after each ----------------------------------------------------------------------------------------

    def still(self, act: Callable[[], Any]) -> Step:
        """An act that makes nothing live."""
        step = self.act(act)
        assert not step.moved
        return step

    def look(self) -> None:
        self.act(lambda: "")

    def act(self, act: Callable[[], Any], *, mends: bool = False) -> Step:
        step: Step = value(self.wares.plot, lambda: self.acted(act))
        type(self).steps += 1
        self.meddled = self.meddled and not mends and not step.moved
        if self.meddled:
            step.faults.clear()
        assert step.faults == [], step.said
        assert not (mends and claims(step.after))
        return step

    def acted(self, act: Callable[[], Any]) -> Step:
        clock.now = lambda: clock.spelled(datetime.now(UTC) + timedelta(hours=self.hours))
        before = Site(self.ground.project).ledger.state(self.env)
        said = self.told(act)
        site = Site(self.ground.project)
        after = site.ledger.state(self.env)
        return Step(before, said, after, list(self.faults(site, after)))

    def told(self, act: Callable[[], Any]) -> str:
        try:
            return str(act())
        except (Refused, Usage) as error:
            return str(error)

    def faults(self, site: Site, state: State) -> Iterator[str]:
        """What breaks a promise, whatever went before."""
        if fault := ledger.broken(site.ledger, self.env):
            yield fault
        events = site.ledger.events(self.env)
        if [event.at for event in events] != sorted(event.at for event in events):
            yield "time runs backwards"
        runs = [event.deployments[0] for event in events if event.step == "live" and event.verb != "repair"]
        for one, other in pairwise(runs):
            if other.incumbent != one.run:
                yield f"{other.run} replaces {other.incumbent}, and {one.run} was live"
        live = state[NAME].live
        if live is not None:
            yield from (fault for fault in judging.served(live) if not (claims(state) and "the alias points" in fault))


def _move_alias(mlflow: Any, name: str, mine: str) -> None:
    found = mlflow.search_model_versions(f"name = '{name}'")
    other = next((one.version for one in found if one.version != mine), mine)
    mlflow.set_registered_model_alias(name, CHAMPION, other)


def claims(state: State) -> list[Attempt]:
    """Promotions that are half-way."""
    return [attempt for attempt in state.attempts.values() if attempt.applies]


def _live(state: State) -> str:
    live = state[NAME].live
    return live.release if live else ""


def held(machine: type[Environment], wares: Wares, *, examples: int) -> Tally:
    """How many acts were made, in so many lives of an environment."""
    machine.wares, machine.steps = wares, 0
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=lanes.sized(8, 20),
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Tally(machine.steps, of=machine.steps)


def test_the_promises_hold_whatever_happens_in_whatever_order(wares: Wares) -> None:
    tally = held(Environment, wares, examples=lanes.sized(2, 6))

    lanes.told("acts on a model of ledger and registry, in any order", tally)
