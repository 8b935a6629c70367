"""The answer in one line, what it rests on, and each thing that a reader must not miss: for every format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbpromote.model import CellChange, Check, Likeness, Outcome, Shown, ValueChange, Verdict
from nbpromote.report import words
from nbpromote.report.subject import Kind, Subject

UNLIKE = (Likeness.DIFFERENT, Likeness.ADDED, Likeness.REMOVED)


@dataclass(frozen=True, kw_only=True)
class Headline:
    """`level` is yes, no, warn or change."""

    level: str
    said: str
    told: str = ""


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something that a reader must not miss. `place` names the part of the page that shows it."""

    level: str  # no, warn or change
    text: str
    place: str
    where: str = ""  # the file and line that asked


def headline(subject: Subject) -> Headline:
    if subject.kind is Kind.DIFF:
        return _of_diff(subject)
    said = {Kind.RUN: _of_run, Kind.RELEASE: _of_release, Kind.PROMOTION: _of_release}[subject.kind](subject)
    return Headline(level=said[0], said=said[1], told=_counted(subject))


def _of_run(subject: Subject) -> tuple[str, str]:
    if not subject.evidence.passed:
        return "no", "Not passed"
    if subject.decision is not None and not subject.decision.allowed:
        return "no", f"Passed, and {subject.decision.environment} would refuse it"
    return "yes", "Passed"


_STEPS = {
    "refused": ("no", "Refused at {}"),
    "failed": ("no", "Failed its verification in {}"),
    "abandoned": ("no", "Given up on the way to {}"),
    "intent": ("warn", "Half-way into {}"),
    "live": ("warn", "Live in {}, not yet verified"),
    "unverified": ("warn", "Live in {}, not yet verified"),
    "verified": ("yes", "Went live in {}"),
    "done": ("yes", "Went live in {}"),
}


def _of_release(subject: Subject) -> tuple[str, str]:
    """What the ledger says of it; where it says nothing, what the gates say today."""
    environment, decision = subject.evidence.run.environment, subject.decision
    if subject.attempt:
        level, said = _STEPS.get(subject.attempt[-1].step, ("warn", "On the way to {}"))
        refused = decision is not None and not decision.allowed
        if subject.is_live and level == "yes":
            said = "Live in {}"
        # it went live, and the gates of today would not let it in
        return ("warn" if refused and level == "yes" else level), said.format(environment)
    if decision is not None and not decision.allowed:
        return "no", f"Refused at {environment}"
    if not subject.evidence.passed:
        return "no", "Not passed"
    return "yes", f"Allowed into {environment}" if decision else "Passed"


def _counted(subject: Subject) -> str:
    """`2 of 6 gates refuse · 11 of 12 checks passed · 14 of 14 cells ran in 8.2 s`."""
    run, verdicts = subject.evidence.run, subject.verdicts
    checks = [check for check in subject.evidence.checks if check.outcome is not Outcome.SKIPPED]
    refusing = sum(verdict.refuses for verdict in verdicts)
    gates = f"{refusing or 'none'} of {words.counted(len(verdicts), 'gate')} refuse{'s' if refusing <= 1 else ''}"
    passed = sum(check.outcome is Outcome.PASSED for check in checks)
    ran = sum(cell.ending.good for cell in run.cells)
    told = [
        gates if verdicts else "",
        f"{passed} of {words.counted(len(checks), 'check')} passed",
        f"{ran} of {words.counted(len(run.cells), 'cell')} ran in {words.seconds(run.seconds)}",
    ]
    return " · ".join(part for part in told if part)


def _of_diff(subject: Subject) -> Headline:
    found = subject.comparison
    assert found is not None
    counted = {
        "metric": len(unlike(found.metrics)),
        "figure": len(figures(found.cells)),
        "cell": len(different(found.cells)),
        "scrap": len(unlike(found.scraps)),
        "parameter": len(unlike(found.parameters)),
        "package": len(unlike(found.packages)),
        "file": len(unlike(found.files)),
    }
    told = [words.counted(count, what) for what, count in counted.items() if count]
    if found.same:
        return Headline(level="yes", said="No difference", told="to a careful reader, both show the same")
    return Headline(level="change", said="Different", told=", ".join(told))


# -- remarks -------------------------------------------------------------------------------------------------


def remarks(subject: Subject) -> tuple[Remark, ...]:
    """In the order in which the page shows what they are about."""
    if subject.kind is Kind.DIFF:
        return tuple(_differences(subject))
    return (*_failing(subject), *_gates(subject), *_also(subject), *_checks(subject), *_passed_over(subject))


def _failing(subject: Subject) -> Iterator[Remark]:
    run = subject.evidence.run
    if run.failure:
        yield Remark(level="no", text=words.failure(run.failure, of=len(run.cells)), place="failing")


def _gates(subject: Subject) -> Iterator[Remark]:
    for number, verdict in enumerate(subject.verdicts, start=1):
        if verdict.outcome.blocks:
            level = "no" if verdict.refuses else "warn"
            yield Remark(level=level, text=reason(verdict), place=f"gate-{number}", where=verdict.gate.where)


