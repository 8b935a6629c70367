"""Markdown in which nothing that a notebook wrote is markup, calls somebody or leads elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

COMMENT = 60_000  # bytes: GitHub takes 65,536 letters of a comment, and 1 MiB of a step's summary


def plain(text: str) -> str:
    """Text that stands for itself: nothing in it is markup, and nobody is called by it."""
    harmless = re.sub(r"([\\`*_{}\[\]()<>#!|~&])", r"\\\1", text)
    return harmless.replace("@", "@\u200b").replace("://", ":\u200b//")


def code(text: str) -> str:
    """A span of code, in which nothing is a mention, a link or a tag; a bar would end a table's cell even there."""
    if not text:
        return ""
    ticks = "`" * (max([0, *map(len, re.findall("`+", text))]) + 1)
    inner = f" {text} " if "`" in text else text
    return f"{ticks}{inner}{ticks}".replace("|", "\\|")


def fenced(lines: Sequence[str], language: str = "diff") -> str:
    """In a fence that is longer than any in the text, so that nothing in it ends the block."""
    fence = "`" * (max([2, *map(len, re.findall("`+", "\n".join(lines)))]) + 1)
    return "\n".join([f"{fence}{language}", *lines, fence])


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are Markdown already."""
    ruled = "|" + "---|" * len(header)
    return "\n".join([f"| {' | '.join(header)} |", ruled, *(f"| {' | '.join(row)} |" for row in rows)])


def fitting(paragraphs: Iterable[str], *, most: int, closing: str) -> str:
    """Whole paragraphs, as many as fit into `most` bytes; where some do not, `closing` says so."""
    room = most - len(closing.encode())
    told: list[str] = []
    for paragraph in paragraphs:
        room -= len(paragraph.encode()) + 2
        if room < 0:
            return "\n\n".join(told) + closing
        told.append(paragraph)
    return "\n\n".join(told) + "\n"
