"""Merge two versions of a notebook over their base, cell by cell. Pure: knows blocks, and neither bytes nor files.

Each block of the base is followed to both sides, where its body and its tags are settled apart. Then the order of what
stays is settled, and what a side added goes behind the block that it was put behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from nbpromote.notebook.pairing import matching
from nbpromote.notebook.pairing.blocks import Block

NOTEBOOK, SCRIPT = SIDES = ("notebook", "script")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One cell of what both sides should say, with its place on each side, None where it is not there yet."""

    block: Block
    notebook: int | None = None
    script: int | None = None


@dataclass(frozen=True, kw_only=True)
class Clash:
    """Where each side says something of its own; `base` is None where no common state is known."""

    what: str
    notebook: tuple[Block, ...]
    script: tuple[Block, ...]
    base: tuple[Block, ...] | None = None
    is_order: bool = False

    @property
    def name(self) -> str:
        """The cells by the notebook's names where it has them: only there can they be looked up by id."""
        return ", ".join(block.name for block in self.notebook or self.base or self.script)

    def of(self, side: str) -> tuple[Block, ...]:
        return self.notebook if side == NOTEBOOK else self.script


@dataclass(frozen=True, kw_only=True)
class Merge:
    """`changed` names for each side the cells in which it left the base."""

    items: tuple[Item, ...]
    clashes: tuple[Clash, ...] = ()
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Version:
    """One side, and which block of the base each of its blocks is."""

    blocks: Sequence[Block]
    met: Mapping[int, int]  # place in the base by place on this side

    @property
    def order(self) -> list[int]:
        return [self.met[place] for place in sorted(self.met)]

    @cached_property
    def places(self) -> dict[int, int]:
        return {index: place for place, index in self.met.items()}

    def changes(self, base: Sequence[Block]) -> Iterator[str]:
        for place, block in enumerate(self.blocks):
            if place not in self.met or base[self.met[place]].says != block.says:
                yield block.name
        yield from (f"{base[index].name} deleted" for index in sorted(set(range(len(base))) - set(self.order)))
        if self.order != sorted(self.order):
            yield "the order of cells"


def merge(
    base: Sequence[Block], notebook: Sequence[Block], script: Sequence[Block], *, ours: str | None = None
) -> Merge:
    """Where both sides left the base in one place there is a clash, and the place goes by the side `ours`."""
    versions = {
        side: _Version(blocks, matching.counterparts(blocks, base))
        for side, blocks in zip(SIDES, (notebook, script), strict=True)
    }
    kept, clashes = _kept(base, versions, ours)
    order, disorder = _order(base, set(kept), versions, ours)
    items, crowds = _placed(order, kept, versions, ours)
    changed = {side: tuple(version.changes(base)) for side, version in versions.items()}
    return Merge(items=tuple(items), clashes=(*clashes, *disorder, *crowds), changed=changed)


def compare(notebook: Sequence[Block], script: Sequence[Block]) -> tuple[Clash, ...]:
    """Every place in which two versions differ, where nothing is known of what came before."""
    version = _Version(script, matching.counterparts(script, notebook))
    return tuple(_differences(notebook, version))


def _differences(notebook: Sequence[Block], script: _Version) -> Iterator[Clash]:
    for index, block in enumerate(notebook):
        if index not in script.places:
            yield Clash(what="only the notebook has it", notebook=(block,), script=())
        elif script.blocks[script.places[index]].says != block.says:
            yield Clash(what="the sides differ", notebook=(block,), script=(script.blocks[script.places[index]],))
    for place, block in enumerate(script.blocks):
        if place not in script.met:
            yield Clash(what="only the script has it", notebook=(), script=(block,))
    if script.order != sorted(script.order):
        mine = tuple(notebook[index] for index in sorted(script.order))
        theirs = tuple(script.blocks[place] for place in sorted(script.met))
        yield Clash(what="the order differs", is_order=True, notebook=mine, script=theirs)


# -- what becomes of each block of the base ------------------------------------------------------------------


