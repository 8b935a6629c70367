"""How single values are spelled in every report, and how they are kept on one harmless line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence

from nbpromote.model import Cell, Ending, Event, Gate, Json, Mode, Run, size_told

# lower is better for the first two, but a reader looks for the error of a model before its score
_KEY = ("mae", "rmse", "accuracy", "auc", "f1", "r2")

# what a terminal obeys: CSI and OSC sequences, then any other control character but the line feed
_ORDERS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x09\x0b-\x1f\x7f-\x9f]")
# marks that make text read in another order than it is stored
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Text that a notebook may have written, without what would steer a terminal."""
    return _BIDI.sub("", _ORDERS.sub("", text.expandtabs(4)))


def line(text: str) -> str:
    return " ".join(clean(text).split())


def number(value: float) -> str:
    """Four significant digits, more where a large number has them before its point: `28.13`, `336,776`."""
    if not math.isfinite(value):
        return str(value)
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.1f}" if abs(value) < 1e9 else f"{value:.4g}"
    return f"{value:.4g}"


def seconds(value: float | None) -> str:
    if value is None:
        return ""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def moment(at: str) -> str:
    """`2026-11-22T19:10:05.000Z` as `2026-11-22 19:10`."""
    return line(at[:16].replace("T", " "))


def short(digest: str) -> str:
    return line(digest[:12])


def params(run: Run) -> str:
    """Which commit the values are of, where the code's own does not say it."""
    if run.params_commit == run.commit and not run.params_dirty:
        return ""
    if run.params_commit is None:
        return "no commit" if run.commit else ""
    return f"commit {short(run.params_commit)}" + (", with edits" if run.params_dirty else "")


def files(run: Run) -> list[list[str]]:
    """Declared inputs, then outputs: what it is, its parameter, size, the beginning of its digest, and its path."""
    kinds = (("input", run.inputs), ("output", run.outputs))
    return [
        [kind, name, size(file.size), short(file.sha256), line(file.path)]
        for kind, declared in kinds
        for name in declared
        if (file := run.files.get(name))
    ]


def size(count: int) -> str:
    """`812 B`, `3.4 kB`, `120 MB`: of 1,000 each."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" or value >= 99.5 else f"{value:.2g} {units[0]}"


def value(plain: Json) -> str:
    """A parameter's value as one line of JSON."""
    return line(json.dumps(plain, ensure_ascii=False, default=str))


