"""Lines of text, rows of a table, entries of JSON: two sequences of them compared, and told."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import NamedTuple

from nbpromote.model import Likeness, Tolerance
from nbpromote.validate.case import counted
from nbpromote.validate.comparing.phrases import Phrase, apart, is_close, number


class Line(NamedTuple):
    """`at` says for each number of the phrase in which column it is; empty where there are none."""

    place: str
    text: str
    phrase: Phrase
    at: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Found:
    """How alike two outputs are. `places` are the first numbers that are too far apart, `lines` a diff."""

    likeness: Likeness
    summary: str = ""
    places: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


class _Apart(NamedTuple):
    """Two numbers that are not spelled the same."""

    place: str
    accepted: str
    now: str
    close: bool

    @property
    def by(self) -> float:
        return apart(self.accepted, self.now)


Pair = tuple[Line | None, Line | None]
_PLACES = 5


def compare(accepted: Sequence[Line], now: Sequence[Line], tolerance: Tolerance, *, noun: str = "line") -> Found:
    """Words must be the same, numbers close. Linear in what it is given."""
    if [line.text for line in accepted] == [line.text for line in now]:
        return Found(likeness=Likeness.SAME)
    if len(accepted) != len(now) and not tolerance.unordered:
        told = f"{counted(len(now), noun)} instead of {len(accepted)}"
        return Found(likeness=Likeness.DIFFERENT, summary=told, lines=changes(_texts(accepted), _texts(now)))
    pairs = _matched(accepted, now, tolerance) if tolerance.unordered else list(zip(accepted, now, strict=True))
    return _told(pairs, tolerance, noun, total=sum(len(line.phrase.numbers) for line in accepted))


def _told(pairs: Sequence[Pair], tolerance: Tolerance, noun: str, *, total: int) -> Found:
    moved = _width_changed(pairs)
    numbers, reworded, wrong = list[_Apart](), 0, list[Pair]()
    for pair in pairs:
        if _reworded(*pair, moved=moved):
            reworded += 1
            wrong.append(pair)
            continue
        found = list(_numbers(*pair, tolerance))
        numbers += found
        wrong += [] if all(number.close for number in found) else [pair]
    if not wrong:
        return Found(likeness=Likeness.CLOSE, summary=_close(numbers, total))
    far = [number for number in numbers if not number.close]
    told = [f"{reworded} of {counted(len(pairs), noun)} {'differs' if reworded == 1 else 'differ'}"] if reworded else []
    told += [f"{len(far)} of {counted(total, 'number')} {_differ(far)}"] if far else []
    return Found(
        likeness=Likeness.DIFFERENT,
        summary="; ".join(told),
        places=tuple(_place(number) for number in far[:_PLACES]),
        lines=bounded(_diff(wrong)),
    )


def _reworded(accepted: Line | None, now: Line | None, *, moved: bool) -> bool:
    if accepted is None or now is None:
        return True
    before, after = accepted.phrase.words, now.phrase.words
    # blanks pad a column to the width of its numbers: they may change where a number's width did
    return before != after and not (moved and _unpadded(before) == _unpadded(after))


def _width_changed(pairs: Iterable[Pair]) -> bool:
    numbers = ((a.phrase.numbers, b.phrase.numbers) for a, b in pairs if a is not None and b is not None)
    return any(len(x) != len(y) for a, b in numbers if a != b for x, y in zip(a, b, strict=False))


_BLANKS = re.compile(r"\s+")
_RULE = re.compile(r"([-=_*~\u2500-\u257f])\1{2,}")  # drawn below a head, as wide as the column


def _unpadded(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(_RULE.sub(r"\1\1\1", _BLANKS.sub(" ", word)).strip() for word in words)


def _numbers(accepted: Line | None, now: Line | None, tolerance: Tolerance) -> Iterator[_Apart]:
    if accepted is None or now is None or accepted.phrase.numbers == now.phrase.numbers:
        return
    for at, (before, after) in enumerate(zip(accepted.phrase.numbers, now.phrase.numbers, strict=True)):
        if before != after:
            place = f"{now.place}, {now.at[at]}" if now.at and now.at[at] else now.place
            yield _Apart(place, before, after, is_close(before, after, tolerance))


# -- in any order --


def _matched(accepted: Sequence[Line], now: Sequence[Line], tolerance: Tolerance) -> list[Pair]:
    """Each accepted line with one that is close to it, wherever that is; what is left over, with whatever is left."""
    same = Counter(map(_key, now)) & Counter(map(_key, accepted))
    ours, theirs = _without(accepted, same), _without(now, same)
    groups = defaultdict[tuple[str, ...], list[Line]](list)
    for line in theirs:
        groups[_unpadded(line.phrase.words)].append(line)
    sorted_groups = {words: _Group(lines) for words, lines in groups.items()}
    pairs: list[Pair] = []
    left = []
    for line in ours:
        group = sorted_groups.get(_unpadded(line.phrase.words))
        found = group.take(line, tolerance) if group else None
        if found is None:
            left.append(line)
        else:
            pairs.append((line, found))
    for line in left:
        group = sorted_groups.get(_unpadded(line.phrase.words))
        pairs.append((line, group.lines.pop() if group and group.lines else None))
    return [*pairs, *((None, line) for group in sorted_groups.values() for line in group.lines)]


def _key(line: Line) -> Phrase:
    return Phrase(_unpadded(line.phrase.words), line.phrase.numbers)


def _without(lines: Iterable[Line], same: Counter[Phrase]) -> list[Line]:
    left = Counter(same)
    kept = []
    for line in lines:
        if left[_key(line)] > 0:
            left[_key(line)] -= 1
        else:
            kept.append(line)
    return kept


class _Group:
    """Lines of the same words, sorted by the number that tells them apart best, so that none is asked about all."""

    def __init__(self, lines: list[Line]) -> None:
        columns = list(zip(*(line.phrase.numbers for line in lines), strict=True))
        self.pivot = max(range(len(columns)), key=lambda at: len(set(columns[at])), default=None)
        self.lines = sorted(lines, key=self._at)
        self.keys = [self._at(line) for line in self.lines]

    def _at(self, line: Line) -> float:
        found = 0.0 if self.pivot is None else number(line.phrase.numbers[self.pivot])
        return -math.inf if math.isnan(found) else found

    def take(self, line: Line, tolerance: Tolerance) -> Line | None:
        """A line that is close, which is then nobody else's."""
        here = self._at(line)
        reach = tolerance.atol + tolerance.rtol * abs(here) if math.isfinite(here) else 0.0
        for at in range(bisect_left(self.keys, here - reach), bisect_right(self.keys, here + reach)):
            if all(number.close for number in _numbers(line, self.lines[at], tolerance)):
                del self.keys[at]
                return self.lines.pop(at)
        return None


