"""The code cells: the one that failed with all that it said, and what each of them took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbpromote.model import Cell, Json, size_told
from nbpromote.report import words
from nbpromote.report.pages import notebook
from nbpromote.report.pages.sheet import Sheet, Whole

_LINES = 60  # of a source or a traceback: the end of it tells what happened
_ROWS = 200


def failing(sheet: Sheet) -> dict[str, Any] | None:
    """The cell that did not end well, with its source and its traceback."""
    cell = sheet.subject.evidence.run.failure
    if cell is None:
        return None
    shown = notebook.code(sheet.node).get(cell.number)
    return {
        "cell": cell,
        "source": _tail(shown.source) if shown else "",
        "said": _tail(notebook.traceback(shown)) if shown else "",
    }


def _tail(text: str) -> str:
    lines = words.clean(text).strip("\n").split("\n")
    left_out = [f"… {len(lines) - _LINES} lines above"] if len(lines) > _LINES else []
    return Whole("\n".join(line[:400] for line in [*left_out, *lines[-_LINES:]]))


@dataclass(frozen=True, kw_only=True)
class Took:
    """What one cell took, as shares of the most that any took; the rival's beside it where it has the cell."""

    cell: Cell
    name: str
    seconds: str
    time: float
    before: str = ""
    before_time: float | None = None
    memory: str = ""
    memory_share: float | None = None
    output: str = ""


def timings(sheet: Sheet) -> dict[str, Any] | None:
    subject = sheet.subject
    run, before = subject.evidence.run, subject.before
    if not run.cells:
        return None
    cells = run.cells[: sheet.few(_ROWS)]
    both = (*cells, *before.values())
    most = (max((c.seconds or 0 for c in both), default=0) or 1.0, max((c.memory or 0 for c in both), default=0) or 1)
    sources = notebook.code(sheet.node)
    return {
        "cells": [_took(cell, before, _name(sources.get(cell.number)), most) for cell in cells],
        "left_out": len(run.cells) - len(cells),
        "used": words.used(run.cells),
        "total": words.seconds(run.seconds),
        "rival": subject.rival.name if subject.rival and before else "",
        "memory": any(cell.memory is not None for cell in cells),
    }


def _took(cell: Cell, before: Mapping[int, Cell], name: str, most: tuple[float, int]) -> Took:
    old = before.get(cell.number)
    return Took(
        cell=cell,
        name=name,
        seconds=words.seconds(cell.seconds),
        time=round(100 * (cell.seconds or 0) / most[0], 2),
        before=words.seconds(old.seconds) if old else "",
        before_time=round(100 * (old.seconds or 0) / most[0], 2) if old else None,
        memory="" if cell.memory is None else size_told(cell.memory * 1024),
        memory_share=None if cell.memory is None else round(100 * cell.memory / most[1], 2),
        output=size_told(cell.output) if cell.output else "",
    )


def _name(shown: Json) -> str:
    """The first line that is code, which tells a reader more than a cell's id does."""
    lines = [line.strip() for line in str(shown.source).split("\n")] if shown else []
    return words.line(next((line for line in lines if line and not line.startswith(("#", "%"))), ""))[:80]
