"""Cells tagged `nbpromote-check`, and scraps whose rule sets a tolerance, beside the accepted ones."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpromote.model import Likeness, Shown
from nbpromote.validate import marks
from nbpromote.validate.case import Case, code_cells, counted
from nbpromote.validate.comparing import Piece, Sanitizing, compared, pieces

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of one cell, or of one scrap, which is found by its name in whatever cell it is glued."""

    cell: int
    scrap: str = ""
    shown: tuple[Shown, ...]

    @property
    def matches(self) -> bool:
        return all(each.likeness in (Likeness.SAME, Likeness.CLOSE) for each in self.shown)

    @property
    def count(self) -> int:
        """Comparisons: the cell or the scrap, and each figure of a cell."""
        return 1 if self.scrap else 1 + sum(each.distance is not None for each in self.shown)

    def __str__(self) -> str:
        return f"scrap {self.scrap}, cell {self.cell}" if self.scrap else f"cell {self.cell}"


def cells(case: Case, accepted: Mapping[int, NotebookNode]) -> list[Answer]:
    """The cells of these numbers beside their accepted ones, but for scraps that are compared by their name."""
    run, contract = code_cells(case.executed), case.run.contract
    by_name, sanitizing = ruled(case), Sanitizing(contract.sanitizers)
    answers = []
    for number, before in accepted.items():
        cell = run[number - 1]
        one, other = (
            [piece for piece in pieces(side.outputs) if piece.scrap not in by_name] for side in (before, cell)
        )
        tolerance = marks.tolerances(cell, contract)
        answers.append(Answer(cell=number, shown=compared(one, other, tolerance=tolerance, sanitizing=sanitizing)))
    return answers


def ruled(case: Case) -> Sequence[str]:
    return [name for name, rule in case.run.contract.scraps.items() if rule.tolerance is not None]


@dataclass(frozen=True, kw_only=True)
class Glued:
    """A scrap of the run, with what was accepted by the same name; `cell` is 0 where the run has none."""

    name: str
    cell: int
    now: tuple[Piece, ...]
    accepted: tuple[Piece, ...]


def glued(case: Case) -> list[Glued]:
    """Every scrap that a rule compares, where it is in the run or was accepted."""
    now, before = _by_name(case.executed), _by_name(case.reference) if case.reference is not None else {}
    return [
        Glued(
            name=name,
            cell=next((number for number, _ in now.get(name, ())), 0),
            now=tuple(piece for _, piece in now.get(name, ())),
            accepted=tuple(piece for _, piece in before.get(name, ())),
        )
        for name in ruled(case)
        if name in now or name in before
    ]


def _by_name(node: NotebookNode) -> Mapping[str, list[tuple[int, Piece]]]:
    found = defaultdict[str, list[tuple[int, Piece]]](list)
    for number, cell in enumerate(code_cells(node), 1):
        for piece in pieces(cell.get("outputs", [])):
            found[piece.scrap].append((number, piece))
    return found


def scraps(case: Case, asked: Sequence[Glued]) -> list[Answer]:
    contract, run = case.run.contract, code_cells(case.executed)
    sanitizing = Sanitizing(contract.sanitizers)
    answers = []
    for scrap in asked:
        # one that is gone has no cell, and then no tags
        tolerance = marks.tolerances(run[scrap.cell - 1] if scrap.cell else None, contract)
        shown = compared(scrap.accepted, scrap.now, tolerance=tolerance, sanitizing=sanitizing)
        answers.append(Answer(cell=scrap.cell, scrap=scrap.name, shown=shown))
    return answers


# -- told --

_PLACES, _LINES = 5, 12  # the executed notebook has all


def told(answers: Sequence[Answer]) -> Iterator[str]:
    """Cell by cell what differs, and what is only close: `cell 3: table: 1 of 9 numbers differs, by 12 %`."""
    for answer, shown, picture in _pictured(answers):
        if shown.summary:
            kept = f"; {picture}" if picture else ""
            yield f"{answer}: {shown.kind}: {shown.summary}{kept}"
            yield from (f"  {place}" for place in shown.places[:_PLACES])
            yield from (f"  {line}" for line in shown.lines[:_LINES])
            if len(shown.lines) > _LINES:
                yield "  ... and more"


def pictures(answers: Sequence[Answer]) -> Mapping[str, bytes]:
    """Where figures differ: PNG by the path that `told` names, from the run's folder."""
    return {path: base64.b64decode(shown.difference.partition(",")[2]) for _, shown, path in _pictured(answers) if path}


def _pictured(answers: Sequence[Answer]) -> Iterator[tuple[Answer, Shown, str]]:
    """Everything that was compared, with the path of the picture of what differs; empty where there is none."""
    numbers = defaultdict[int, int](int)
    for answer in answers:
        for shown in answer.shown:
            path = ""
            if shown.difference and shown.likeness is Likeness.DIFFERENT:
                numbers[answer.cell] += 1
                path = f"differences/cell-{answer.cell}-{numbers[answer.cell]}.png"
            yield answer, shown, path


def named(cells: int, scraps: int) -> str:
    """`2 cells and 1 scrap`."""
    return " and ".join(counted(number, noun) for number, noun in ((cells, "cell"), (scraps, "scrap")) if number)
