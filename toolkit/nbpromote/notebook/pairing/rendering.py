"""Write what was merged as the cells of either side, with all that only this side holds. No disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from nbpromote.notebook import cells, sides
from nbpromote.notebook.pairing import script
from nbpromote.notebook.pairing.blocks import Block
from nbpromote.notebook.pairing.merging import Item

if TYPE_CHECKING:
    from nbformat import NotebookNode

_BOM = b"\xef\xbb\xbf"


def notebook(items: Sequence[Item], mine: NotebookNode, theirs: NotebookNode, *, led_by_script: bool) -> NotebookNode:
    """The `.ipynb`: ids, outputs, metadata and attachments of every cell that stays as it is."""
    from nbformat import from_dict

    made = [_notebook_cell(*each) for each in _each(items, mine, theirs)]
    merged = _with_blanks(made, [item.notebook for item in items], mine)
    metadata = _notebook_metadata(mine, theirs) if led_by_script else mine.metadata
    plain = {"nbformat": 4, "nbformat_minor": mine.nbformat_minor, "metadata": metadata, "cells": merged}
    node: NotebookNode = from_dict(plain)
    cells.identify(node.cells)
    return node


def notebook_of(text: NotebookNode) -> NotebookNode:
    """The `.ipynb` of a script that has none yet."""
    from nbformat import from_dict

    made = [_new(cell) for cell in text.cells]
    metadata = _notebook_metadata(None, text)
    node: NotebookNode = from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made})
    cells.identify(node.cells)
    return node


def script_text(items: Sequence[Item], mine: NotebookNode, theirs: NotebookNode, *, suffix: str) -> str:
    """The script: the text of every cell that stays as it is, the header, and the layout of all. `mine` is the
    notebook, `theirs` the script as it was.
    """
    made = [_script_cell(*each) for each in _each(items, mine, theirs)]
    merged = _with_blanks(made, [item.script for item in items], theirs)
    return script.text(merged, script.metadata(mine, theirs), suffix=suffix)


def script_of(node: NotebookNode, *, suffix: str) -> str:
    """The script of a notebook that has none yet."""
    made = [script.cell(cell.source, cell, {}) for cell in node.cells]
    return script.text(made, script.metadata(node, None), suffix=suffix)


def spelled(text: bytes, like: bytes | None) -> bytes:
    """A file keeps its line ends, and the mark that some editors open one with."""
    if like is None:
        return text
    if b"\r\n" in like and like.count(b"\r\n") * 2 > like.count(b"\n"):
        text = text.replace(b"\n", b"\r\n")
    return _BOM + text if like.startswith(_BOM) else text


# -- cells ---------------------------------------------------------------------------------------------------


def _each(
    items: Sequence[Item], mine: NotebookNode, theirs: NotebookNode
) -> Iterator[tuple[Block, NotebookNode | None, NotebookNode | None]]:
    """Each block with its cell of the notebook and of the script, None where that side has it not yet."""
    own, other = _spoken(mine), _spoken(theirs)
    for item in items:
        cell = None if item.notebook is None else own[item.notebook]
        yield item.block, cell, None if item.script is None else other[item.script]


def _spoken(node: NotebookNode) -> list[NotebookNode]:
    """The cells that are blocks, by the place of their block."""
    return [cell for cell in node.cells if cells.canonical(cell.source)]


def _with_blanks(made: Sequence[Any], places: Sequence[int | None], node: NotebookNode) -> list[Any]:
    """Empty cells say nothing and do not travel; each stays behind the cell that it stood behind."""
    blanks: dict[int, list[NotebookNode]] = {}
    place = -1
    for cell in node.cells:
        if cells.canonical(cell.source):
            place += 1
        else:
            blanks.setdefault(place, []).append(cell)
    found = list(blanks.get(-1, ()))
    for one, place_of_one in zip(made, places, strict=True):
        found.append(one)
        found += blanks.get(place_of_one, ()) if place_of_one is not None else ()
    return found


def _notebook_cell(block: Block, old: NotebookNode | None, text: NotebookNode | None) -> Any:
    if old is None:
        assert text is not None
        return _tagged(_new(text), block)
    if _says(old) == block.says:
        return old
    if cells.key(old) == block.body:
        tagged = dict(old) | {"metadata": _shown(old.metadata, text)}
        return _tagged(tagged, block)
    assert text is not None
    kept = {"id": old.id}
    if "attachments" in old and block.kind == old.cell_type:
        kept["attachments"] = old.attachments
    new = _new(text) | kept | {"metadata": _shown(old.metadata, text)}
    return _tagged(new, block)


def _script_cell(block: Block, cell: NotebookNode | None, old: NotebookNode | None) -> Any:
    layout = old.metadata if old else {}
    if old is not None and _says(old) == block.says:
        return script.cell(old.source, old, layout)
    if cell is None:
        assert old is not None
        return _tagged(script.cell(old.source, old, layout), block)
    source = cell if cells.key(cell) == block.body else old
    assert source is not None
    made = script.cell(source.source, cell, layout) | {"cell_type": source.cell_type}
    return _tagged(made, block)


def _new(text: NotebookNode) -> dict[str, Any]:
    cell = {"cell_type": text.cell_type, "source": text.source, "metadata": _shown({}, text)}
    return cell | ({"outputs": [], "execution_count": None} if text.cell_type == "code" else {})


def _shown(own: Any, text: NotebookNode | None) -> dict[str, Any]:
    """A notebook cell's metadata, with what the script shows of it."""
    theirs = {key: value for key, value in (text.metadata if text else {}).items() if key not in script.LAYOUT}
    return dict(own) | theirs


def _tagged(cell: dict[str, Any], block: Block) -> dict[str, Any]:
    """The cell with the merged tags, in the order that it has where they are the same."""
    metadata = dict(cell["metadata"])
    if tuple(sorted(set(metadata.get("tags", ())))) != block.tags:
        metadata["tags"] = list(block.tags)
    if not block.tags:
        metadata.pop("tags", None)
    return cell | {"metadata": metadata}


def _says(cell: NotebookNode) -> tuple[str, str, tuple[str, ...]]:
    return (*cells.key(cell), tuple(cells.tags(cell)))


def _notebook_metadata(mine: NotebookNode | None, theirs: NotebookNode) -> dict[str, Any]:
    """The notebook's own; of the script's header, its kernel where it chose one, and how the two are paired."""
    metadata = dict(mine.metadata) if mine else {}
    kernel = theirs.metadata.kernelspec
    if "kernelspec" not in metadata or kernel not in sides.KERNELS.values():
        metadata["kernelspec"] = kernel
    if formats := theirs.metadata.get("jupytext", {}).get("formats"):
        metadata["jupytext"] = {**metadata.get("jupytext", {}), "formats": formats}
    return metadata
