"""Are the outputs of marked cells the accepted ones? Decides what is compared with what, and judges what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpromote.model import Check, Outcome
from nbpromote.validate import marks, tolerant
from nbpromote.validate.case import Case, code_cells, counted
from nbpromote.validate.comparing import partners
from nbpromote.validate.recorded import Comparison, Recorded, compare
from nbpromote.validate.tolerant import Answer, Glued

if TYPE_CHECKING:
    from nbformat import NotebookNode


def outputs_match(case: Case) -> Check:
    """Cells marked for comparison, and scraps with a tolerance, are what a person accepted: exactly, or close to it."""
    asked = _asked(case)
    if wrong := tuple(_mistagged(case)):
        return _check(Outcome.INCONCLUSIVE, f"a tag says nothing that could be compared by: {wrong[0]}", wrong[1:])
    if (reason := _unasked(case, asked)) is not None:
        return reason
    if (reason := _cut(case, asked)) is not None:
        return reason
    due = _due(case, asked)
    if not str(due) and not due.missing:
        return _check(Outcome.SKIPPED, "every marked cell is new: the live deployment has no output for it")
    return _judged(case, due, _by_nbval(case, due), _with_tolerance(case, due))


def pictures(case: Case) -> Mapping[str, bytes]:
    """Pictures of where figures differ, by their paths from the run's folder."""
    return tolerant.pictures(_with_tolerance(case, _due(case, _asked(case)))) if case.reference is not None else {}


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What is to be compared: numbers of marked cells, and scraps that a rule names."""

    cells: tuple[int, ...]
    scraps: tuple[Glued, ...]

    def __str__(self) -> str:
        return tolerant.named(len(self.cells), len(self.scraps))


def _asked(case: Case) -> _Asked:
    cells = (number for number, cell in enumerate(code_cells(case.executed), 1) if marks.is_marked(cell))
    return _Asked(cells=tuple(cells), scraps=tuple(tolerant.glued(case)))


def _mistagged(case: Case) -> Iterator[str]:
    for number, cell in enumerate(code_cells(case.executed), 1):
        yield from (f"cell {number}: {problem}" for problem in marks.mistagged(cell))


def _unasked(case: Case, asked: _Asked) -> Check | None:
    """Why there is nothing to compare, or nothing to compare with."""
    if not str(asked):
        if any(map(marks.is_silenced, code_cells(case.executed))):
            told = "every cell that is marked for comparison is marked to be skipped as well"
            return _check(Outcome.INCONCLUSIVE, f"{told}: nothing is compared")
        return _check(Outcome.SKIPPED, "no cell is marked for comparison")
    if case.reference is None and case.versus_live:
        return _check(Outcome.SKIPPED, "nothing is live to compare with")
    if case.reference is None:
        are = "is" if len(asked.cells) + len(asked.scraps) == 1 else "are"
        told = f"{asked} {are} marked for comparison and nothing was accepted yet"
        return _check(Outcome.INCONCLUSIVE, f"{told}: {_baseline(case)}")
    return None


def _cut(case: Case, asked: _Asked) -> Check | None:
    if cut := [cell.number for cell in case.run.cells if cell.cut and cell.number in asked.cells]:
        numbers = ", ".join(map(str, cut))
        told = f"only a part of the output of cell {numbers} was kept, so it is not compared"
        return _check(Outcome.INCONCLUSIVE, f"{told}: raise limits.cell_output, or print less")
    return None


@dataclass(frozen=True, kw_only=True)
class _Due:
    """What can be compared: cells by number with their accepted ones; and what of the rest should have been."""

    by_nbval: Mapping[int, NotebookNode]
    tolerant: Mapping[int, NotebookNode]
    scraps: tuple[Glued, ...]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        return tolerant.named(len({*self.by_nbval, *self.tolerant}), len(self.scraps))


def _due(case: Case, asked: _Asked) -> _Due:
    cells, stored = code_cells(case.executed), code_cells(case.reference) if case.reference else []
    found = {number: stored[at] for number, at in enumerate(partners(cells, stored), 1) if at is not None}
    due = {n: found[n] for n in asked.cells if n in found and _stored(cells[n - 1], found[n])}
    scraps = tuple(scrap for scrap in asked.scraps if scrap.accepted)
    missing = [f"cell {number}" for number in asked.cells if number not in due]
    missing += [f"scrap {scrap.name}, cell {scrap.cell}" for scrap in asked.scraps if not scrap.accepted]
    # what the live deployment lacks is new
    return _Due(
        by_nbval={number: accepted for number, accepted in due.items() if marks.by_nbval(cells[number - 1])},
        tolerant={number: accepted for number, accepted in due.items() if marks.is_tolerant(cells[number - 1])},
        scraps=scraps,
        missing=() if case.versus_live else tuple(missing),
    )


def _stored(cell: NotebookNode, accepted: NotebookNode) -> bool:
    """Whether there is something to compare with: nbval would pass a cell that never ran."""
    if not accepted.outputs and cell.outputs:
        return False
    return bool(accepted.outputs) or accepted.execution_count is not None


def _by_nbval(case: Case, due: _Due) -> Comparison:
    if not due.by_nbval:
        return Comparison(count=0)
    recorded = [_recorded(cell, due.by_nbval.get(n)) for n, cell in enumerate(code_cells(case.executed), 1)]
    return compare(recorded, case.run.contract.sanitizers)


def _recorded(cell: NotebookNode, accepted: NotebookNode | None) -> Recorded:
    if accepted is None:
        return Recorded(source="")  # keeps its place, so that nbval counts cells as we do
    return Recorded(
        source=cell.source,
        tags=tuple(cell.metadata.get("tags", ())),
        accepted=tuple(accepted.outputs),
        outputs=tuple(cell.outputs),
    )


def _with_tolerance(case: Case, due: _Due) -> list[Answer]:
    return [*tolerant.cells(case, due.tolerant), *tolerant.scraps(case, due.scraps)]


def _judged(case: Case, due: _Due, comparison: Comparison, answers: Sequence[Answer]) -> Check:
    trouble = comparison.trouble
    if not trouble and comparison.count != len(due.by_nbval):
        trouble = (f"nbval compared {comparison.count} of {counted(len(due.by_nbval), 'cell')}",)
    if trouble:
        return _check(Outcome.ERRORED, f"nbval could not finish: {trouble[0]}", trouble[1:])
    count = comparison.count + sum(answer.count for answer in answers)
    missing = [f"{name}: no accepted output to compare with; {_baseline(case)}" for name in due.missing]
    lines = [line for difference in comparison.differences.values() for line in difference] + list(
        tolerant.told(answers)
    )
    wrong = [answer for answer in answers if not answer.matches]
    cells = {*comparison.differences, *(answer.cell for answer in wrong if not answer.scrap)}
    if total := tolerant.named(len(cells), sum(bool(answer.scrap) for answer in wrong)):
        summary = f"outputs of {total} differ from the accepted ones"
        return _check(Outcome.FAILED, summary, (*lines, *missing), count)
    if missing:
        scraps = sum(name.startswith("scrap") for name in due.missing)
        what = tolerant.named(len(missing) - scraps, scraps)
        summary = f"{what} without an accepted output: {_baseline(case)}"
        return _check(Outcome.INCONCLUSIVE, summary, missing, count)
    return _check(Outcome.PASSED, f"outputs of {due} match", lines, count)


def _baseline(case: Case) -> str:
    return f"nbpromote baseline {case.run.notebook}"


_TOLD = 150  # lines; the executed notebook has all


def _check(outcome: Outcome, summary: str, details: Sequence[str] = (), count: int = 0) -> Check:
    more = [f"... and {len(details) - _TOLD} lines more"] if len(details) > _TOLD else []
    return Check(name="outputs-match", outcome=outcome, summary=summary, details=(*details[:_TOLD], *more), count=count)
