"""Say what was settled, what was dropped, and where both sides stand against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff

from nbpromote.errors import Conflict
from nbpromote.notebook.pairing.blocks import Block
from nbpromote.notebook.pairing.merging import SIDES, Clash, Merge


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """What one side said of a cell, where the other was taken. No text: it had deleted or moved the cell."""

    side: str
    cell: str
    text: str = ""


def conflict(name: str, notebook: str, script: str, clashes: Sequence[Clash], *, based: bool) -> Conflict:
    places = "one place" if len(clashes) == 1 else f"{len(clashes)} places"
    found = f"both sides of {name} changed since they last agreed, in {places}"
    if not based:
        found = f"the sides of {name} differ in {places}, and nothing tells which of them changed"
    shown = "\n".join(line for clash in clashes for line in _shown(clash, notebook, script))
    return Conflict(
        f"{found}; both are untouched\n{shown}",
        hint=f"bring both edits into one side, then nbpromote sync {name} --ours notebook, or --ours script; "
        f"{'these cells go' if based else 'all cells go'} by it, and what it drops is printed",
    )


def _shown(clash: Clash, notebook: str, script: str) -> Iterator[str]:
    yield f"{clash.name}: {clash.what}"
    mine, theirs = _lines(clash.notebook), _lines(clash.script)
    if clash.base is None:
        yield from unified_diff(mine, theirs, fromfile=notebook, tofile=script, lineterm="")
        return
    base = _lines(clash.base)
    yield from unified_diff(base, mine, fromfile="agreed", tofile=notebook, lineterm="")
    yield from unified_diff(base, theirs, fromfile="agreed", tofile=script, lineterm="")


def _lines(found: Sequence[Block]) -> list[str]:
    return [line for block in found for line in block.lines]


def reason(merged: Merge, ours: str | None, *, based: bool) -> str:
    if not based:
        return f"the {ours} was taken whole: nothing tells which side changed"
    left = [side for side in SIDES if merged.changed[side]]
    if len(left) == 1:
        return f"only the {left[0]} had changed"
    clashing = {block.name for clash in merged.clashes for side in SIDES for block in clash.of(side)}
    parts = []
    for side in left:
        names = [name for name in merged.changed[side] if name not in clashing]
        parts += [f"{', '.join(names)} from the {side}"] if names else []
    said = f"merged: {'; '.join(parts)}" if parts else ""
    taken = f"the {ours} was taken in {', '.join(clash.name for clash in merged.clashes)}" if merged.clashes else ""
    return "; ".join(part for part in (said, taken) if part) or "both sides had changed alike"


def dropped(clashes: Sequence[Clash], ours: str | None) -> tuple[Dropped, ...]:
    """Cell by cell what the other side said, for nothing that anyone wrote may go without being named."""
    return tuple(one for clash in clashes for one in _dropped(clash, SIDES[ours == SIDES[0]]))


def _dropped(clash: Clash, side: str) -> Iterator[Dropped]:
    if clash.is_order:
        yield Dropped(side=side, cell="the order of cells")
        return
    for block in clash.of(side):
        yield Dropped(side=side, cell=block.name, text="\n".join(block.lines))
    if not clash.of(side):
        yield Dropped(side=side, cell=f"{clash.name}, which the {side} does not have")
