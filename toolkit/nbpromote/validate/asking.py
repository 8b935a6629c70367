"""Every question, asked of a run. A check is a function and one line here; its docstring is its description."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nbpromote.model import Check, Contest, Evidence, Outcome, Run
from nbpromote.validate.case import Case, Reference
from nbpromote.validate.data import inputs_sound, outputs_sound
from nbpromote.validate.declared import scraps_as_declared
from nbpromote.validate.glued import scraps
from nbpromote.validate.metrics import metrics, metrics_finite
from nbpromote.validate.outputs import outputs_match, pictures
from nbpromote.validate.packages import packages_match
from nbpromote.validate.parameters import parameters_as_given
from nbpromote.validate.result import model_predicts, no_secrets, outputs_written, ran_to_the_end, stayed_inside
from nbpromote.validate.schemas import data_contract

if TYPE_CHECKING:
    from nbformat import NotebookNode

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


def _answers(case: Case) -> tuple[Check, ...]:
    first = answer("ran-to-the-end", case)
    rest = [name for name in CHECKS if name != first.name]
    if first.outcome is Outcome.PASSED:
        return (first, *(answer(name, case) for name in rest))
    reason = "not asked: the run did not reach its end"
    skipped = Check(name="", outcome=Outcome.SKIPPED, summary=reason)
    return (first, *(answer(name, case) if name in _ALWAYS else replace(skipped, name=name) for name in rest))


def answer(name: str, case: Case) -> Check:
    try:
        return CHECKS[name](case)
    except Exception as error:  # one check that cannot finish must not hide what the others found
        reason = f"could not finish: {type(error).__name__}: {error}"
        return Check(name=name, outcome=Outcome.ERRORED, summary=reason)
