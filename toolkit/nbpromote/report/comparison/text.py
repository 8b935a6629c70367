"""Comparisons for a terminal: short, what differs first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbpromote.model import CellChange, Comparison, Likeness, Shown
from nbpromote.report import words
from nbpromote.report.comparison import spelling
from nbpromote.report.layout import Paint, columns

_LINES = 12  # of one diff; the page and Markdown have more
_SIGNS = {"-": "red", "+": "green"}


def comparisons(found: Sequence[Comparison], *, colour: bool = False) -> str:
    """Notebook by notebook, those that differ first; what is the same is counted, not shown."""
    paint = Paint(colour)
    blocks = ["\n".join(_comparison(one, paint)) for one in spelling.findings(found)]
    return "\n\n".join(blocks) or "nothing was compared"


def _comparison(comparison: Comparison, paint: Paint) -> Iterator[str]:
    verdict = paint(spelling.verdict(comparison), "green" if comparison.same else "red")
    before, after = comparison.sides
    yield f"{verdict}: {spelling.title(comparison)}: {spelling.summary(comparison)}"
    yield from columns([["before", spelling.side(before)], ["after", spelling.side(after)]], indent=2)
    for cell in spelling.cells(comparison):
        yield from _cell(cell, paint)
    for title, changes in spelling.values(comparison):
        yield ""
        yield title
        yield from columns([_row(spelling.row(change)) for change in changes], indent=2)


def _row(row: Sequence[str]) -> list[str]:
    name, before, after, told = row
    return [name, f"{before} -> {after}", told]


def _cell(cell: CellChange, paint: Paint) -> Iterator[str]:
    style = "yellow" if cell.likeness is Likeness.CLOSE else "red"
    yield ""
    yield f"{paint(spelling.cell(cell), style)}: {words.line(cell.name)}".removesuffix(": ")
    yield from _diff("code", cell, paint) if cell.source else ()
    for output in spelling.outputs(cell):
        yield from _diff(spelling.shown(output), output, paint)


def _diff(title: str, told: CellChange | Shown, paint: Paint) -> Iterator[str]:
    yield f"  {title}"
    for line in spelling.lines(told, _LINES):
        yield f"    {paint(line, _SIGNS[line[0]]) if line[:1] in _SIGNS else line}".rstrip()
