"""What breaks the notebook format, or fits it and cannot be run all the same: every violation, in place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbpromote.model import Finding

if TYPE_CHECKING:
    from nbformat import NotebookNode

# codes of what reading finds; nbpromote.notebook.rules describes them
CONFLICT, FORMAT, IDS = "NBP102", "NBP103", "NBP105"

_MARKERS = (re.compile(r"^<{7}(?: |$)", re.MULTILINE), re.compile(r"^>{7}(?: |$)", re.MULTILINE))


def of_format(path: str, raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Every violation of the notebook format. Asked of the whole, nbformat tells only one for each cell."""
    version = {"version": raw["nbformat"], "version_minor": raw.get("nbformat_minor", 0)}
    broken: set[int] = set()
    for error in _errors(raw, **version):
        place = list(error.absolute_path)
        if place[:1] == ["cells"] and len(place) > 1:
            broken.add(place[1])
        else:
            yield Finding(path=path, message=_violation(place, error.message), code=FORMAT)
    for index in sorted(broken):
        yield from _cell_violations(path, raw["cells"], index, version)
    yield from _duplicate_ids(path, raw.get("cells"))


def _errors(raw: Mapping[str, Any], **version: int) -> Iterator[Any]:
    """As nbformat's `iter_validate`, which raises a TypeError for a cell whose type is no string."""
    from nbformat.validator import ValidationError, get_validator

    quick = get_validator(**version)
    if quick is None:
        yield ValidationError(f"there is no notebook format {version['version']}.{version['version_minor']}")
    elif next(iter(quick.iter_errors(raw)), None) is not None:
        # the quick validator stops at the first error
        yield from get_validator(**version, name="jsonschema").iter_errors(raw)


def _cell_violations(path: str, raw: list[Any], index: int, version: dict[str, int]) -> Iterator[Finding]:
    from nbformat.validator import iter_validate

    finding = _finding(path, raw, index)
    kind = raw[index].get("cell_type") if isinstance(raw[index], dict) else None
    if kind not in ("code", "markdown", "raw"):
        yield replace(finding, message=f"{finding.message}unknown cell type {kind!r}")
        return
    for error in iter_validate(raw[index], ref=f"{kind}_cell", **version):
        message = _violation(list(error.absolute_path), error.message)
        yield replace(finding, message=finding.message + message)


def _duplicate_ids(path: str, raw: Any) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, cell in enumerate(raw if isinstance(raw, list) else ()):
        name = cell.get("id") if isinstance(cell, dict) else None
        if isinstance(name, str) and name in seen:
            finding = _finding(path, raw, index)
            message = f"{finding.message}the id {name!r} is taken by a cell above"
            yield replace(finding, message=message, code=IDS, hint="delete the id; JupyterLab gives the cell a new one")
        elif isinstance(name, str):
            seen.add(name)


def _finding(path: str, raw: list[Any], index: int) -> Finding:
    """A finding at a cell: a code cell by its number, any other by its position, which opens the message."""
    cell = raw[index] if isinstance(raw[index], dict) else {}
    cell_id = cell.get("id") if isinstance(cell.get("id"), str) else None
    if cell.get("cell_type") == "code":
        number = sum(isinstance(c, dict) and c.get("cell_type") == "code" for c in raw[: index + 1])
        return Finding(path=path, message="", code=FORMAT, cell=number, cell_id=cell_id)
    return Finding(path=path, message=f"cells[{index}]: ", code=FORMAT, cell_id=cell_id)


def _violation(place: list[Any], message: str) -> str:
    where = ".".join(str(part) for part in place)
    shown = message if len(message) <= 200 else message[:200] + "…"
    return f"{where}: {shown}" if where else shown


_HALF = re.compile("[\ud800-\udfff]")


def of_sources(path: str, node: NotebookNode) -> Iterator[Finding]:
    """What a valid notebook may hold and no kernel can run."""
    for index, cell in enumerate(node.cells):
        for line in marked_lines(cell.source):
            finding = _finding(path, node.cells, index)
            yield replace(
                finding,
                message=f"{finding.message}unresolved merge conflict in line {line} of the cell",
                code=CONFLICT,
                hint="edit the cell to what it should say, without the markers",
            )
        if _HALF.search(cell.source):
            finding = _finding(path, node.cells, index)
            yield replace(finding, message=f"{finding.message}half a character (a lone surrogate) in the source")


# str.splitlines breaks lines at these, and jupytext with it: the way through a script would lose them
_BREAKS = {
    "\v": "a vertical tab",
    "\f": "a form feed",
    "\x1c": "a file separator",
    "\x1d": "a group separator",
    "\x1e": "a record separator",
    "\x85": "a next-line character (U+0085)",
    "\u2028": "a line separator (U+2028)",
    "\u2029": "a paragraph separator (U+2029)",
    "\r": "a carriage return without a line feed",
}
_BREAK = re.compile(r"[\v\f\x1c-\x1e\x85\u2028\u2029]|\r(?!\n)")


def of_breaks(path: str, text: str, node: NotebookNode) -> Iterator[Finding]:
    """Characters that break a line for some readers and not for others, so that no script can hold them: in a
    notebook by cell, in a script by the line of the file.
    """
    if not path.endswith(".ipynb"):
        for line, letter in _breaks(text):
            yield _broken(Finding(path=path, line=line, message="holds "), letter)
        return
    for index, cell in enumerate(node.cells):
        for line, letter in _breaks(cell.source):
            finding = _finding(path, node.cells, index)
            yield _broken(replace(finding, message=f"{finding.message}line {line} of the cell holds "), letter)


def _breaks(text: str) -> Iterator[tuple[int, str]]:
    yield from ((text.count("\n", 0, found.start()) + 1, found[0]) for found in _BREAK.finditer(text))


def _broken(finding: Finding, letter: str) -> Finding:
    return replace(
        finding,
        code="NBP106",
        message=f"{finding.message}{_BREAKS[letter]}, which is lost on the way between notebook and script",
        hint=f"write it as {ascii(letter)[1:-1]} within a string, or take it out",
    )


def marked_lines(text: str) -> list[int]:
    """Where conflicts begin; where every beginning was deleted, where they end."""
    found = ([text.count("\n", 0, m.start()) + 1 for m in marker.finditer(text)] for marker in _MARKERS)
    return next((lines for lines in found if lines), [])
