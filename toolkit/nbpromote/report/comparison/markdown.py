"""Comparisons as Markdown, for a pull request's comment or a step's summary. Nothing in it is a notebook's markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbpromote.model import CellChange, Comparison
from nbpromote.report import words
from nbpromote.report.comparison import spelling
from nbpromote.report.marked import code, fenced, fitting, plain

MOST = 1_048_576  # bytes that GitHub takes of a step's summary
_LINES = 60  # of one diff
_ROWS = 200
_CLOSING = "\n… and more: `nbpromote diff` tells all of it.\n"


def markdown(found: Sequence[Comparison], *, most: int = MOST) -> str:
    """Whole paragraphs, those that differ first, as many as fit into `most` bytes."""
    return fitting(_paragraphs(found), most=most, closing=_CLOSING)


def _paragraphs(found: Sequence[Comparison]) -> Iterator[str]:
    for comparison in spelling.findings(found):
        yield f"### {plain(spelling.title(comparison))}: {spelling.verdict(comparison)}"
        yield plain(spelling.summary(comparison))
        before, after = comparison.sides
        yield f"before: {plain(spelling.side(before))}  \nafter: {plain(spelling.side(after))}"
        for title, changes in spelling.values(comparison):
            yield _table(title, [spelling.row(change) for change in changes])
        for cell in spelling.cells(comparison):
            yield "\n\n".join(_cell(cell))


def _table(title: str, rows: Sequence[Sequence[str]]) -> str:
    header = f"| {title} | before | after | |\n|---|---|---|---|"
    more = [f"| … and {len(rows) - _ROWS} more | | | |"] if len(rows) > _ROWS else []
    return "\n".join([header, *("| " + " | ".join(map(code, row)) + " |" for row in rows[:_ROWS]), *more])


def _cell(cell: CellChange) -> Iterator[str]:
    yield f"**{plain(spelling.cell(cell))}** {code(words.line(cell.name))}".rstrip()
    if cell.source:
        yield fenced(spelling.lines(cell, _LINES))
    for output in spelling.outputs(cell):
        yield plain(spelling.shown(output))
        if lines := spelling.lines(output, _LINES):
            yield fenced(lines)
