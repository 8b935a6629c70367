"""The alias `challenger` at MLflow: on the model of a promotion that waits to go live. Nothing here rests on it.

It is set when the ledger has the attempt, and taken away before the attempt ends: what is not promoted any more never
has it. Whoever is killed in between, or finds no server, leaves a promotion without it, which `doctor` mends; no
promotion fails for the lack of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from nbpromote import track
from nbpromote.errors import Unavailable
from nbpromote.model import Deployment, Event, Model, Outcome, State
from nbpromote.workflow.promotion.pointing import model_name, registered
from nbpromote.workflow.site import Site, sharing


def stand(site: Site, event: Event) -> None:
    """Let it lead to what a promotion that waits would make the champion."""
    for deployment, model in _models(event):
        with suppress(Unavailable):
            known = registered(site, deployment, model, event.attempt)
            track.set_alias(deployment.tracking_uri, known, track.CHALLENGER)


def withdraw(site: Site, event: Event) -> None:
    """Let it lead nowhere, where it still leads to what this promotion has brought."""
    for deployment, _ in _models(event):
        uri, name = deployment.tracking_uri, model_name(site, deployment.environment, deployment.notebook)
        with suppress(Unavailable):
            if _leads_to(uri, name) == event.attempt:
                track.drop_alias(uri, name, track.CHALLENGER)


def misplaced(site: Site, state: State, notebook: str) -> tuple[Outcome, str] | None:
    """How it is not what the ledger says of a notebook's promotions; None where it is. That it is missing harms nobody.

    Where the history is shared and MLflow is a file of each clone, the one of this clone proves nothing.
    """
    if site.ledger.remote and not sharing.is_shared(site.tracking_uris[state.environment]):
        return None
    name = model_name(site, state.environment, notebook)
    seen, waits = _leads_to(site.tracking_uris[state.environment], name), _waiting(state, notebook)
    if seen is None:
        told = f"{name}@{track.CHALLENGER} is missing, and {', '.join(waits[-1].aliases)} waits" if waits else ""
        return (Outcome.SKIPPED, told) if told else None
    known = seen in state.attempts  # one that is half-way to going live may have it still
    return None if known else (Outcome.FAILED, f"{name}@{track.CHALLENGER} leads to what nobody promotes")


def mend(site: Site, state: State, notebook: str) -> None:
    """Make it what the ledger says; the newest promotion counts."""
    if waits := _waiting(state, notebook):
        stand(site, waits[-1])
    else:
        name = model_name(site, state.environment, notebook)
        track.drop_alias(site.tracking_uris[state.environment], name, track.CHALLENGER)


def _leads_to(uri: str, name: str) -> str | None:
    """The attempt that it belongs to; no store is made to find that there is none."""
    there = all(place.exists() for place in track.places(uri))
    return track.attempt_at(uri, name, track.CHALLENGER) if there else None


def _waiting(state: State, notebook: str) -> list[Event]:
    """Promotions of a model that wait, oldest first."""
    events = (attempt.event for attempt in state.attempts.values() if attempt.waits)
    return [event for event in events if any(each.notebook == notebook for each, _ in _models(event))]


def _models(event: Event) -> Iterator[tuple[Deployment, Model]]:
    """What comes back, is released where work starts, or was live already is no challenger."""
    if event.verb == "promote":
        yield from ((each, each.model) for each in event.deployments if each.model is not None)
