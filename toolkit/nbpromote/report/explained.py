"""An explanation as text and as JSON: who asked for what, what was seen, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbpromote.model import Check, Contest, Explanation, Json, Verdict
from nbpromote.report import plain, words
from nbpromote.report.layout import Paint, columns
from nbpromote.report.text import STYLES

_EVERY_RUN = "asked of every run"


def explanations(found: Sequence[Explanation], *, colour: bool = False) -> str:
    """Of each notebook of one attempt, in the order in which they went."""
    return "\n\n".join(explanation(told, colour=colour) for told in found)


def explanations_json(found: Sequence[Explanation]) -> dict[str, Json]:
    """With one decision its facts stand on top as well."""
    told = [explanation_json(one) for one in found]
    return {**(told[0] if len(told) == 1 else {}), "decisions": told}


def explanation(told: Explanation, *, colour: bool = False) -> str:
    """The verdict first, then each gate with the file and line that asks, refusals before what passed."""
    paint, decision = Paint(colour), told.decision
    verdict = paint(*_verdict(told))
    what = " ".join(filter(None, [words.line(told.notebook), words.release(told.alias, told.release)]))
    lines = [f"{verdict}: {what} at the door of {words.line(decision.environment)}", *_circumstances(told)]
    for each in sorted(decision.verdicts, key=lambda v: (not v.refuses, not v.outcome.blocks)):
        lines += ["", *_gate(each, paint)]
    rows = [_check(check, told, paint) for check in decision.checks]
    lines += ["", "checks", *columns(rows, indent=2)] if rows else []
    other = [reason for reason in decision.unmet if reason not in {v.reason for v in decision.verdicts}]
    lines += ["", "also unmet", *(f"  - {words.line(reason)}" for reason in other)] if other else []
    return "\n".join(lines)


def _verdict(told: Explanation) -> tuple[str, str]:
    """The word, and its colour."""
    if told.adopted:
        return "adopted", "yellow"
    return ("allowed", "green") if told.decision.allowed else ("refused", "red")


def _circumstances(told: Explanation) -> list[str]:
    run = f"run {words.line(told.run)}"
    if not told.attempt:
        return [f"decided now, over {run} of {words.moment(told.at)}, by the policy of today"]
    ended = "" if told.ended == "refused" else f", {words.line(told.ended)}"
    who = f"{words.moment(told.at)} by {words.line(told.by)}"
    said = [words.line(each) for each in told.said]
    if told.adopted:
        run = f"it was {words.line(told.run)}, live already: no gate was asked, and no check was made of its run"
    return [f"{words.line(told.verb)} at {who}: attempt {words.line(told.attempt)}{ended}", run, *said]


def _gate(verdict: Verdict, paint: Paint) -> Iterator[str]:
    gate = verdict.gate
    warns = verdict.outcome.blocks and not verdict.refuses
    outcome = paint("warning", "yellow") if warns else paint(verdict.outcome.value, STYLES[verdict.outcome])
    yield f"{outcome}  {words.gate(gate)}"
    yield f"  asked   {words.line(gate.where) or 'the policy'}"
    yield f"  saw     {words.line(verdict.reason.removesuffix(f' [{gate.where}]'))}"
    if verdict.contest is not None and verdict.contest.rows:
        yield f"  how     {_how(verdict.contest)}"


def _how(contest: Contest) -> str:
    slice_ = f" where {words.line(contest.by)} is {words.line(contest.of)}" if contest.of else ""
    told = [f"{words.number(contest.rows)} rows of {words.line(contest.on)}{slice_}"]
    told += [f"live is run {words.line(contest.against)}"] if contest.against else []
    told += [f"{words.number(contest.resamples)} paired resamples"] if contest.resamples else []
    return ", ".join(told)


def _check(check: Check, told: Explanation, paint: Paint) -> Sequence[str]:
    outcome = paint(check.outcome.value, STYLES[check.outcome])
    return [outcome, words.line(check.name), words.line(check.summary), _asked_by(check, told)]


def _asked_by(check: Check, told: Explanation) -> str:
    places = [v.gate.where for v in told.decision.verdicts if v.gate.check == check.name and v.gate.where]
    return words.line(", ".join(places)) or _EVERY_RUN


def explanation_json(told: Explanation) -> dict[str, Json]:
    decision = plain.decision_json(told.decision)
    checks = plain.checks_json(told.decision.checks)["checks"]
    return {
        "notebook": told.notebook,
        "environment": told.decision.environment,
        "allowed": None if told.adopted else told.decision.allowed,
        "adopted": told.adopted,
        "run": told.run,
        "release": told.release,
        "alias": told.alias,
        "verb": told.verb,
        "attempt": told.attempt,
        "ended": told.ended,
        "at": told.at,
        "by": told.by,
        "said": list(told.said),
        "unmet": decision["unmet"],
        "gates": decision["gates"],
        "checks": [
            {**made, "asked_by": _asked_by(check, told)}
            for made, check in zip(checks, told.decision.checks, strict=True)
        ],
        "reference": told.decision.reference,
    }
