"""One self-contained HTML page for a run, a release, a promotion or a diff: nothing in it can run or be fetched."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from nbpromote.report import words
from nbpromote.report.pages import cells, data, given, judged, metrics, notebook, outputs, provenance
from nbpromote.report.pages.sheet import Sheet, Whole
from nbpromote.report.pages.stops import Stops
from nbpromote.report.subject import Subject
from nbpromote.report.verdict import headline, remarks

# in the order of the page, which is also that of the remarks; each has a template of its name
PARTS: Mapping[str, tuple[str, Callable[[Sheet], Any]]] = {
    "failing": ("What failed", cells.failing),
    "metrics": ("Metrics", metrics.metrics),
    "slices": ("Slices", metrics.slices),
    "gates": ("Gates", judged.gates),
    "checks": ("Checks", judged.checks),
    "figures": ("Figures", outputs.figures),
    "cells": ("Cells", outputs.cells),
    "scraps": ("Scraps", given.scraps),
    "tables": ("Tables", outputs.tables),
    "parameters": ("Parameters", given.parameters),
    "packages": ("Dependencies", given.packages),
    "data": ("Data", data.data),
    "timings": ("Time and memory", cells.timings),
    "provenance": ("Provenance", provenance.provenance),
}


def page(subject: Subject) -> str:
    """The page as one string; beyond its figures it is lighter than a megabyte, however much there is to show."""
    node = notebook.read(subject.executed)
    pages = (_rendered(Sheet(subject, node, share)) for share in (1.0, 0.3, 0.1, 0.03))
    return next((page for page in pages if weight(page) < MOST), None) or _rendered(Sheet(subject, node, 0.0))


MOST = 1_000_000  # bytes


def weight(page: str) -> int:
    """Bytes beyond the figures."""
    figures = sum(len(found) for found in _FIGURE.findall(page))
    return len(page.encode()) - figures


_FIGURE = re.compile(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=]+")


def _rendered(sheet: Sheet) -> str:
    subject = sheet.subject
    parts = {name: part(sheet) for name, (_, part) in PARTS.items()}
    html: str = (
        _templates()
        .get_template("page.html.jinja")
        .render(
            subject=subject,
            evidence=subject.evidence,
            run=subject.evidence.run,
            headline=headline(subject),
            stops=Stops(remarks(subject)),
            titles={name: title for name, (title, _) in PARTS.items()},
            parts={name: found for name, found in parts.items() if found},
            csp=notebook.CSP,
            notebook=Whole(notebook.document(sheet.node, sheet.few(_NOTEBOOK))) if sheet.node is not None else "",
        )
    )
    return html


_NOTEBOOK = 400_000  # bytes of the page that the executed notebook may take, figures apart


def _templates() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # 0.05 s

    templates = Environment(
        loader=PackageLoader("nbpromote.report", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_without_orders,
    )
    templates.filters |= {"short": words.short, "moment": words.moment}
    return templates


def _without_orders(value: Any) -> Any:
    """Every text of the page, before it is escaped; what the templates made themselves is a subclass of it."""
    return words.clean(value)[:_LONGEST] if type(value) is str else value


_LONGEST = 2_000  # letters: of a name, a message, a path
