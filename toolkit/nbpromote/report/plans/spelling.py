"""What of a plan is told, in which order and words. Knows no form of output."""

from __future__ import annotations

from collections.abc import Iterator

from nbpromote.model import Gate, Likeness, Move, Outcome, Plan, ValueChange, Wait
from nbpromote.report import words
from nbpromote.report.comparison import spelling


def ready(plan: Plan, move: Move) -> bool:
    own = {reason for other in plan.moves for reason in other.unmet}
    return not move.unmet and all(reason in own for reason in plan.unmet)


def already(plan: Plan, move: Move) -> str:
    """That nothing would be done, where the target has exactly this; else empty."""
    if not (move.stands and plan.allowed):
        return ""
    return (
        f"{words.release(move.alias, move.release)} is live in {words.line(move.target)} already: nothing would be done"
    )


def unmet(plan: Plan) -> list[str]:
    """What keeps all of it out, then what keeps out each notebook; whose it is, where there are several."""
    own = [reason for move in plan.moves for reason in move.unmet]
    several = len(plan.moves) > 1
    of_each = [f"{move.notebook}: {reason}" if several else reason for move in plan.moves for reason in move.unmet]
    return [*(reason for reason in plan.unmet if reason not in own), *of_each]


def facts(move: Move) -> list[tuple[str, str]]:
    release = f"{words.release(move.alias, move.release)} from {words.line(move.source)}"
    return [("release", release), ("replaces", _incumbent(move)), ("strategy", _strategy(move))]


def _incumbent(move: Move) -> str:
    live = move.incumbent
    if live is None:
        return f"nothing: the first in {words.line(move.target)}"
    same = ", the same code" if live.code == move.code else ""
    since = f"live since {words.moment(live.since)}, {words.line(live.state)}"
    return f"{words.release(live.alias, live.release)}, {since}{same}"


def _strategy(move: Move) -> str:
    target, source = words.line(move.target), words.line(move.source)
    told = {
        "retrain": f"retrain: it runs in {target} with {target}'s parameters",
        "copy": f"copy: nothing runs; the model verified in {source} is carried over",
    }
    return told.get(move.strategy, words.line(move.strategy))


def changes(move: Move) -> Iterator[tuple[str, list[list[str]]]]:
    """Under each title the rows of what would change: name, live's value, the new one, and a word on it."""
    prospect = move.prospect
    if move.changed:
        title = "parameters that change" if move.incumbent else "parameters"
        title += f", for later runs in {words.line(move.target)}" if move.strategy == "copy" else ""
        yield title, [_parameter(move, name) for name in sorted(move.changed)]
    if prospect is None:
        return
    model = [prospect.model] if prospect.model else []
    source, target = words.line(move.source), words.line(move.target)
    measured = f"metrics, live's in {target} and those of {source}" if move.incumbent else f"metrics in {source}"
    shapes = f"tables, as read in {target} and in {source}"
    told: list[tuple[str, tuple[ValueChange, ...] | list[ValueChange]]] = [
        ("files of the code", prospect.modules),
        ("packages of the lock", prospect.packages),
        (measured, prospect.metrics),
        ("data", prospect.data),
        (shapes, prospect.tables),
        ("model", model),
    ]
    yield from ((title, [row(change) for change in found]) for title, found in told if found)


def row(change: ValueChange) -> list[str]:
    name, before, after, told = spelling.row(change)
    # the comparison's word for a value that was not there is a word of its own here
    return [name, before, after, "the same" if change.likeness is Likeness.SAME else told]


def _parameter(move: Move, name: str) -> list[str]:
    sides = (move.incumbent.parameters if move.incumbent else {}, move.parameters)
    values = zip(move.changed[name], sides, strict=True)
    before, after = (words.value(value) if name in side else "—" for value, side in values)
    return [words.line(name), before, after, words.line(move.origins.get(name, ""))]


def code(move: Move) -> str:
    """One line on what becomes of the code; empty where nobody looked."""
    prospect, live = move.prospect, move.incumbent
    if prospect is None or any(part.startswith("cells") for part in prospect.unread):
        return ""
    if live is None:
        return ""
    if live.code == move.code:
        return "the code stays as it is"
    if prospect.cells:
        counted = {
            "new": sum(cell.before is None for cell in prospect.cells),
            "gone": sum(cell.after is None for cell in prospect.cells),
        }
        edited = len(prospect.cells) - sum(counted.values())
        told = [f"{edited} edited"] if edited else []
        return "code cells: " + ", ".join([*told, *(f"{count} {what}" for what, count in counted.items() if count)])
    if prospect.modules:
        return "no code cell changes, and files that they import do"
    return "no code cell's text changes; their tags, their order or the declared parameters do"


def gate(gate: Gate, move: Move) -> list[str]:
    unasked = "not asked: nothing is live" if gate.relative and move.incumbent is None else ""
    return [words.gate(gate), unasked or words.line(gate.where)]


def wait(wait: Wait) -> str:
    until = f", until {words.moment(wait.until)} UTC" if wait.until else ""
    return f"{words.line(wait.kind)}: {words.line(wait.reason)}{until}"


def back(move: Move) -> str:
    """Whether it could be undone."""
    if move.prospect is None:
        return ""
    said = {Outcome.PASSED: "possible", Outcome.INCONCLUSIVE: "in part", Outcome.SKIPPED: "not possible"}
    check = move.prospect.back
    return f"{said.get(check.outcome, 'in danger')}: {words.line(check.summary)}"


def unread(move: Move) -> list[str]:
    return [words.line(told) for told in move.prospect.unread] if move.prospect else []