def counted(count: int, what: str) -> str:
    """`1 gate`, `3 gates`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def key_metric(metrics: Mapping[str, float]) -> tuple[str, float] | None:
    """The one metric to show where there is room for one."""
    name = next((name for name in (*_KEY, *sorted(metrics)) if name in metrics), None)
    return None if name is None else (name, metrics[name])


def change(candidate: float, live: float) -> str:
    """`-2.1 (-7.0 %)`; no share of a zero."""
    if candidate == live:
        return "no change"
    difference = candidate - live
    sign = "+" if difference > 0 else "-"
    told = f"{difference / abs(live):+.1%}".replace("%", " %") if live else ""
    share = f" ({told})" if told.strip("+-0. %") else ""  # what rounds to nothing says nothing
    return f"{sign}{number(abs(difference))}{share}"


def upward(metric: str, gates: Iterable[Gate] = ()) -> bool | None:
    """Whether more of a metric is better: by what its gates say, else by its name; None where neither tells."""
    gates = list(gates)
    if not any(gate.greater_is_better is not None for gate in gates):
        down = any(part is not None for g in gates for part in (g.max, g.max_increase, g.max_relative_increase))
        up = any(part is not None for g in gates for part in (g.min, g.max_decrease, g.max_relative_decrease))
        if down != up:
            return up
    return next((gate.upwards for gate in [*gates, Gate(metric=metric)] if gate.upwards is not None), None)


def mood(metric: str, candidate: float, live: float, gates: Iterable[Gate] = ()) -> str:
    """`better`, `worse`, or nothing where nobody said which way is up."""
    up = upward(metric, gates)
    if up is None or candidate == live:
        return ""
    return "better" if (candidate > live) == up else "worse"


def gate(gate: Gate) -> str:
    """`mae at most 30`, `mae on holdout better than live, 95 % sure`, `outputs-match passes`, `time at most 10 min`."""
    if gate.check is not None:
        said = f"{gate.check} passes" + (f" over {gate.min_count} comparisons or more" if gate.min_count else "")
    else:
        name = f"{gate.metric or gate.budget}" + (f" on {gate.on}" if gate.on else "")
        bounds = _bounds(gate) or ([f"better than {gate.versus}"] if gate.relative else ["is present"])
        sure = f", {_percent(gate.confidence)} sure" if gate.confidence else ""
        said = f"{name} {' and '.join(bounds)}{sure}" + (f", in every {gate.by}" if gate.by else "")
    return line(said + (f" ({gate.mode})" if gate.mode is not Mode.ENFORCE else ""))


def _bounds(gate: Gate) -> list[str]:
    against = gate.versus or "live"
    plain = _BUDGETS.get(gate.budget or "", number)
    gain = "above" if gate.upwards else "below"
    bounds = [
        ("at most {}", gate.max, plain),
        ("at least {}", gate.min, number),
        (f"at most {{}} above {against}", gate.max_increase, number),
        (f"at most {{}} below {against}", gate.max_decrease, number),
        (f"at most {{}} above {against}", gate.max_relative_increase, _percent),
        (f"at most {{}} below {against}", gate.max_relative_decrease, _percent),
        (f"at least {{}} {gain} {against}", gate.min_absolute_change, number),
        (f"at least {{}} {gain} {against}", gate.min_relative_change, _percent),
    ]
    return [said.format(spell(bound)) for said, bound, spell in bounds if bound is not None]


_BUDGETS = {"time": seconds, "memory": size_told, "output": size_told}


def _percent(share: float) -> str:
    return f"{share * 100:.4g} %"


_ENDINGS = {
    Ending.ERROR: "failed",
    Ending.STOPPED: "stopped itself",
    Ending.DIED: "took the kernel down",
    Ending.TIMED_OUT: "ran out of time",
    Ending.INTERRUPTED: "was interrupted",
    Ending.NOT_REACHED: "was not reached",
}


def used(cells: Sequence[Cell]) -> str:
    """`slowest: cell 2 in 1.9 s; at most 310 MB held; 1.2 MB of output`; empty where nothing was measured."""
    measured = [cell for cell in cells if cell.memory is not None]
    if not measured:
        return ""
    slowest = max(measured, key=lambda cell: cell.seconds or 0)
    held = max(cell.memory or 0 for cell in measured) * 1024
    output = sum(cell.output for cell in measured)
    told = f"slowest: cell {slowest.number} in {seconds(slowest.seconds)}; at most {size_told(held)} held"
    return f"{told}; {size_told(output)} of output" if output else told


def failure(cell: Cell, *, of: int) -> str:
    """`cell 3 of 7 (a1b2c3) failed: ValueError: no such column`."""
    where = f"cell {cell.number} of {of}" + (f" ({cell.id})" if cell.id else "")
    told = [part for part in (line(cell.error), line(cell.message)) if part]
    return ": ".join([line(f"{where} {_ENDINGS.get(cell.ending, cell.ending.value)}"), *told])


def release(alias: str, digest: str) -> str:
    """`brisk-otter (1a2b3c4d5e6f)`, or what there is of it."""
    return f"{line(alias)} ({short(digest)})" if alias and digest else line(alias) or short(digest)


def event(event: Event) -> str:
    """Why something happened, and what was passed over for it."""
    over = f"overridden: {', '.join(event.overrides)}" if event.overrides else ""
    return "; ".join(part for part in (event.reason, over) if part)


def attempts(events: tuple[Event, ...]) -> list[list[Event]]:
    """Events grouped by attempt, in the order in which the attempts began."""
    grouped: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        # two environments keep two ledgers, so an attempt is named by both
        grouped.setdefault((event.environment, event.attempt or event.id), []).append(event)
    return sorted(grouped.values(), key=lambda group: group[0].at)
