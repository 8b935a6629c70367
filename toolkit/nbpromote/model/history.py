"""The ledger's events and what they add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbpromote.model.consent import Consent, Wait
from nbpromote.model.releases import Decision, Deployment


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of history.

    `verb` is what somebody did: adopt, release, promote, rollback, approve, reject, override, hold, unhold, freeze,
    thaw, repair, verify, expire. `step` is where in it. A promotion: waiting, intent, live, then verified, unverified
    or failed; or it ends as refused (a gate or check said no), errored, inconclusive, rejected, aborted or superseded.
    Everything else is done. The events of one attempt share `attempt`, also the consents to it. What the gates said is
    written once, with the first event of an attempt, in the order of `deployments`.
    """

    id: str
    at: str
    actor: str
    verb: str
    step: str
    environment: str
    notebooks: tuple[str, ...]
    attempt: str
    vouched: str = ""  # what says that it was this actor: `git`, `ci URL`, `signature KEY`
    reason: str = ""
    deployments: tuple[Deployment, ...] = ()
    decisions: tuple[Decision, ...] = ()
    aliases: tuple[str, ...] = ()  # of the releases that it is about
    releases: tuple[str, ...] = ()  # those that a hold or a consent is about; none: the notebooks themselves
    holds: tuple[str, ...] = ()  # releases that may not come back after this until it is lifted
    bound: str = ""  # digest of everything that consent is given to
    overrides: tuple[str, ...] = ()  # what an override passes over, in this event or in its attempt
    after: str = ""  # the ledger commit that it stands on
    commit: str = ""  # the one that holds it; filled in when read, never written

    @property
    def digests(self) -> tuple[str, ...]:
        """The releases that it is about."""
        return tuple(dict.fromkeys([*(deployment.release for deployment in self.deployments), *self.releases]))

    def deployment(self, notebook: str) -> Deployment | None:
        return next((deployment for deployment in self.deployments if deployment.notebook == notebook), None)

    def decision(self, notebook: str) -> Decision | None:
        """What the gates said of a notebook, where this event holds it."""
        pairs = zip(self.deployments, self.decisions, strict=False)
        return next((decision for deployment, decision in pairs if deployment.notebook == notebook), None)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A promotion that has not ended: it waits for consent or time, or its application has begun."""

    event: Event  # with the step `waiting` or `intent`
    consents: tuple[Consent, ...] = ()

    @property
    def applies(self) -> bool:
        """Whether its application has begun, so that it can only be finished or undone."""
        return self.event.step == "intent"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What somebody said of a promotion, and what it waits for after that."""

    event: Event
    waits: tuple[Wait, ...] = ()
    asks: bool = False  # it was said before the promotion, which is now to be asked for


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """A stop on one environment."""

    by: str
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where one notebook stands in one environment.

    `stable` are verified deployments, oldest first, without the live one. `holds` are releases that may not go live,
    and `held` says why no release of this notebook may.
    """

    live: Deployment | None = None
    stable: tuple[Deployment, ...] = ()
    holds: tuple[str, ...] = ()
    held: str = ""

    @property
    def back(self) -> Deployment | None:
        """The rollback target: the newest verified deployment before the live one that is not held."""
        live = self.live.release if self.live else ""
        candidates = (d for d in reversed(self.stable) if d.release not in self.holds and d.release != live)
        return next(candidates, None)


@dataclass(frozen=True, kw_only=True)
class State:
    """The fold of an environment's events. `head` is the ledger commit it stands on."""

    environment: str
    notebooks: Mapping[str, Standing] = field(default_factory=dict)
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    overrides: tuple[Event, ...] = ()  # of gates, for promotions that are still to be asked for
    frozen: Freeze | None = None
    count: int = 0
    head: str | None = None
    at: str = ""

    def __getitem__(self, notebook: str) -> Standing:
        return self.notebooks.get(notebook, Standing())

    def applying(self, notebook: str) -> Event | None:
        """The claim on a notebook that has not ended."""
        claims = (attempt.event for attempt in self.attempts.values() if attempt.applies)
        return next((event for event in claims if notebook in event.notebooks), None)

    def waiting(self, notebook: str) -> tuple[Attempt, ...]:
        """Promotions of a notebook that wait, oldest first."""
        return tuple(a for a in self.attempts.values() if not a.applies and notebook in a.event.notebooks)


@dataclass(frozen=True, kw_only=True)
class Status:
    """One cell of the status table. `waits` says by attempt what each promotion that waits lacks."""

    environment: str
    tracking_uri: str
    deployments: tuple[Deployment, ...]
    pending: tuple[str, ...] = ()  # notebooks whose configuration was edited since
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    open: tuple[str, ...] = ()  # notebooks with a promotion left half-way
    alone: bool = False  # the remote that is to share the history does not have it
    due: Mapping[str, str] = field(default_factory=dict)  # notebooks to be looked at again, and since when
    waiting: tuple[Attempt, ...] = ()
    waits: Mapping[str, tuple[Wait, ...]] = field(default_factory=dict)
    frozen: Freeze | None = None


@dataclass(frozen=True, kw_only=True)
class Board:
    """The status of every environment. `as_of` is when the remote was last heard; empty: never."""

    rows: tuple[Status, ...]
    as_of: str
    silent: str = ""  # why the remote was not heard just now

    @property
    def stale(self) -> bool:
        return bool(self.silent)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A decision, and what it was about. Without an `attempt` it was taken when somebody asked."""

    notebook: str
    run: str
    decision: Decision
    alias: str = ""
    release: str = ""
    verb: str = ""
    attempt: str = ""
    ended: str = ""  # the last step of the attempt
    said: tuple[str, ...] = ()  # by people: who approved, rejected or overrode, and why
    at: str = ""
    by: str = ""

    @property
    def adopted(self) -> bool:
        """Whether nothing was decided, since it was live already: its decision has neither gates nor checks."""
        return self.verb == "adopt"
