"""The ledger's events and what they add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbpromote.model.releases import Decision, Deployment


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of history.

    `verb` is release, promote, rollback or unhold; `step` is where in it: intent, live, verified, unverified,
    failed, refused, abandoned or done. The events of one attempt share `attempt`. What the gates said is written
    once, with the intent or the refusal.
    """

    id: str
    at: str
    actor: str
    verb: str
    step: str
    environment: str
    notebooks: tuple[str, ...]
    attempt: str
    release: str = ""
    alias: str = ""
    reason: str = ""
    deployment: Deployment | None = None
    decision: Decision | None = None
    hold: str = ""  # a digest that may not come back until it is released
    after: str = ""  # the ledger commit that it stands on
    commit: str = ""  # the one that holds it; filled in when read, never written


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where one notebook stands in one environment.

    `stable` are verified deployments, oldest first, without the live one; `open` is an intent that has not ended.
    """

    live: Deployment | None = None
    stable: tuple[Deployment, ...] = ()
    holds: tuple[str, ...] = ()
    open: Event | None = None

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
    count: int = 0
    head: str | None = None
    at: str = ""

    def __getitem__(self, notebook: str) -> Standing:
        return self.notebooks.get(notebook, Standing())


@dataclass(frozen=True, kw_only=True)
class Status:
    """One cell of the status table."""

    environment: str
    tracking_uri: str
    deployments: tuple[Deployment, ...]
    pending: tuple[str, ...] = ()  # notebooks whose configuration was edited since
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    open: tuple[str, ...] = ()  # notebooks with a promotion left half-way


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
    at: str = ""
    by: str = ""
