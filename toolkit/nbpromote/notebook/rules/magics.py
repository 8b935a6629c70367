"""The lines of a cell that IPython reads and Python does not: `%magics` and shell commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbpromote.notebook.rules.subject import Cell

_MAGIC = re.compile(r"\s*%{1,2}(?P<name>\w+)[ \t]+(?P<rest>\S.*?)\s*")


def lines(cell: Cell, wanted: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """The lines that are `wanted` from beginning to end, by their numbers; a line of a string may look the same."""
    found = [
        (number, match) for number, line in enumerate(cell.source.split("\n"), 1) if (match := wanted.fullmatch(line))
    ]
    if not found or cell.tree is None:
        return
    inside = {
        line
        for node in cell.walk()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.end_lineno != node.lineno
        for line in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    }
    yield from ((number, match) for number, match in found if number not in inside)


def magics(cell: Cell, *names: str) -> Iterator[ast.Constant]:
    """What the magics of these names are given, as a text with its place."""
    for number, match in lines(cell, _MAGIC):
        if match["name"] in names:
            yield ast.Constant(value=match["rest"], lineno=number, col_offset=match.start("rest"))
