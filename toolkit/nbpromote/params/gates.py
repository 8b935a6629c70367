"""The shape of a gate in a policy file, and what keeps one from saying anything. Whether it is met is not asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nbpromote.errors import nearest
from nbpromote.model import SCORES, WITHOUT_INTERVAL, Gate, Mode, greater_is_better
from nbpromote.params import keys
from nbpromote.params.tree import Reader, Value, shown
from nbpromote.params.values import WANTS_DURATION, WANTS_SIZE, seconds, size
from nbpromote.params.yaml import Node

_Given = Mapping[str, Any]  # the values of a gate, by key


def gates(reader: Reader, node: Node | None) -> tuple[Gate, ...]:
    read = (_gate(reader, entry) for entry in reader.entries(node, "gates"))
    return tuple(gate for gate in read if gate)


def named(reader: Reader, node: Node | None, key: str) -> tuple[Value, ...]:
    """What the gates name under a key, with the places."""
    asked = (entry.items.get(key) for entry in (node.entries if node else ()))
    return tuple(reader.value(name) for name in asked if name is not None and isinstance(name.value, str))


def _gate(reader: Reader, node: Node) -> Gate | None:
    """None for a gate that says nothing sound."""
    known = len(reader.wrong)
    fields = reader.fields(node, keys.GATE, "a gate")
    reads = {**_READS, **({"max": _limit_of(fields["budget"].value)} if "budget" in fields else {})}
    given = {key: reads.get(key, Reader.number)(reader, child, key) for key, child in fields.items()}
    if len(reader.wrong) == known and not node.broken:
        for fault in _faults(given):
            reader.say(node, fault)
    if len(reader.wrong) > known or node.broken:
        return None
    mode = Mode(given.pop("mode", None) or Mode.ENFORCE)
    return Gate(**given, mode=mode, where=f"{reader.path}:{node.line}")


# -- single values


def _one_of(*known: str) -> Callable[[Reader, Node, str], str | None]:
    return lambda reader, node, key: reader.choice(node, key, known)


def _confidence(reader: Reader, node: Node, key: str) -> float | None:
    value = reader.number(node, key)
    if value is not None and not 0.5 < value < 1:
        reader.say(node, f"confidence is above 0.5 and below 1, such as 0.95; got {shown(node.value)}")
    return value


def _count(reader: Reader, node: Node, key: str) -> int | None:
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    reader.say(node, f"{key} wants a whole number from 1 on, got {shown(value)}")
    return None


def _gain(reader: Reader, node: Node, key: str) -> float | None:
    value = reader.number(node, key)
    if value is not None and value <= 0:
        reader.say(node, f"{key} is above 0; what may be lost is a max_increase or max_decrease")
    return value


def _limit_of(budget: object) -> Callable[[Reader, Node, str], float | None]:
    """`max` of a budget is written with its unit."""
    read, wants = (seconds, WANTS_DURATION) if budget == "time" else (size, WANTS_SIZE)

    def limit(reader: Reader, node: Node, key: str) -> float | None:
        # a bare 10 may be minutes to who wrote it
        has_unit = isinstance(node.value, str) and node.value[-1:].isalpha()
        value = read(node.value) if has_unit else None
        if value is None and not node.broken and budget in keys.BUDGETS:
            reader.say(node, f"{key} {wants}, got {shown(node.value)}")
        return value

    return limit


_READS: Mapping[str, Callable[[Reader, Node, str], Any]] = {
    **dict.fromkeys(("metric", "check", "on", "by"), Reader.text),
    "budget": _one_of(*keys.BUDGETS),
    "versus": _one_of("live"),
    "mode": _one_of(*(mode.value for mode in Mode)),
    "confidence": _confidence,
    "greater_is_better": Reader.flag,
    "min_count": _count,
    **dict.fromkeys(keys.GAINS, _gain),
}

# -- what does not go together


def _faults(given: _Given) -> Iterator[str]:
    """Every reason why a gate says nothing, or something else than whoever wrote it may think."""
    subjects = [key for key in keys.SUBJECTS if key in given]
    if len(subjects) != 1:
        yield "a gate names one metric, one check or one budget"
        return
    yield from _OF[subjects[0]](given)


def _of_check(given: _Given) -> Iterator[str]:
    stray = [key for key in keys.GATE if key in given and key not in ("check", "min_count", "mode")]
    if stray:
        yield f"a gate on a check has no {', '.join(stray)}: it passes or it does not"


def _of_budget(given: _Given) -> Iterator[str]:
    stray = [key for key in keys.GATE if key in given and key not in _IN_BUDGET]
    if stray:
        yield f"a gate on a budget has no {', '.join(stray)}: {_BUDGET_TAKES}"
    elif "versus" in given and "max" in given:
        yield "max is absolute; a budget versus live takes max_relative_increase"
    elif "versus" not in given and "max_relative_increase" in given:
        yield "max_relative_increase compares: add `versus: live`"
    elif not {"max", "max_relative_increase"} & given.keys():
        yield f"a gate on a budget says nothing yet: {_BUDGET_TAKES}"


_IN_BUDGET = ("budget", "mode", "max", "versus", "max_relative_increase")
_BUDGET_TAKES = "it takes max, or versus: live with max_relative_increase"


def _of_metric(given: _Given) -> Iterator[str]:
    if "min_count" in given:
        yield "min_count is what a check must have compared; a gate on a metric has none"
    yield from _relative(given) if "versus" in given else _absolute(given)
    yield from _scored(given) if "on" in given else _unscored(given)


def _absolute(given: _Given) -> Iterator[str]:
    comparing = [key for key in keys.COMPARING if key in given]
    yield from (f"{key} compares: add `versus: live`" for key in comparing)
    low, high = given.get("min"), given.get("max")
    if low is None and high is None and not comparing:
        yield "a gate on a metric wants max, min or versus: live"
    if low is not None and high is not None and low > high:
        yield "min is above max"


def _relative(given: _Given) -> Iterator[str]:
    bounds = ", ".join(keys.CHANGES)
    absolute = [key for key in keys.ABSOLUTE if key in given]
    yield from (f"{key} is absolute; a gate versus live takes {bounds}" for key in absolute)
    bound = any(key in given for key in keys.CHANGES)
    if not bound and not absolute and "confidence" not in given:
        yield f"a gate versus live wants one of {bounds}; or `on` and confidence: better for certain"
    wants_better = not bound and "confidence" in given
    if (wants_better or any(key in given for key in keys.GAINS)) and _direction(given) is None:
        yield f"whether more of {given['metric']!r} is better is not known: add greater_is_better: true or false"


def _direction(given: _Given) -> bool | None:
    said: bool | None = given.get("greater_is_better")
    return greater_is_better(given["metric"]) if said is None else said


def _scored(given: _Given) -> Iterator[str]:
    metric = given["metric"]
    if metric not in SCORES:
        yield f"no rows can be scored by {metric!r}{nearest(metric, SCORES)}; `on` goes with {', '.join(SCORES)}"
    elif given.get("greater_is_better") not in (None, SCORES[metric]):
        better = {True: "better when it is greater", False: "better when it is less", None: "best near 0"}
        yield f"{metric} is {better[SCORES[metric]]}: take greater_is_better out"
    if metric in WITHOUT_INTERVAL and "confidence" in given:
        yield f"resampled rows say too little about {metric}: take confidence out"


def _unscored(given: _Given) -> Iterator[str]:
    if "confidence" in given:
        yield "confidence comes of rows that are resampled: add `on: EVALUATION`, one of the notebook's contract"
    if "by" in given:
        yield "by slices rows: add `on: EVALUATION`, one of the notebook's contract"


_OF: Mapping[str, Callable[[_Given], Iterator[str]]] = {
    "metric": _of_metric,
    "check": _of_check,
    "budget": _of_budget,
}
