"""From one environment to the next: run or carry releases there, ask the gates, make them live, or wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nbpromote import gate, release
from nbpromote.errors import Refused
from nbpromote.model import (
    Candidate,
    Decision,
    Deployment,
    Environment,
    Event,
    Gate,
    Move,
    Outcome,
    Plan,
    Promotion,
    Standing,
)
from nbpromote.project import Project
from nbpromote.workflow.evidence import performing, witnessing
from nbpromote.workflow.evidence.performing import Watch
from nbpromote.workflow.promotion import (
    applying,
    authorship,
    beginning,
    claiming,
    finishing,
    overriding,
    sealing,
    waiting,
)
from nbpromote.workflow.promotion.bringing import Brought, bring
from nbpromote.workflow.promotion.planning import choose, plan_of
from nbpromote.workflow.promotion.releasing import deployment_of
from nbpromote.workflow.promotion.returning import put_back
from nbpromote.workflow.site import Site


def promote(
    project: Project,
    names: Sequence[str] = (),
    *,
    to: str | None = None,
    reason: str = "",
    plan: str = "",
    watch: Watch | None = None,
) -> Promotion:
    """Bring releases into an environment together: run or copy them there, ask the gates, make them live, verify them.

    A refusal is a value, and is written into the ledger; so is a promotion that waits. `plan` is the digest of the
    plan that is meant, or its beginning. Raises `LostRace` when somebody else moved one of the notebooks meanwhile,
    `Refused` for a stale plan.
    """
    site = Site(project)
    performing.close_killed(site)
    site.catch_up()
    sources, target = choose(site, names, to)
    finished = [event for source in sources if (event := finishing.resume(site, target, source.notebook))]
    planned = plan_of(site, sources, target)
    if (done := _finished(finished, planned)) is not None:
        return put_back(site, done)
    if plan and not planned.digest.startswith(plan):
        raise Refused(
            "the plan is stale: what it stands on has moved since; nothing was changed",
            hint="look at nbpromote plan again, and promote that",
        )
    if not planned.allowed:
        return Promotion(plan=planned)
    if (again := applying.already(site, "promote", planned)) is not None:
        return put_back(site, again)
    fresh = tuple(s for s, move in zip(sources, planned.moves, strict=True) if not move.stands)
    if len(fresh) < len(sources):  # the others are there as they would come
        sources, planned = fresh, plan_of(site, fresh, target)
    return _promote(site, planned, sources, reason=reason, watch=watch)


def _finished(events: Sequence[Event], planned: Plan) -> Promotion | None:
    """What a killed command had begun and this one has just finished, where it was the same promotion."""
    for event in events:
        if set(event.digests) == {move.release for move in planned.moves}:
            note = "finished what an earlier command had begun"
            done = Promotion(plan=replace(planned, unmet=(), waits=()))
            return applying.ended(done, event.deployments, {}, attempt=event.attempt, note=note)
    return None


def _promote(
    site: Site, planned: Plan, sources: Sequence[Deployment], *, reason: str, watch: Watch | None
) -> Promotion:
    state = site.ledger.state(planned.target)
    expected = {source.notebook: state[source.notebook] for source in sources}
    for source in sources:
        if source.model:  # called now, so that it is ready when the model has gone live
            witnessing.witness(source.kernel, source.pass_env)
    attempt = claiming.new_attempt()
    with beginning.told(site, planned, attempt=attempt, reason=reason):
        promotion = replace(_judged(site, planned, sources, expected, watch=watch), attempt=attempt)
        if promotion.state != "waiting":
            _write_refusal(site, promotion)
            return promotion
        if waits := waiting.waits(site, promotion):
            return waiting.request(site, replace(promotion, waits=waits), expected=expected, reason=reason)
        done = applying.apply(site, "promote", promotion, expected=expected, reason=reason)
    return put_back(site, done)


def _judged(
    site: Site, planned: Plan, sources: Sequence[Deployment], expected: Mapping[str, Standing], *, watch: Watch | None
) -> Promotion:
    """Every candidate in its turn, as long as the gates take them; one that they refuse stops those behind it."""
    brought = Brought()
    candidates: list[Candidate] = []
    for move, source in zip(planned.moves, sources, strict=True):
        over = overriding.passed_over(site, planned, move)
        candidate = _candidate(site, move, source, expected[move.notebook].live, brought, watch, over)
        candidates.append(candidate)
        if candidate.decision is None or not candidate.decision.allowed:
            break
        brought.add(candidate)
    decisions = [candidate.decision for candidate in candidates if candidate.decision]
    overrides = overriding.used(decisions)
    return Promotion(plan=planned, candidates=tuple(candidates), state=_state(decisions), overrides=overrides)


def _candidate(
    site: Site,
    move: Move,
    source: Deployment,
    live: Deployment | None,
    brought: Brought,
    watch: Watch | None,
    overridden: Mapping[Gate, str],
) -> Candidate:
    """What a release makes of the target, and what the target's gates make of that."""
    sealed = release.whole(site.store, move.release)
    environment = site.environment(move.target, move.notebook, sealed.schema)
    evidence = bring(site, source, sealed, environment, live, strategy=move.strategy, brought=brought, watch=watch)
    decision = gate.decide(evidence, move.gates, live=live, environment=move.target, overridden=overridden)
    kept = (
        sealing.keep(site, evidence, strategy=move.strategy)
        if decision.allowed
        else sealing.keep_evidence(site, evidence)
    )
    deployment = deployment_of(sealed, evidence, strategy=move.strategy, kept=kept)
    deployment = replace(deployment, authors=authorship.of(site, move).names, trusted=site.trusted.commit)
    return Candidate(
        move=move, evidence=evidence, decision=decision, deployment=_given(deployment, environment, move.strategy)
    )


def _given(deployment: Deployment, environment: Environment, strategy: str) -> Deployment:
    """With what runs of it get here: the record of a model that is copied says what it was made with below."""
    if strategy != "copy":
        return deployment
    return replace(
        deployment, parameters=environment.parameters, inputs=environment.inputs, outputs=environment.outputs
    )


def _state(decisions: Sequence[Decision]) -> str:
    """`waiting` is what every gate has let in; otherwise the reason why one has not."""
    if all(decision.allowed for decision in decisions):
        return "waiting"
    outcomes = {verdict.outcome for decision in decisions for verdict in decision.verdicts if verdict.refuses}
    outcomes |= {check.outcome for decision in decisions for check in decision.checks if check.outcome.blocks}
    if Outcome.FAILED in outcomes or not outcomes:
        return "refused"
    return "errored" if Outcome.ERRORED in outcomes else "inconclusive"


def _write_refusal(site: Site, promotion: Promotion) -> None:
    """With all that was seen, so that others may ask why."""
    decisions = tuple(c.decision for c in promotion.candidates if c.decision)
    event = site.event(
        "promote",
        promotion.state,
        promotion.plan.target,
        attempt=promotion.attempt,
        deployments=promotion.deployments,
        decisions=decisions,
        reason="; ".join(reason for decision in decisions for reason in decision.unmet),
    )
    site.ledger.append(event, expect=lambda _state: None)
