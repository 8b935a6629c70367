"""What events add up to. Pure: no clock, no git."""

from __future__ import annotations

from dataclasses import replace

from nbpromote.model import Deployment, Event, Standing, State


def fold(state: State, event: Event) -> State:
    """The state after one more event. Pure."""
    notebooks = dict(state.notebooks)
    for notebook in event.notebooks:
        notebooks[notebook] = _step(state[notebook], event)
    return replace(state, notebooks=notebooks, count=state.count + 1, at=event.at)


def _step(standing: Standing, event: Event) -> Standing:
    match event.step:
        case "intent":
            return replace(standing, open=event)
        case "abandoned":
            return replace(standing, open=None)
        case "live":
            assert event.deployment is not None
            return _live(standing, event.deployment, event)
        case "verified" | "unverified" | "failed" if standing.live and standing.live.run == _run(event):
            return replace(standing, live=standing.live.with_state(event.step))
        case "done" if event.verb == "unhold":
            return replace(standing, holds=tuple(held for held in standing.holds if held != event.hold))
    return standing


def _run(event: Event) -> str:
    return event.deployment.run if event.deployment else ""


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
    holds = tuple(dict.fromkeys([*standing.holds, *([event.hold] if event.hold else [])]))
    return Standing(live=deployment, stable=stable, holds=holds, open=None)
