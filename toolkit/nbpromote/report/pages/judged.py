"""What was asked and what was answered: gates, what is unmet besides them, and checks."""

from __future__ import annotations

from typing import Any

from nbpromote.model import Check, Outcome, Verdict
from nbpromote.report import verdict as verdicts
from nbpromote.report import words
from nbpromote.report.pages.sheet import Sheet, Whole
from nbpromote.report.subject import Kind

_ROWS = 100
_DETAILS = 60  # lines of one check; its record has them all
_WIDE = 240  # letters of a line


def gates(sheet: Sheet) -> dict[str, Any] | None:
    subject = sheet.subject
    if subject.decision is None or not (subject.verdicts or verdicts.also(subject)):
        return None
    return {
        "environment": subject.decision.environment,
        "rows": [_gate(verdict) for verdict in subject.verdicts][: sheet.few(_ROWS)],
        "also": verdicts.also(subject)[: sheet.few(_ROWS)],
    }


def _gate(verdict: Verdict) -> dict[str, Any]:
    seen, live = verdict.seen, verdict.live
    return {
        "outcome": outcome(verdict),
        "gate": words.gate(verdict.gate),
        "said": verdicts.reason(verdict),
        "seen": "" if seen is None else words.number(seen),
        "live": "" if live is None else words.number(live),
        "where": verdict.gate.where,
    }


def outcome(verdict: Verdict) -> str:
    if verdict.refuses:
        return "refused"
    if verdict.outcome.blocks:
        return "warning"
    return "not asked" if verdict.outcome is Outcome.SKIPPED else "allowed"


def checks(sheet: Sheet) -> dict[str, Any] | None:
    """On the page of a diff nothing is asked."""
    if sheet.subject.kind is Kind.DIFF:
        return None
    asked = verdicts.checks(sheet.subject)
    most = sheet.few(_DETAILS)
    return {"rows": [_check(check, most) for check in asked[: sheet.few(_ROWS)]], "count": len(asked)}


def _check(check: Check, most: int) -> dict[str, Any]:
    lines = [line[:_WIDE] for detail in check.details for line in words.clean(detail).splitlines()]
    left_out = [f"… {len(lines) - most} more lines"] if len(lines) > most else []
    return {
        "outcome": check.outcome.value,
        "name": check.name,
        "summary": check.summary,
        "count": check.count,
        "details": Whole("\n".join([*lines[:most], *left_out])),
        "open": check.outcome.blocks,
    }
