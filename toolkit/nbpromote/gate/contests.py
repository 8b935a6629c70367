"""Gates over rows that both models were scored on: the whole of a table, or the worst slice of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nbpromote.gate.bounds import Seen, absolute, change, verdict
from nbpromote.model import FEWEST_ROWS, Contest, Deployment, Evidence, Gate, Outcome, Verdict, is_metric


def judge(gate: Gate, evidence: Evidence, live: Deployment | None) -> Verdict:
    """A slice with too few rows is listed and not judged; of the others, the worst counts."""
    name = f"{gate.metric} on {gate.on}"
    if gate.relative and live is None:
        return verdict(gate, Outcome.SKIPPED, f"{name}: nothing is live to compare with")
    found = [contest for contest in evidence.contests if _answers(contest, gate)]
    if not found:
        return verdict(gate, Outcome.INCONCLUSIVE, f"{name}: no rows were scored for this gate; run it again")
    judged = [contest for contest in found if not contest.is_small]
    if not judged:
        told = f"{name}: no slice by {gate.by} has {FEWEST_ROWS} rows{_listed(found)}"
        return verdict(gate, Outcome.INCONCLUSIVE, told)
    worst = max((_judge_one(gate, contest, live) for contest in judged), key=_badness)
    return _with_slices(worst, judged, [contest for contest in found if contest.is_small])


def _answers(contest: Contest, gate: Gate) -> bool:
    asked = (gate.metric, gate.on, gate.by or "", gate.confidence)
    return (contest.metric, contest.on, contest.by, contest.confidence) == asked


def _judge_one(gate: Gate, contest: Contest, live: Deployment | None) -> Verdict:
    name = f"{contest.metric} on {contest.on}" + (f" for {contest.by} {contest.of}" if contest.of else "")
    if not is_metric(contest.candidate):
        return _unclear(gate, contest, f"{name}: {contest.trouble or 'the candidate has no score'}")
    assert contest.candidate is not None
    if live is None or not gate.relative:
        scored = absolute(gate, name, contest.candidate, more=f" over {contest.rows} rows")
        return replace(scored, contest=contest)
    if contest.against != live.run:
        was = contest.against or "nothing"
        return _unclear(gate, contest, f"{name}: scored against {was}, and {live.run} is live now; run it again")
    if not is_metric(contest.live):
        return _unclear(gate, contest, f"{name}: {contest.trouble or 'the live model has no score'}")
    assert contest.live is not None
    moved = contest.candidate - contest.live
    low, high = (moved, moved) if gate.confidence is None else (contest.low, contest.high)
    if low is None or high is None or not (is_metric(low) and is_metric(high) and low <= high):
        return _unclear(gate, contest, f"{name}: {contest.trouble or 'the change has no interval'}")
    seen = Seen(name=name, value=contest.candidate, live=contest.live, low=low, high=high, contest=contest)
    return change(gate, seen)


def _unclear(gate: Gate, contest: Contest, reason: str) -> Verdict:
    return verdict(gate, Outcome.INCONCLUSIVE, reason, contest.candidate, contest.live, contest)


_WEIGHT = {Outcome.PASSED: 0, Outcome.INCONCLUSIVE: 1, Outcome.FAILED: 2}


def _badness(verdict: Verdict) -> tuple[int, float]:
    """By its outcome; among equals by the change, or by the value, towards what is worse."""
    gate, contest = verdict.gate, verdict.contest
    value = contest.change if contest and gate.relative else verdict.seen
    up = gate.upwards if gate.upwards is not None else gate.max is None
    return _WEIGHT[verdict.outcome], 0.0 if value is None else -value if up else value


def _with_slices(worst: Verdict, judged: Sequence[Contest], small: Sequence[Contest]) -> Verdict:
    gate = worst.gate
    if not gate.by or not (worst.contest and worst.contest.of):
        return worst
    where = f" [{gate.where}]" if gate.where else ""
    told = f"{worst.reason.removesuffix(where)}; the worst of {len(judged)} by {gate.by}{_listed(small)}{where}"
    return replace(worst, reason=told)


def _listed(small: Sequence[Contest]) -> str:
    """Slices that nothing is said of: `, too few rows in HA (12), OO (3)`."""
    names = [f"{contest.of} ({contest.rows})" for contest in small]
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return f", too few rows in {', '.join(names[:_NAMES])}{more}" if names else ""


_NAMES = 8
