"""NBP3xx: what ties the code to one environment or one machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbpromote.model import Finding
from nbpromote.notebook.rules.places import address_in, is_absolute, shortened
from nbpromote.notebook.rules.resources import Resource, named
from nbpromote.notebook.rules.subject import Cell, Page, Subject
from nbpromote.notebook.rules.texts import texts

_AS_PARAMETER = "make it a parameter, given by params/*.yaml"


def absolute_path(subject: Subject) -> Iterator[Finding]:
    """Code or a default holds an absolute path: another machine has no such place."""
    for page in subject.python:
        for cell in _written(page):
            for text in texts(cell):
                if is_absolute(text):
                    message = f"absolute path {shortened(text.text)}"
                    hint = "a default is relative to the notebook" if cell.declares else _AS_PARAMETER
                    yield page.on(cell, text.node, message, hint=hint)


def address(subject: Subject) -> Iterator[Finding]:
    """Code below the parameters cell holds a URL or a connection string."""
    for page in subject.python:
        for cell in page.below:
            for text in texts(cell):
                if kind := address_in(text.text):
                    yield page.on(cell, text.node, f"{kind} {shortened(text.text)}", hint=_AS_PARAMETER)


def names_an_environment(subject: Subject) -> Iterator[Finding]:
    """Code names a folder, host or bucket of one environment; a default may name the entry environment's."""
    around = subject.around
    others = [resource for resource in around.resources if resource.environment != around.entry]
    for page in subject.python:
        for cell in _written(page):
            for text in texts(cell):
                for said, resource in named(text.text, others if cell.declares else around.resources, page.folder):
                    yield page.on(cell, text.node, _of(resource, said), hint=_AS_PARAMETER)


def stored_output(subject: Subject) -> Iterator[Finding]:
    """A stored output names a resource of another environment than the entry."""
    others = [resource for resource in subject.around.resources if resource.environment != subject.around.entry]
    page = subject.stored
    if page is None or not others:
        return
    for cell in page.cells:
        found = {said: resource for text in shown(cell.node) for said, resource in named(text, others, page.folder)}
        for said, resource in found.items():
            hint = "run it in the entry environment: nbpromote run, then nbpromote baseline"
            yield page.at(cell, f"a stored output {_of(resource, said)}", hint=hint)


def _written(page: Page) -> Iterator[Cell]:
    """The cells that somebody wrote; papermill's own holds what an environment gave."""
    return (cell for cell in page.cells if not cell.injected)


def _of(resource: Resource, said: str) -> str:
    where = f" ({resource.where})" if resource.where else ""
    return f"names {shortened(said)}, which belongs to {resource.environment}{where}"


def shown(cell: Any) -> Iterator[str]:
    """What a reader of a cell's stored outputs can read."""
    for output in cell.get("outputs", ()):
        if "text" in output:
            yield str(output["text"])
        for mime, data in output.get("data", {}).items():
            if isinstance(data, str) and mime.startswith("text/"):
                yield data
        if "traceback" in output:
            yield "\n".join(output["traceback"])
