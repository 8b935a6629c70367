"""What a killed command or somebody else left half-way: finished, undone, or put back."""

from __future__ import annotations

from dataclasses import replace

from nbpromote import track
from nbpromote.model import Deployment, Event
from nbpromote.workflow.promotion import beginning, challenging, stood
from nbpromote.workflow.promotion.applying import carry_out
from nbpromote.workflow.promotion.claiming import alone, new_attempt
from nbpromote.workflow.promotion.pointing import model_name, point
from nbpromote.workflow.promotion.publishing import publish_outputs
from nbpromote.workflow.site import Site


def resume(site: Site, environment: str, notebook: str) -> Event | None:
    """Finish what a killed command left half-way: the claim as it ended. None where there is nothing to finish.

    Promotions that never came so far are ended.
    """
    state = site.ledger.state(environment)
    beginning.end_killed(site, state)
    claim = state.applying(notebook)
    if claim is None:
        return None
    with alone(site, claim):
        opened = site.ledger.state(environment).applying(notebook)
        if opened is None:
            return None
        live, _ = carry_out(site, opened)
    return replace(opened, deployments=tuple(live))


def abandon(site: Site, claim: Event, *, reason: str) -> None:
    """Undo a claim that cannot be finished: aliases and outputs are those of what is live, or what stood there."""
    with alone(site, claim):
        state = site.ledger.state(claim.environment)
        if claim.attempt not in state.attempts:
            return
        for notebook in claim.notebooks:
            live = state[notebook].live
            if live is not None:
                publish_outputs(site, live, verb="rollback")
            if live is not None and live.model is not None and live.state != "expired":
                point(site, live, new_attempt())
            elif (left := claim.deployment(notebook)) is not None and left.model is not None:
                _unpoint(site, left)
        reason = "; ".join(filter(None, [reason, stood.put_back(site, claim, state)]))
        challenging.withdraw(site, claim)
        event = site.mine(claim, step="aborted", reason=reason, deployments=(), decisions=())
        site.ledger.append(event, expect=lambda _state: None)
        stood.forget(site, claim.environment)


def _unpoint(site: Site, left: Deployment) -> None:
    """Nothing was live before. What was to be adopted under the very name that it had keeps the alias it had."""
    name, _, version = left.run.removeprefix("models:/").rpartition("/")
    assert left.model is not None
    if left.adopted and name == model_name(site, left.environment, left.notebook):
        track.set_alias(left.tracking_uri, replace(left.model, name=name, version=version))
    else:
        track.drop_alias(left.tracking_uri, model_name(site, left.environment, left.notebook))


def mend(site: Site, live: Deployment) -> Deployment:
    """Put back what was moved or damaged from outside: alias, version and bytes, from ledger and store."""
    assert live.model is not None
    attempt = new_attempt()
    event = site.event("repair", "live", live.environment, attempt=attempt, deployments=(live,))
    with alone(site, event):
        if live.state == "expired":
            track.drop_alias(live.tracking_uri, model_name(site, live.environment, live.notebook))
            return live
        mended = replace(live, model=point(site, live, attempt))
        if mended.model != live.model:
            event = replace(event, deployments=(mended,), reason="model brought back")
            site.ledger.append(event, expect=lambda _state: None)
    return mended
