"""What the cells gave out: figures in pairs, changes of code, text and tables by cell, tables that were handed out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbpromote.model import CellChange, Evidence, Json, Likeness, Scrap, Shown
from nbpromote.report import verdict, words
from nbpromote.report.pages import notebook
from nbpromote.report.pages.harmless import is_picture
from nbpromote.report.pages.sheet import Sheet, Whole
from nbpromote.report.subject import Subject

# what is past these is in the executed notebook
_FIGURES = 60
_CELLS = 60
_LINES = 80  # of one diff
_WIDE = 240  # letters of a line
_TABLES = 12
_ROWS = 40
_COLUMNS = 24


# -- figures -------------------------------------------------------------------------------------------------


def figures(sheet: Sheet) -> dict[str, Any] | None:
    """In pairs where there is something to compare with, else as they were drawn."""
    subject, most = sheet.subject, sheet.few(_FIGURES)
    names = {scrap.cell: scrap.name for scrap in subject.evidence.scraps if scrap.kind == "figure"}
    differing = [output for _, output in verdict.figures(subject.changes)]
    pairs = [
        _pair(cell, output, names.get(cell.after or 0, ""), differing)
        for cell in subject.changes
        for output in cell.outputs
        if output.kind == "figure" and (output.before or output.after)
    ]
    alone = [] if pairs else _alone(sheet.node, subject.evidence)
    if not (pairs or alone):
        return None
    pairs.sort(key=lambda pair: not pair["place"])  # those that differ come first
    return {"pairs": pairs[:most], "alone": alone[:most], "left_out": len(pairs[most:]), "names": _sides(subject)}


def _pair(cell: CellChange, output: Shown, name: str, differing: Sequence[Shown]) -> dict[str, Any]:
    place = next((f"figure-{number}" for number, one in enumerate(differing, start=1) if one is output), "")
    return {
        "title": name or cell.name or verdict.cell_name(cell),
        "cell": verdict.cell_name(cell),
        "likeness": output.likeness.value,
        "summary": output.summary,
        "before": _image(output.before),
        "after": _image(output.after),
        "difference": _image(output.difference),
        "place": place,
    }


def _image(address: str) -> str:
    """Whatever a record says, a picture is fetched from nowhere."""
    return Whole(address) if is_picture(address) else ""


def _alone(node: Json, evidence: Evidence) -> list[dict[str, str]]:
    if node is None:
        return []
    found = ((scrap.name, notebook.figure(node, scrap)) for scrap in evidence.scraps if scrap.kind == "figure")
    return [{"name": name, "address": Whole(address)} for name, address in found if address and is_picture(address)]


def _sides(subject: Subject) -> tuple[str, str]:
    """What the first and the second side are called."""
    return (subject.rival.name if subject.rival else "before", subject.name or "candidate")


# -- cells ---------------------------------------------------------------------------------------------------


def cells(sheet: Sheet) -> dict[str, Any] | None:
    """Those that differ, then how many are close or the same."""
    subject, most, lines = sheet.subject, sheet.few(_CELLS), sheet.few(_LINES)
    if not subject.changes:
        return None
    differing = verdict.different(subject.changes)
    rest = [cell for cell in subject.changes if not any(cell is one for one in differing)]
    same = [cell for cell in rest if cell.likeness is not Likeness.CLOSE]
    return {
        "differing": [_cell(cell, f"cell-{n}", lines) for n, cell in enumerate(differing[:most], start=1)],
        "left_out": len(differing[most:]),
        "close": [_cell(cell, "", lines) for cell in rest if cell.likeness is Likeness.CLOSE][:most],
        "same": words.counted(len(same), "cell") if same else "",
        "names": _sides(subject),
    }


def _cell(cell: CellChange, place: str, most: int) -> dict[str, Any]:
    return {
        "title": verdict.cell_name(cell),
        "name": cell.name,
        "likeness": cell.likeness.value,
        "source": diff(cell.source, most),
        "outputs": [_output(output, most) for output in cell.outputs if output.kind != "figure"],
        "place": place,
    }


def _output(output: Shown, most: int) -> dict[str, Any]:
    return {
        "kind": output.kind,
        "likeness": output.likeness.value,
        "summary": output.summary or output.likeness.value,
        "lines": diff(output.lines, most) if output.likeness is not Likeness.SAME else [],
    }


@dataclass(frozen=True)
class Line:
    """Of a diff. `side` is before, after, both or gap."""

    side: str
    text: str


def diff(lines: Sequence[str], most: int) -> list[Line]:
    """The lines of a diff without their marks; heads of files are left out, and so is what is past the last shown."""
    told = [line for text in lines for line in words.clean(text).split("\n") if not line.startswith(("--- ", "+++ "))]
    return [_line(line) for line in told[:most]] + (
        [Line("gap", f"{len(told) - most} more lines")] if told[most:] else []
    )


def _line(text: str) -> Line:
    if text.startswith("@@"):
        return Line("gap", "")
    side = {"-": "before", "+": "after"}.get(text[:1], "both")
    return Line(side, (text[1:] if text[:1] in ("-", "+", " ") else text)[:_WIDE])


# -- tables --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Table:
    """A scrap's table as text; `numeric` are the columns that hold numbers only."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    left_out: int = 0


def tables(sheet: Sheet) -> list[Table]:
    found = [scrap for scrap in sheet.subject.evidence.scraps if _is_table(scrap)]
    return [_table(scrap, sheet.few(_ROWS)) for scrap in found[: sheet.few(_TABLES)]]


def _is_table(scrap: Scrap) -> bool:
    rows = scrap.value
    return scrap.kind == "table" and isinstance(rows, list) and all(isinstance(row, dict) for row in rows)


def _table(scrap: Scrap, most: int) -> Table:
    shown = scrap.value[:most]
    header = tuple(dict.fromkeys(name for row in shown for name in row))[:_COLUMNS]
    return Table(
        name=scrap.name,
        header=tuple(str(name) for name in header),
        rows=tuple(tuple(_spelled(row.get(name)) for name in header) for row in shown),
        numeric=tuple(all(isinstance(row.get(name), int | float | None) for row in shown) for name in header),
        left_out=len(scrap.value) - len(shown),
    )


def _spelled(value: Json) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return words.number(value)
    return (value if isinstance(value, str) else words.value(value))[:_NARROW]


_NARROW = 80  # letters of a value
