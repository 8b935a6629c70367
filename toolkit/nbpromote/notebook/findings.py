"""Everything that can be said against a notebook without running it. Raises nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from nbpromote.errors import BadInput
from nbpromote.model import Finding, Pair, Severity
from nbpromote.notebook import sides, violations
from nbpromote.notebook.rules import RULES, WARNINGS
from nbpromote.notebook.rules.subject import Around, Subject, subject
from nbpromote.notebook.sides import Side


def check(pair: Pair, root: Path, around: Around | None = None) -> tuple[Finding, ...]:
    """What is wrong with either side, with their agreement, with the code and with the stored outputs.

    Paths are from `root`; `around` is what other rooms know of the project.
    """
    read = tuple(_look(path, root) for path in (pair.script, pair.ipynb) if path)
    looked = subject(pair, read, around or Around())
    found = dict.fromkeys(finding for code in RULES for finding in _found(code, looked))
    paths = [side.path for side in read]
    return tuple(sorted(_placed(found, looked), key=lambda finding: (paths.index(finding.path), *_order(finding))))


def _look(path: Path, root: Path) -> Side:
    place = path.resolve().relative_to(root.resolve()).as_posix()
    try:
        side = sides.look(place, sides.content(path))
    except BadInput as error:
        return Side(path=place, findings=(Finding(path=place, message=error.message),))
    if side.node is None or side.findings:
        return side
    return replace(side, findings=tuple(violations.of_breaks(place, side.text, side.node)))


def _found(code: str, looked: Subject) -> Iterator[Finding]:
    severity = Severity.WARNING if code in WARNINGS else Severity.ERROR
    return (replace(finding, code=code, severity=severity) for finding in RULES[code](looked))


def _placed(found: Iterable[Finding], looked: Subject) -> Iterator[Finding]:
    pages = {page.path: page for page in (looked.stored, *looked.pages) if page}
    for finding in found:
        page = pages.get(finding.path) if finding.cell else None
        if page is None:
            yield finding
        elif not page.says_noqa(finding):
            yield page.placed(finding)


def _order(finding: Finding) -> tuple[bool, int, int, int, str]:
    """The script, which has lines, before the notebook; then from top to bottom."""
    is_notebook = finding.path.endswith(".ipynb")
    return is_notebook, finding.cell or 0, finding.line or 0, finding.column or 0, finding.code
