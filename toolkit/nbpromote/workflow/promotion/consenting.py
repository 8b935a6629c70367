"""What people say of a promotion that waits: yes, no, or that something demanded is passed over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nbpromote import clock, gate, persons
from nbpromote.errors import LostRace, NotFound, Refused, Usage, nearest
from nbpromote.model import Attempt, Consent, Event, Heard, Policy, Promotion, State, Wait
from nbpromote.project import Project
from nbpromote.workflow.promotion import challenging, keeping, overriding, waiting
from nbpromote.workflow.promotion.claiming import new_attempt
from nbpromote.workflow.promotion.planning import choose, plan_of
from nbpromote.workflow.site import Site, demanding, people


def approve(project: Project, what: str, *, env: str, reason: str = "") -> Heard:
    """Consent to a promotion that waits. `what` is its notebook, its release or its attempt's id.

    Raises `Refused` where it is not any more what was asked for, and where the consent would not count.
    """
    site = _ready(project, env)
    door = _Door(site, _waiting(site, env, what))
    door.refuse_another()
    said = door.consent(reason=reason)
    mine = persons.names(said.by.name)
    if any(not one.overrides and not mine.isdisjoint(persons.names(one.by.name)) for one in door.counted()):
        return Heard(event=door.attempt.event, waits=door.waits())  # asked twice, it is written once
    door.refuse_void(said, "approval")
    return door.say("approve", "done", bound=door.bound, reason=reason)


def reject(project: Project, what: str, *, env: str, reason: str) -> Heard:
    """End a promotion that waits: it will not go live, and the same release may be asked for again."""
    site = _ready(project, env)
    attempt = _waiting(site, env, what)
    challenging.withdraw(site, attempt.event)
    return _Door(site, attempt).say("reject", "rejected", reason=reason)


def override(
    project: Project, what: str, *, env: str, reason: str, kinds: Sequence[str] = (), gates: Sequence[str] = ()
) -> Heard:
    """Pass over what a promotion waits for (`kinds`: soak, window, approval), or over gates that refused it.

    Of gates it is said before the promotion is asked for again, for this release under this policy, and holds once.
    Order, holds, freezes, secrets, places that others protect and proof that every cell ran are never passed over.
    """
    if bool(kinds) == bool(gates):
        raise Usage(
            "say what is passed over: gates, or what a promotion waits for",
            hint='--gate "mae at most 13.5", or any of --soak, --window, --approvals',
        )
    site = _ready(project, env)
    if gates:
        return _override_gates(site, what, env, gates, reason)
    door = _Door(site, _waiting(site, env, what))
    door.refuse_another()
    waited = [wait.kind for wait in door.waits()]
    for kind in kinds:
        if kind not in waited:
            raise Usage(f"{what} waits for no {kind} in {env}; it waits for {', '.join(waited) or 'nothing'}")
    door.refuse_void(door.consent(reason=reason, overrides=tuple(kinds)), "override")
    return door.say("override", "done", bound=door.bound, reason=reason, overrides=tuple(kinds))


def _ready(project: Project, env: str) -> Site:
    site = Site(project)
    site.catch_up()
    site.require(env)
    if site.ci and not site.ci.by_hand and people.me_in(site, env).source == "ci":
        raise Refused(
            f"this job was started by {site.ci.event or 'an event that is not known'}, which is nobody's consent",
            hint="say it in a job that you start by hand, or on a machine of your own",
        )
    return site


def _waiting(site: Site, env: str, what: str) -> Attempt:
    """The one promotion that is meant."""
    attempts = [attempt for attempt in site.ledger.state(env).attempts.values() if attempt.waits]
    fitting = [attempt for attempt in attempts if _is_called(attempt.event, what)]
    if len(fitting) == 1:
        return fitting[0]
    known = "; ".join(_named(attempt.event) for attempt in attempts)
    if fitting:
        raise Usage(f"{len(fitting)} promotions that wait in {env} are called {what!r}", hint=f"these wait: {known}")
    names = [name for attempt in attempts for name in (*attempt.event.notebooks, *attempt.event.aliases)]
    hint = f"these wait: {known}" if known else f"nothing waits in {env}: nbpromote promote NAME --to {env}"
    raise NotFound(f"no promotion of {what!r} waits in {env}{nearest(what, names)}", hint=hint)


def _is_called(event: Event, what: str) -> bool:
    if what in event.notebooks or what in event.aliases:
        return True
    return len(what) >= 6 and any(name.startswith(what) for name in (event.attempt, *event.digests))


def _named(event: Event) -> str:
    return f"{', '.join(event.notebooks)} {', '.join(event.aliases)} ({event.attempt})"


@dataclass(frozen=True)
class _Door:
    """A promotion that waits, and whoever stands before it."""

    site: Site
    attempt: Attempt

    @property
    def environment(self) -> str:
        return self.attempt.event.environment

    @cached_property
    def promotion(self) -> Promotion:
        return waiting.recalled(self.site, self.attempt)

    @property
    def bound(self) -> str:
        return self.attempt.event.bound

    def policies(self) -> tuple[Policy, ...]:
        return demanding.policies(self.site, self.environment, self.attempt.event.notebooks)

    def waits(self) -> tuple[Wait, ...]:
        return waiting.waits(self.site, self.promotion, self.attempt)

    def refuse_another(self) -> None:
        """Nobody consents to something else than was asked for, nor to what is damaged by now."""
        keeping.read(self.site, self.attempt.event.deployments)
        if moved := waiting.moved_under(self.site, self.promotion, self.attempt.event):
            raise Refused(
                f"{_named(self.attempt.event)} is not any more what was asked for: {moved}; nothing was changed",
                hint=f"nbpromote promote {' '.join(self.attempt.event.notebooks)} --to {self.environment} asks again",
            )

    def consent(self, *, reason: str, overrides: tuple[str, ...] = ()) -> Consent:
        me = people.me_in(self.site, self.environment)
        return Consent(by=me, at=clock.now(), bound=self.bound, overrides=overrides, reason=reason)

    def void(self, consent: Consent) -> tuple[str, ...]:
        """Why a consent does not count for one of the notebooks."""
        about, now = waiting.asked(self.site, self.promotion, self.attempt), clock.now()
        found = (gate.discounts(policy, about, consent, now=now) for policy in self.policies())
        return tuple(dict.fromkeys(why for why in found if why))

    def counted(self) -> list[Consent]:
        return [consent for consent in people.consents(self.site, self.attempt) if not self.void(consent)]

    def refuse_void(self, consent: Consent, what: str) -> None:
        if what == "approval" and not any(policy.approvals for policy in self.policies()):
            raise Usage(f"{self.environment} demands no approval of {_named(self.attempt.event)}")
        if why := "; ".join(self.void(consent)):
            raise Refused(
                f"the {what} of {consent.by.name} would not count: {why}; nothing was changed",
                hint=f"{self.site.project.params.name}/{self.environment}.policy.yaml says who may",
            )

    def say(self, verb: str, step: str, **facts: Any) -> Heard:
        """Write it down, as long as the promotion still waits."""
        event = self.site.event(
            verb,
            step,
            self.environment,
            attempt=self.attempt.event.attempt,
            notebooks=self.attempt.event.notebooks,
            releases=self.attempt.event.digests,
            **facts,
        )
        after = self.site.ledger.append(event, expect=_still(self.attempt))
        now = after.attempts.get(event.attempt)
        return Heard(event=event, waits=_Door(self.site, now).waits() if now else ())


def _still(attempt: Attempt) -> Callable[[State], None]:
    def expect(state: State) -> None:
        known = state.attempts.get(attempt.event.attempt)
        if known is None or known.applies:
            how = "is going live already" if known else "has ended meanwhile"
            raise LostRace(f"{_named(attempt.event)} {how}; nothing was changed", hint="nbpromote history says how")

    return expect


# -- gates -------------------------------------------------------------------------------------------------------------


def _override_gates(site: Site, what: str, env: str, gates: Sequence[str], reason: str) -> Heard:
    sources, target = choose(site, [what], env)
    planned = plan_of(site, sources, target)
    move = planned.moves[0]
    policy = site.policy(target, move.notebook)
    about = overriding.bound(planned, move)
    words = tuple(overriding.meant(move, said) for said in gates)
    me = people.me_in(site, target)
    consent = Consent(by=me, at=clock.now(), bound=about, overrides=words, reason=reason)
    if why := overriding.discounts(policy, target, consent):
        raise Refused(
            f"the override of {me.name} would not count: {why}; nothing was changed",
            hint=f"{site.project.params.name}/{target}.policy.yaml says who may",
        )
    event = site.event(
        "override",
        "done",
        target,
        attempt=new_attempt(),
        notebooks=(move.notebook,),
        releases=(move.release,),
        bound=about,
        overrides=words,
        reason=reason,
    )
    site.ledger.append(event, expect=lambda _state: None)
    return Heard(event=event, asks=True)
