"""A plan for a terminal: what would change, what is unmet, what it would wait for."""

from __future__ import annotations

from collections.abc import Iterator

from nbpromote.model import CellChange, Move, Plan
from nbpromote.report import words
from nbpromote.report.comparison import spelling as comparing
from nbpromote.report.layout import Paint, columns
from nbpromote.report.plans import spelling
from nbpromote.report.text import block, ended, listed

_LINES = 12  # of one diff; Markdown has more
_SIGNS = {"-": "red", "+": "green"}


def plan(plan: Plan, *, colour: bool = False) -> str:
    """What a promotion would change, and everything still unmet."""
    paint = Paint(colour)
    nothing = f"nothing is verified below {words.line(plan.target)} that is not live there already"
    lines: list[str] = [] if plan.moves else [nothing]
    for move in plan.moves:
        lines += [*([""] if lines else []), *_move(move, plan, paint)]
    lines += listed("still unmet", spelling.unmet(plan))
    lines += listed("overridden", map(words.line, plan.overrides))
    lines += listed("then it waits", map(spelling.wait, plan.waits))
    coming = any(not move.stands for move in plan.moves)
    lines += ["", f"plan {words.short(plan.digest)}; nothing was changed"]
    return ended([*lines, *([f"next: {_next(plan)}"] if plan.allowed and coming else [])])


def _next(plan: Plan) -> str:
    names = " ".join(words.line(move.notebook) for move in plan.moves)
    return f"nbpromote promote {names} --to {words.line(plan.target)} --plan {words.short(plan.digest)}"


def _move(move: Move, plan: Plan, paint: Paint) -> list[str]:
    if stands := spelling.already(plan, move):
        return [f"{paint('live', 'green')}: {words.line(move.notebook)} {stands}"]
    ready = paint("ready", "green") if spelling.ready(plan, move) else paint("not ready", "red")
    lines = [f"{ready}: {words.line(move.notebook)} from {words.line(move.source)} to {words.line(move.target)}", ""]
    back = spelling.back(move)
    lines += columns([*map(list, spelling.facts(move)), *([["rollback", back]] if back else [])])
    lines += _code(move, paint)
    for title, rows in spelling.changes(move):
        lines += block(title, ([name, _both(before, after), told] for name, before, after, told in rows))
    lines += listed("not looked at", spelling.unread(move))
    lines += block("gates", (spelling.gate(gate, move) for gate in move.gates))
    return lines


def _both(before: str, after: str) -> str:
    return before if before == after else f"{before} -> {after}"


def _code(move: Move, paint: Paint) -> list[str]:
    said = spelling.code(move)
    cells = move.prospect.cells if move.prospect else ()
    return [*(["", said] if said else []), *(line for cell in cells for line in _cell(cell, paint))]


def _cell(cell: CellChange, paint: Paint) -> Iterator[str]:
    yield f"  {comparing.cell(cell)}: {words.line(cell.name)}".removesuffix(": ")
    for line in comparing.lines(cell, _LINES):
        yield f"    {paint(line, _SIGNS[line[0]]) if line[:1] in _SIGNS else line}".rstrip()
