"""Run -> Checks -> Evidence. Every question is answered from what a run left; nothing is executed here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nbpromote.errors import Refused
from nbpromote.model import Check, Contest, Evidence, Outcome, Run
from nbpromote.validate.answers import answers
from nbpromote.validate.case import Case, Reference, code_cells, numbered
from nbpromote.validate.comparing import changes
from nbpromote.validate.data import inputs_sound, outputs_sound
from nbpromote.validate.declared import scraps_as_declared
from nbpromote.validate.glued import glued_table, scraps
from nbpromote.validate.marks import is_marked
from nbpromote.validate.marks import problems as mistagged
from nbpromote.validate.metrics import metrics, metrics_finite
from nbpromote.validate.outputs import outputs_match, pictures
from nbpromote.validate.packages import packages_match, pins
from nbpromote.validate.parameters import parameters_as_given
from nbpromote.validate.result import model_predicts, no_secrets, outputs_written, ran_to_the_end, stayed_inside
from nbpromote.validate.schemas import data_contract
from nbpromote.validate.values import (
    file_changes,
    likeness,
    metric_changes,
    package_changes,
    parameter_changes,
    scrap_changes,
)

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = [
    "CHECKS",
    "Case",
    "Reference",
    "accepted",
    "answers",
    "changes",
    "code_cells",
    "differences",
    "evidence",
    "file_changes",
    "glued_table",
    "is_marked",
    "likeness",
    "metric_changes",
    "mistagged",
    "numbered",
    "package_changes",
    "parameter_changes",
    "pins",
    "scrap_changes",
    "scraps",
]

CHECKS: Mapping[str, Callable[[Case], Check]] = {
    "ran-to-the-end": ran_to_the_end,
    "metrics-finite": metrics_finite,
    "scraps-as-declared": scraps_as_declared,
    "inputs-sound": inputs_sound,
    "outputs-written": outputs_written,
    "outputs-sound": outputs_sound,
    "data-contract": data_contract,
    "outputs-match": outputs_match,
    "model-predicts": model_predicts,
    "packages-match": packages_match,
    "parameters-as-given": parameters_as_given,
    "no-secrets": no_secrets,
    "stayed-inside": stayed_inside,
}
# also of a run that did not reach its end: an error may have shown a secret, or come of a write that was refused
_ALWAYS = ("no-secrets", "stayed-inside")


def evidence(
    run: Run, *, executed: NotebookNode, against: Reference | None = None, contests: tuple[Contest, ...] = ()
) -> Evidence:
    """Make every check of a run. `executed` is the notebook as the run left it."""
    case = Case(run=run, executed=executed, against=against or Reference(), scraps=scraps(executed))
    return Evidence(
        run=run,
        checks=_answers(case),
        metrics={name: value for name, value in metrics(case).items() if math.isfinite(value)},
        scraps=case.scraps,
        model=case.model,
        contests=contests,
        reference=case.against.name if case.reference is not None else "",
    )


def differences(run: Run, *, executed: NotebookNode, against: Reference) -> Mapping[str, bytes]:
    """PNG of where figures differ from the reference, by the paths from the run's folder that a failed check names."""
    return pictures(Case(run=run, executed=executed, against=against, scraps=()))


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
    check = _answer("outputs-match", case)
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


def _answers(case: Case) -> tuple[Check, ...]:
    first = _answer("ran-to-the-end", case)
    rest = [name for name in CHECKS if name != first.name]
    if first.outcome is Outcome.PASSED:
        return (first, *(_answer(name, case) for name in rest))
    reason = "not asked: the run did not reach its end"
    skipped = Check(name="", outcome=Outcome.SKIPPED, summary=reason)
    return (first, *(_answer(name, case) if name in _ALWAYS else replace(skipped, name=name) for name in rest))


def _answer(name: str, case: Case) -> Check:
    try:
        return CHECKS[name](case)
    except Exception as error:  # one check that cannot finish must not hide what the others found
        reason = f"could not finish: {type(error).__name__}: {error}"
        return Check(name=name, outcome=Outcome.ERRORED, summary=reason)
