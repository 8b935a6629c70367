"""Put outputs into a notebook, and write it down. Knows nothing of how the outputs came about."""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy
from itertools import count, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from nbpromote import files
from nbpromote.errors import Refused
from nbpromote.notebook import cells
from nbpromote.notebook.parameters import INJECTED

if TYPE_CHECKING:
    from nbformat import NotebookNode


def accept(original: NotebookNode, executed: NotebookNode, *, only: Collection[int] | None = None) -> NotebookNode:
    """`original` with the outputs of `executed`, as if it had been run from top to bottom in JupyterLab.

    `only` are the numbers of the cells whose outputs are taken; the others keep theirs.
    Raises `Refused` when the two do not hold the same code: outputs would stand below cells they are not of.
    """
    accepted = deepcopy(original)
    accepted["cells"] = [cell for cell in accepted.cells if INJECTED not in cells.tags(cell)]
    pairs = zip_longest(_code(accepted), _code(executed))
    numbers = count(1)
    for number, (mine, ran) in enumerate(pairs, start=1):
        if mine is None or ran is None or cells.canonical(mine.source) != cells.canonical(ran.source):
            raise Refused(
                f"the notebook was edited since this run: code cell {number} differs; nothing was accepted",
                hint="run it again, then accept that run",
            )
        run = next(numbers) if mine.source.strip() else None
        if only is None or number in only:
            _take(mine, ran, run)
    for part in (accepted, *accepted.cells):
        part.metadata.pop("papermill", None)
    return accepted


def without_outputs(node: NotebookNode) -> NotebookNode:
    bare = deepcopy(node)
    for _, cell in cells.numbered(bare):
        cell["outputs"], cell["execution_count"] = [], None
    return bare


def write(node: NotebookNode, path: Path) -> Path:
    return files.write(path, written(node))


def written(node: NotebookNode) -> bytes:
    """An `.ipynb` as Jupyter itself formats one."""
    from nbformat.v4 import writes

    text: str = writes(node)
    # half a surrogate pair in an output has no bytes in UTF-8; escaped, it is the same JSON string
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _code(node: NotebookNode) -> list[NotebookNode]:
    return [cell for _, cell in cells.numbered(node) if INJECTED not in cells.tags(cell)]


def _take(mine: NotebookNode, ran: NotebookNode, number: int | None) -> None:
    mine["execution_count"] = number
    mine["outputs"] = deepcopy(ran.get("outputs", []))
    for output in mine["outputs"]:
        if "execution_count" in output:
            output["execution_count"] = number
