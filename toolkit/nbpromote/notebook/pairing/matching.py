"""Find each block's counterpart in another version of the notebook. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from nbpromote.notebook.pairing.blocks import Block

_ALIKE = 0.5  # of the text of two blocks, from which on one is an edit of the other
_LONG = 200_000  # comparisons of blocks, past which a rewritten stretch is taken as new


def counterparts(news: Sequence[Block], olds: Sequence[Block]) -> dict[int, int]:
    """The old block's index by the new one's: the one with its id, else the one that says the same, else the one
    whose place it took or that it is an edit of. No old block is given twice.
    """
    found = _by_id(news, olds)
    left_new = [index for index in range(len(news)) if index not in found]
    left_old = sorted(set(range(len(olds))) - set(found.values()))
    replaced = []
    mine, theirs = [news[j].body for j in left_new], [olds[i].body for i in left_old]
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, theirs, mine, autojunk=False).get_opcodes():
        if kind == "equal":
            found.update(zip(left_new[j1:j2], left_old[i1:i2], strict=True))
        elif kind == "replace":
            replaced.append((left_new[j1:j2], left_old[i1:i2]))
    _add_moved(found, news, olds)
    for stretch in replaced:
        _add_edited(found, *stretch, news, olds)
    return found


def _by_id(news: Sequence[Block], olds: Sequence[Block]) -> dict[int, int]:
    """JupyterLab keeps a cell's id through every edit and move; a tool that draws new ones finds nothing here."""
    places: Mapping[str, int] = {block.id: index for index, block in enumerate(olds) if block.id}
    return {j: places[block.id] for j, block in enumerate(news) if block.id and block.id in places}


def _add_moved(found: dict[int, int], news: Sequence[Block], olds: Sequence[Block]) -> None:
    left = defaultdict(list)
    for i in sorted(set(range(len(olds))) - set(found.values()), reverse=True):
        left[olds[i].body].append(i)
    for j in range(len(news)):
        if j not in found and left[news[j].body]:
            found[j] = left[news[j].body].pop()


def _add_edited(
    found: dict[int, int],
    stretch: Sequence[int],
    replaced: Sequence[int],
    news: Sequence[Block],
    olds: Sequence[Block],
) -> None:
    """As many as there were took their places in order; else each follows the one that it resembles, in order."""
    taken = set(found.values())
    if len(stretch) == len(replaced):
        pairs = zip(stretch, replaced, strict=True)
        found.update({j: i for j, i in pairs if j not in found and i not in taken and news[j].kind == olds[i].kind})
        return
    if len(stretch) * len(replaced) > _LONG:
        return
    rest = [i for i in replaced if i not in taken]
    for j in stretch:
        match = next((i for i in rest if j not in found and _alike(news[j], olds[i])), None)
        if match is not None:
            found[j] = match
            rest = rest[rest.index(match) + 1 :]


def _alike(one: Block, other: Block) -> bool:
    matcher = SequenceMatcher(None, one.source, other.source, autojunk=False)
    quick = (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)
    return one.kind == other.kind and all(ratio() > _ALIKE for ratio in quick)
