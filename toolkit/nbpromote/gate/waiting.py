"""Say what a promotion still waits for: people, time below, hours. No clock: the moment is handed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from nbpromote import clock, hours, persons
from nbpromote.model import Approvals, Asked, Consent, Identity, Policy, Wait

LIFTED = ("approval", "soak", "window")  # kinds of waits that an override may pass over


def waits(policy: Policy, asked: Asked, consents: Sequence[Consent], *, now: str) -> tuple[Wait, ...]:
    """All that keeps a promotion from going live at an instant, as far as one policy demands it.

    Who may apply is asked of `may_apply`: it is about whoever acts, not about the promotion.
    """
    rules = _Rules(policy, asked, now)
    overrides = [consent for consent in consents if consent.overrides]
    passed_over = lifted(policy, asked, consents, now=now)
    found = [*rules.approvals(consents), *rules.soaks(), *rules.hours()]
    return tuple(rules.with_overrides(wait, overrides) for wait in found if wait.kind not in passed_over)


def lifted(policy: Policy, asked: Asked, consents: Sequence[Consent], *, now: str) -> tuple[str, ...]:
    """What those overrides pass over that count."""
    rules = _Rules(policy, asked, now)
    counted = [consent for consent in consents if consent.overrides and not rules.discounts(consent)]
    return tuple(dict.fromkeys(what for consent in counted for what in consent.overrides))


def discounts(policy: Policy, asked: Asked, consent: Consent, *, now: str) -> str:
    """Why a consent, or an override, does not count at an instant; empty where it does."""
    return _Rules(policy, asked, now).discounts(consent)


def may_apply(policy: Policy, who: Identity) -> str:
    """Why somebody may not make live what all have consented to; empty where they may."""
    if policy.apply != "ci":
        return ""
    appliers = " or ".join(policy.appliers)
    if not _People(policy).is_among(who.name, policy.appliers):
        return f"apply: ci lets {appliers} alone make live, and this is {who.name}"
    if who.source == "git" or (policy.signatures and who.source != "signature"):
        return f"apply: ci lets {appliers} alone make live, and that this is {who.name} {_said(who)}"
    return ""


def _said(who: Identity) -> str:
    """How it is known who somebody is."""
    told = {"git": "is said by git's configuration alone", "ci": "is said by a CI host", "signature": "is signed"}
    return f"{told[who.source]} ({who.detail})" if who.detail else told[who.source]


@dataclass(frozen=True)
class _People:
    """Who is who, and who is in which group."""

    policy: Policy

    @cached_property
    def _aliases(self) -> Mapping[str, frozenset[str]]:
        entries = [entry for group in self.policy.groups.values() for entry in group]
        return persons.aliases([*entries, *self.policy.appliers])

    def person(self, name: str) -> frozenset[str]:
        """All that somebody is known by: two names of one person have some of it in common."""
        known = persons.names(name)
        return known.union(*(self._aliases.get(each, ()) for each in known))

    def is_among(self, name: str, people: Iterable[str]) -> bool:
        who = self.person(name)
        return any(not who.isdisjoint(self.person(entry)) for entry in people)

    def is_in(self, name: str, groups: Sequence[str]) -> bool:
        return any(self.is_among(name, self.policy.groups.get(group, ())) for group in groups)


@dataclass(frozen=True)
class _Rules:
    """One policy, and one promotion at one instant."""

    policy: Policy
    asked: Asked
    now: str

    @cached_property
    def people(self) -> _People:
        return _People(self.policy)

    @cached_property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.now)

    # -- people

    def approvals(self, consents: Sequence[Consent]) -> Iterator[Wait]:
        wanted = self.policy.approvals
        if wanted is None:
            return
        given: list[str] = []
        void = []
        for consent in sorted((one for one in consents if not one.overrides), key=lambda one: (one.at, one.event)):
            name = consent.by.name
            why = self.discounts(consent) or ("they have approved already" if self.people.is_among(name, given) else "")
            if why:
                void.append(f"the approval of {name} does not count: {why}")
            else:
                given.append(name)
        missing = wanted.count - len(given)
        if missing > 0:
            doubt = [self.asked.doubt] if self.asked.doubt else []
            told = [_missing(missing, wanted), *(void or self._bars_every_approval()), *doubt]
            yield Wait(kind="approval", reason="; ".join(told))

    def discounts(self, consent: Consent) -> str:
        """Every reason why what somebody said does not count; empty where it does."""
        barred = self._bars_override(consent) if consent.overrides else self._bars_approval(consent)
        return ", and ".join([*barred, *self._bars_either(consent)])

    def _bars_either(self, consent: Consent) -> Iterator[str]:
        if consent.bound != self.asked.bound:
            yield "what it was given to has changed since"
        if self.policy.signatures and consent.by.source != "signature":
            yield f"that it is them {_said(consent.by)}, where the policy wants a signature"

    def _bars_override(self, consent: Consent) -> Iterator[str]:
        if not self.policy.override:
            yield f"the policy of {self.asked.environment} lets nobody override"
        elif not self.people.is_in(consent.by.name, self.policy.override):
            yield f"they are not in {' or '.join(self.policy.override)}"

    def _bars_approval(self, consent: Consent) -> Iterator[str]:
        name, wanted = consent.by.name, self.policy.approvals or Approvals()
        if self.people.is_among(name, self.asked.authors):
            yield "they wrote the code"
        if self.people.is_among(name, [self.asked.requester.name]):
            yield "they asked for the promotion"
        if wanted.groups and not self.people.is_in(name, wanted.groups):
            yield f"they are not in {' or '.join(wanted.groups)}"
        until = datetime.fromisoformat(consent.at) + timedelta(seconds=wanted.expires or 0)
        if wanted.expires is not None and until <= self.moment:
            yield f"it expired at {clock.spelled(until)}"
        yield from self._bars_every_approval()

    def _bars_every_approval(self) -> Iterator[str]:
        """An approver is to be another person than who asked, so that one has to be known as surely."""
        asking = self.asked.requester
        if self.policy.signatures and asking.source != "signature":
            yield f"that {asking.name} asked for it {_said(asking)}: the request has to be signed too"

    # -- time

    def soaks(self) -> Iterator[Wait]:
        demanded = timedelta(seconds=self.policy.soak)
        for notebook, since in self.asked.below.items() if demanded else ():
            if not since:
                yield Wait(kind="soak", reason=f"{notebook} soaks from when it is verified below, and it is not")
                continue
            until = datetime.fromisoformat(since) + demanded
            if until > self.moment:
                told = f"{notebook} stands verified below since {since}, and {_span(demanded)} are demanded"
                yield Wait(kind="soak", reason=told, until=clock.spelled(until))

    def hours(self) -> Iterator[Wait]:
        closed = hours.closed(self.policy.windows, self.moment)
        if closed:
            opens = hours.opens(self.policy.windows, self.now) or ""
            told = f"closed at this hour: {closed}; " + (f"opens {self._local(opens)}" if opens else "never opens")
            yield Wait(kind="window", reason=told, until=opens)

    def _local(self, instant: str) -> str:
        name = self.policy.windows[0].zone
        local = datetime.fromisoformat(instant).astimezone(hours.zone(name))
        return f"{local:%a %Y-%m-%d %H:%M} {name}"

    def with_overrides(self, wait: Wait, overrides: Sequence[Consent]) -> Wait:
        """The same, with why an override that was meant for it does not lift it."""
        void = [
            f"the override of {consent.by.name} does not count: {self.discounts(consent)}"
            for consent in overrides
            if wait.kind in consent.overrides
        ]
        return Wait(kind=wait.kind, reason="; ".join([wait.reason, *void]), until=wait.until)


def _missing(missing: int, wanted: Approvals) -> str:
    told = f"{missing} of {wanted.count} approval{'s' if wanted.count > 1 else ''} missing"
    whose = f"of {' or '.join(wanted.groups)}" if wanted.groups else "of anybody"
    return f"{told}, {whose} but who wrote the code or asked"


def _span(span: timedelta) -> str:
    """`24h`, as a policy has it: in the largest unit that it is a whole number of."""
    seconds = span.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % length == 0 and seconds > length:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:g}s"
