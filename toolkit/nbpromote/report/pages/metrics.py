"""Metrics of candidate and live side by side, with the gates drawn on them; and the slices of what was scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nbpromote.model import Contest, Verdict, is_metric
from nbpromote.report import words
from nbpromote.report.pages.scale import Drawing, Scale, bounds, drawing, interval
from nbpromote.report.pages.sheet import Sheet
from nbpromote.report.subject import Subject

_ROWS = 60  # metrics or slices that are drawn; the rest are counted


@dataclass(frozen=True, kw_only=True)
class Row:
    """One metric of the candidate against the live one. `mood` is better, worse, or nothing where nobody said."""

    name: str
    value: str
    live: str = ""
    change: str = ""
    mood: str = ""
    told: str = ""  # how sure, and on how many rows
    outcome: str = ""  # of the gates that ask about it: refused, warning or allowed
    drawn: Drawing | None = None


def metrics(sheet: Sheet) -> dict[str, Any] | None:
    """The key metric first, then those that a gate asks about, then the rest as they were handed out."""
    subject, most = sheet.subject, sheet.few(_ROWS)
    rows = [*_handed_out(subject), *_scored(subject)]
    if not rows:
        return None
    shown = rows[:most]
    return {
        "rows": shown,
        "left_out": len(rows[most:]),
        "rival": subject.rival,
        "drawn": any(row.drawn for row in shown),
        "limits": any(row.drawn and row.drawn.limits for row in shown),
        "spans": any(row.drawn and row.drawn.span for row in shown),
    }


def _handed_out(subject: Subject) -> list[Row]:
    candidate = subject.evidence.metrics
    key = words.key_metric(candidate)
    asked = {verdict.gate.metric for verdict in subject.verdicts}
    names = sorted(candidate, key=lambda name: (key is None or name != key[0], name not in asked))
    return [_metric(subject, name) for name in names]


def _metric(subject: Subject, name: str) -> Row:
    live = subject.rival.metrics.get(name) if subject.rival else None
    verdicts = [v for v in subject.verdicts if v.gate.metric == name and v.gate.on is None and v.gate.by is None]
    return row(name, name, subject.evidence.metrics[name], live, verdicts=verdicts)


def _scored(subject: Subject) -> list[Row]:
    """Candidate and live on the same rows of whole tables; slices have pictures of their own."""
    asked = [verdict.contest for verdict in subject.verdicts if verdict.contest]
    whole = [contest for contest in dict.fromkeys([*subject.evidence.contests, *asked]) if not contest.by]
    return [
        row(f"{c.metric} on {c.on}", c.metric, c.candidate, c.live, contest=c, verdicts=judging(subject, c))
        for c in whole
        if c.candidate is not None
    ]


def judging(subject: Subject, contest: Contest) -> list[Verdict]:
    return [verdict for verdict in subject.verdicts if verdict.contest == contest]


def row(
    name: str,
    metric: str,
    value: float,
    live: float | None,
    *,
    verdicts: Sequence[Verdict],
    contest: Contest | None = None,
    scale: Scale | None = None,
) -> Row:
    """Without a `scale` the picture has its own."""
    gates = [verdict.gate for verdict in verdicts]
    said = Row(
        name=name,
        value=words.number(value),
        live="" if live is None else words.number(live),
        change="" if live is None else words.change(value, live),
        mood="" if live is None else words.mood(metric, value, live, gates),
        told=confidence(contest),
        outcome=outcome(verdicts),
    )
    alone = scale is None and live is None and not any(bounds(gate, live) for gate in gates)
    if alone or not is_metric(value) or not (live is None or is_metric(live)):
        return said  # one point alone says nothing
    label = f"{name}: candidate {said.value}" + (f", live {said.live}" if said.live else "")
    return replace(said, drawn=drawing(label, value, live, contest=contest, gates=gates, scale=scale))


def outcome(verdicts: Sequence[Verdict]) -> str:
    if any(verdict.refuses for verdict in verdicts):
        return "refused"
    if any(verdict.outcome.blocks for verdict in verdicts):
        return "warning"
    return "allowed" if verdicts else ""


def confidence(contest: Contest | None) -> str:
    """`1,024 rows · 95 % sure: 12.1 to 12.9`."""
    if contest is None:
        return ""
    told = [f"{contest.rows:,} rows"] if contest.rows else []
    ends = interval(contest)
    if ends and contest.confidence:
        low, high = map(words.number, ends)
        told.append(f"{contest.confidence * 100:.4g} % sure: {low} to {high}")
    return " · ".join([*told, contest.trouble] if contest.trouble else told)


# -- slices --------------------------------------------------------------------------------------------------


def slices(sheet: Sheet) -> list[dict[str, Any]]:
    """One picture for each metric and column that slices it, the worst slice first, all on one scale."""
    subject, most = sheet.subject, sheet.few(_ROWS)
    groups: dict[tuple[str, str, str], list[Contest]] = {}
    asked = [verdict.contest for verdict in subject.verdicts if verdict.contest]
    for contest in dict.fromkeys([*subject.evidence.contests, *asked]):
        if contest.by:
            groups.setdefault((contest.metric, contest.on, contest.by), []).append(contest)
    return [_group(subject, key, contests, most) for key, contests in groups.items()][:most]


def _group(subject: Subject, key: tuple[str, str, str], contests: Sequence[Contest], most: int) -> dict[str, Any]:
    metric, on, by = key
    verdicts = [v for v in subject.verdicts if (v.gate.metric, v.gate.on, v.gate.by) == (metric, on, by)]
    gates = [verdict.gate for verdict in verdicts]
    sign = 1 if words.upward(metric, gates) else -1
    shown = sorted(contests, key=lambda c: (c.candidate is None, sign * (c.candidate or 0)))[:most]
    limits = [bound for gate in gates for _, bound in bounds(gate, None)]
    scale = Scale([*limits, *(value for c in shown for value in (c.candidate, c.live, *interval(c)))])
    return {
        "title": f"{metric} on {on} by {by}",
        "by": by,
        "outcome": outcome(verdicts),
        "rows": [_slice(contest, verdicts, scale) for contest in shown],
        "left_out": len(contests) - len(shown),
        "live": any(contest.live is not None for contest in shown),
    }


def _slice(contest: Contest, verdicts: Sequence[Verdict], scale: Scale) -> Row:
    """With the limits of its gates, and the pill of the one that a gate found worst."""
    if contest.candidate is None:
        return Row(name=contest.of, value="–", told=contest.trouble)
    found = row(
        contest.of, contest.metric, contest.candidate, contest.live, verdicts=verdicts, contest=contest, scale=scale
    )
    return replace(found, outcome=outcome([v for v in verdicts if v.contest == contest]))
