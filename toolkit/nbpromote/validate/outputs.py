"""Are the outputs of marked cells the accepted ones? Decides what to compare; nbval itself is next door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpromote.model import Check, Outcome
from nbpromote.validate.case import Case, code_cells, counted
from nbpromote.validate.comparing import partners
from nbpromote.validate.marks import is_marked
from nbpromote.validate.recorded import Comparison, Recorded, compare

if TYPE_CHECKING:
    from nbformat import NotebookNode


def outputs_match(case: Case) -> Check:
    """Cells marked `# NBVAL_CHECK_OUTPUT` or `nbval-check-output` show what a person accepted."""
    cells = code_cells(case.executed)
    marked = [number for number, cell in enumerate(cells, 1) if is_marked(cell)]
    baseline = f"nbpromote baseline {case.run.notebook}"
    if not marked:
        return _check(Outcome.SKIPPED, "no cell is marked for comparison")
    if case.reference is None and case.versus_live:
        return _check(Outcome.SKIPPED, "nothing is live to compare with")
    if case.reference is None:
        asked = f"{counted(len(marked), 'cell')} {'is' if len(marked) == 1 else 'are'} marked for comparison"
        return _check(Outcome.INCONCLUSIVE, f"{asked} and nothing was accepted yet: {baseline}")
    if cut := [cell.number for cell in case.run.cells if cell.cut and cell.number in marked]:
        numbers = ", ".join(map(str, cut))
        told = f"only a part of the output of cell {numbers} was kept, so it is not compared"
        return _check(Outcome.INCONCLUSIVE, f"{told}: raise limits.cell_output, or print less")
    stored = code_cells(case.reference)
    accepted = [None if at is None else stored[at] for at in partners(cells, stored)]
    due = [number for number in marked if _stored(cells[number - 1], accepted[number - 1])]
    unstored = [] if case.versus_live else [number for number in marked if number not in due]
    if not due and not unstored:
        return _check(Outcome.SKIPPED, "every marked cell is new: the live deployment has no output for it")
    comparison = compare(
        [_recorded(*both, due=n in due) for n, both in enumerate(zip(cells, accepted, strict=True), 1)]
    )
    return _judged(comparison, due=len(due), unstored=unstored, baseline=baseline)


def _judged(comparison: Comparison, *, due: int, unstored: list[int], baseline: str) -> Check:
    trouble = comparison.trouble
    if not trouble and comparison.count != due:
        trouble = (f"nbval compared {comparison.count} of {counted(due, 'cell')}",)
    if trouble:
        return _check(Outcome.ERRORED, f"nbval could not finish: {trouble[0]}", trouble[1:])
    missing = [f"cell {number}: no accepted output to compare with; {baseline}" for number in unstored]
    if comparison.differences:
        total = counted(len(comparison.differences), "cell")
        lines = [line for difference in comparison.differences for line in difference]
        summary = f"outputs of {total} differ from the accepted ones"
        return _check(Outcome.FAILED, summary, (*lines, *missing), comparison.count)
    if missing:
        summary = f"{counted(len(missing), 'marked cell')} without an accepted output: {baseline}"
        return _check(Outcome.INCONCLUSIVE, summary, missing, comparison.count)
    return _check(Outcome.PASSED, f"outputs of {counted(due, 'cell')} match", (), comparison.count)


def _check(outcome: Outcome, summary: str, details: Sequence[str] = (), count: int = 0) -> Check:
    return Check(name="outputs-match", outcome=outcome, summary=summary, details=tuple(details), count=count)


def _stored(cell: NotebookNode, accepted: NotebookNode | None) -> bool:
    """Whether there is something to compare with: nbval would pass a cell that never ran."""
    if accepted is None or (not accepted.outputs and cell.outputs):
        return False
    return bool(accepted.outputs) or accepted.execution_count is not None


def _recorded(cell: NotebookNode, accepted: NotebookNode | None, *, due: bool) -> Recorded:
    if accepted is None or not due:
        return Recorded(source="")  # keeps its place, so that nbval counts cells as we do
    return Recorded(
        source=cell.source,
        tags=tuple(cell.metadata.get("tags", ())),
        accepted=tuple(accepted.outputs),
        outputs=tuple(cell.outputs),
    )
