"""Ask every gate and every check, and tell all reasons together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nbpromote.gate import contests
from nbpromote.gate.bounds import Seen, Spell, absolute, change, verdict
from nbpromote.model import Decision, Deployment, Evidence, Gate, Mode, Outcome, Verdict, is_metric, size_told


def decide(
    evidence: Evidence,
    gates: Sequence[Gate],
    *,
    live: Deployment | None,
    environment: str,
    overridden: Mapping[Gate, str] | None = None,
) -> Decision:
    """What the gates and checks say of evidence.

    `live` is the deployment that would be replaced; None where there is no incumbent, so that relative gates are
    not asked. `overridden` are gates that somebody passes over, with who and why: they are asked, and do not refuse.
    """
    asked = [gate for gate in gates if gate.mode is not Mode.OFF]
    verdicts = tuple(_passed_over(_judge(gate, evidence, live), overridden or {}) for gate in asked)
    reasons = [verdict.reason for verdict in verdicts if verdict.refuses]
    reasons += _unwritten(evidence, gates)
    reasons += _unproven(evidence, reasons)
    reasons += _leaking(evidence, reasons)
    asked_anyway = tuple(replace(check, details=()) for check in evidence.checks)
    return Decision(
        environment=environment,
        verdicts=verdicts,
        unmet=tuple(reasons),
        checks=asked_anyway,
        reference=evidence.reference,
    )


def may_be_overridden(gate: Gate) -> bool:
    """Not what proves that anything was run, nor what keeps secrets and other environments' ground."""
    return gate.check not in (_PROOF, _LEAKS, _STAYS)


def _passed_over(verdict: Verdict, overridden: Mapping[Gate, str]) -> Verdict:
    """An override shows wherever the gate does, since it stands in the reason; one that was not needed does not."""
    by = overridden.get(verdict.gate, "")
    if not by or not verdict.refuses or not may_be_overridden(verdict.gate):
        return verdict
    place = f" [{verdict.gate.where}]"  # reports tell it apart, at the end
    said = verdict.reason.removesuffix(place)
    return replace(verdict, overridden=by, reason=f"{said}; {by}{verdict.reason[len(said) :]}")


def lacks_proof(gates: Sequence[Gate], *, environment: str) -> str:
    """Why gates cannot admit a first deployment: with nothing to compare with, one must be absolute. Else empty.

    A budget does not count: what a run took says nothing about what came of it.
    """
    if any(gate.mode is Mode.ENFORCE and not gate.relative and not gate.budget for gate in gates):
        return ""
    return (
        f"nothing is live in {environment} to compare with, and its policy has no absolute gate for this notebook: "
        f"add one, such as {{metric: NAME, max: N}}, to {environment}.policy.yaml"
    )


def _unwritten(evidence: Evidence, gates: Sequence[Gate]) -> list[str]:
    """A check that no gate names is enforced all the same."""
    named = {gate.check for gate in gates if gate.check}
    return [f"{c.name} {c.outcome}: {c.summary}" for c in evidence.unmet if c.name not in named]


def _unproven(evidence: Evidence, told: Sequence[str]) -> list[str]:
    """That every cell ran is asked by no gate and waived by none: without it, nothing else in the evidence counts."""
    check = evidence.check(_PROOF)
    if check is None:
        return [f"there is no proof that every cell ran: the evidence lacks {_PROOF}"]
    reason = f"{check.name} {check.outcome}: {check.summary}"
    proven = check.outcome is Outcome.PASSED
    return [] if proven or any(said.startswith(reason) for said in told) else [reason]


_PROOF = "ran-to-the-end"
_LEAKS = "no-secrets"
_STAYS = "stayed-inside"


def _leaking(evidence: Evidence, told: Sequence[str]) -> list[str]:
    """A secret in what would be published is waived by no gate either."""
    check = evidence.check(_LEAKS)
    if check is None or not check.outcome.blocks:
        return []
    reason = f"{check.name} {check.outcome}: {check.summary}"
    return [] if any(said.startswith(reason) for said in told) else [reason]


