"""The code cells of two executed notebooks: which is which, and what each shows on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from nbpromote.model import CellChange, Contract
from nbpromote.validate import marks
from nbpromote.validate.case import code_cells
from nbpromote.validate.comparing.lines import changes as lines_changed
from nbpromote.validate.comparing.outputs import compared, pieces
from nbpromote.validate.comparing.sanitizing import Sanitizing

if TYPE_CHECKING:
    from nbformat import NotebookNode


_Numbered = tuple[int, "NotebookNode"]


def changes(before: NotebookNode, after: NotebookNode, contract: Contract | None = None) -> tuple[CellChange, ...]:
    """Every code cell of either side, in the order of the second; all outputs are compared with tolerance."""
    rules = contract or Contract()
    sanitizing = Sanitizing(rules.sanitizers)
    both = _both(code_cells(before), code_cells(after))
    return tuple(
        _change(one, other, rules, sanitizing)
        for one, other in both
        if any(side[1].source.strip() for side in (one, other) if side is not None)
    )


def partners(cells: list[NotebookNode], accepted: list[NotebookNode]) -> list[int | None]:
    """Where in `accepted` each cell is: the one of the same source, in order; else of the same id."""
    ours, theirs = ([cell.source.strip() for cell in side] for side in (cells, accepted))
    found: dict[int, int] = {}
    left = {cell.id: at for at, cell in enumerate(accepted) if "id" in cell}
    for block in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            found[block.a + step] = block.b + step
            left.pop(accepted[block.b + step].get("id"), None)
    return [found[at] if at in found else left.get(cell.get("id")) for at, cell in enumerate(cells)]


def _both(before: list[NotebookNode], after: list[NotebookNode]) -> Iterator[tuple[_Numbered | None, _Numbered | None]]:
    """The cells of both sides with their numbers, from 1; what is gone stands where it was."""
    found = partners(after, before)
    gone = [at for at in range(len(before)) if at not in found]
    for number, (cell, at) in enumerate(zip(after, found, strict=True), 1):
        while at is not None and gone and gone[0] < at:
            yield (gone[0] + 1, before[gone.pop(0)]), None
        yield None if at is None else (at + 1, before[at]), (number, cell)
    yield from (((at + 1, before[at]), None) for at in gone)


def _change(
    before: _Numbered | None, after: _Numbered | None, contract: Contract, sanitizing: Sanitizing
) -> CellChange:
    number, ours = before or (None, None)
    now, theirs = after or (None, None)
    cell = theirs or ours
    assert cell is not None
    return CellChange(
        before=number,
        after=now,
        id=cell.get("id", ""),
        name=_name(cell.source),
        source=_source(ours, theirs),
        outputs=compared(
            pieces(ours.outputs) if ours else [],
            pieces(theirs.outputs) if theirs else [],
            tolerance=marks.tolerances(cell, contract),
            sanitizing=sanitizing,
        ),
    )


def _name(source: str) -> str:
    """The first line that does something; a comment where none does."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith("#")), lines[0] if lines else "")


def _source(before: NotebookNode | None, after: NotebookNode | None) -> tuple[str, ...]:
    if before is None or after is None or before.source.strip() == after.source.strip():
        return ()
    return lines_changed(before.source.splitlines(), after.source.splitlines())
