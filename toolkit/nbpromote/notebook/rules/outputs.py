"""NBP6xx: the outputs that an `.ipynb` stores, and how they are to be compared."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nbpromote.model import Finding
from nbpromote.notebook import accepted
from nbpromote.notebook.rules.subject import Subject


def nothing_stored(subject: Subject) -> Iterator[Finding]:
    """A cell is marked for comparison and nothing was accepted that a run could be compared with."""
    hint = f"nbpromote run {subject.pair.name}, then nbpromote baseline {subject.pair.name}"
    page = subject.stored or next(iter(subject.pages), None)
    for cell in page.cells if page else ():
        stored = cell.node.get("outputs") or cell.node.get("execution_count") is not None
        if cell.source.strip() and subject.around.marked(cell.node) and not stored:
            assert page is not None
            yield page.at(cell, "marked for comparison, and no output is stored", hint=hint)


def not_the_accepted(subject: Subject) -> Iterator[Finding]:
    """A marked cell's stored output is not the one that somebody accepted with `nbpromote baseline`."""
    page = subject.stored
    if page is None:
        return
    changed = accepted.changed(page.node, subject.around.marked)
    for cell in page.cells:
        if cell.id in changed:
            message = f"the stored output is not the one that {accepted.by(page.node)} accepted"
            name = subject.pair.name
            yield page.at(cell, message, hint=f"nbpromote run {name}, then nbpromote baseline {name}; or git restore")


def out_of_order(subject: Subject) -> Iterator[Finding]:
    """Cells were not run from top to bottom before the notebook was saved."""
    page = subject.stored
    counted = [cell for cell in page.cells if cell.node.get("execution_count")] if page else []
    for above, cell in pairwise(counted):
        if cell.node.execution_count <= above.node.execution_count:
            assert page is not None
            message = f"ran as number {cell.node.execution_count}, after the cell above as {above.node.execution_count}"
            yield page.at(cell, message, hint="Restart and Run All, then save")
            return


def mistagged(subject: Subject) -> Iterator[Finding]:
    """A tag that should say how a cell is compared, and says nothing: a typo, no number, or on a cell that is not."""
    for page in subject.pages:
        for cell in page.cells:
            for problem in subject.around.mistagged(cell.node):
                yield page.at(cell, problem, hint="docs/comparing.md lists the tags")
