"""Numbers to positions on a line, for the page to draw. Pure: percentages out, no SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nbpromote.model import Contest, Gate, is_metric
from nbpromote.report import words

_AIR = 0.09  # of the line, at both ends


class Scale:
    """A line that holds every value, with air at both ends. Values that are no finite numbers do not count."""

    def __init__(self, values: Iterable[float | None]) -> None:
        held = [value for value in values if value is not None and is_metric(value)]
        self._unit = max(map(abs, held), default=0.0) or 1.0  # so that the largest numbers there are have a distance
        low, high = min(held, default=0.0) / self._unit, max(held, default=0.0) / self._unit
        air = (high - low or 1.0) * _AIR
        self._low, self._span = low - air, high - low + 2 * air

    def at(self, value: float) -> float:
        share = (value / self._unit - self._low) / self._span
        return round(100 * min(max(share, 0.0), 1.0), 2)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A value that a gate lets nothing past, where it stands, and whether the candidate is past it."""

    label: str
    side: str  # max or min
    at: float
    broken: bool

    @property
    def start(self) -> float:
        """Of the ground that is out of bounds."""
        return self.at if self.side == "max" else 0.0

    @property
    def length(self) -> float:
        return round(100 - self.at if self.side == "max" else self.at, 2)

    @property
    def anchor(self) -> str:
        """Which end of the label stands at the limit, so that it never leaves the picture."""
        return "end" if self.at > 50 else "start"


@dataclass(frozen=True, kw_only=True)
class Span:
    """An interval of confidence, in percent of the line."""

    start: float
    length: float


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Candidate and live on one line, with what the gates allow; `live` is None where there is none."""

    label: str  # what it shows, for those who cannot see it
    candidate: float
    live: float | None = None
    span: Span | None = None
    limits: tuple[Limit, ...] = ()


def drawing(
    label: str,
    candidate: float,
    live: float | None,
    *,
    contest: Contest | None = None,
    gates: Sequence[Gate] = (),
    scale: Scale | None = None,
) -> Drawing:
    """`contest` gives the interval. Without a `scale` the drawing has its own."""
    found = list(dict.fromkeys(bound for gate in gates for bound in bounds(gate, live)))
    ends = interval(contest)
    scale = scale or Scale([candidate, live, *(value for _, value in found), *ends])
    limits = tuple(_limit(side, value, candidate, scale) for side, value in found)
    return Drawing(
        label=label + "".join(f", limit {limit.label}" for limit in limits),
        candidate=scale.at(candidate),
        live=None if live is None else scale.at(live),
        span=_span(ends, scale),
        # from the middle of the picture outwards, so that no label stands on another's line
        limits=tuple(sorted(limits, key=lambda limit: abs(limit.at - 50))),
    )


def interval(contest: Contest | None) -> tuple[float, ...]:
    """Where the candidate lies with that confidence: the bounds of the change, added to the live model's value."""
    if contest is None or contest.live is None or contest.low is None or contest.high is None:
        return ()
    return (contest.live + contest.low, contest.live + contest.high)


def _span(ends: tuple[float, ...], scale: Scale) -> Span | None:
    if not ends:
        return None
    start, end = (scale.at(value) for value in ends)
    return Span(start=start, length=round(max(end - start, 0.4), 2))


def _limit(side: str, bound: float, value: float, scale: Scale) -> Limit:
    sign, broken = ("≤", value > bound) if side == "max" else ("≥", value < bound)
    return Limit(label=f"{sign} {words.number(bound)}", side=side, at=scale.at(bound), broken=broken)


def bounds(gate: Gate, live: float | None) -> list[tuple[str, float]]:
    """A gate's bounds as values of the metric; changes are from the live one, relative ones in |live|."""
    found = [("max", gate.max), ("min", gate.min)]
    if live is not None and is_metric(live):
        found += [
            ("max", _moved(live, gate.max_increase, 1)),
            ("min", _moved(live, gate.max_decrease, -1)),
            ("max", _moved(live, gate.max_relative_increase, abs(live))),
            ("min", _moved(live, gate.max_relative_decrease, -abs(live))),
            *_better(gate, live),
        ]
    return [(side, bound) for side, bound in found if bound is not None and is_metric(bound)]


def _better(gate: Gate, live: float) -> list[tuple[str, float | None]]:
    """How much better than live it must be."""
    up = words.upward(gate.metric or "", (gate,))
    if up is None:
        return []
    side, sign = ("min", 1) if up else ("max", -1)
    return [
        (side, _moved(live, gate.min_absolute_change, sign)),
        (side, _moved(live, gate.min_relative_change, sign * abs(live))),
    ]


def _moved(live: float, allowed: float | None, unit: float) -> float | None:
    return None if allowed is None else live + allowed * unit
