"""A report for those who collect them: JUnit, GitLab's code quality, OpenMetrics."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping

from nbpromote.model import Cell, Ending, Finding, Outcome, Severity, Verdict, is_metric
from nbpromote.report import verdict, words
from nbpromote.report.found import codequality
from nbpromote.report.pages import page
from nbpromote.report.subject import Subject
from nbpromote.report.suites import OUTCOMES, Case, Suite, case_of, junit
from nbpromote.report.summary import markdown


def report_as(form: str, subject: Subject) -> str:
    return FORMS[form](subject)


def subject_junit(subject: Subject) -> str:
    """One suite, of the notebook: a case a cell, a check and a gate."""
    run = subject.evidence.run
    cases = [_cell(cell, run.notebook) for cell in run.cells]
    cases += [case_of(check, run.notebook) for check in subject.evidence.checks]
    cases += [_gate(one, run.notebook) for one in subject.verdicts]
    return junit(f"nbpromote report {run.id}", [Suite(name=run.notebook, cases=cases, seconds=run.seconds)])


def _cell(cell: Cell, notebook: str) -> Case:
    name = f"cell {cell.number}" + (f" ({cell.id})" if cell.id else "")
    if cell.ending.good:
        return Case(name=name, place=notebook, seconds=cell.seconds)
    told = ": ".join(part for part in (cell.error, cell.message) if part) or cell.ending.value
    outcome = "skipped" if cell.ending is Ending.NOT_REACHED else "failure"
    return Case(
        name=name,
        place=notebook,
        outcome=outcome,
        message=words.line(told),
        text=told,
        kind=cell.error,
        seconds=cell.seconds,
    )


def _gate(one: Verdict, notebook: str) -> Case:
    """A gate that only warns is a case that passed, with what it said in its output."""
    name = f"gate: {words.gate(one.gate)}"
    if one.refuses or one.outcome is Outcome.SKIPPED:
        outcome = OUTCOMES[one.outcome]
        return Case(
            name=name, place=notebook, outcome=outcome, message=one.reason, text=one.reason, kind=one.gate.where
        )
    return Case(name=name, place=notebook, text=one.reason)


# -- GitLab --------------------------------------------------------------------------------------------------


def subject_codequality(subject: Subject) -> str:
    return json.dumps(codequality(list(_findings(subject))), indent=2, ensure_ascii=False)


def _findings(subject: Subject) -> Iterator[Finding]:
    """Each remark where it was asked for, else at the notebook."""
    run = subject.evidence.run
    for remark in verdict.remarks(subject):
        asked = re.fullmatch(r"(.+?):(\d+)", remark.where)
        yield Finding(
            path=asked[1] if asked else run.path or run.notebook,
            line=int(asked[2]) if asked else None,
            message=f"{run.notebook} in {run.environment}: {remark.text}",
            code=f"nbpromote-{remark.place.split('-')[0]}",
            severity=Severity.ERROR if remark.level == "no" else Severity.WARNING,
            cell=run.failure.number if run.failure and remark.place == "failing" else None,
        )


# -- OpenMetrics ---------------------------------------------------------------------------------------------


def openmetrics(subject: Subject) -> str:
    """Metrics, what the run took, and whether it passed; only numbers that are finite."""
    evidence, run = subject.evidence, subject.evidence.run
    families: Mapping[str, Mapping[str, float]] = {
        "metric": evidence.metrics,
        "measure": run.measures,
        "check": {check.name: float(not check.outcome.blocks) for check in evidence.checks},
        "gate": {f"{n} {words.gate(one.gate)}": float(not one.refuses) for n, one in enumerate(subject.verdicts, 1)},
        "passed": {"": float(verdict.headline(subject).level in ("yes", "warn"))},
    }
    around = {"notebook": run.notebook, "environment": run.environment}
    lines = [line for name, values in families.items() for line in _family(name, values, around)]
    return "\n".join([*lines, "# EOF"])


def _family(name: str, values: Mapping[str, float], around: Mapping[str, str]) -> Iterator[str]:
    finite = {key: value for key, value in values.items() if is_metric(value)}
    if finite:
        yield f"# TYPE nbpromote_{name} gauge"
    for key, value in finite.items():
        labels = {**around, **({"name": key} if key else {})}
        told = ",".join(f'{label}="{_label(text)}"' for label, text in labels.items())
        yield f"nbpromote_{name}{{{told}}} {float(value)!r}"


def _label(text: str) -> str:
    return words.clean(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


FORMS: Mapping[str, Callable[[Subject], str]] = {
    "html": page,
    "markdown": markdown,
    "junit": subject_junit,
    "gitlab-codequality": subject_codequality,
    "openmetrics": openmetrics,
}
