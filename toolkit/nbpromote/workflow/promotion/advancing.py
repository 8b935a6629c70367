"""Whatever is due by now: claims to finish, lives that end, promotions that waited, and those that nobody asks for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from nbpromote import clock
from nbpromote.model import Deployment, Event, Promotion, State
from nbpromote.project import Project
from nbpromote.workflow.promotion import claiming, finishing
from nbpromote.workflow.promotion.ordering import in_order
from nbpromote.workflow.promotion.planning import plan_of
from nbpromote.workflow.promotion.promoting import promote
from nbpromote.workflow.promotion.verifying import verify
from nbpromote.workflow.promotion.waiting import look_again
from nbpromote.workflow.site import Site


def advance(project: Project, *, env: str | None = None) -> tuple[Promotion, ...]:
    """Apply, verify, end or expire whatever is due by now, in one environment or in all, below first.

    Where the policy says `auto`, what is verified below is promoted. Asked twice, nothing happens twice. What is not
    due is told as well, with what it waits for.
    """
    site = Site(project)
    site.catch_up()
    environments = [site.require(env)] if env else list(site.environments)
    return tuple(done for environment in environments for done in _advance(site, environment))


def _advance(site: Site, environment: str) -> Iterator[Promotion]:
    for claim in _claims(site, environment):
        finishing.resume(site, environment, claim.notebooks[0])
    for standing in site.ledger.state(environment).notebooks.values():
        if standing.live and standing.live.state == "unverified":
            verify(site, (standing.live,), verb="promote", attempt=claiming.new_attempt())
    _expire(site, environment)
    for attempt in [a for a in site.ledger.state(environment).attempts.values() if not a.applies]:
        yield look_again(site, attempt)
    yield from _unasked(site, environment)


def _claims(site: Site, environment: str) -> list[Event]:
    return [attempt.event for attempt in site.ledger.state(environment).attempts.values() if attempt.applies]


def _expire(site: Site, environment: str) -> None:
    """End what has been live for as long as its policy lets it: nothing may be scored with it any more."""
    for live in _live(site.ledger.state(environment)):
        span = site.policy(environment, live.notebook).expires
        if span is None or live.state != "verified" or clock.after(live.verified, span) > clock.now():
            continue
        attempt, reason = claiming.new_attempt(), f"it was verified {live.verified}, and its time is over"
        event = site.event("expire", "expired", environment, attempt=attempt, deployments=(live,), reason=reason)
        site.ledger.append(event, expect=lambda _state: None)


def _live(state: State) -> tuple[Deployment, ...]:
    return tuple(standing.live for standing in state.notebooks.values() if standing.live)


def _unasked(site: Site, environment: str) -> Iterator[Promotion]:
    """What the policy promotes by itself, each release once: what was refused is asked for by a person."""
    wanted = (source for source in _verified_below(site, environment) if _is_new(site, environment, source))
    for source in in_order(site, tuple(wanted), environment):
        if plan_of(site, (source,), environment).allowed:
            yield promote(site.project, [source.release], to=environment, reason="the policy says auto")


def _verified_below(site: Site, environment: str) -> Iterator[Deployment]:
    for below in site.policy(environment, "").promotes_from:
        for live in _live(site.ledger.state(below)):
            if live.state == "verified" and site.policy(environment, live.notebook).auto:
                yield live


def _is_new(site: Site, environment: str, source: Deployment) -> bool:
    """Whether nobody, person or policy, has tried this release here since it went live below."""
    since = takewhile(lambda event: event.at >= source.since, reversed(site.ledger.events(environment)))
    return not any(source.release in event.digests for event in since)
