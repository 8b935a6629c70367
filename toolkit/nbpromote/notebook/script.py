"""Write a notebook as a py:percent script, with the same text from the same cells every time. No disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbpromote.notebook import matching
from nbpromote.notebook.sides import FORMAT, PYTHON

if TYPE_CHECKING:
    from nbformat import NotebookNode

_DERIVED = ("text_representation", "main_language", "cell_metadata_json")
_VERSION = re.compile(r"^#\s+jupytext_version: .*\n", re.MULTILINE)


def render(node: NotebookNode, like: NotebookNode | None = None) -> str:
    """The script of a notebook. `like` is the one that it replaces: its header and layout stay."""
    return _text(_cells(node, like), _metadata(node, like))


def body(node: NotebookNode) -> str:
    """The script without a header, to compare."""
    return _text(_cells(node, None), {"jupytext": {"notebook_metadata_filter": "-all"}})


def _text(cells: list[dict[str, Any]], metadata: Mapping[str, Any]) -> str:
    import jupytext  # 0.3 s
    from nbformat import from_dict

    plain = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    node: NotebookNode = from_dict(plain)
    text: str = jupytext.writes(node, FORMAT)
    # the version would make every upgrade of jupytext an edit of every script
    return _VERSION.sub("", text, count=1).rstrip("\n") + "\n"


def _metadata(node: NotebookNode, like: NotebookNode | None) -> dict[str, Any]:
    theirs = like.metadata if like else {}
    options = dict(theirs.get("jupytext") or node.metadata.get("jupytext") or {})
    options = {key: value for key, value in options.items() if key not in _DERIVED}
    if shown := options.get("cell_metadata_filter"):
        options["cell_metadata_filter"] = _with_tags(shown)
    kernel = node.metadata.get("kernelspec") or theirs.get("kernelspec") or PYTHON
    return {"kernelspec": dict(kernel), **({"jupytext": options} if options else {})}


def _with_tags(shown: str) -> str:
    """jupytext shows only what a script's first version used; tags decide results and are always shown."""
    keys = [key for key in str(shown).split(",") if key not in ("tags", "-tags")]
    return ",".join(["tags", *keys])


def _cells(node: NotebookNode, like: NotebookNode | None) -> list[dict[str, Any]]:
    olds = matching.counterparts(node.cells, like.cells if like else [])
    return [_cell(cell, old) for cell, old in zip(node.cells, olds, strict=True)]


def _cell(cell: NotebookNode, old: NotebookNode | None) -> dict[str, Any]:
    """A cell without its outputs, which jupytext would only drop."""
    metadata = {key: value for key, value in cell.metadata.items() if key not in matching.LAYOUT}
    metadata |= {key: old.metadata[key] for key in matching.LAYOUT if old and key in old.metadata}
    plain = {"cell_type": cell.cell_type, "metadata": metadata, "source": cell.source}
    return plain | ({"outputs": [], "execution_count": None} if cell.cell_type == "code" else {})