# -- told --


def _close(numbers: Sequence[_Apart], total: int) -> str:
    if not numbers:
        return "the same, in another order or layout"
    worst = max(number.by for number in numbers)
    if worst == 0:
        return f"{len(numbers)} of {counted(total, 'number')} spelled differently"
    return f"{len(numbers)} of {counted(total, 'number')} not the same, within tolerance: {share(worst)} at most"


def _differ(far: Sequence[_Apart]) -> str:
    worst = max(number.by for number in far)
    verb = "differs" if len(far) == 1 else "differ"
    return f"{verb}, by {share(worst)}{'' if len(far) == 1 else ' at most'}" if math.isfinite(worst) else verb


def _place(found: _Apart) -> str:
    by = f" ({share(found.by)})" if math.isfinite(found.by) else ""
    return f"{found.place}: {found.now} instead of {found.accepted}{by}"


def share(of: float) -> str:
    """`0.2 %`, `1e-10 %`, `119 %`."""
    percent = 100 * of
    return f"{percent:,.0f} %" if 10 <= percent < 1e6 else f"{percent:.2g} %"


def _diff(pairs: Iterable[Pair]) -> Iterator[str]:
    for accepted, now in pairs:
        if accepted is not None:
            yield f"-{accepted.text}"
        if now is not None:
            yield f"+{now.text}"


def _texts(lines: Iterable[Line]) -> list[str]:
    return [line.text for line in lines]


_SHOWN = 60  # lines of a diff, and characters of a line; the executed notebook has all
_WIDTH = 200


def bounded(lines: Iterable[str]) -> tuple[str, ...]:
    shown: list[str] = []
    for line in lines:
        if len(shown) == _SHOWN:
            return (*shown, "... and more")
        shown.append(line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…")
    return tuple(shown)


_LOOKED_AT = 200  # lines from the first difference: a diff of 50,000 takes difflib 49 s


def changes(accepted: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """A diff of lines around the first place where they differ."""
    common = min(len(accepted), len(now))
    first = next((line for line in range(common) if accepted[line] != now[line]), common)
    window = slice(first, first + _LOOKED_AT)
    diff = list(unified_diff(accepted[window], now[window], n=0, lineterm=""))
    return bounded(line for line in diff[2:] if not line.startswith("@@"))
