"""What of a comparison is worth telling, in which order, and how its values are spelled. Knows no form of output."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from nbpromote.model import CellChange, Comparison, Json, Likeness, Shown, Side, ValueChange, is_metric
from nbpromote.report import words

_LONGEST = 80  # letters of a value
_NOTHING = "—"

_SAID = {
    Likeness.DIFFERENT: "differs",
    Likeness.ADDED: "is new",
    Likeness.REMOVED: "is gone",
    Likeness.CLOSE: "is close",
    Likeness.SAME: "is the same",
}
# what a reader looks for first
_ORDER = [Likeness.DIFFERENT, Likeness.REMOVED, Likeness.ADDED, Likeness.CLOSE, Likeness.SAME]


def verdict(comparison: Comparison) -> str:
    before, after = comparison.sides
    if before.missing or after.missing:
        return "new" if before.missing else "gone"
    return "same" if comparison.same else "different"


def cells(comparison: Comparison) -> list[CellChange]:
    """Those that are not the same, worst first."""
    found = [cell for cell in comparison.cells if cell.likeness is not Likeness.SAME]
    return sorted(found, key=lambda cell: _ORDER.index(cell.likeness))


def values(comparison: Comparison) -> list[tuple[str, list[ValueChange]]]:
    """By title; those that are not the same, worst first."""
    titled = [(f"{kind}s", changes) for kind, changes in _kinds(comparison)]
    return [(title, told) for title, changes in titled if (told := _worst_first(changes))]


def _worst_first(changes: Sequence[ValueChange]) -> list[ValueChange]:
    found = [change for change in changes if change.likeness is not Likeness.SAME]
    return sorted(found, key=lambda change: _ORDER.index(change.likeness))


def summary(comparison: Comparison) -> str:
    """`2 of 14 cells, 1 metric and 2 files differ; 1 cell is close`."""
    kinds: list[tuple[str, _Changes]] = [("cell", comparison.cells), *_kinds(comparison)]
    far = [_counted(kind, found) for kind, changes in kinds if (found := _far(changes))]
    close = [_counted(kind, found) for kind, changes in kinds if (found := _close(changes))]
    total = len(comparison.cells)
    if _far(comparison.cells):
        far[0] = f"{len(_far(comparison.cells))} of {_plural('cell', total)}"
    parts = [f"there is no {words.line(side.name)}" for side in comparison.sides if side.missing]
    parts += [f"{_listed(far)} {'differs' if _is_one(far) else 'differ'}"] if far else []
    parts += [f"{_listed(close)} {'is' if _is_one(close) else 'are'} close"] if close else []
    return "; ".join(parts) or f"nothing differs in {_plural('cell', total)}"


_Changes = Sequence[CellChange | ValueChange]


def _kinds(comparison: Comparison) -> list[tuple[str, Sequence[ValueChange]]]:
    return [
        ("metric", comparison.metrics),
        ("scrap", comparison.scraps),
        ("parameter", comparison.parameters),
        ("package", comparison.packages),
        ("file", comparison.files),
    ]


def _far(found: _Changes) -> list[CellChange | ValueChange]:
    return [one for one in found if one.likeness not in (Likeness.CLOSE, Likeness.SAME)]


def _close(found: _Changes) -> list[CellChange | ValueChange]:
    return [one for one in found if one.likeness is Likeness.CLOSE]


def _counted(kind: str, found: _Changes) -> str:
    return _plural(kind, len(found))


def _plural(kind: str, count: int) -> str:
    return f"{count} {kind}" if count == 1 else f"{count} {kind}s"


def _is_one(told: Sequence[str]) -> bool:
    return len(told) == 1 and told[0].startswith("1 ")


def _listed(told: Sequence[str]) -> str:
    return " and ".join([", ".join(told[:-1]), told[-1]]) if len(told) > 1 else told[0]


def cell(change: CellChange) -> str:
    """`cell 3 (a1b2c3) differs`, with both numbers where they are two."""
    numbers = [str(number) for number in (change.before, change.after) if number is not None]
    number = " -> ".join(dict.fromkeys(numbers))
    named = f" ({words.line(change.id)})" if change.id else ""
    return f"cell {number}{named} {_SAID[change.likeness]}"


def outputs(change: CellChange) -> list[Shown]:
    """What a cell shows differently, worst first."""
    found = [shown for shown in change.outputs if shown.likeness is not Likeness.SAME]
    return sorted(found, key=lambda shown: _ORDER.index(shown.likeness))


def shown(output: Shown) -> str:
    """`figure: nothing but the scale differs (0.12 apart)`."""
    told = words.line(output.summary) or _SAID[output.likeness]
    apart = f" ({words.number(output.distance)} apart)" if output.distance and not output.summary else ""
    return f"{words.line(output.kind)}: {told}{apart}"


def row(change: ValueChange) -> list[str]:
    """Name, both values, and where the second comes from or how far apart they are."""
    before, after = change.before, change.after
    both = is_metric(before) and is_metric(after)
    told = words.line(change.origin) or (words.change(after, before) if both else "")
    close = f"{told}, close" if change.likeness is Likeness.CLOSE else told
    old = _NOTHING if change.likeness is Likeness.ADDED else spelled(before)
    new = _NOTHING if change.likeness is Likeness.REMOVED else spelled(after)
    return [words.line(change.name), old, new, close.removeprefix(", ")]


def spelled(value: Json) -> str:
    """One short line: of a file its size and digest, of a table its rows, of a text its beginning."""
    if isinstance(value, dict) and "path" in value:
        return _file(value)
    if is_metric(value):
        return words.number(value)
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return f"{len(value)} rows"
    told = words.line(value) if isinstance(value, str) else words.value(value)
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1]}…"


def _file(file: dict[str, Json]) -> str:
    place = words.line(str(file["path"]))
    if "sha256" not in file:
        return place
    return f"{place} {words.size(int(file['size']))} {words.short(str(file['sha256']))}"


def side(side: Side) -> str:
    """`brisk-otter, run 2026..., prod, 2026-11-23 06:10 UTC, by Ada, commit a1b2c3d4e5f6`."""
    if side.missing:
        return f"no {words.line(side.name)}"
    parts = [
        words.line(side.name),
        f"release {words.line(side.release)}" if side.release and side.release != side.name else "",
        f"run {words.line(side.run)}" if side.run and side.run != side.name else "",
        words.line(side.environment),
        f"{words.moment(side.at)} UTC" if side.at else "",
        f"by {words.line(re.sub(r' <.*>$', '', side.by))}" if side.by else "",
        f"commit {words.short(side.commit)}" if side.commit else "",
        "" if side.passed else "did not pass",
    ]
    return ", ".join(part for part in parts if part)


def title(comparison: Comparison) -> str:
    """The notebook; both where they are two."""
    return " and ".join(dict.fromkeys(words.line(side.notebook) for side in comparison.sides))


def lines(output: Shown | CellChange, most: int) -> list[str]:
    """The diff, harmless, cut to `most` lines; what was cut off is counted."""
    told = output.source if isinstance(output, CellChange) else output.lines
    clean = [line for text in told for line in words.clean(text).split("\n")]
    more = [f"… and {len(clean) - most} more lines"] if len(clean) > most else []
    return [*_cut(clean[:most]), *more]


def _cut(told: Sequence[str]) -> Iterator[str]:
    for line in told:
        yield line if len(line) <= 200 else f"{line[:199]}…"


def findings(found: Sequence[Comparison]) -> list[Comparison]:
    """Those that differ first."""
    return list(chain((one for one in found if not one.same), (one for one in found if one.same)))
