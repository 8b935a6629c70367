"""What events add up to. Pure: no clock, no git."""

from __future__ import annotations

from dataclasses import replace

from nbpromote.model import Attempt, Consent, Deployment, Event, Freeze, Identity, Standing, State

# what may be gone back to without asking older events; each is a few kilobytes in every state that is written
_STABLE = 10


def fold(state: State, event: Event) -> State:
    """The state after one more event. Pure."""
    overrides = _overrides(state, event)
    state = replace(state, count=state.count + 1, at=event.at, attempts=_attempts(state, event), overrides=overrides)
    if event.verb in ("freeze", "thaw"):
        frozen = Freeze(by=event.actor, at=event.at, reason=event.reason) if event.verb == "freeze" else None
        return replace(state, frozen=frozen)
    notebooks = {notebook: _step(state[notebook], event, notebook) for notebook in event.notebooks}
    changed = {notebook: standing for notebook, standing in notebooks.items() if standing != state[notebook]}
    return replace(state, notebooks={**state.notebooks, **changed}) if changed else state


def _attempts(state: State, event: Event) -> dict[str, Attempt]:
    """Promotions that have not ended. Whatever else is written of one ends it."""
    attempts = dict(state.attempts)
    known = attempts.get(event.attempt)
    if event.step in ("running", "waiting", "intent"):
        attempts[event.attempt] = Attempt(event=event, consents=known.consents if known else ())
    elif known and event.verb in ("approve", "override"):
        attempts[event.attempt] = replace(known, consents=(*known.consents, _consent(event)))
    elif known:
        del attempts[event.attempt]
    return attempts


def _overrides(state: State, event: Event) -> tuple[Event, ...]:
    """Overrides of gates that no promotion has used: each lets its release in once."""
    if event.verb == "override" and event.attempt not in state.attempts:
        return (*state.overrides, event)[-_OVERRIDES:]
    if event.step != "intent" or not state.overrides:
        return state.overrides
    return tuple(one for one in state.overrides if not set(one.releases) <= set(event.digests))


_OVERRIDES = 20  # in every state that is written; whoever overrides more often than promotes has another problem


def _consent(event: Event) -> Consent:
    source, _, detail = event.vouched.partition(" ")
    return Consent(
        by=Identity(name=event.actor, source=source or "git", detail=detail),
        at=event.at,
        bound=event.bound,
        event=event.id,
        overrides=event.overrides,
        reason=event.reason,
    )


def _step(standing: Standing, event: Event, notebook: str) -> Standing:
    deployment = event.deployment(notebook)
    match event.step:
        case "live" if deployment:
            return _live(standing, deployment, event)
        case "verified" | "unverified" | "failed" | "expired" if deployment:
            return _judged(standing, deployment, event)
        case "renewed" if deployment:
            return _renewed(standing, deployment, event)
        case "done" if event.verb in ("hold", "unhold"):
            return _barred(standing, event)
    return standing


def _judged(standing: Standing, deployment: Deployment, event: Event) -> Standing:
    """What was asked of a deployment that is live no more is history, and nothing else."""
    live = standing.live
    if live is None or live.run != deployment.run:
        return standing
    if event.verb == "verify" and event.step == "unverified":
        return standing  # that nobody answers today says nothing of what was verified before
    if live.state == "expired" and event.verb == "verify":
        return standing  # a life that ended is begun again by a promotion
    verified = (live.verified or event.at) if event.step == "verified" else ""
    return replace(standing, live=replace(live, state=event.step, verified=verified))


def _renewed(standing: Standing, deployment: Deployment, event: Event) -> Standing:
    """Of a life that is over, or of what is live no more, nothing goes on."""
    live = standing.live
    if live is None or live.run != deployment.run or live.state != "verified":
        return standing
    return replace(standing, live=replace(live, renewed=event.at))


def _barred(standing: Standing, event: Event) -> Standing:
    """A hold on releases, or on the notebook where none is named."""
    if event.verb == "unhold":
        kept = tuple(held for held in standing.holds if held not in event.releases)
        return replace(standing, holds=kept, held=standing.held if event.releases else "")
    if event.releases:
        return replace(standing, holds=tuple(dict.fromkeys([*standing.holds, *event.releases])))
    return replace(standing, held=event.reason or f"held by {event.actor}")


def _live(standing: Standing, deployment: Deployment, event: Event) -> Standing:
    """What was live and verified becomes a place to go back to, unless going back is what happens."""
    left = standing.live
    stable = tuple(d for d in standing.stable if d.run != deployment.run)
    if event.verb != "rollback" and left and left.state == "verified" and left.run != deployment.run:
        stable = (*stable, left)
    if event.verb == "rollback":
        # only what came before the target stays behind it
        runs = [d.run for d in standing.stable]
        stable = standing.stable[: runs.index(deployment.run)] if deployment.run in runs else stable
    left_release = {left.release} if left else set()
    holds = [held for held in event.holds if held in left_release]
    return replace(
        standing, live=deployment, stable=stable[-_STABLE:], holds=tuple(dict.fromkeys([*standing.holds, *holds]))
    )
