"""Numbers to positions on a line, for the page to draw. Pure: percentages in, percentages out, no SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nbpromote.model import Cell, Gate, Verdict, is_metric, size_told
from nbpromote.report import words

_LOWER = ("mae", "rmse", "mse", "mape", "loss", "error", "dropped")
_HIGHER = ("accuracy", "auc", "f1", "r2", "precision", "recall", "score")


@dataclass(frozen=True, kw_only=True)
class Bar:
    """From `start` over `length`, both in percent of the line."""

    start: float
    length: float


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A value that a gate lets nothing past, where it stands, and whether the candidate is past it."""

    label: str
    at: float
    broken: bool

    @property
    def anchor(self) -> str:
        """Which end of the label stands at the limit, so that it never leaves the picture."""
        return "end" if self.at > 50 else "start"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric of the candidate against the live one, drawn to its own scale."""

    name: str
    value: str
    live: str = ""
    change: str = ""
    mood: str = ""  # better, worse, or nothing where nobody said which way is up
    bar: Bar | None = None
    live_bar: Bar | None = None
    limits: tuple[Limit, ...] = ()

    @property
    def label(self) -> str:
        """What the picture shows, for those who cannot see it."""
        said = [f"{self.name}: candidate {self.value}", f"live {self.live}" if self.live else ""]
        return ", ".join(part for part in [*said, *(f"limit {limit.label}" for limit in self.limits)] if part)


def metrics(candidate: Mapping[str, float], live: Mapping[str, float], verdicts: Sequence[Verdict]) -> list[Metric]:
    """The key metric first, then those that a gate asks about, then the rest as they were handed out."""
    key = words.key_metric(candidate)
    asked = {verdict.gate.metric for verdict in verdicts}
    first = key[0] if key else ""
    names = sorted(candidate, key=lambda name: (name != first, name not in asked))
    return [
        _metric(name, candidate[name], live.get(name), [v for v in verdicts if v.gate.metric == name]) for name in names
    ]


def _metric(name: str, value: float, live: float | None, verdicts: Sequence[Verdict]) -> Metric:
    bounds = [bound for verdict in verdicts for bound in _bounds(verdict.gate, verdict.live)]
    if not is_metric(value) or (live is None and not bounds):
        return Metric(name=name, value=words.number(value))  # one bar alone says nothing
    scale = _Scale([value, *(bound for _, bound in bounds), *([] if live is None else [live])])
    drawn = Metric(name=name, value=words.number(value), bar=scale.bar(value), limits=_limits(value, bounds, scale))
    if live is None:
        return drawn
    return replace(
        drawn,
        live=words.number(live),
        live_bar=scale.bar(live),
        change=words.change(value, live),
        mood=_mood(name, value, live, [verdict.gate for verdict in verdicts]),
    )


def _limits(value: float, bounds: Iterable[tuple[str, float]], scale: _Scale) -> tuple[Limit, ...]:
    """From the middle of the picture outwards, so that no label stands on another's line."""
    limits = [
        Limit(
            label=f"{'≤' if side == 'max' else '≥'} {words.number(bound)}",
            at=scale.at(bound),
            broken=value > bound if side == "max" else value < bound,
        )
        for side, bound in dict.fromkeys(bounds)
    ]
    return tuple(sorted(limits, key=lambda limit: abs(limit.at - 50)))


class _Scale:
    """A line that holds zero and every value, with a little air at the far end."""

    def __init__(self, values: Iterable[float]) -> None:
        values = [0.0, *values]
        low, high = min(values), max(values)
        air = (high - low) * 0.06 or 1.0
        self.low = low - (air if low < 0 else 0)
        self.span = high + (air if high > 0 else 0) - self.low or 1.0

    def at(self, value: float) -> float:
        return round(100 * (value - self.low) / self.span, 2)

    def bar(self, value: float) -> Bar:
        start, end = sorted((self.at(0), self.at(value)))
        return Bar(start=start, length=round(max(end - start, 0.4), 2))


def _bounds(gate: Gate, live: float | None) -> list[tuple[str, float]]:
    """A gate's bounds as values of the metric; changes are from the live one, relative ones in |live|."""
    bounds = [("max", gate.max), ("min", gate.min)]
    if live is not None:
        bounds += [
            ("max", _moved(live, gate.max_increase, 1)),
            ("min", _moved(live, gate.max_decrease, -1)),
            ("max", _moved(live, gate.max_relative_increase, abs(live))),
            ("min", _moved(live, gate.max_relative_decrease, -abs(live))),
        ]
    return [(side, bound) for side, bound in bounds if bound is not None and is_metric(bound)]


def _moved(live: float, allowed: float | None, unit: float) -> float | None:
    return None if allowed is None else live + allowed * unit


def _mood(name: str, value: float, live: float, gates: Sequence[Gate]) -> str:
    down = any(part is not None for g in gates for part in (g.max, g.max_increase, g.max_relative_increase))
    up = any(part is not None for g in gates for part in (g.min, g.max_decrease, g.max_relative_decrease))
    if down == up:
        parts = name.lower().split("_")
        down, up = any(word in parts for word in _LOWER), any(word in parts for word in _HIGHER)
    if down == up or value == live:
        return ""
    return "better" if (value < live) == down else "worse"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One cell's share of the time, as a bar from the left."""

    cell: Cell
    seconds: str
    length: float
    memory: str = ""
    output: str = ""


def timings(cells: Sequence[Cell]) -> list[Timing]:
    longest = max((cell.seconds or 0 for cell in cells), default=0) or 1.0
    return [
        Timing(
            cell=cell,
            seconds=words.seconds(cell.seconds),
            length=round(100 * (cell.seconds or 0) / longest, 2),
            memory="" if cell.memory is None else size_told(cell.memory * 1024),
            output=size_told(cell.output) if cell.output else "",
        )
        for cell in cells
    ]
