"""A person says that outputs are right."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nbpromote.errors import Refused
from nbpromote.model import Check, Evidence, Outcome
from nbpromote.validate.asking import answer
from nbpromote.validate.case import Case, Reference

if TYPE_CHECKING:
    from nbformat import NotebookNode


def accepted(
    evidence: Evidence,
    by: str,
    *,
    executed: NotebookNode,
    cells: tuple[int, ...] = (),
    beside: NotebookNode | None = None,
) -> Evidence:
    """New evidence of the same run: a person says that its outputs are right. The other answers are kept.

    Of some `cells` alone, these stand `beside` what was accepted before, and the run passes where the other cells show
    that. Raises `Refused` where another check blocks: outputs of such a run are nothing to compare with.
    """
    others = [check for check in evidence.unmet if check.name != "outputs-match"]
    if others:
        found = "; ".join(f"{check.name}: {check.summary}" for check in others)
        raise Refused(
            f"the outputs of run {evidence.run.id} cannot be accepted: {found}",
            hint="mend that and run the notebook again; nothing was changed",
        )
    # compared with themselves: proof that the marked cells have outputs which nbval can compare
    reference = Reference(notebook=beside if cells else executed)
    case = Case(run=evidence.run, executed=executed, against=reference, scraps=evidence.scraps)
    which = f" in {_named(cells)}" if cells else ""
    checks = [_accepted(case, f"{by}{which}", cells) if c.name == "outputs-match" else c for c in evidence.checks]
    return replace(
        evidence,
        checks=tuple(checks),
        accepted_by=f"{by}{which}",
        reference=f"run {evidence.run.id}{which}",
    )


def _accepted(case: Case, by: str, cells: tuple[int, ...]) -> Check:
    check = answer("outputs-match", case)
    cut = [cell for cell in case.run.cells if cell.cut and cell.number in cells]
    if cut or check.outcome is Outcome.ERRORED or (check.outcome.blocks and not cells):
        raise Refused(
            f"the outputs of run {case.run.id} cannot be accepted: {check.summary}",
            hint="\n".join(check.details) or "nothing was changed",
        )
    if cells or check.outcome is Outcome.PASSED:
        return replace(check, summary=f"{check.summary}, accepted by {by}")
    return check


def _named(cells: tuple[int, ...]) -> str:
    return f"{'cell' if len(cells) == 1 else 'cells'} {', '.join(map(str, cells))}"
