"""Evidence, decisions, checks and parameters as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap

from nbpromote.model import (
    Check,
    Decision,
    Difference,
    Environment,
    Evidence,
    Outcome,
    Run,
    Verdict,
)
from nbpromote.report import words
from nbpromote.report.layout import Paint, columns

STYLES = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "red",
    Outcome.ERRORED: "red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.SKIPPED: "bold",
}


def evidence(evidence: Evidence, *, colour: bool = False) -> str:
    """What a run showed, the verdict first."""
    paint, run = Paint(colour), evidence.run
    lines = [_verdict(evidence, paint)]
    if run.failure is not None:
        lines.append(paint(words.failure(run.failure, of=len(run.cells)), "red"))
    lines += ["", *(told_checks(evidence.checks, paint) or ["no check was made, so nothing is proved"])]
    lines += block("metrics", ([words.line(n), words.number(v)] for n, v in evidence.metrics.items()))
    lines += block("files", ([kind, words.line(name), *told] for kind, name, *told in words.files(run)))
    lines += listed("notes", run.notes)
    if not evidence.passed and run.withheld:
        names = _withheld(run)
        lines += ["", *wrap(f"not given to the kernel (`pass_env` in params lets them in): {names}", 110)]
    return ended([*lines, "", *columns(_places(evidence))])


def _withheld(run: Run) -> str:
    """First those that the failure speaks of; a CI job sets a hundred, and the record has them all."""
    said = words.failure(run.failure, of=len(run.cells)) if run.failure else ""
    names = sorted(map(words.line, run.withheld), key=lambda name: name not in said)
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


_NAMES = 12


def _verdict(evidence: Evidence, paint: Paint) -> str:
    verdict = paint("passed", "green") if evidence.passed else paint("not passed", "red")
    run = evidence.run
    ran = sum(cell.ending.good for cell in run.cells)
    return (
        f"{verdict}: {words.line(run.notebook)} in {words.line(run.environment)}, "
        f"{ran} of {len(run.cells)} cells ran in {words.seconds(run.seconds)}"
    )


def told_checks(checks: Sequence[Check], paint: Paint) -> list[str]:
    rows = [[paint(c.outcome.value, STYLES[c.outcome]), words.line(c.name), words.line(c.summary)] for c in checks]
    lines = []
    for check, told in zip(checks, columns(rows), strict=True):
        lines += [told, *_indented(check.details)]
    return lines


def _indented(details: Iterable[str]) -> list[str]:
    return [f"    {part}".rstrip() for detail in details for part in words.clean(detail).splitlines()]


def _places(evidence: Evidence) -> list[list[str]]:
    run = evidence.run
    rows = [["run", words.line(run.id)], ["notebook", words.line(str(run.notebook_file))]]
    if used := words.used(run.cells):
        rows.append(["cells", used])
    if evidence.model is not None:
        rows.append(["model", words.line(evidence.model.uri)])
    if evidence.accepted_by:
        rows.append(["accepted by", words.line(evidence.accepted_by)])
    return [*rows, ["from", _source(run)]]


def _source(run: Run) -> str:
    commit = f"commit {words.short(run.commit)}" if run.commit else "no commit"
    source = f"{commit}, with edits" if run.dirty else commit
    params = words.params(run)
    return f"{source}; params of {params}" if params else source


def decision(decision: Decision, *, colour: bool = False) -> str:
    """What each gate saw, refusals first, and every other reason with them."""
    paint = Paint(colour)
    door = words.line(decision.environment)
    verdict = paint("allowed", "green") if decision.allowed else paint("refused", "red")
    verdicts = sorted(decision.verdicts, key=lambda v: (not v.refuses, not v.outcome.blocks))
    told = {v.reason for v in verdicts if v.refuses}
    asked = words.counted(len(verdicts), "gate") if verdicts else "no gate is"
    lines = [f"{verdict}: {asked} asked at the door of {door}"]
    lines += ["", *columns([_judged(verdict, paint) for verdict in verdicts])]
    lines += listed("also unmet", [reason for reason in decision.unmet if reason not in told])
    return ended(lines)


def _judged(verdict: Verdict, paint: Paint) -> list[str]:
    # a gate that only warns never refuses, whatever it saw
    outcome = "warning" if verdict.outcome.blocks and not verdict.refuses else verdict.outcome.value
    style = "yellow" if outcome == "warning" else STYLES[verdict.outcome]
    return [paint(outcome, style), words.line(verdict.reason)]


def checks(checks: Sequence[Check], *, colour: bool = False) -> str:
    """Each answer on a line, with its details below."""
    return ended(told_checks(checks, Paint(colour)) or ["nothing was asked"])


def parameters(environment: Environment, *, colour: bool = False) -> str:
    """Every value that a notebook gets in an environment, and the file and line that gave it."""
    paint = Paint(colour)
    rows = [
        [words.line(name), words.value(value), kind, words.line(environment.origins.get(name, ""))]
        for name, value, kind in given(environment)
    ]
    rows += [
        [words.line(name), words.line(reference), "secret", words.line(environment.secret_origins.get(name, ""))]
        for name, reference in sorted(environment.secrets.items())
    ]
    if not rows:
        return f"no parameters in {words.line(environment.name)}"
    header = [paint(name, "bold") for name in ("name", "value", "", "from")]
    return ended(columns([header, *rows]))


def differences(found: Sequence[Difference], environments: tuple[str, str], *, colour: bool = False) -> str:
    """What two environments give and demand differently."""
    if not found:
        return f"{environments[0]} and {environments[1]} do not differ"
    header = ["", "", *environments, f"{environments[0]} from", f"{environments[1]} from"]
    rows = [
        [
            words.line(one.notebook),
            f"{one.what} {one.name}",
            *(words.value(value) for value in one.values),
            *(words.line(origin) for origin in one.origins),
        ]
        for one in found
    ]
    return ended(columns([[Paint(colour)(name, "bold") for name in header], *rows]))


def given(environment: Environment) -> list[tuple[str, object, str]]:
    """Name, value and `input`, `output` or nothing, by name; a declared path stands for a plain value."""
    values: dict[str, object] = {**environment.parameters, **environment.inputs, **environment.outputs}
    return [(name, values[name], _kind(name, environment.inputs, environment.outputs)) for name in sorted(values)]


def _kind(name: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    return "output" if name in outputs else "input" if name in inputs else ""


def block(title: str, rows: Iterable[Sequence[str]]) -> list[str]:
    lines = columns(rows, indent=2)
    return ["", title, *lines] if lines else []


def listed(title: str, reasons: Iterable[str]) -> list[str]:
    lines = [f"  - {words.line(reason)}" for reason in reasons]
    return ["", title, *lines] if lines else []


def ended(lines: Sequence[str]) -> str:
    return "\n".join(lines).rstrip()