def _kept(
    base: Sequence[Block], versions: Mapping[str, _Version], ours: str | None
) -> tuple[dict[int, Item], list[Clash]]:
    """The items that go on from the base, by their index in it."""
    kept, clashes = {}, []
    for index, block in enumerate(base):
        places = {side: version.places.get(index) for side, version in versions.items()}
        found = {side: versions[side].blocks[place] for side, place in places.items() if place is not None}
        what = _clash(block, found)
        if what:
            mine, theirs = (tuple(block for name, block in found.items() if name == side) for side in SIDES)
            clashes.append(Clash(what=what, base=(block,), notebook=mine, script=theirs))
        says = found.get(ours or SIDES[0]) if what else _agreed(block, found)
        if says:
            says = replace(says, tags=_tags(block, found.values())) if len(found) == 2 else says
            kept[index] = Item(block=says, **places)
    return kept, clashes


def _clash(base: Block, found: Mapping[str, Block]) -> str:
    """Why a block cannot be settled; an empty string where it can."""
    if len(found) == 1:
        ((side, block),) = found.items()
        other = next(name for name in SIDES if name != side)
        return f"the {side} changed it, the {other} deleted it" if block.says != base.says else ""
    bodies = {block.body for block in found.values()} - {base.body}
    return "both sides changed it" if len(bodies) == 2 else ""


def _agreed(base: Block, found: Mapping[str, Block]) -> Block | None:
    """The block that changed, where one did; None for one that is gone from a side."""
    if len(found) < 2:
        return None
    return next((block for block in found.values() if block.body != base.body), found[NOTEBOOK])


def _tags(base: Block, found: Collection[Block]) -> tuple[str, ...]:
    """A set merges without clashes: what either side added is in, what either took away is out."""
    sets = [set(block.tags) for block in found]
    before = set(base.tags)
    return tuple(sorted((set.union(*sets) - before) | set.intersection(before, *sets)))


# -- where it goes -------------------------------------------------------------------------------------------


def _order(
    base: Sequence[Block], kept: set[int], versions: Mapping[str, _Version], ours: str | None
) -> tuple[list[int], list[Clash]]:
    """What is kept, in the order of the side that moved something."""
    orders = {side: [index for index in version.order if index in kept] for side, version in versions.items()}
    shared = set.intersection(*map(set, orders.values()))
    mine, theirs = ([index for index in orders[side] if index in shared] for side in SIDES)
    before = sorted(shared)
    clashes = []
    leader = SCRIPT if mine == before else NOTEBOOK
    if before not in (mine, theirs) and mine != theirs:
        leader = ours or NOTEBOOK
        was, *moved = (tuple(base[index] for index in order) for order in (before, mine, theirs))
        clash = Clash(what="both sides moved cells", is_order=True, base=was, notebook=moved[0], script=moved[1])
        clashes.append(clash)
    follower = next(side for side in SIDES if side != leader)
    return _with(orders[leader], orders[follower]), clashes


def _with(order: list[int], other: list[int]) -> list[int]:
    """`order` with what only `other` has, each behind what it stands behind there."""
    whole, start = list(order), 0
    for index in other:
        if index in whole:
            start = whole.index(index) + 1
        else:
            whole.insert(start, index)
            start += 1
    return whole


def _placed(
    order: Sequence[int], kept: Mapping[int, Item], versions: Mapping[str, _Version], ours: str | None
) -> tuple[list[Item], list[Clash]]:
    """The kept items in order, with what either side added between them."""
    added = {side: _added(version, kept) for side, version in versions.items()}
    items: list[Item] = []
    clashes = []
    for anchor in (None, *order):
        if anchor is not None:
            items.append(kept[anchor])
        mine, theirs = ([versions[side].blocks[place] for place in added[side][anchor]] for side in SIDES)
        if [block.says for block in mine] == [block.says for block in theirs]:
            pairs = zip(mine, added[NOTEBOOK][anchor], added[SCRIPT][anchor], strict=True)
            items += [Item(block=block, notebook=place, script=other) for block, place, other in pairs]
            continue
        if mine and theirs:
            what = "both sides added cells in one place"
            clashes.append(Clash(what=what, base=(), notebook=tuple(mine), script=tuple(theirs)))
        for side in (ours or NOTEBOOK,) if mine and theirs else SIDES:
            items += [Item(block=versions[side].blocks[place], **{side: place}) for place in added[side][anchor]]
    return items, clashes


def _added(version: _Version, kept: Mapping[int, Item]) -> dict[int | None, list[int]]:
    """Places of blocks that the base does not have, by the kept block that they stand behind."""
    found: dict[int | None, list[int]] = defaultdict(list)
    anchor = None
    for place in range(len(version.blocks)):
        index = version.met.get(place)
        if index is None:
            found[anchor].append(place)
        elif index in kept:
            anchor = index
    return found
