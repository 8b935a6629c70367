"""Comparisons as Markdown, for a pull request's comment or a step's summary. Nothing in it is a notebook's markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nbpromote.model import CellChange, Comparison
from nbpromote.report import words
from nbpromote.report.comparison import spelling

MOST = 1_048_576  # bytes that GitHub takes of a step's summary
_LINES = 60  # of one diff
_ROWS = 200
_CLOSING = "\n… and more: `nbpromote diff` tells all of it.\n"


def markdown(found: Sequence[Comparison], *, most: int = MOST) -> str:
    """Whole paragraphs, those that differ first, as many as fit into `most` bytes."""
    room = most - len(_CLOSING.encode())
    told: list[str] = []
    for paragraph in _paragraphs(found):
        room -= len(paragraph.encode()) + 2
        if room < 0:
            return "\n\n".join(told) + _CLOSING
        told.append(paragraph)
    return "\n\n".join(told) + "\n"


def _paragraphs(found: Sequence[Comparison]) -> Iterator[str]:
    for comparison in spelling.findings(found):
        yield f"### {_plain(spelling.title(comparison))}: {spelling.verdict(comparison)}"
        yield _plain(spelling.summary(comparison))
        before, after = comparison.sides
        yield f"before: {_plain(spelling.side(before))}  \nafter: {_plain(spelling.side(after))}"
        for title, changes in spelling.values(comparison):
            yield _table(title, [spelling.row(change) for change in changes])
        for cell in spelling.cells(comparison):
            yield "\n\n".join(_cell(cell))


def _table(title: str, rows: Sequence[Sequence[str]]) -> str:
    header = f"| {title} | before | after | |\n|---|---|---|---|"
    more = [f"| … and {len(rows) - _ROWS} more | | | |"] if len(rows) > _ROWS else []
    return "\n".join([header, *("| " + " | ".join(map(_code, row)) + " |" for row in rows[:_ROWS]), *more])


def _cell(cell: CellChange) -> Iterator[str]:
    yield f"**{_plain(spelling.cell(cell))}** {_code(words.line(cell.name))}".rstrip()
    if cell.source:
        yield _fenced(spelling.lines(cell, _LINES))
    for output in spelling.outputs(cell):
        yield _plain(spelling.shown(output))
        if lines := spelling.lines(output, _LINES):
            yield _fenced(lines)


def _fenced(lines: Sequence[str]) -> str:
    """In a fence that is longer than any in the text, so that nothing in it ends the block."""
    fence = "`" * (max([2, *map(len, re.findall("`+", "\n".join(lines)))]) + 1)
    return "\n".join([f"{fence}diff", *lines, fence])


def _code(text: str) -> str:
    """A span of code, in which nothing is a mention, a link or a tag; a bar would end a table's cell even there."""
    if not text:
        return ""
    ticks = "`" * (max([0, *map(len, re.findall("`+", text))]) + 1)
    inner = f" {text} " if "`" in text else text
    return f"{ticks}{inner}{ticks}".replace("|", "\\|")


def _plain(text: str) -> str:
    """Text that stands for itself: nothing in it is markup, and nobody is called by it."""
    harmless = re.sub(r"([\\`*_{}\[\]()<>#!|~&])", r"\\\1", text)
    return harmless.replace("@", "@\u200b").replace("://", ":\u200b//")
