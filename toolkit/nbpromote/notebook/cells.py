"""Cells in canonical form, so that both sides of a pair and every environment spell them alike. No disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING

from nbpromote.model import Json

if TYPE_CHECKING:
    from nbformat import NotebookNode


def canonical(source: str) -> str:
    """Line ends as `\\n`; white space at the end of lines and blank lines at the end do not count."""
    return "\n".join(line.rstrip() for line in source.replace("\r\n", "\n").split("\n")).rstrip("\n")


def tags(cell: NotebookNode) -> list[str]:
    return sorted(set(cell.metadata.get("tags", ())))


def numbered(node: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Code cells with their numbers, from 1, as the account of a run numbers them."""
    return enumerate((cell for cell in node.cells if cell.cell_type == "code"), start=1)


def code(node: NotebookNode) -> list[Json]:
    """What decides a result. Empty cells do nothing and do not count."""
    return [
        {"source": canonical(cell.source), "tags": tags(cell)}
        for cell in node.cells
        if cell.cell_type == "code" and canonical(cell.source)
    ]


def content(node: NotebookNode) -> list[Json]:
    """What travels between the two sides: code, and the text around it."""
    return [[*key(cell), tags(cell)] for cell in node.cells if canonical(cell.source)]


def key(cell: NotebookNode) -> tuple[str, str]:
    """What makes two cells the same cell."""
    return cell.cell_type, canonical(cell.source)


def first_difference(one: list[Json], other: list[Json]) -> int:
    """Index of the first element in which two unequal lists differ."""
    shared = min(len(one), len(other))
    return next((i for i in range(shared) if one[i] != other[i]), shared)


def identify(cells: Sequence[NotebookNode]) -> None:
    """Give every cell without an id one that follows from its content, the same at every reading."""
    taken = {cell.id for cell in cells if "id" in cell}
    names: dict[tuple[str, str], Iterator[str]] = {}
    for cell in cells:
        if "id" not in cell:
            choices = names.setdefault(key(cell), _names(cell))
            cell["id"] = next(name for name in choices if name not in taken)
            taken.add(cell["id"])


def _names(cell: NotebookNode) -> Iterator[str]:
    """One name for each cell that says the same."""
    said = "\0".join(key(cell)).encode()
    return (hashlib.sha256(said + b"\0%d" % number).hexdigest()[:12] for number in count())
