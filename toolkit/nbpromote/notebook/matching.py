"""Find each cell's counterpart in another version of the notebook, and carry over what no script holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from nbpromote.notebook import cells

if TYPE_CHECKING:
    from nbformat import NotebookNode

# jupytext's notes on the layout of a script: no business of the .ipynb
LAYOUT = ("cell_marker", "lines_to_next_cell", "lines_to_end_of_cell_marker")


def counterparts(news: Sequence[NotebookNode], olds: Sequence[NotebookNode]) -> list[NotebookNode | None]:
    """For each new cell the old one that says the same, else the one that it took the place of, else None."""
    found: dict[int, int] = {}
    replaced: list[tuple[int, int]] = []
    matcher = SequenceMatcher(None, [cells.key(c) for c in olds], [cells.key(c) for c in news], autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            found.update(zip(range(j1, j2), range(i1, i2), strict=True))
        elif i2 - i1 == j2 - j1:
            replaced += zip(range(j1, j2), range(i1, i2), strict=True)
    _add_moved(found, news, olds)
    _add_replaced(found, replaced, news, olds)
    return [olds[found[j]] if j in found else None for j in range(len(news))]


def merged(news: Sequence[NotebookNode], olds: Sequence[NotebookNode]) -> list[NotebookNode]:
    """The new cells as cells of an `.ipynb`: ids, metadata and attachments of their counterparts, and their
    outputs too where the source is the same.
    """
    from nbformat import from_dict

    pairs = zip(news, counterparts(news, olds), strict=True)
    nodes: list[NotebookNode] = [from_dict(_merged(*pair)) for pair in pairs]
    cells.identify(nodes)
    return nodes


def _add_moved(found: dict[int, int], news: Sequence[NotebookNode], olds: Sequence[NotebookNode]) -> None:
    left = defaultdict(list)
    for i in sorted(set(range(len(olds))) - set(found.values()), reverse=True):
        left[cells.key(olds[i])].append(i)
    for j in range(len(news)):
        if j not in found and left[cells.key(news[j])]:
            found[j] = left[cells.key(news[j])].pop()


def _add_replaced(
    found: dict[int, int],
    replaced: list[tuple[int, int]],
    news: Sequence[NotebookNode],
    olds: Sequence[NotebookNode],
) -> None:
    taken = set(found.values())
    for j, i in replaced:
        if j not in found and i not in taken and news[j].cell_type == olds[i].cell_type:
            found[j] = i


def _merged(new: NotebookNode, old: NotebookNode | None) -> dict[str, Any]:
    cell = {"cell_type": new.cell_type, "source": new.source, "metadata": _metadata(new, old)}
    if new.cell_type == "code":
        cell |= {"outputs": [], "execution_count": None}
    if old is None:
        return cell
    kept = {key: old[key] for key in ("id", "attachments") if key in old}
    if cells.key(new) == cells.key(old):
        kept |= {key: old[key] for key in ("source", "outputs", "execution_count") if key in old}
    return cell | kept


def _metadata(new: NotebookNode, old: NotebookNode | None) -> dict[str, Any]:
    kept = {key: value for key, value in (old.metadata if old else {}).items() if key != "tags"}
    return kept | {key: value for key, value in new.metadata.items() if key not in LAYOUT}
