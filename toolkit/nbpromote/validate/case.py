"""What a check may look at: a run, its executed notebook, and accepted outputs. Nothing here judges."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpromote.errors import NotFound, nearest
from nbpromote.model import Evidence, Model, Run, Scrap

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a run is compared with. `notebook` holds the outputs; None: nothing is live, or nothing was accepted yet.

    `versus_live`: they are the live deployment's, so that a cell they lack is new and not a gap. `live` is the evidence
    of what is live in the same environment, whoever accepted the outputs.
    """

    notebook: NotebookNode | None = None
    name: str = ""
    versus_live: bool = False
    live: Evidence | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run before its checks."""

    run: Run
    executed: NotebookNode
    against: Reference
    scraps: tuple[Scrap, ...]

    @property
    def reference(self) -> NotebookNode | None:
        """None where no outputs were accepted yet."""
        return self.against.notebook

    @property
    def versus_live(self) -> bool:
        return self.against.versus_live

    @property
    def model(self) -> Model | None:
        """The last one that the run logged: earlier ones are tries."""
        return self.run.models[-1] if self.run.models else None


def code_cells(node: NotebookNode) -> list[NotebookNode]:
    """The user's code cells, in order: number 1 is the first. What papermill injected is not among them."""
    return [cell for cell in node.cells if cell.cell_type == "code" and not _injected(cell)]


def numbered(node: NotebookNode, asked: Sequence[str]) -> tuple[int, ...]:
    """The numbers of the cells that are asked for, each by its number or its id. Raises `NotFound`."""
    ids = {str(cell.get("id")): number for number, cell in enumerate(code_cells(node), 1)}
    known = {str(number): number for number in ids.values()}
    wanted = {name: known.get(name) or ids.get(name) for name in asked}
    if unknown := [name for name, number in wanted.items() if number is None]:
        raise NotFound(
            f"no code cell {', '.join(map(repr, unknown))}{nearest(unknown[0], ids)}",
            hint=f"cells have numbers, 1 to {len(known)}, and ids: {', '.join(list(ids)[:20])}",
        )
    return tuple(sorted({number for number in wanted.values() if number}))


def _injected(cell: NotebookNode) -> bool:
    return "injected-parameters" in cell.metadata.get("tags", [])


# CSI sequences (colours), OSC sequences (links), and other two-byte escapes
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")


def plain(text: str) -> str:
    """Without terminal codes, which nbval and IPython write even where nobody can see colours."""
    return _ESCAPES.sub("", text)


def counted(number: int, noun: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def short(text: str, limit: int = 200) -> str:
    """The first line, cut to a length that fits a message."""
    line = plain(text).strip().partition("\n")[0].rstrip()
    return line if len(line) <= limit else line[: limit - 1] + "…"
