"""Values and changes against the bounds of a gate: a point lies within or not, an interval may also lie across."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nbpromote.model import Contest, Gate, Outcome, Verdict

Spell = Callable[[float], str]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a gate looks at. `low` and `high` bound the change; of a point both are the change itself."""

    name: str
    value: float
    live: float
    low: float
    high: float
    contest: Contest | None = None
    spell: Spell = "{:.6g}".format


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Of a change, candidate minus live: it is not above the limit, nor below a `floor`; `strict`: nor at it."""

    said: str
    limit: float
    floor: bool = False
    strict: bool = False

    def outcome(self, low: float, high: float) -> Outcome:
        """Passed where the whole interval is within, failed where the whole of it is not."""
        limit = self.limit
        if self.floor:
            low, high, limit = -high, -low, -limit
        if high < limit or (high == limit and not self.strict):
            return Outcome.PASSED
        if low > limit or (low == limit and self.strict):
            return Outcome.FAILED
        return Outcome.INCONCLUSIVE


def absolute(gate: Gate, name: str, seen: float, *, spell: Spell = "{:.6g}".format, more: str = "") -> Verdict:
    broken = []
    if gate.max is not None and seen > gate.max:
        broken.append(f"above the limit of {spell(gate.max)}")
    if gate.min is not None and seen < gate.min:
        broken.append(f"below the limit of {spell(gate.min)}")
    outcome = Outcome.FAILED if broken else Outcome.PASSED
    return verdict(gate, outcome, f"{name} is {spell(seen)}{more}, {' and '.join(broken) or 'within limits'}", seen)


def change(gate: Gate, seen: Seen) -> Verdict:
    """Change is candidate minus live; relative bounds are shares of |live|, so nothing is relative to zero."""
    live, moved = seen.live, seen.value - seen.live
    share = f" ({moved / abs(live):+.1%})" if live else ""
    told = f"{seen.name} is {seen.spell(seen.value)} against {seen.spell(live)} live{share}{_interval(seen)}"
    unsaid = _unsaid(gate, live)
    if unsaid:
        return verdict(gate, Outcome.INCONCLUSIVE, f"{told}: {unsaid}", seen.value, live, seen.contest)
    outcomes = [(bound, bound.outcome(seen.low, seen.high)) for bound in _bounds(gate, abs(live))]
    for outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE):
        wrong = " and ".join(bound.said for bound, found in outcomes if found is outcome)
        if wrong:
            unclear = "too little to tell: " if outcome is Outcome.INCONCLUSIVE else ""
            return verdict(gate, outcome, f"{told}, {unclear}{wrong}", seen.value, live, seen.contest)
    return verdict(gate, Outcome.PASSED, f"{told}, within limits", seen.value, live, seen.contest)


def _interval(seen: Seen) -> str:
    contest = seen.contest
    if contest is None:
        return ""
    if contest.confidence is None:
        return f" over {contest.rows} rows"
    sure = f"{contest.confidence * 100:.4g} %"
    return f", {sure} sure of a change between {seen.low:+.4g} and {seen.high:+.4g} over {contest.rows} rows"


def _unsaid(gate: Gate, live: float) -> str:
    """Why a demand for more cannot be judged; empty where it can."""
    gains = gate.min_absolute_change is not None or gate.min_relative_change is not None
    if gate.upwards is None and (gains or not _allowances(gate)):
        return f"whether more of {gate.metric} is better is not known; greater_is_better says so"
    return "no gain is relative to a live value of 0" if gate.min_relative_change is not None and not live else ""


def _bounds(gate: Gate, size: float) -> Iterator[Bound]:
    """`size` is |live|. A gate that names no bound demands what is better, by however little."""
    allowed = _allowances(gate)
    for part, bound in allowed.items():
        limit = bound * size if "relative" in part else bound
        floor = part.endswith("decrease")
        said = f"{part.replace('max_', '').replace('_', ' ')} of at most {bound:g} allowed"
        yield Bound(said=said, limit=-limit if floor else limit, floor=floor)
    up = bool(gate.upwards)
    gains = {"": gate.min_absolute_change, "relative ": gate.min_relative_change}
    for kind, gain in gains.items():
        if gain is not None:
            limit = gain * size if kind else gain
            said = f"{kind}{'increase' if up else 'decrease'} of at least {gain:g} demanded"
            yield Bound(said=said, limit=limit if up else -limit, floor=up)
    if not allowed and not any(gain is not None for gain in gains.values()):
        yield Bound(said="better than live demanded", limit=0, floor=up, strict=True)


def _allowances(gate: Gate) -> dict[str, float]:
    parts = ("max_increase", "max_decrease", "max_relative_increase", "max_relative_decrease")
    bounds = {part: getattr(gate, part) for part in parts}
    return {part: bound for part, bound in bounds.items() if bound is not None}


def verdict(
    gate: Gate,
    outcome: Outcome,
    reason: str,
    seen: float | None = None,
    live: float | None = None,
    contest: Contest | None = None,
) -> Verdict:
    where = f" [{gate.where}]" if gate.where else ""
    return Verdict(gate=gate, outcome=outcome, reason=reason + where, seen=seen, live=live, contest=contest)