def _judge(gate: Gate, evidence: Evidence, live: Deployment | None) -> Verdict:
    if gate.check is not None:
        return _judge_check(gate, evidence, live)
    if gate.budget is not None:
        return _judge_budget(gate, evidence, live)
    if gate.on is not None:
        return contests.judge(gate, evidence, live)
    return _judge_metric(gate, evidence, live)


def _judge_metric(gate: Gate, evidence: Evidence, live: Deployment | None) -> Verdict:
    assert gate.metric is not None
    name, seen = gate.metric, evidence.metrics.get(gate.metric)
    if seen is None or not is_metric(seen):
        known = ", ".join(sorted(evidence.metrics)) or "none"
        return verdict(gate, Outcome.INCONCLUSIVE, f"{name} was not handed out (metrics: {known})")
    if not gate.relative:
        return absolute(gate, name, seen)
    if live is None:
        return verdict(gate, Outcome.SKIPPED, f"{name}: nothing is live to compare with", seen)
    before = live.metrics.get(name)
    if before is None or not is_metric(before):
        return verdict(gate, Outcome.INCONCLUSIVE, f"the live deployment has no {name}", seen)
    return _judge_change(gate, name, seen, before)


def _judge_change(gate: Gate, name: str, seen: float, live: float, spell: Spell = "{:.6g}".format) -> Verdict:
    moved = seen - live
    return change(gate, Seen(name=name, value=seen, live=live, low=moved, high=moved, spell=spell))


# compares with the live deployment above the entry environment, as a relative gate does
_VERSUS_LIVE = "outputs-match"


def _judge_check(gate: Gate, evidence: Evidence, live: Deployment | None) -> Verdict:
    assert gate.check is not None
    check = evidence.check(gate.check)
    if check is None:
        known = ", ".join(check.name for check in evidence.checks)
        return verdict(gate, Outcome.INCONCLUSIVE, f"there is no check {gate.check!r} (checks: {known})")
    outcome = check.outcome
    nothing_to_match = check.name == _VERSUS_LIVE and (live is None or live.adopted)  # a model alone has no outputs
    if outcome is Outcome.SKIPPED and not nothing_to_match:
        outcome = Outcome.INCONCLUSIVE  # a gate that names a check wants it answered
    told = f"{check.name} {check.outcome}: {check.summary}"
    if outcome is Outcome.PASSED and gate.min_count is not None and check.count < gate.min_count:
        return verdict(gate, Outcome.INCONCLUSIVE, f"{told}; it compared {check.count}, {gate.min_count} are demanded")
    return verdict(gate, outcome, told)


_SPELLED: dict[str, Spell] = {"time": "{:.6g} s".format, "memory": size_told, "output": size_told}


def _judge_budget(gate: Gate, evidence: Evidence, live: Deployment | None) -> Verdict:
    """What the run took. Deployments of older versions do not say what theirs did."""
    assert gate.budget is not None
    name, spell = gate.budget, _SPELLED.get(gate.budget, "{:.6g}".format)
    seen = evidence.run.measures.get(name)
    if seen is None or not is_metric(seen):
        return verdict(gate, Outcome.INCONCLUSIVE, f"{name} was not measured in this run")
    if not gate.relative:
        return absolute(gate, name, seen, spell=spell)
    if live is None:
        return verdict(gate, Outcome.SKIPPED, f"{name}: nothing is live to compare with", seen)
    before = live.measures.get(name)
    if before is None or not is_metric(before):
        told = f"what is live does not say what {name} it took: it went live before that was written down"
        return verdict(gate, Outcome.INCONCLUSIVE, f"{told}; give an absolute max until it is replaced", seen)
    return _judge_change(gate, name, seen, before, spell)
