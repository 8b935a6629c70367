"""NBP1xx: the two sides of a pair, and whether each is a notebook at all."""

from __future__ import annotations

import json
from collections.abc import Iterator

from nbpromote.model import Finding
from nbpromote.notebook import cells
from nbpromote.notebook.rules.subject import Subject


def sides_disagree(subject: Subject) -> Iterator[Finding]:
    """The notebook and its script do not say the same."""
    if not subject.pages or subject.stored is None:
        return
    one, other = subject.pages[0], subject.stored  # the script is first, where there is one
    if cells.content(one.node) == cells.content(other.node):
        return
    mine, theirs = cells.code(one.node), cells.code(other.node)
    what = "text or tags of a cell that is no code"
    if mine != theirs:
        what = f"code, from code cell {cells.first_difference(mine, theirs) + 1} on (empty ones not counted)"
    hint = f"nbpromote sync {subject.pair.name}"
    yield Finding(path=one.path, message=f"disagrees with {other.path}: {what}", hint=hint)


def conflict_markers(subject: Subject) -> Iterator[Finding]:
    """A merge left its conflict markers behind."""
    return subject.told_by_reading("NBP102")


def no_notebook(subject: Subject) -> Iterator[Finding]:
    """A side cannot be read as a notebook: every violation of the format is told."""
    for side in subject.read:
        yield from (finding for finding in side.findings if finding.code in ("", "NBP103"))


def no_ids(subject: Subject) -> Iterator[Finding]:
    """An `.ipynb` of a format before 4.5 has no cell ids, so that outputs and findings have no fixed home."""
    for side in subject.read:
        if side.path.endswith(".ipynb") and side.node is not None and not side.findings:
            raw = json.loads(side.text)
            version = raw["nbformat"], raw.get("nbformat_minor", 0)
            if version < (4, 5):
                message = f"notebook format {version[0]}.{version[1]} has no cell ids"
                yield Finding(path=side.path, message=message, hint="save it in JupyterLab, which writes format 4.5")


def taken_ids(subject: Subject) -> Iterator[Finding]:
    """Two cells carry the same id."""
    return subject.told_by_reading("NBP105")


def lost_characters(subject: Subject) -> Iterator[Finding]:
    """A cell holds a character that no script can keep, such as a form feed or U+2028."""
    return subject.told_by_reading("NBP106")
