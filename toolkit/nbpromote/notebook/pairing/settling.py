"""Let both sides of a pair say the same, three-way, as bytes in and bytes out. Pure: no disk, no git, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from nbpromote.errors import BadInput, Usage
from nbpromote.model import Pair
from nbpromote.notebook import outputs, sides, violations
from nbpromote.notebook.pairing import blocks, merging, rendering, telling
from nbpromote.notebook.pairing.blocks import Base, Block, Contents
from nbpromote.notebook.pairing.merging import NOTEBOOK, SCRIPT, SIDES, Merge
from nbpromote.notebook.pairing.telling import Dropped

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What both sides are to hold, and why. `changed` names those of them that must be written.

    `winner` is the side that the other follows, "both" where edits of both were merged, "" where nothing was to do.
    `contents` lacks a side only where there can be none: the script of a notebook in a language without scripts.
    """

    contents: Contents
    base: Base  # what both say now: the base of the next time
    changed: tuple[str, ...] = ()
    winner: str = ""
    reason: str = ""
    dropped: tuple[Dropped, ...] = ()
    script_suffix: str = ".py"


@dataclass(frozen=True)
class _Side:
    name: str  # of its file
    data: bytes
    node: NotebookNode
    blocks: tuple[Block, ...]


def settle(pair: Pair, contents: Contents, *, bases: Iterable[Base] = (), ours: str | None = None) -> Settled:
    """Merge both sides over the state that they last had in common, where they differ.

    `bases` are states that both had in common, the likeliest first; they are asked for only where the sides differ.
    `ours`, "notebook" or "script", is the side to go by where both changed the same cell, and wholly where no base
    is known; what the other one said there is named in `dropped`.
    Raises `Conflict` with a diff for each cell that both changed, `BadInput` for a side that cannot be read and
    for text that the other side cannot hold.
    """
    if ours not in (None, *SIDES):
        raise Usage(f"no side {ours!r}", hint=f"known: {', '.join(SIDES)}")
    notebook, script = _sides(pair, contents)
    if notebook is None or script is None:
        return _complete(pair, contents, notebook, script)
    if blocks.say_the_same(notebook.blocks, script.blocks):
        return Settled(contents=contents, base=Base(blocks=notebook.blocks), reason="both sides agree")
    base = _chosen(bases, notebook.blocks, script.blocks)
    if base is None:
        merged = _unbased(notebook.blocks, script.blocks, ours)
    else:
        merged = merging.merge(base.blocks, notebook.blocks, script.blocks, ours=ours)
    if merged.clashes and ours is None:
        raise telling.conflict(pair.name, notebook.name, script.name, merged.clashes, based=base is not None)
    return _rendered(notebook, script, merged, ours, based=base is not None)


def base(pair: Pair, contents: Contents) -> Base | None:
    """What both sides say, where both are there, can be read and say the same."""
    try:
        notebook, script = _sides(pair, contents)
    except BadInput:
        return None
    if notebook is None or script is None or not blocks.say_the_same(notebook.blocks, script.blocks):
        return None
    return Base(blocks=notebook.blocks)


def keeps_to(base: Base, pair: Pair, contents: Contents) -> bool:
    """Whether one of the sides still says what the base says. False where one cannot be read."""
    try:
        found = [side for side in _sides(pair, contents) if side]
    except BadInput:
        return False
    return any(blocks.say_the_same(side.blocks, base.blocks) for side in found)


def _sides(pair: Pair, contents: Contents) -> tuple[_Side | None, _Side | None]:
    """Raises `BadInput` with what is wrong with either side."""
    names = f"{pair.path.stem}.ipynb", (pair.script or PurePath(f"{pair.path.stem}.py")).name
    found, faults = [], []
    for name, data in zip(names, (contents.notebook, contents.script), strict=True):
        try:
            found.append(_side(name, data) if data is not None else None)
        except BadInput as error:
            faults.append(error)
    if len(faults) > 1:
        raise BadInput(f"neither side of {pair.name} can be read", problems=[str(fault) for fault in faults])
    if faults:
        raise faults[0]
    return found[0], found[1]


def _side(name: str, data: bytes) -> _Side:
    side = sides.look(name, data)
    if side.node is not None and not side.findings:
        side = replace(side, findings=tuple(violations.of_breaks(name, side.text, side.node)))
    node = sides.sound(side)
    return _Side(name, data, node, blocks.of(node, ids=name.endswith(".ipynb")))


