"""Make deployments live: intent, publish, register, alias, read back, live, verify. Each step can be repeated.

The intent in the ledger is the claim; whoever finds one that has not ended finishes it from its record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nbpromote import track
from nbpromote.errors import LostRace
from nbpromote.model import Candidate, Check, Deployment, Event, Plan, Promotion, Standing, State
from nbpromote.workflow.promotion import challenging, stood
from nbpromote.workflow.promotion.claiming import alone, new_attempt, refuse_moved
from nbpromote.workflow.promotion.pointing import point
from nbpromote.workflow.promotion.publishing import publish_outputs
from nbpromote.workflow.promotion.verifying import verify
from nbpromote.workflow.site import Site


def apply(
    site: Site,
    verb: str,
    promotion: Promotion,
    *,
    expected: Mapping[str, Standing],
    reason: str = "",
    holds: tuple[str, ...] = (),
) -> Promotion:
    """Make the deployments of a promotion live together in place of what is expected to be, and say how that ended.

    Raises `LostRace` when somebody else moved one of the notebooks first, `Refused` when the environment was frozen.
    """
    overrides = promotion.overrides
    deployments = tuple(replace(_replacing(d, expected), overrides=overrides) for d in promotion.deployments)
    intent = site.event(
        verb,
        "intent",
        promotion.plan.target,
        attempt=promotion.attempt or new_attempt(),
        deployments=deployments,
        decisions=tuple(c.decision for c in promotion.candidates if c.decision),
        reason=reason,
        holds=holds,
        overrides=overrides,
    )

    def unmoved(state: State) -> None:
        refuse_moved(state, expected, intent)

    for uri in {deployment.tracking_uri for deployment in deployments if deployment.model}:
        track.reach(uri)  # before the claim: who cannot move the alias claims nothing
    with alone(site, intent):
        site.ledger.append(intent, expect=unmoved)
        live, checks = carry_out(site, intent)
    return ended(promotion, live, checks, attempt=intent.attempt)


def _replacing(deployment: Deployment, expected: Mapping[str, Standing]) -> Deployment:
    live = expected[deployment.notebook].live
    return replace(deployment, incumbent=live.run if live else "", state="unverified", verified="")


def ended(
    promotion: Promotion,
    live: Sequence[Deployment],
    checks: Mapping[str, tuple[Check, ...]],
    *,
    attempt: str,
    note: str = "",
) -> Promotion:
    """The promotion with what is live now, and what that was asked."""
    by_name = {deployment.notebook: deployment for deployment in live}
    candidates = tuple(
        replace(c, deployment=by_name[c.move.notebook], verification=checks.get(c.move.notebook, ()))
        if c.move.notebook in by_name
        else c
        for c in promotion.candidates or tuple(Candidate(move=move) for move in promotion.plan.moves)
    )
    states = {deployment.state for deployment in live}
    state = next((state for state in ("failed", "unverified") if state in states), "verified")
    return replace(
        promotion, candidates=candidates, state=state, attempt=attempt, note=note or promotion.note, waits=()
    )


def already(site: Site, verb: str, planned: Plan) -> Promotion | None:
    """The same releases with the same settings go live once; what was left unverified is asked again."""
    if not all(move.stands for move in planned.moves):
        return None
    live = tuple(move.incumbent for move in planned.moves if move.incumbent)
    promotion = Promotion(plan=planned)
    if all(deployment.state == "verified" for deployment in live):
        return ended(promotion, live, {}, attempt="", note="already live; nothing was changed")
    attempt = new_attempt()
    done, checks = verify(site, live, verb=verb, attempt=attempt)
    return ended(promotion, done, checks, attempt=attempt, note="it was live, and not yet verified")


def carry_out(site: Site, intent: Event) -> tuple[tuple[Deployment, ...], dict[str, tuple[Check, ...]]]:
    """Everything between intent and verification; safe to repeat from the start after a kill anywhere."""
    stood.keep(site, intent, site.ledger.state(intent.environment))
    for deployment in intent.deployments:
        publish_outputs(site, deployment, verb=intent.verb)
    placed = tuple(
        replace(deployment, model=point(site, deployment, intent.attempt)) if deployment.model else deployment
        for deployment in intent.deployments
    )
    challenging.withdraw(site, intent)

    def mine(state: State) -> None:
        attempt = state.attempts.get(intent.attempt)
        if attempt is None or not attempt.applies:
            raise LostRace(f"somebody else finished {', '.join(intent.aliases)} in {intent.environment}")

    live = site.mine(intent, step="live", deployments=placed, decisions=())
    state = site.ledger.append(live, expect=mine)
    stood.forget(site, intent.environment)
    now = tuple(d for name in intent.notebooks if (d := state[name].live) is not None)
    return verify(site, now, verb=intent.verb, attempt=intent.attempt)
