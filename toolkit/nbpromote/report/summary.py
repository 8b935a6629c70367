"""A report as Markdown: the comment on a pull request, or the summary of a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbpromote.model import Check, Verdict
from nbpromote.report import verdict, words
from nbpromote.report.comparison.markdown import markdown as compared
from nbpromote.report.marked import COMMENT, code, fitting, plain, table
from nbpromote.report.pages.judged import outcome
from nbpromote.report.subject import Kind, Subject

_ROWS = 60
_WIDE = 300  # letters of a reason
_MARKS = {"yes": "✅", "no": "❌", "warn": "⚠️", "change": "🔵"}
_OUTCOMES = {"passed": "✅", "allowed": "✅", "failed": "❌", "refused": "❌", "errored": "❌", "skipped": "➖"}


def markdown(subject: Subject, *, most: int = COMMENT) -> str:
    """The verdict, the reasons, metrics with their gates, checks and what differs, in at most so many bytes."""
    closing = f"\n\n… and more: `nbpromote report {words.line(subject.evidence.run.id)}` shows all of it.\n"
    return fitting(_paragraphs(subject), most=most, closing=closing)


def _paragraphs(subject: Subject) -> Iterator[str]:
    if subject.kind is Kind.DIFF:
        assert subject.comparison is not None
        yield compared([subject.comparison]).rstrip()
        return
    said, run = verdict.headline(subject), subject.evidence.run
    yield f"### {_MARKS[said.level]} {_line(run.notebook)}: {_line(said.said)}"
    against = f", against {_line(subject.rival.told)}" if subject.rival else ""
    yield f"{_line(said.told)}  \n{_line(subject.name or run.id)}{against}"
    yield from _reasons(subject)
    yield from _metrics(subject)
    yield from _gates(subject.verdicts)
    yield from _checks(verdict.checks(subject))
    if subject.comparison and not subject.comparison.same:
        yield compared([subject.comparison], most=COMMENT // 2).rstrip()
    yield f"run {code(words.line(run.id))} by {_line(run.actor)}, evidence {code(words.short(subject.digest))}"


def _line(text: str) -> str:
    return plain(words.line(text)[:_WIDE])


def _reasons(subject: Subject) -> Iterator[str]:
    found = verdict.remarks(subject)
    lines = [
        f"- {'**warns**' if one.level == 'warn' else '**refuses**'}: {_line(one.text)}"
        + (f" ({code(words.line(one.where))})" if one.where else "")
        for one in found[:_ROWS]
    ]
    if lines:
        yield "\n".join(lines + ([f"- … and {len(found) - _ROWS} more"] if len(found) > _ROWS else []))


def _metrics(subject: Subject) -> Iterator[str]:
    before = subject.rival.metrics if subject.rival else {}
    metrics = list(subject.evidence.metrics.items())
    rows = []
    for name, value in metrics[:_ROWS]:
        live = before.get(name)
        gates = [v for v in subject.verdicts if v.gate.metric == name and v.gate.on is None]
        asked = "; ".join(f"{_sign(v)} {_line(words.gate(v.gate))}" for v in gates)
        told = ["–", ""] if live is None else [words.number(live), words.change(value, live)]
        rows.append([code(words.line(name)[:_WIDE]), words.number(value), *told, asked])
    if rows:
        more = f"\n\n… and {len(metrics) - _ROWS} more metrics" if len(metrics) > _ROWS else ""
        yield table(["metric", "candidate", "live", "change", "gates"], rows) + more


def _sign(one: Verdict) -> str:
    return _OUTCOMES.get(outcome(one), "⚠️" if one.outcome.blocks else "➖")


def _gates(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Those that are not beside their metric."""
    rows = [
        [_sign(one), _line(words.gate(one.gate)), _line(verdict.reason(one)), code(words.line(one.gate.where))]
        for one in verdicts
        if one.gate.metric is None or one.gate.on
    ]
    if rows:
        yield table(["", "gate", "what it saw", "asked by"], rows[:_ROWS])


def _checks(checks: Sequence[Check]) -> Iterator[str]:
    rows = [
        [_OUTCOMES.get(check.outcome.value, "⚠️"), _line(check.name), _line(check.summary)] for check in checks[:_ROWS]
    ]
    if rows:
        passed = words.counted(len(checks), "check")
        yield f"<details><summary>{passed}</summary>\n\n" + table(["", "check", "answer"], rows) + "\n\n</details>"