def _chosen(bases: Iterable[Base], notebook: Sequence[Block], script: Sequence[Block]) -> Base | None:
    """The likeliest base that one side still keeps to, else the likeliest of all.

    None where another one tells the opposite story: nothing then says which is true.
    """
    known: list[Base] = []
    tellers: dict[str, Base] = {}
    for base in bases:
        known.append(base)
        story = _only_changed(base, notebook, script)
        tellers.setdefault(story, base)
        if story and base.certain:
            return base
    tellers.pop("", None)
    if len(tellers) > 1:
        return None
    return next(iter([*tellers.values(), *known]), None)


def _only_changed(base: Base, notebook: Sequence[Block], script: Sequence[Block]) -> str:
    """The side that changed, where the other still says what the base says."""
    if blocks.say_the_same(base.blocks, notebook):
        return SCRIPT
    return NOTEBOOK if blocks.say_the_same(base.blocks, script) else ""


def _unbased(notebook: Sequence[Block], script: Sequence[Block], ours: str | None) -> Merge:
    """Every difference is a clash; the side to go by is taken whole, as if it alone had changed."""
    base = notebook if ours == SCRIPT else script
    return replace(merging.merge(base, notebook, script), clashes=merging.compare(notebook, script))


# -- what is to be written -----------------------------------------------------------------------------------


def _complete(pair: Pair, contents: Contents, notebook: _Side | None, script: _Side | None) -> Settled:
    if script is not None:
        node = rendering.notebook_of(script.node)
        both = replace(contents, notebook=outputs.written(node))
        said = Base(blocks=blocks.of(node, ids=True))
        return Settled(contents=both, base=said, changed=(NOTEBOOK,), winner=SCRIPT, reason="there was no notebook")
    if notebook is None:
        return Settled(contents=contents, base=Base(blocks=()), reason="neither side is there")
    suffix = sides.script_suffix(notebook.node)
    if suffix is None:
        reason = f"a {sides.language(notebook.node)} notebook has no percent script"
        return Settled(contents=contents, base=Base(blocks=notebook.blocks), reason=reason)
    name = f"{pair.path.stem}{suffix}"
    data = _proven(name, rendering.script_of(notebook.node, suffix=suffix), notebook.blocks).encode()
    both, said = replace(contents, script=data), Base(blocks=notebook.blocks)
    return Settled(
        contents=both,
        base=said,
        changed=(SCRIPT,),
        winner=NOTEBOOK,
        reason="there was no script",
        script_suffix=suffix,
    )


def _rendered(notebook: _Side, script: _Side, merged: Merge, ours: str | None, *, based: bool) -> Settled:
    says = tuple(item.block for item in merged.items)
    changed = tuple(
        name for name, side in zip(SIDES, (notebook, script), strict=True) if not blocks.say_the_same(side.blocks, says)
    )
    winner = ours if not based else _winner(merged)
    contents, node = Contents(notebook=notebook.data, script=script.data), notebook.node
    if NOTEBOOK in changed:
        node = rendering.notebook(merged.items, notebook.node, script.node, led_by_script=winner == SCRIPT)
        contents = replace(contents, notebook=rendering.spelled(outputs.written(node), notebook.data))
    if SCRIPT in changed:
        suffix = PurePath(script.name).suffix
        text = rendering.script_text(merged.items, notebook.node, script.node, suffix=suffix)
        data = _proven(script.name, text, says).encode()
        contents = replace(contents, script=rendering.spelled(data, script.data))
    return Settled(
        contents=contents,
        base=Base(blocks=blocks.of(node, ids=True)),
        changed=changed,
        winner=winner or "",
        reason=telling.reason(merged, ours, based=based),
        dropped=telling.dropped(merged.clashes, ours),
    )


def _winner(merged: Merge) -> str:
    left = [side for side in SIDES if merged.changed[side]]
    return left[0] if len(left) == 1 else "both"


def _proven(name: str, text: str, says: Sequence[Block]) -> str:
    """The script, once read back: jupytext writes some cells so that it reads them as others."""
    back = blocks.of(sides.parse(name, text.encode()), ids=False)
    if blocks.say_the_same(back, tuple(says)):
        return text
    index = next((i for i, (one, other) in enumerate(zip(says, back, strict=False)) if one.says != other.says), None)
    what = "the last cell"
    if index is not None:
        what = f"{says[index].name}, which begins {says[index].source.lstrip().splitlines()[0][:60]!r},"
    raise BadInput(
        f"{what} cannot be kept in a percent script; nothing was written",
        where=f"{PurePath(name).stem}.ipynb",
        hint="reword a line `# %%` within a cell, an open quote, or text that opens with `# !`",
    )
