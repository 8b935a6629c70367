"""What is different between two executed notebooks, and between all that stands around them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nbpromote.model.written import Json


class Likeness(StrEnum):
    SAME = "same"
    CLOSE = "close"  # not the same, and within tolerance
    DIFFERENT = "different"
    ADDED = "added"  # on the second side only
    REMOVED = "removed"  # on the first side only


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One output of a cell on both sides. Pictures are data addresses, `data:image/png;base64,...`."""

    kind: str  # text, table, figure, json, html or error
    likeness: Likeness
    summary: str = ""  # 3 of 40 numbers differ, by 0.2 % at most
    places: tuple[
        str, ...
    ] = ()  # the first numbers that are too far apart: row 'this model', mae: 13.1 instead of 12.5
    lines: tuple[str, ...] = ()  # of a diff: `-` of the first side, `+` of the second
    distance: float | None = None  # of figures, 0 to 1
    before: str = ""
    after: str = ""
    difference: str = ""  # where the two pictures differ


@dataclass(frozen=True, kw_only=True)
class CellChange:
    """A code cell of both sides, numbered from 1 on each; None where it has none. `source` is a diff, or empty."""

    before: int | None
    after: int | None
    id: str = ""
    name: str = ""  # its first line of code
    source: tuple[str, ...] = ()
    outputs: tuple[Shown, ...] = ()

    @property
    def likeness(self) -> Likeness:
        """The worst that there is of it."""
        if self.before is None or self.after is None:
            return Likeness.ADDED if self.before is None else Likeness.REMOVED
        found = {output.likeness for output in self.outputs}
        if self.source or found - {Likeness.SAME, Likeness.CLOSE}:
            return Likeness.DIFFERENT
        return Likeness.CLOSE if Likeness.CLOSE in found else Likeness.SAME


@dataclass(frozen=True, kw_only=True)
class ValueChange:
    """A value of either side by its name; None where a side has none.

    Metrics are told also where they are the same, all others only where they are not. A file is a mapping of `path`,
    `size` and `sha256`; of an address, which nobody measured, only `path`.
    """

    name: str
    before: Json
    after: Json
    likeness: Likeness = Likeness.DIFFERENT
    origin: str = ""  # where the second side's value comes from


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two that are compared: a run, what a release or deployment was made of, or accepted outputs.

    `missing`: there is no such thing, as of a notebook that is live in one of two environments; the other side stands
    alone.
    """

    name: str  # as it was asked for; of accepted outputs, the file that holds them
    run: str  # empty where nobody knows it
    notebook: str
    environment: str
    at: str
    by: str
    commit: str | None = None
    release: str = ""  # its alias
    passed: bool = False
    missing: bool = False


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything that differs between two runs, and what is as it was: by cell, and by name. First comes before."""

    sides: tuple[Side, Side]
    cells: tuple[CellChange, ...] = ()
    metrics: tuple[ValueChange, ...] = ()
    scraps: tuple[ValueChange, ...] = ()
    parameters: tuple[ValueChange, ...] = ()
    packages: tuple[ValueChange, ...] = ()
    files: tuple[ValueChange, ...] = ()  # declared inputs and outputs, by digest

    @property
    def same(self) -> bool:
        """Whether a careful reader would find nothing: what is close counts as the same."""
        if any(side.missing for side in self.sides):
            return False
        changes = (*self.metrics, *self.scraps, *self.parameters, *self.packages, *self.files)
        found = {cell.likeness for cell in self.cells} | {change.likeness for change in changes}
        return found <= {Likeness.SAME, Likeness.CLOSE}
