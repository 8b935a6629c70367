"""Keep the two sides of a pair saying the same, three-way. Never looks at a clock, and knows no git."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

from nbpromote import files
from nbpromote.errors import BadInput, Conflict
from nbpromote.model import Json, Pair, canonical, digest, dump, load
from nbpromote.notebook import cells, matching, outputs, script, sides

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True, kw_only=True)
class Synced:
    """What a sync did. `wrote` is the side that was written, `winner` the side that it follows."""

    pair: Pair
    wrote: Path | None = None
    winner: str = ""  # "notebook" or "script"
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """Digests of what both sides said when they last agreed, and of what was committed then."""

    content: str | None = None
    committed: str | None = None


def sync(pair: Pair, *, agreed: Path, committed: Callable[[Path], bytes | None]) -> Synced:
    """Let the side that did not change follow the one that did.

    `agreed` is a folder for what was last agreed on; `committed` gives git's copy of a file, None where there
    is none.
    Raises `Conflict` with a diff when both changed, or nothing tells which did; both files stay as they are.
    """
    record = agreed / f"{pair.name}.json"
    notebook, text = (sides.load(side) if side else None for side in (pair.ipynb, pair.script))
    if notebook is None or text is None:
        synced = _complete(pair, notebook, text)
    elif cells.content(notebook) == cells.content(text):
        synced = Synced(pair=pair, reason="both sides agree")
    else:
        synced = _settle(pair, notebook, text, since=_recorded(record), committed=committed)
    says = text if synced.winner == "script" else notebook
    assert says is not None
    if _digest(says) != _recorded(record).content:
        now = Agreed(content=_digest(says), committed=_committed(pair, committed))
        files.write(record, canonical(dump(now)))
    return synced


def agree(pair: Pair) -> bool:
    """Whether both sides say the same, in code and in text; one side alone agrees with itself."""
    nodes = [sides.load(side) for side in (pair.ipynb, pair.script) if side]
    return all(cells.content(node) == cells.content(nodes[0]) for node in nodes)


def _complete(pair: Pair, notebook: NotebookNode | None, text: NotebookNode | None) -> Synced:
    if text is not None:
        path = _write_notebook(text, pair.folder / f"{pair.path.stem}.ipynb", like=None)
        reason = "there was no notebook"
        return Synced(pair=replace(pair, ipynb=path), wrote=path, winner="script", reason=reason)
    assert notebook is not None
    if sides.language(notebook) != "python":
        return Synced(pair=pair, reason=f"a {sides.language(notebook)} notebook has no py:percent script")
    path = _write_script(notebook, pair.folder / f"{pair.path.stem}.py", like=None)
    reason = "there was no script"
    return Synced(pair=replace(pair, script=path), wrote=path, winner="notebook", reason=reason)


def _settle(
    pair: Pair,
    notebook: NotebookNode,
    text: NotebookNode,
    *,
    since: Agreed,
    committed: Callable[[Path], bytes | None],
) -> Synced:
    assert pair.ipynb is not None
    assert pair.script is not None
    winner = _winner(_digest(notebook), _digest(text), since=since, head=_committed(pair, committed))
    if winner == "script":
        path = _write_notebook(text, pair.ipynb, like=notebook)
    elif winner == "notebook":
        path = _write_script(notebook, pair.script, like=text)
    else:
        raise _conflict(pair, notebook, text)
    return Synced(pair=pair, wrote=path, winner=winner, reason=f"only the {winner} had changed")


def _winner(notebook: str, script: str, *, since: Agreed, head: str | None) -> str:
    """The side that changed, where exactly one did; else an empty string.

    What was agreed here may be older than what came with a pull, so what is committed is asked as well. Where
    the two tell different stories, the agreement is believed only if nothing was committed since.
    """
    changed = {notebook: "script", script: "notebook"}
    stories = [changed[base] for base in (since.content, head) if base in changed]
    if len(set(stories)) == 2 and head != since.committed:
        return ""
    return stories[0] if stories else ""


def _conflict(pair: Pair, notebook: NotebookNode, text: NotebookNode) -> Conflict:
    assert pair.ipynb is not None
    assert pair.script is not None
    diff = unified_diff(
        script.body(notebook).splitlines(),
        script.body(text).splitlines(),
        fromfile=pair.ipynb.name,
        tofile=pair.script.name,
        lineterm="",
    )
    return Conflict(
        f"both sides of {pair.name} changed since they last agreed; both are untouched\n" + "\n".join(diff),
        hint=f"bring both edits into one file, `git restore` the other, then nbpromote sync {pair.name}",
    )


def _write_notebook(node: NotebookNode, path: Path, *, like: NotebookNode | None) -> Path:
    from nbformat import from_dict

    metadata = dict(like.metadata) if like else {}
    kernel = node.metadata.kernelspec
    if "kernelspec" not in metadata or kernel != sides.PYTHON:
        metadata["kernelspec"] = kernel
    if formats := node.metadata.get("jupytext", {}).get("formats"):
        metadata["jupytext"] = {**metadata.get("jupytext", {}), "formats": formats}
    merged = matching.merged(node.cells, like.cells if like else [])
    minor = like.nbformat_minor if like else node.nbformat_minor
    plain = {"nbformat": 4, "nbformat_minor": minor, "metadata": metadata, "cells": merged}
    return outputs.write(from_dict(plain), path)


def _write_script(node: NotebookNode, path: Path, *, like: NotebookNode | None) -> Path:
    text = script.render(node, like)
    mine, back = cells.content(node), cells.content(sides.parse(path.name, text.encode()))
    if mine != back:
        raise BadInput(
            f"{_shown(mine, back)} cannot be kept in a py:percent script; nothing was written",
            where=path.with_suffix(".ipynb").name,
            hint="reword a line `# %%` within a cell, an open quote, or text that opens with `# !`",
        )
    return files.write(path, text)


def _shown(mine: list[Json], back: list[Json]) -> str:
    index = cells.first_difference(mine, back)
    if index == len(mine):
        return "the last cell"
    kind, source, _ = mine[index]
    return f"the {kind} cell that begins {source.lstrip().splitlines()[0][:60]!r}"


# -- what was agreed on --------------------------------------------------------------------------------------


def _digest(node: NotebookNode) -> str:
    return digest(cells.content(node))


def _recorded(record: Path) -> Agreed:
    """What was agreed on; a record that is missing or cannot be read says nothing."""
    try:
        return load(Agreed, json.loads(record.read_bytes()))
    except (OSError, ValueError):
        return Agreed()


def _committed(pair: Pair, committed: Callable[[Path], bytes | None]) -> str | None:
    """What the committed sides say: both where they agree, or the only one."""
    found = set()
    for side in (pair.ipynb, pair.script):
        data = committed(side) if side else None
        if side and data is not None:
            try:
                found.add(_digest(sides.parse(side.name, data)))
            except BadInput:
                return None
    return found.pop() if len(found) == 1 else None
