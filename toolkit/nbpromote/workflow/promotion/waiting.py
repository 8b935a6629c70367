"""Promotions that wait for consent or for time: ask for one, look again, apply it when nothing is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from nbpromote import clock, gate, ledger
from nbpromote.errors import LostRace, Refused
from nbpromote.model import (
    Asked,
    Attempt,
    Candidate,
    Deployment,
    Event,
    Promotion,
    Standing,
    State,
    Wait,
    canonical,
    dump,
    sha256,
)
from nbpromote.workflow.promotion import applying, authorship, challenging, claiming, keeping
from nbpromote.workflow.promotion.planning import plan_of
from nbpromote.workflow.promotion.returning import put_back
from nbpromote.workflow.site import Site, demanding, people


def bound(site: Site, promotion: Promotion) -> str:
    """Digest of everything that consent is given to: what was planned, and what each candidate is."""
    return promotion.plan.bound({each.notebook: _as_asked(site, each) for each in promotion.deployments})


def _as_asked(site: Site, deployment: Deployment) -> str:
    """Digest of a candidate with its evidence, model and outputs, but for what going live writes into it.

    Paths count from the project's root, so that every clone comes to the same.
    """
    asked = replace(deployment, incumbent="", since="", verified="", state="", overrides=())
    return sha256(canonical(dump(asked)).replace(f"{site.project.root}/".encode(), b""))


def waits(site: Site, promotion: Promotion, attempt: Attempt | None = None) -> tuple[Wait, ...]:
    """Why a promotion that every gate has let in does not go live now; each reason once.

    Raises `Refused` where signatures count, and the history in which they stand is not what was written.
    """
    if attempt:
        _refuse_rewritten(site, attempt.event.environment)
    about = asked(site, promotion, attempt)
    consents = people.consents(site, attempt) if attempt else ()
    me, plan = people.me_in(site, promotion.plan.target), promotion.plan
    refused = (gate.may_apply(policy, me) for policy in demanding.policies(site, plan.target, plan.notebooks))
    appliers = (Wait(kind="applier", reason=why) for why in dict.fromkeys(refused) if why)
    return (*demanding.waits(site, about, plan.notebooks, consents), *appliers)


def _refuse_rewritten(site: Site, environment: str) -> None:
    """A signature is of a commit, and who may push can write anything else over what that has brought."""
    fault = ledger.broken(site.ledger, environment) if site.policy(environment, "").signatures else None
    if fault:
        told = f"the history of {environment} is not what was written, so no signature in it counts: {fault}"
        raise Refused(told, hint="another clone may have what was written; nbpromote doctor")


def asked(site: Site, promotion: Promotion, attempt: Attempt | None) -> Asked:
    moves, now = promotion.plan.moves, authorship.of_plan(site, promotion.plan)
    noted = (author for deployment in promotion.deployments for author in deployment.authors)
    return Asked(
        environment=promotion.plan.target,
        bound=bound(site, promotion),
        requester=people.requester(site, attempt.event) if attempt else people.me_in(site, promotion.plan.target),
        authors=tuple(dict.fromkeys([*now.names, *noted])),  # this clone may know less than the one that asked
        doubt=now.doubt,
        below={move.notebook: move.below.verified for move in moves if move.below},
    )


def request(site: Site, promotion: Promotion, *, expected: Mapping[str, Standing], reason: str) -> Promotion:
    """Write down what waits, with all that is needed to apply it from anywhere; an older one of the same is superseded.

    Raises `LostRace` when somebody else moved one of the notebooks meanwhile.
    """
    event = site.event(
        "promote",
        "waiting",
        promotion.plan.target,
        attempt=promotion.attempt,
        deployments=tuple(
            replace(d, incumbent=live.run if (live := expected[d.notebook].live) else "") for d in promotion.deployments
        ),
        decisions=tuple(c.decision for c in promotion.candidates if c.decision),
        reason=reason,
        bound=bound(site, promotion),
        overrides=promotion.overrides,
    )

    def unmoved(state: State) -> None:
        claiming.refuse_moved(state, expected, event)

    before = site.ledger.append(event, expect=unmoved)
    challenging.stand(site, event)
    for older in _overtaken(before, event):
        _end(site, older, "superseded", f"by {event.attempt}, {', '.join(event.aliases)}")
    return promotion


def _overtaken(state: State, event: Event) -> Iterator[Attempt]:
    for attempt in state.attempts.values():
        same = set(attempt.event.notebooks) & set(event.notebooks)
        if same and attempt.event.attempt != event.attempt and attempt.waits:
            yield attempt


def _end(site: Site, attempt: Attempt, step: str, reason: str) -> None:
    """A promotion that waited, and will not go live. Whoever was first to end it, or to apply it, is right."""
    challenging.withdraw(site, attempt.event)
    event = site.mine(attempt.event, step=step, reason=reason, deployments=(), decisions=(), bound="")

    def still(state: State) -> None:
        known = state.attempts.get(event.attempt)
        if known is None or known.applies:
            raise LostRace(f"somebody else was first with {', '.join(event.aliases)} in {event.environment}")

    try:
        site.ledger.append(event, expect=still)
    except LostRace:
        return


# -- looking again ----------------------------------------------------------------------------------------------------


def look_again(site: Site, attempt: Attempt) -> Promotion:
    """A promotion that waits, held against what it stands on today: it goes live, waits on, or is superseded.

    What is damaged may be mended: that ends nothing.
    """
    promotion = recalled(site, attempt)
    event = attempt.event
    if moved := moved_under(site, promotion, event):
        _end(site, attempt, "superseded", moved)
        return replace(promotion, state="superseded", note=moved)
    still = waits(site, promotion, attempt)
    if still or not promotion.plan.allowed:
        return replace(promotion, state="waiting", waits=still)
    if damage := keeping.fault(site, *event.deployments):
        return replace(promotion, state="errored", note=f"{damage}; it waits until that is mended")
    state = site.ledger.state(event.environment)
    expected = {name: state[name] for name in event.notebooks}
    done = applying.apply(
        site,
        "promote",
        replace(promotion, overrides=_passed_over(site, promotion, attempt)),
        expected=expected,
        reason=event.reason,
    )
    return put_back(site, done)


def _passed_over(site: Site, promotion: Promotion, attempt: Attempt) -> tuple[str, ...]:
    """What overrides lift: gates before it was asked for, and what it waited for since."""
    about, consents, now = asked(site, promotion, attempt), people.consents(site, attempt), clock.now()
    policies = demanding.policies(site, attempt.event.environment, attempt.event.notebooks)
    lifted = (what for policy in policies for what in gate.lifted(policy, about, consents, now=now))
    return tuple(dict.fromkeys([*attempt.event.overrides, *lifted]))


def recalled(site: Site, attempt: Attempt) -> Promotion:
    """A promotion as the ledger has it, planned again on what is there today."""
    event = attempt.event
    sources = tuple(_below(site, deployment) for deployment in event.deployments)
    planned = plan_of(site, sources, event.environment)
    candidates = tuple(
        Candidate(move=move, decision=event.decision(move.notebook), deployment=event.deployment(move.notebook))
        for move in planned.moves
    )
    return Promotion(plan=planned, candidates=candidates, state="waiting", attempt=event.attempt)


def _below(site: Site, deployment: Deployment) -> Deployment:
    """Where the release stands that is to go live: live or stable below, else as it was when it was asked for."""
    for environment in site.policy(deployment.environment, deployment.notebook).promotes_from:
        standing = site.ledger.state(environment)[deployment.notebook]
        for found in (standing.live, *reversed(standing.stable)):
            if found and found.release == deployment.release:
                return found
    return replace(deployment, environment="", state="gone", verified="")


def moved_under(site: Site, promotion: Promotion, event: Event) -> str:
    """What changed under a promotion that waits, so that it can never go live as it was asked for."""
    planned, reasons = promotion.plan, []
    for move, deployment in zip(planned.moves, event.deployments, strict=True):
        if not move.source:
            reasons.append(f"{deployment.alias} stands in no environment below any more")
        live = move.incumbent.run if move.incumbent else ""
        if live != deployment.incumbent:
            now = move.incumbent.alias if move.incumbent else "nothing"
            reasons.append(f"{now} is live by now, which is not what {deployment.alias} was to replace")
        if move.settings != deployment.settings:
            reasons.append(f"the configuration of {move.notebook} in {event.environment} was edited since its run")
    if not reasons and bound(site, promotion) != event.bound:  # all else that it is bound to was looked at
        reasons.append(f"the policy of {event.environment} was edited since it was asked for")
    return "; ".join(reasons)