def _passed_over(subject: Subject) -> Iterator[Remark]:
    """What people passed over besides gates, which say it themselves."""
    gates = {words.gate(verdict.gate) for verdict in subject.verdicts if verdict.overridden}
    over = dict.fromkeys(what for event in subject.attempt for what in event.overrides if what not in gates)
    if over:
        yield Remark(level="warn", text=f"overridden: {', '.join(over)}", place="provenance")


def reason(verdict: Verdict) -> str:
    """Without its place, which stands beside it."""
    return verdict.reason.removesuffix(f" [{verdict.gate.where}]")


def _also(subject: Subject) -> Iterator[Remark]:
    for number, text in enumerate(also(subject), start=1):
        yield Remark(level="no", text=text, place=f"also-{number}")


def also(subject: Subject) -> list[str]:
    """What is unmet besides gates and checks."""
    told = [verdict.reason for verdict in subject.verdicts if verdict.refuses]
    told += [_answer(check) for check in subject.evidence.unmet]
    unmet = subject.decision.unmet if subject.decision else ()
    return [text for text in dict.fromkeys(unmet) if text not in told]


def checks(subject: Subject) -> list[Check]:
    """Those that block come first, those that were skipped last."""
    return sorted(
        subject.evidence.checks, key=lambda check: (not check.outcome.blocks, check.outcome is Outcome.SKIPPED)
    )


def _checks(subject: Subject) -> Iterator[Remark]:
    """But what a gate or the failing cell has told already."""
    evidence = subject.evidence
    told = {verdict.gate.check for verdict in subject.verdicts if verdict.outcome.blocks}
    told |= {"ran-to-the-end"} if evidence.run.failure else set()
    for number, check in enumerate(checks(subject), start=1):
        if check.outcome.blocks and check.name not in told:
            yield Remark(level=_weight(subject, check), text=_answer(check), place=f"check-{number}")
    if not (evidence.passed or evidence.unmet or also(subject)):
        yield Remark(level="no", text="no check proves that every cell ran to the end", place="checks")


def _weight(subject: Subject, check: Check) -> str:
    """A check that a policy's gate waives does not keep a release out."""
    if subject.kind is Kind.RUN or subject.decision is None:
        return "no"
    return "no" if any(text.startswith(_answer(check)) for text in subject.decision.unmet) else "warn"


def _answer(check: Check) -> str:
    return f"{check.name} {check.outcome}: {check.summary}"


# -- differences ---------------------------------------------------------------------------------------------


def unlike(changes: Sequence[ValueChange]) -> list[ValueChange]:
    return [change for change in changes if change.likeness in UNLIKE]


def figures(cells: Sequence[CellChange]) -> list[tuple[CellChange, Shown]]:
    """Pairs of pictures that a person sees a difference between."""
    shown = [(cell, output) for cell in cells for output in cell.outputs if output.kind == "figure"]
    return [(cell, output) for cell, output in shown if output.likeness in UNLIKE]


def different(cells: Sequence[CellChange]) -> list[CellChange]:
    """Cells that differ in more than their figures, which stand apart."""
    return [cell for cell in cells if cell.likeness in UNLIKE and _besides_figures(cell)]


def _besides_figures(cell: CellChange) -> bool:
    others = [output for output in cell.outputs if output.kind != "figure"]
    alone = cell.before is None or cell.after is None
    return alone or bool(cell.source) or any(output.likeness in UNLIKE for output in others)


def _differences(subject: Subject) -> Iterator[Remark]:
    found = subject.comparison
    assert found is not None
    yield from _values("metrics", "metric", found.metrics)
    for number, (cell, output) in enumerate(figures(found.cells), start=1):
        yield Remark(level="change", text=f"{cell_name(cell)}: {_said(output)}", place=f"figure-{number}")
    for number, cell in enumerate(different(found.cells), start=1):
        yield Remark(level="change", text=f"{cell_name(cell)}: {_what_differs(cell)}", place=f"cell-{number}")
    yield from _values("scraps", "scrap", found.scraps)
    yield from _values("parameters", "parameter", found.parameters)
    yield from _values("packages", "package", found.packages)
    yield from _values("data", "file", found.files)


_NAMED = 6


def _values(place: str, what: str, changes: Sequence[ValueChange]) -> Iterator[Remark]:
    names = [change.name for change in unlike(changes)]
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        text = f"{words.counted(len(names), what)} differ{'s' if len(names) == 1 else ''}: {', '.join(names[:_NAMED])}"
        yield Remark(level="change", text=text + more, place=place)


def cell_name(cell: CellChange) -> str:
    """`cell 4`, or `cell 4, before 3`."""
    if cell.after is None:
        return f"cell {cell.before} of before"
    return f"cell {cell.after}" + (f", before {cell.before}" if cell.before not in (None, cell.after) else "")


def _said(output: Shown) -> str:
    return f"{output.kind}: {output.summary}" if output.summary else f"{output.kind} {output.likeness}"


def _what_differs(cell: CellChange) -> str:
    if cell.before is None or cell.after is None:
        return f"{'added' if cell.before is None else 'removed'}: {cell.name}".removesuffix(": ")
    parts = ["its code"] if cell.source else []
    return "; ".join(parts + [_said(output) for output in cell.outputs if _tells(output)])


def _tells(output: Shown) -> bool:
    return output.kind != "figure" and output.likeness in UNLIKE
