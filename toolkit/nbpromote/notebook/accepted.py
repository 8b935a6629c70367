"""Remember which outputs a person accepted, in the `.ipynb` itself: JupyterLab saves over outputs, not over this."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from nbpromote.model import Json, digest
from nbpromote.notebook import cells

if TYPE_CHECKING:
    from nbformat import NotebookNode

_KEY = "nbpromote"  # in the notebook's metadata, which Jupyter keeps and jupytext leaves out of scripts
Marked = Callable[[Any], bool]


def stamp(
    node: NotebookNode, marked: Marked, *, by: str, run: str, only: Collection[int] | None = None
) -> NotebookNode:
    """Write down, by cell id, a digest of every marked cell's outputs, and who accepted them last.

    `only` are the numbers of the cells that were accepted now: of the others stays what was accepted before.
    """
    before, unaccepted = _stamp(node).get("cells"), changed(node, marked)
    digests = {}
    for number, cell in cells.numbered(node):
        if not marked(cell):
            continue
        if only is None or number in only or (cell.get("outputs") and cell.id not in unaccepted):
            digests[cell.id] = _digest(cell)
        elif isinstance(before, Mapping) and cell.id in before:
            digests[cell.id] = before[cell.id]
    own = {key: value for key, value in node.metadata.get(_KEY, {}).items() if key != "accepted"}
    if digests:
        own["accepted"] = {"by": by, "run": run, "cells": digests}
    node.metadata.pop(_KEY, None)
    if own:
        node.metadata[_KEY] = own
    return node


def by(node: NotebookNode) -> str:
    """Who accepted; empty where nothing says so."""
    return re.sub(r" <.*>$", "", acceptance(node)[0])


def acceptance(node: NotebookNode) -> tuple[str, str]:
    """Who accepted last, with their address, and of which run; empty where nothing says so."""
    told = _stamp(node)
    return str(told.get("by", "")), str(told.get("run", ""))


def changed(node: NotebookNode, marked: Marked) -> Collection[str]:
    """Ids of marked cells whose stored outputs nobody accepted. Empty where no acceptance is written down."""
    known = _stamp(node).get("cells")
    if not isinstance(known, Mapping):
        return ()
    return [
        cell.id
        for _, cell in cells.numbered(node)
        if cell.get("outputs") and marked(cell) and known.get(cell.id) != _digest(cell)
    ]


def without_changed(node: NotebookNode, marked: Marked) -> NotebookNode:
    """The notebook with only those outputs of marked cells that were accepted, to compare a run with."""
    found = changed(node, marked)
    for _, cell in cells.numbered(node):
        if cell.id in found:
            cell["outputs"], cell["execution_count"] = [], None
    return node


def recalled(node: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """With marked cells as they were accepted where an edit since has dropped their outputs.

    `executed` is of the run that they were accepted of; the digests say of which cells that is so.
    """
    known, ran = _stamp(node).get("cells"), {cell.id: cell for _, cell in cells.numbered(executed)}
    for _, cell in cells.numbered(node):
        past = ran.get(cell.id)
        if past and isinstance(known, Mapping) and not cell.get("outputs") and known.get(cell.id) == _digest(past):
            cell["source"], cell["outputs"] = past.source, past.outputs
    return node


def accepted_digest(node: NotebookNode | None, marked: Marked) -> str:
    """Of the outputs that a run is compared with; empty where there are none."""
    if node is None:
        return ""
    held = [_digest(cell) for _, cell in cells.numbered(node) if cell.get("outputs") and marked(cell)]
    return digest(held) if held else ""


def _stamp(node: NotebookNode) -> Mapping[str, Any]:
    own = node.metadata.get(_KEY)
    found = own.get("accepted") if isinstance(own, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _digest(cell: NotebookNode) -> str:
    """Of what a reader sees: no execution counts, no metadata, and a stream in one piece however it arrived."""
    seen: list[list[Json]] = []
    for output in cell.get("outputs", ()):
        kind = output.output_type
        if kind == "stream" and seen and seen[-1][:2] == [kind, output.name]:
            seen[-1][2] += output.text
        elif kind == "stream":
            seen.append([kind, output.name, output.text])
        elif kind == "error":
            seen.append([kind, output.ename, output.evalue])
        else:
            seen.append([kind, dict(output.get("data", {}))])
    return digest(seen)
