"""Run -> Checks -> Evidence. Every question is answered from what a run left; nothing is executed here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nbpromote.errors import Refused
from nbpromote.model import Check, Contest, Evidence, Outcome, Run
from nbpromote.validate.answers import answers
from nbpromote.validate.case import Case, Reference
from nbpromote.validate.comparing import changes
from nbpromote.validate.glued import scraps
from nbpromote.validate.marks import is_marked
from nbpromote.validate.marks import problems as mistagged
from nbpromote.validate.metrics import metrics, metrics_finite
from nbpromote.validate.outputs import outputs_match, pictures
from nbpromote.validate.packages import packages_match, pins
from nbpromote.validate.parameters import parameters_as_given
from nbpromote.validate.result import model_predicts, no_secrets, outputs_written, ran_to_the_end, stayed_inside

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = [
    "CHECKS",
    "Case",
    "Reference",
    "accepted",
    "answers",
    "changes",
    "differences",
    "evidence",
    "is_marked",
    "mistagged",
    "pins",
    "scraps",
]

CHECKS: Mapping[str, Callable[[Case], Check]] = {
    "ran-to-the-end": ran_to_the_end,
    "metrics-finite": metrics_finite,
    "outputs-written": outputs_written,
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


def accepted(evidence: Evidence, by: str, *, executed: NotebookNode) -> Evidence:
    """New evidence of the same run: a person says that its outputs are right. The other answers are kept.

    Raises `Refused` where another check blocks: outputs of such a run are nothing to compare with.
    """
    others = [check for check in evidence.unmet if check.name != "outputs-match"]
    if others:
        found = "; ".join(f"{check.name}: {check.summary}" for check in others)
        raise Refused(
            f"the outputs of run {evidence.run.id} cannot be accepted: {found}",
            hint="mend that and run the notebook again; nothing was changed",
        )
    # compared with themselves: proof that the marked cells have outputs which nbval can compare
    itself = Reference(notebook=executed)
    case = Case(run=evidence.run, executed=executed, against=itself, scraps=evidence.scraps)
    checks = [_accepted(case, by) if check.name == "outputs-match" else check for check in evidence.checks]
    return replace(evidence, checks=tuple(checks), accepted_by=by, reference=f"run {evidence.run.id}")


def _accepted(case: Case, by: str) -> Check:
    check = _answer("outputs-match", case)
    if check.outcome.blocks:
        raise Refused(
            f"the outputs of run {case.run.id} cannot be accepted: {check.summary}",
            hint="\n".join(check.details) or "nothing was changed",
        )
    if check.outcome is Outcome.PASSED:
        return replace(check, summary=f"{check.summary}, accepted by {by}")
    return check


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
