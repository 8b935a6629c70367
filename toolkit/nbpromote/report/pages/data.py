"""What was read and what was written: rows and columns, against the other side's, by digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbpromote.model import Column, File, Profile, Run
from nbpromote.report import words
from nbpromote.report.pages.sheet import Sheet

_FILES = 60
_COLUMNS = 100


def data(sheet: Sheet) -> dict[str, Any] | None:
    subject = sheet.subject
    run = subject.evidence.run
    other = subject.rival.evidence.run if subject.rival and subject.rival.evidence else None
    rows = [_file(run, other, kind, name, sheet.few(_COLUMNS)) for kind, name in _declared(run)[: sheet.few(_FILES)]]
    if not rows:
        return None
    return {"rows": rows, "rival": subject.rival if other else None, "contract": run.contract.path}


def _declared(run: Run) -> list[tuple[str, str]]:
    kinds = (("input", run.inputs), ("output", run.outputs))
    return [(kind, name) for kind, declared in kinds for name in declared if name in (*run.files, *run.profiles)]


def _file(run: Run, other: Run | None, kind: str, name: str, most: int) -> dict[str, Any]:
    file, found = run.files.get(name), run.profiles.get(name)
    profile, before = _read(found), _read(other.profiles.get(name) if other else None)
    declared = {**run.inputs, **run.outputs}
    return {
        "name": name,
        "kind": kind,
        "path": file.path if file else declared[name],
        "size": words.size(file.size) if file else "",
        "digest": words.short(file.sha256) if file else "",
        "same": _same(file, other.files if other else {}, name),
        "rows": "" if profile is None else f"{profile.rows:,}",
        "rows_before": "" if before is None else f"{before.rows:,}",
        "change": words.change(profile.rows, before.rows) if profile and before else "",
        "modified": words.moment(file.modified) if file and file.modified else "",
        "fault": found.fault if found else "",
        "columns": _columns(profile, before)[:most] if profile else [],
    }


def _read(profile: Profile | None) -> Profile | None:
    """None for a table that could not be read: it has no rows to show, not 0."""
    return None if profile is None or profile.fault else profile


def _same(file: File | None, others: Mapping[str, File], name: str) -> str:
    before = others.get(name)
    if file is None or before is None:
        return ""
    return "same" if file.sha256 == before.sha256 else "different"


def _columns(profile: Profile, before: Profile | None) -> list[dict[str, Any]]:
    found = [_column(column, profile.rows, before) for column in profile.columns]
    gone = [c for c in before.columns if profile.column(c.name) is None] if before else []
    return found + [{"name": c.name, "kind": c.kind, "nulls": "", "said": "no longer there"} for c in gone]


def _column(column: Column, rows: int, before: Profile | None) -> dict[str, Any]:
    old = before.column(column.name) if before else None
    said = ["constant"] if column.constant else []
    said += ["new"] if before and old is None else []
    said += [f"was {old.kind}"] if old and old.kind != column.kind else []
    nulls = f"{column.nulls / rows:.2%}".replace("%", " %") if column.nulls and rows else ""
    return {"name": column.name, "kind": column.kind, "nulls": nulls, "said": ", ".join(said)}
