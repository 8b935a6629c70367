"""Say what decides a notebook's result, and digest it. Reads through a callable, so commits will do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from nbpromote.errors import NotFound
from nbpromote.globs import pattern
from nbpromote.model import Code, digest, dump, sha256
from nbpromote.notebook import cells, imports, parameters, sides, syntax

if TYPE_CHECKING:
    from nbformat import NotebookNode

# a notebook's path and what reads files -> the files that count as its code, though no cell imports them
Beside = Callable[[str, Callable[[str], "bytes | None"]], Iterable[str]]

_FORMAT = 1  # of the digest; a new one means that no old digest can be compared with


def code(
    pair_paths: Sequence[str],
    read: Callable[[str], bytes | None],
    tracked: Collection[str],
    include: Sequence[str],
    *,
    fits: parameters.Fits | None = None,
    beside: Beside | None = None,
) -> Code:
    """The code of the notebook whose sides stand at `pair_paths`, and its digest.

    All paths are from the root, with `/`; `read` answers None for what is not there. `files` holds what the
    cells import and the globs in `include` match, of `tracked` only, and what `beside` names; the pair itself counts
    by its cells.
    Raises `Conflict` when the two sides disagree in code, `BadInput` for what cannot be read.
    """
    nodes = {path: sides.parse(path, data) for path in pair_paths if (data := read(path)) is not None}
    if not nodes:
        raise NotFound(f"none of {', '.join(pair_paths)} is there")
    path, node = next(iter(nodes.items()))
    for other in nodes.values():
        if cells.code(other) != cells.code(node):
            raise sides.disagreement(PurePosixPath(path).stem, node, other)
    schema = parameters.schema(node, path, fits=fits)
    also = tuple(beside(path, read)) if beside else ()
    files = _files(node, path, read, set(tracked) - set(pair_paths), include, also)
    whole = {"format": _FORMAT, "cells": cells.code(node), "schema": dump(schema), "files": files}
    return Code(digest=digest(whole), schema=schema, files=files)


def _files(
    node: NotebookNode,
    path: str,
    read: Callable[[str], bytes | None],
    tracked: Collection[str],
    include: Sequence[str],
    also: Sequence[str],
) -> dict[str, str]:
    modules = [imports.tree(data) for file in also if file.endswith(".py") and (data := read(file)) is not None]
    if sides.language(node) == "python":
        trees = (syntax.tree(cell.source) for _, cell in cells.numbered(node))
        modules += [tree for tree in trees if tree]
    folder = str(PurePosixPath(path).parent)
    paths = imports.reached(modules, folder, read=read, tracked=tracked) | set(also)
    patterns = [pattern(glob) for glob in include]
    paths |= {file for file in tracked if any(pattern.fullmatch(file) for pattern in patterns)}
    return {file: sha256(data) for file in sorted(paths) if (data := read(file)) is not None}
