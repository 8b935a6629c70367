"""NBP4xx: secrets in a notebook. What has the shape of one is for the detector to say; it is never shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from nbpromote.model import Finding
from nbpromote.notebook.rules import passwords
from nbpromote.notebook.rules.leaks import shown
from nbpromote.notebook.rules.subject import Subject

_MANY = 5  # of one output: a printed table of tokens is one mistake
_HINT = "revoke it, then name where it is kept under `secrets:` in params/*.yaml; see docs/secrets.md"


def in_code(subject: Subject) -> Iterator[Finding]:
    """A password, key or token stands in the code."""
    for page in subject.pages:
        for cell in page.cells:
            found = dict(passwords.written(cell)) | dict(subject.around.secrets(cell.source, "code"))
            for line, what in found.items():
                yield page.at(cell, f"looks like a secret: {what}", line=line, hint=_HINT)


def in_outputs(subject: Subject) -> Iterator[Finding]:
    """A stored output shows a key or a token."""
    page = subject.stored
    for cell in page.cells if page else ():
        found = (what for text in shown(cell.node) for _, what in subject.around.secrets(text, "output"))
        for what in islice(dict.fromkeys(found), _MANY):
            assert page is not None
            hint = f"{_HINT}; then nbpromote run and nbpromote baseline, and rewrite the history that holds it"
            yield page.at(cell, f"a stored output shows what looks like a secret: {what}", hint=hint)


def in_metadata(subject: Subject) -> Iterator[Finding]:
    """A notebook's or a cell's metadata hold a password, key or token."""
    page = subject.stored
    if page is None:
        return
    for what in _inside(subject, page.node.metadata):
        yield Finding(
            path=page.path, message=f"the notebook's metadata hold what looks like a secret: {what}", hint=_HINT
        )
    for cell in page.cells:
        for what in _inside(subject, cell.node.metadata):
            yield page.at(cell, f"the cell's metadata hold what looks like a secret: {what}", hint=_HINT)


_OF_JUPYTER = frozenset(("kernelspec", "language_info", "jupytext", "nbpromote"))


def _inside(subject: Subject, metadata: dict[str, object]) -> Iterator[str]:
    foreign = {key: value for key, value in metadata.items() if key not in _OF_JUPYTER and value not in ([], {}, "")}
    if foreign and foreign.keys() != {"tags"}:
        text = json.dumps(foreign, indent=0, ensure_ascii=False, default=str)
        yield from dict.fromkeys(what for _, what in subject.around.secrets(text, "code"))
