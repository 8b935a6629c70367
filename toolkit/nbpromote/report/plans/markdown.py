"""A plan as Markdown, for the one comment on a pull request that each new plan replaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbpromote.model import CellChange, Move, Plan
from nbpromote.report import words
from nbpromote.report.comparison import spelling as comparing
from nbpromote.report.marked import COMMENT, code, fenced, fitting, plain, table
from nbpromote.report.plans import spelling

_LINES = 60  # of one diff
_ROWS = 100
_CLOSING = "\n\n… and more: `nbpromote plan` tells all of it.\n"


def markdown(plan: Plan, *, most: int = COMMENT) -> str:
    """Whole paragraphs, what is unmet first, as many as fit into `most` bytes."""
    return fitting(_paragraphs(plan), most=most, closing=_CLOSING)


def sticky(plan: Plan) -> str:
    """First in the comment, so that the next plan of the same environment replaces it."""
    return f"<!-- nbpromote plan {words.line(plan.target)} -->"


def _paragraphs(plan: Plan) -> Iterator[str]:
    count = words.counted(len(plan.moves), "notebook")
    mark, said = ("✅", "ready") if plan.allowed else ("❌", "not ready")
    if not plan.moves:
        mark, said = "➖", "nothing to promote"
    yield f"{sticky(plan)}\n### {mark} {_line(plan.target)}: {said}, {count}"
    yield from _listed("Still unmet", spelling.unmet(plan))
    yield from _listed("Overridden", map(words.line, plan.overrides))
    yield from _listed("Then it waits for", map(spelling.wait, plan.waits))
    for move in plan.moves:
        yield from _move(plan, move)
    yield f"plan {code(words.short(plan.digest))}: `nbpromote promote --plan` with it refuses another one"


def _line(text: str) -> str:
    return plain(words.line(text))


def _listed(title: str, told: Iterator[str] | Sequence[str]) -> Iterator[str]:
    lines = [f"- {_line(reason)}" for reason in told]
    if lines:
        yield f"**{title}**\n\n" + "\n".join(lines)


def _move(plan: Plan, move: Move) -> Iterator[str]:
    yield f"#### {_line(move.notebook)}: {_line(move.source)} → {_line(move.target)}"
    if stands := spelling.already(plan, move):
        yield _line(stands)
        return
    back = spelling.back(move)
    rows = [*spelling.facts(move), *([("rollback", back)] if back else [])]
    yield table(["", ""], ([name, _line(told)] for name, told in rows))
    yield from _listed("Not looked at", spelling.unread(move))
    if said := spelling.code(move):
        yield _line(said)
    if move.prospect and move.prospect.cells:
        cells = "\n\n".join(part for cell in move.prospect.cells for part in _cell(cell))
        yield _folded(words.counted(len(move.prospect.cells), "code cell"), cells)
    for title, changes in spelling.changes(move):
        yield _changes(title, changes)
    gates = [[_line(asked), code(told)] for asked, told in (spelling.gate(gate, move) for gate in move.gates)]
    if gates:
        yield _folded(words.counted(len(gates), "gate"), table(["gate", "asked by"], gates))


def _changes(title: str, changes: Sequence[Sequence[str]]) -> str:
    """Short ones stand open: nobody unfolds what they do not expect."""
    told = table([_line(title), "live", "new", ""], ([*map(code, row)] for row in _mapped(changes)))
    return told if len(changes) <= 8 else _folded(f"{_line(title)}: {len(changes)}", told)


def _mapped(changes: Sequence[Sequence[str]]) -> list[list[str]]:
    more = [[f"… and {len(changes) - _ROWS} more", "", "", ""]] if len(changes) > _ROWS else []
    return [*map(list, changes[:_ROWS]), *more]


def _folded(title: str, told: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{told}\n\n</details>"


def _cell(cell: CellChange) -> Iterator[str]:
    yield f"**{_line(comparing.cell(cell))}** {code(words.line(cell.name))}".rstrip()
    if cell.source:
        yield fenced(comparing.lines(cell, _LINES))
