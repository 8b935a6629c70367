"""Everything that can be said against a notebook without running it. Raises nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbpromote.errors import BadInput
from nbpromote.model import Finding, Pair
from nbpromote.notebook import cells, parameters, sides, syntax, violations
from nbpromote.notebook.parameters import Problem
from nbpromote.notebook.sides import Side

if TYPE_CHECKING:
    from nbformat import NotebookNode


def check(pair: Pair, root: Path) -> tuple[Finding, ...]:
    """What is wrong with either side, with their agreement, and with the code. Paths are from `root`."""
    looked = [_look(path, root) for path in (pair.script, pair.ipynb) if path]
    findings = [finding for side in looked for finding in side.findings]
    good = [side for side in looked if side.node is not None and not side.findings]
    if len(good) == 2:
        findings += _disagreement(pair, good[0], good[1])
    if len(good) == 2 and _code(good[0]) == _code(good[1]):
        # told once: at the line of the script, with the id of the notebook's cell
        return (*findings, *_faults(good[0], ids=good[1].node))
    return (*findings, *(fault for side in good for fault in _faults(side, ids=None)))


def _look(path: Path, root: Path) -> Side:
    place = path.resolve().relative_to(root.resolve()).as_posix()
    try:
        side = sides.look(place, sides.content(path))
    except BadInput as error:
        return Side(path=place, findings=(Finding(path=place, message=error.message),))
    if side.node is None or side.findings:
        return side
    return replace(side, findings=tuple(violations.of_breaks(place, side.text, side.node)))


def _disagreement(pair: Pair, one: Side, other: Side) -> Iterator[Finding]:
    assert one.node is not None
    assert other.node is not None
    if cells.content(one.node) == cells.content(other.node):
        return
    mine, theirs = cells.code(one.node), cells.code(other.node)
    what = "text or tags of a cell that is no code"
    if mine != theirs:
        what = f"code, from code cell {cells.first_difference(mine, theirs) + 1} on (empty ones not counted)"
    yield Finding(path=one.path, message=f"disagrees with {other.path}: {what}", hint=f"nbpromote sync {pair.name}")


def _code(side: Side) -> object:
    return side.node and cells.code(side.node)


def _faults(side: Side, *, ids: NotebookNode | None) -> Iterator[Finding]:
    node = side.node
    if node is None or sides.language(node) != "python":
        return
    lines = _first_lines(side)
    names = _ids(node, ids)
    _, problems = parameters.declared(node)
    for problem in sorted({*problems, *_syntax(node)}, key=lambda p: (p.cell, p.line or 0, p.message)):
        first = lines.get(problem.cell)
        within = f" (line {problem.line} of the cell)" if problem.line and not first else ""
        yield Finding(
            path=side.path,
            line=first + problem.line - 1 if first and problem.line else first,
            cell=problem.cell,
            cell_id=names.get(problem.cell, problem.cell_id),
            message=problem.message + within,
            hint=problem.hint,
        )


def _syntax(node: NotebookNode) -> Iterator[Problem]:
    for number, cell in cells.numbered(node):
        if parameters.TAG not in cells.tags(cell) and (fault := syntax.fault(cell.source)):
            line, reason = fault
            yield Problem(cell=number, cell_id=cell.id, line=line, message=f"not Python: {reason}")


def _ids(node: NotebookNode, other: NotebookNode | None) -> dict[int, str]:
    """Ids of the other side's cells by this side's numbers; the code is the same, but for empty cells."""
    numbers = [number for number, cell in cells.numbered(node) if cells.canonical(cell.source)]
    theirs = [cell.id for _, cell in cells.numbered(other) if cells.canonical(cell.source)] if other else []
    return dict(zip(numbers, theirs, strict=False))


def _first_lines(side: Side) -> dict[int, int]:
    """For a script, the line of the file at which each code cell's source begins, where it can be found."""
    if side.node is None or side.path.endswith(".ipynb"):
        return {}
    lines, found, start = side.text.split("\n"), {}, 0
    for number, cell in cells.numbered(side.node):
        source = cell.source.split("\n")
        at = next((i for i in range(start, len(lines)) if lines[i] == source[0]), None) if source[0] else None
        if at is not None:
            found[number] = at + 1
            start = at + len(source)
    return found
