"""What travels between the two sides of a pair: a cell's kind, source and tags, and nothing else. No disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpromote.notebook import cells

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True, kw_only=True)
class Block:
    """A cell that says something, in canonical form. `number` counts the cells of its kind, from 1."""

    kind: str
    source: str
    tags: tuple[str, ...] = ()
    id: str | None = None
    number: int = 0

    @property
    def body(self) -> tuple[str, str]:
        return self.kind, self.source

    @property
    def says(self) -> tuple[str, str, tuple[str, ...]]:
        return self.kind, self.source, self.tags

    @property
    def name(self) -> str:
        return f"{self.kind} cell {self.number}" + (f" ({self.id})" if self.id else "")

    @property
    def lines(self) -> list[str]:
        """The block as text, to compare and to show; its tags are a line of their own."""
        return ([f"tags: {', '.join(self.tags)}"] if self.tags else []) + self.source.split("\n")


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Both sides of a pair as bytes, None for a side that is not there."""

    notebook: bytes | None = None
    script: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Base:
    """What both sides said when they said the same. A `certain` one is not outweighed by others that tell more."""

    blocks: tuple[Block, ...]
    certain: bool = False


def of(node: NotebookNode, *, ids: bool) -> tuple[Block, ...]:
    """The blocks of a notebook. Those of a script have no ids: what stands there was derived from the text."""
    numbers: Counter[str] = Counter()
    found = []
    for cell in node.cells:
        numbers[cell.cell_type] += 1
        kind, source = cells.key(cell)
        if source:
            number, tags = numbers[kind], tuple(cells.tags(cell))
            found.append(Block(kind=kind, source=source, tags=tags, id=cell.id if ids else None, number=number))
    return tuple(found)


def say_the_same(one: Sequence[Block], other: Sequence[Block]) -> bool:
    return [block.says for block in one] == [block.says for block in other]
