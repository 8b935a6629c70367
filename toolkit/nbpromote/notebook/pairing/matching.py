"""Find each block's counterpart in another version of the notebook. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher

from nbpromote.notebook.pairing.blocks import Block

_ALIKE = 0.5  # of the text of two blocks, from which on one is an edit of the other
_MANY = 2_000  # pairs to compare; past that the notebook was rewritten, and nothing in it is an edit


def counterparts(news: Sequence[Block], olds: Sequence[Block]) -> dict[int, int]:
    """The old block's index by the new one's: the one with its id, else the one that says the same, else the one
    that it is an edit of, else the one whose place it took. No old block is given twice.
    """
    found = _by_id(news, olds)
    left_new, left_old = _left(found, news, olds)
    stretches = []
    mine, theirs = [news[j].body for j in left_new], [olds[i].body for i in left_old]
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, theirs, mine, autojunk=False).get_opcodes():
        if kind == "equal":
            found.update(zip(left_new[j1:j2], left_old[i1:i2], strict=True))
        elif i2 - i1 == j2 - j1:
            stretches.append((left_new[j1:j2], left_old[i1:i2]))
    _add_moved(found, news, olds)
    _add_edited(found, news, olds)
    for stretch in stretches:
        _add_replaced(found, *stretch, news, olds)
    return found


def _left(found: dict[int, int], news: Sequence[Block], olds: Sequence[Block]) -> tuple[list[int], list[int]]:
    taken = set(found.values())
    return [j for j in range(len(news)) if j not in found], [i for i in range(len(olds)) if i not in taken]


def _by_id(news: Sequence[Block], olds: Sequence[Block]) -> dict[int, int]:
    """JupyterLab keeps a cell's id through every edit and move; a tool that draws new ones finds nothing here."""
    places = {block.id: index for index, block in enumerate(olds) if block.id}
    return {j: places[block.id] for j, block in enumerate(news) if block.id in places}


def _add_moved(found: dict[int, int], news: Sequence[Block], olds: Sequence[Block]) -> None:
    left_new, left_old = _left(found, news, olds)
    places = defaultdict(list)
    for i in reversed(left_old):
        places[olds[i].body].append(i)
    for j in left_new:
        if places[news[j].body]:
            found[j] = places[news[j].body].pop()


def _add_edited(found: dict[int, int], news: Sequence[Block], olds: Sequence[Block]) -> None:
    """Wherever they stand, the most alike first."""
    left_new, left_old = _left(found, news, olds)
    if len(left_new) * len(left_old) > _MANY:
        return
    taken: set[int] = set()
    pairs = [(_likeness(news[j], olds[i]), j, i) for j in left_new for i in left_old]
    for likeness, j, i in sorted(pairs, key=lambda pair: -pair[0]):
        if likeness > _ALIKE and j not in found and i not in taken:
            found[j] = i
            taken.add(i)


def _likeness(one: Block, other: Block) -> float:
    if one.kind != other.kind:
        return 0.0
    matcher = SequenceMatcher(None, one.source, other.source, autojunk=False)
    # the quick ones are upper bounds: most pairs need no more
    quick = min(matcher.real_quick_ratio(), matcher.quick_ratio())
    return matcher.ratio() if quick > _ALIKE else quick


def _add_replaced(
    found: dict[int, int],
    stretch: Sequence[int],
    replaced: Sequence[int],
    news: Sequence[Block],
    olds: Sequence[Block],
) -> None:
    """As many blocks as there were: each took the place of one. Not where both have ids, which an edit would keep."""
    taken = set(found.values())
    for j, i in zip(stretch, replaced, strict=True):
        is_free = j not in found and i not in taken
        if is_free and news[j].kind == olds[i].kind and not (news[j].id and olds[i].id):
            found[j] = i
