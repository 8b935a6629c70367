"""The same where a second person has to consent: nothing goes live that nobody said yes to, in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hypothesis import strategies as st
from hypothesis.stateful import rule

from faults import lanes, places
from faults.forks import forked
from faults.killing import inside
from faults.test_machine import NUMBERS, Environment, Step, claims, held
from faults.verbs import acts_as
from faults.wares import NAME, Wares, promoted
from nbpromote.model import Event, State
from nbpromote.workflow.promotion import advancing, consenting
from nbpromote.workflow.site import Site


class Consented(Environment):
    """An environment whose policy wants one approval. Ada writes the code, asks and advances; Bob may consent."""

    env = "prod"

    @rule(number=NUMBERS)
    def promote(self, number: int) -> None:
        """Asked for; what a crash had begun is ended first."""
        source, commit = self.wares.sources[number], self.wares.commits[number]
        step = self.act(lambda: promoted(self.ground, commit, source, self.env))
        assert claims(step.before) or not step.moved, step.said

    @rule(who=st.sampled_from(("Ada", "Bob")))
    def approve(self, who: str) -> None:
        step = self.says(who, lambda: consenting.approve(self.ground.project, NAME, env=self.env))
        if who == "Ada":
            assert _consents(step.after) <= _consents(step.before), step.said

    @rule()
    def reject(self) -> None:
        step = self.says("Bob", lambda: consenting.reject(self.ground.project, NAME, env=self.env, reason="no"))
        assert len(step.after.attempts) == len(claims(step.after)), step.said

    @rule()
    def advance(self) -> None:
        step = self.act(self._advanced)
        assert not claims(step.after), step.said

    @rule(at=st.floats(0, 0.999))
    def crash(self, at: float) -> None:
        """While what was consented to goes live."""
        place = self.wares.places[int(at * len(self.wares.places))]

        def advance() -> str:
            places.killed_at(self.ground.root, place)
            return self.told(self._advanced)

        ended = forked(inside(self.wares.plot, advance))
        assert not ended.error, ended.error
        self.look()

    def _advanced(self) -> str:
        return str([one.state for one in advancing.advance(self.ground.project, env=self.env)])

    def says(self, who: str, say: Callable[[], object]) -> Step:
        """A word about what waits. Ada stays at the keyboard afterwards."""

        def said() -> str:
            acts_as(self.ground, who)
            try:
                return self.told(say)
            finally:
                acts_as(self.ground, "Ada")

        return self.still(said)

    def faults(self, site: Site, state: State) -> Iterator[str]:
        yield from super().faults(site, state)
        events = list(site.ledger.events(self.env))
        for number, event in enumerate(events):
            if (event.verb, event.step) == ("promote", "live") and not _consented(event, events[:number]):
                yield f"{event.id} went live, and nobody but who asked has consented to just that"


def _consented(live: Event, before: list[Event]) -> bool:
    """Whether the ledger has, for exactly this candidate, what was asked for and somebody else's yes to it."""
    mine = [event for event in before if event.attempt == live.attempt]
    asked = next((event for event in mine if event.step == "waiting"), None)
    if asked is None or [d.run for d in asked.deployments] != [d.run for d in live.deployments]:
        return False
    others = {event.actor for event in mine if event.verb == "approve" and event.bound == asked.bound}
    return asked.digests == live.digests and bool(others - {asked.actor, *(d.author for d in asked.deployments)})


def _consents(state: State) -> set[str]:
    return {consent.event for attempt in state.attempts.values() for consent in attempt.consents}


def test_nothing_goes_live_without_the_consent_that_was_given_to_just_that(wares: Wares) -> None:
    tally = held(Consented, wares, examples=lanes.sized(1, 6))

    lanes.told("acts on the same where a second person has to consent", tally)
