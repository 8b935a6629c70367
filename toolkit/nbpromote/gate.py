"""Decide. Pure: no clock, no disk, no network, so every verdict can be replayed."""

from __future__ import annotations

from collections.abc import Sequence

from nbpromote.model import Decision, Deployment, Evidence, Gate, Mode, Outcome, Verdict, is_metric


def decide(evidence: Evidence, gates: Sequence[Gate], *, live: Deployment | None, environment: str) -> Decision:
    """Ask every gate and every check, and tell all reasons together.

    `live` is the deployment that would be replaced; None where there is no incumbent, so that relative gates are
    not asked.
    """
    asked = [gate for gate in gates if gate.mode is not Mode.OFF]
    verdicts = tuple(_judge(gate, evidence, live) for gate in asked)
    reasons = [verdict.reason for verdict in verdicts if verdict.refuses]
    reasons += _unwritten(evidence, gates)
    reasons += _unproven(evidence, reasons)
    reasons += _leaking(evidence, reasons)
    return Decision(environment=environment, verdicts=verdicts, unmet=tuple(reasons))


def lacks_proof(gates: Sequence[Gate], *, environment: str) -> str:
    """Why gates cannot admit a first deployment: with nothing to compare with, one must be absolute. Else empty."""
    if any(gate.mode is Mode.ENFORCE and not gate.relative for gate in gates):
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
    assert gate.metric is not None
    seen = evidence.metrics.get(gate.metric)
    if seen is None or not is_metric(seen):
        known = ", ".join(sorted(evidence.metrics)) or "none"
        return _verdict(gate, Outcome.INCONCLUSIVE, f"{gate.metric} was not handed out (metrics: {known})")
    if not gate.relative:
        return _judge_bounds(gate, seen)
    if live is None:
        return _verdict(gate, Outcome.SKIPPED, f"{gate.metric}: nothing is live to compare with", seen=seen)
    return _judge_change(gate, seen, live.metrics.get(gate.metric))


# compares with the live deployment above the entry environment, as a relative gate does
_VERSUS_LIVE = "outputs-match"


def _judge_check(gate: Gate, evidence: Evidence, live: Deployment | None) -> Verdict:
    assert gate.check is not None
    check = evidence.check(gate.check)
    if check is None:
        known = ", ".join(check.name for check in evidence.checks)
        return _verdict(gate, Outcome.INCONCLUSIVE, f"there is no check {gate.check!r} (checks: {known})")
    outcome = check.outcome
    if outcome is Outcome.SKIPPED and not (live is None and check.name == _VERSUS_LIVE):
        outcome = Outcome.INCONCLUSIVE  # a gate that names a check wants it answered
    return _verdict(gate, outcome, f"{check.name} {check.outcome}: {check.summary}")


def _judge_bounds(gate: Gate, seen: float) -> Verdict:
    broken = []
    if gate.max is not None and seen > gate.max:
        broken.append(f"above the limit of {gate.max:g}")
    if gate.min is not None and seen < gate.min:
        broken.append(f"below the limit of {gate.min:g}")
    outcome = Outcome.FAILED if broken else Outcome.PASSED
    return _verdict(gate, outcome, f"{gate.metric} is {seen:.6g}, " + (" and ".join(broken) or "within limits"), seen)


def _judge_change(gate: Gate, seen: float, live: float | None) -> Verdict:
    """Change is candidate minus live; relative change divides by |live|, so nothing is relative to zero."""
    if live is None or not is_metric(live):
        return _verdict(gate, Outcome.INCONCLUSIVE, f"the live deployment has no {gate.metric}", seen)
    change = seen - live
    broken = [
        f"{_spelled(part)} {bound:g} allowed"
        for part, bound, value in _changes(gate, change, live)
        if value is None or value > bound
    ]
    share = f" ({change / abs(live):+.1%})" if live else ""
    told = f"{gate.metric} is {seen:.6g} against {live:.6g} live{share}"
    outcome = Outcome.FAILED if broken else Outcome.PASSED
    return _verdict(gate, outcome, f"{told}, {' and '.join(broken) or 'within limits'}", seen, live)


def _changes(gate: Gate, change: float, live: float) -> list[tuple[str, float, float | None]]:
    relative = change / abs(live) if live else (0.0 if change == 0 else None)
    bounds = [
        ("max_increase", gate.max_increase, change),
        ("max_decrease", gate.max_decrease, -change),
        ("max_relative_increase", gate.max_relative_increase, relative),
        ("max_relative_decrease", gate.max_relative_decrease, None if relative is None else -relative),
    ]
    return [(name, bound, value) for name, bound, value in bounds if bound is not None]


def _spelled(bound: str) -> str:
    return bound.replace("max_", "").replace("_", " ") + " of at most"


def _verdict(
    gate: Gate, outcome: Outcome, reason: str, seen: float | None = None, live: float | None = None
) -> Verdict:
    where = f" [{gate.where}]" if gate.where else ""
    return Verdict(gate=gate, outcome=outcome, reason=reason + where, seen=seen, live=live)
