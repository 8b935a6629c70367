"""Lines and columns for a terminal. Knows no record; colours are written by hand, since rich costs 0.1 s."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import zip_longest

_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33"}
_SET = re.compile(r"\x1b\[[0-9;]*m")


class Paint:
    """Wraps words in colours, or leaves them alone."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted

    def __call__(self, text: str, style: str) -> str:
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.wanted and text else text


def width(text: str) -> int:
    """Terminal columns: colours take none, wide letters two."""
    return sum(_columns(letter) for letter in _SET.sub("", text))


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def pad(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def columns(rows: Iterable[Sequence[str]], *, gap: int = 2, indent: int = 0) -> list[str]:
    """Rows of one-line cells, aligned to the left; nothing trails."""
    rows = list(rows)
    widths = [max(map(width, column)) for column in zip_longest(*rows, fillvalue="")]
    return [" " * indent + (" " * gap).join(map(pad, row, widths)).rstrip() for row in rows]


def grid(header: Sequence[str], rows: Sequence[Sequence[Sequence[str]]], paint: Paint) -> list[str]:
    """A table whose cells are blocks of lines; a cell line never wraps. A blank line parts the rows."""
    blocks = [list(zip_longest(*row, fillvalue="")) for row in rows]
    widths = [max(map(width, column)) for column in zip(header, *(b for block in blocks for b in block), strict=True)]
    lines = [[paint(name, "bold") for name in header], ["─" * wide for wide in widths]]
    for block in blocks:
        lines += [list(part) for part in block]
        if any(len(row) > 1 for row in blocks):
            lines.append([""])
    while lines[-1] == [""]:
        lines.pop()
    return ["  ".join(map(pad, part, widths)).rstrip() for part in lines]
