"""Write cells as a percent script, with the same text from the same cells every time. No disk."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbpromote.notebook import sides

if TYPE_CHECKING:
    from nbformat import NotebookNode

# jupytext's notes on the layout of a script: no business of the .ipynb
LAYOUT = ("cell_marker", "lines_to_next_cell", "lines_to_end_of_cell_marker")

_DERIVED = ("text_representation", "main_language", "cell_metadata_json")
_VERSION = re.compile(r"^#\s+jupytext_version: .*\n", re.MULTILINE)


def text(cells: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any], *, suffix: str) -> str:
    import jupytext  # 0.3 s
    from nbformat import from_dict

    plain = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    node: NotebookNode = from_dict(plain)
    # `writes` with a format looks for no configuration; other ways into jupytext execute a .jupytext.py
    written: str = jupytext.writes(node, sides.script_format(suffix))
    # the version would make every upgrade of jupytext an edit of every script
    return _VERSION.sub("", written, count=1).rstrip("\n") + "\n"


def metadata(node: NotebookNode, like: NotebookNode | None) -> dict[str, Any]:
    """The header for the script of a notebook. `like` is the script that it replaces, whose options stay."""
    theirs = like.metadata if like else {}
    options = dict(theirs.get("jupytext") or node.metadata.get("jupytext") or {})
    options = {key: value for key, value in options.items() if key not in _DERIVED}
    if shown := options.get("cell_metadata_filter"):
        options["cell_metadata_filter"] = _with_tags(shown)
    kernel = node.metadata.get("kernelspec") or theirs.get("kernelspec") or sides.PYTHON
    return {"kernelspec": dict(kernel), **({"jupytext": options} if options else {})}


def _with_tags(shown: str) -> str:
    """jupytext shows only what a script's first version used; tags decide results and are always shown."""
    keys = [key for key in str(shown).split(",") if key not in ("tags", "-tags")]
    return ",".join(["tags", *keys])


def cell(source: str, of: NotebookNode, layout: Mapping[str, Any]) -> dict[str, Any]:
    """A cell without its outputs, which jupytext would only drop."""
    shown = {key: value for key, value in of.metadata.items() if key not in LAYOUT}
    shown |= {key: layout[key] for key in LAYOUT if key in layout}
    plain = {"cell_type": of.cell_type, "metadata": shown, "source": source}
    return plain | ({"outputs": [], "execution_count": None} if of.cell_type == "code" else {})
