"""What many notebooks came to: failures first, each with what to do next; JSON and JUnit for those who collect them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nbpromote.model import Fate, Fleet, Json, Member
from nbpromote.report import words
from nbpromote.report.layout import Paint, columns
from nbpromote.report.plain import evidence_json
from nbpromote.report.suites import Case, Suite, case_of, junit

_BAD = (Fate.FAILED, Fate.ERRORED, Fate.INTERRUPTED)
_COLOURS = {Fate.PASSED: "green", Fate.SKIPPED: "bold", Fate.NOT_RUN: "yellow", **dict.fromkeys(_BAD, "red")}


def fleet(fleet: Fleet, *, colour: bool = False) -> str:
    """The verdict, what went wrong with the next command for each, then all others on a line each."""
    paint = Paint(colour)
    lines = [_verdict(fleet, paint)]
    for member in fleet.of(*_BAD):
        lines += ["", *_trouble(member, fleet.environment, paint)]
    rest = [_row(member, paint) for fate in (Fate.PASSED, Fate.SKIPPED, Fate.NOT_RUN) for member in fleet.of(fate)]
    lines += ["", *columns(rest)] if rest else []
    return "\n".join(lines)


def _verdict(fleet: Fleet, paint: Paint) -> str:
    counts = [(len(fleet.of(fate)), fate) for fate in Fate if fleet.of(fate)]
    told = ", ".join(paint(f"{count} {_said(fate)}", _COLOURS[fate]) for count, fate in counts) or "nothing to run"
    cpu = f", {words.seconds(fleet.cpu)} of processor time" if fleet.cpu else ""
    return f"{told} in {words.line(fleet.environment)}: {words.seconds(fleet.seconds)}{cpu}, {fleet.jobs} at a time"


def _said(fate: Fate) -> str:
    return fate.value.replace("-", " ")


def _trouble(member: Member, environment: str, paint: Paint) -> list[str]:
    head = f"{paint(_said(member.fate), 'red')}: {words.line(member.notebook)}"
    lines = [f"  {line}" for reason in _reasons(member) for line in words.clean(reason).splitlines()]
    return [head, *lines, *(f"  next: {command}" for command in _next(member, environment))]


def _reasons(member: Member) -> Iterator[str]:
    """The cell that ended badly, else the checks that block, else what kept the toolkit from answering."""
    if member.error:
        yield member.error
    evidence = member.evidence
    if evidence is None:
        return
    if evidence.run.failure is not None:
        yield words.failure(evidence.run.failure, of=len(evidence.run.cells))
        return
    for check in evidence.unmet:
        yield f"{check.name} {check.outcome.value}: {check.summary}"
        yield from (f"  {detail}" for detail in check.details)


def _next(member: Member, environment: str) -> Iterator[str]:
    if member.hint:
        yield words.line(member.hint)
    elif member.evidence is None:
        yield f"nbpromote run {words.line(member.notebook)} --env {words.line(environment)}"
    if member.evidence is None:
        return
    yield f"nbpromote report {words.line(member.run)}"
    if [check.name for check in member.evidence.unmet] == ["outputs-match"]:
        yield f"nbpromote baseline {words.line(member.notebook)}  # if these outputs are right"


def _row(member: Member, paint: Paint) -> list[str]:
    told = {
        Fate.PASSED: words.line(member.why),
        Fate.SKIPPED: f"nothing changed; stands on run {words.line(member.run)}",
        Fate.NOT_RUN: words.line(member.why),
    }
    seconds = words.seconds(member.evidence.run.seconds) if member.evidence else ""
    name = [paint(_said(member.fate), _COLOURS[member.fate]), words.line(member.notebook)]
    run = words.line(member.run) if member.evidence else ""
    return [*name, seconds, run, told[member.fate]]


# -- for those who collect them ------------------------------------------------------------------------------


def fleet_json(fleet: Fleet) -> dict[str, Json]:
    """A skipped one's `run` is the run that it stands on."""
    return {
        "environment": fleet.environment,
        "passed": not fleet.exit_code,
        "seconds": round(fleet.seconds, 3),
        "cpu": round(fleet.cpu, 3),
        "jobs": fleet.jobs,
        "counts": {fate.value: len(fleet.of(fate)) for fate in Fate},
        "notebooks": [_member(member) for member in fleet.members],
    }


def _member(member: Member) -> dict[str, Json]:
    return {
        "notebook": member.notebook,
        "fate": member.fate.value,
        "run": member.run or None,
        "why": member.why,
        "error": member.error or None,
        "hint": member.hint,
        "evidence": evidence_json(member.evidence) if member.evidence else None,
    }


def fleet_junit(fleet: Fleet) -> str:
    """One suite a notebook, one case a check; a notebook that was not judged has one case that says so."""
    suites = [_suite(member) for member in fleet.members]
    return junit(f"nbpromote run {fleet.environment}", suites, seconds=fleet.seconds)


def _suite(member: Member) -> Suite:
    if member.evidence is not None:
        cases = [case_of(check, member.notebook) for check in member.evidence.checks]
        return Suite(name=member.notebook, cases=cases, seconds=member.evidence.run.seconds)
    why = member.why or f"nothing changed; stands on run {member.run}"
    case = Case(name="run", place=member.notebook, outcome="skipped", message=why)
    if member.fate.bad:
        message = member.error or _said(member.fate)
        case = replace(case, outcome="error", message=message, text="\n".join([message, member.hint]))
    return Suite(name=member.notebook, cases=[case])
