"""What changed lately in an environment: one list, newest first. No heavy import."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbpromote.model import Change, Json, dump
from nbpromote.report import words
from nbpromote.report.layout import Paint, columns

_LINES = 12  # of what one commit changed
_STYLES = {"failed": "red", "refused": "red", "rollback": "yellow", "override": "yellow", "freeze": "yellow"}
_SIGNS = {"-": "red", "+": "green"}


def changes(found: Sequence[Change], environment: str, since: str, *, colour: bool = False) -> str:
    """Times are UTC."""
    told = f"{words.line(environment)} since {words.moment(since)} UTC"
    if not found:
        return f"nothing changed in {told}"
    paint = Paint(colour)
    rows = columns([_row(change, paint) for change in found])
    lines = [line for row, change in zip(rows, found, strict=True) for line in (row, *_details(change, paint))]
    return "\n".join([f"{words.counted(len(found), 'change')} in {told}", "", *lines])


def _row(change: Change, paint: Paint) -> list[str]:
    kind, outcome = words.line(change.kind), words.line(change.outcome)
    who = words.line(change.by.split(" <")[0])
    readers = f"read by {', '.join(change.read_by)}" if change.read_by else ""
    told = ", ".join(part for part in (words.line(change.what), readers, f"by {who}" if who else "") if part)
    return [
        words.moment(change.at),
        paint(kind, _STYLES.get(kind, "bold")),
        words.line(", ".join(change.notebooks)) or "all",
        paint(outcome, _STYLES.get(outcome, "bold")) if len(outcome) < 20 else "",
        f"{told} ({outcome})" if len(outcome) >= 20 else told,
    ]


def _details(change: Change, paint: Paint) -> Iterator[str]:
    for line in map(words.clean, change.details[:_LINES]):
        yield f"    {paint(line, _SIGNS[line[0]]) if line[:1] in _SIGNS else line}".rstrip()
    if len(change.details) > _LINES:
        yield f"    … and more: git show {words.short(change.where)}"


def changes_json(found: Sequence[Change], environment: str, since: str) -> dict[str, Json]:
    """Newest first."""
    return {"environment": environment, "since": since, "changes": [dump(change) for change in found]}
