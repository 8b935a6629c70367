"""Tables piece by piece: what is known of each piece, and of two of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOTHING, MANY = object(), object()  # no value but nulls; several values


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A column of a piece. `held` is its one value, in any form that can be compared, else `NOTHING` or `MANY`."""

    kind: str
    nulls: int = 0
    held: Any = NOTHING


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows that were read together; a column that is not among them is null in all of them."""

    rows: int
    columns: Mapping[str, Seen]


def joined(one: Seen, other: Seen) -> Seen:
    kind, held = kind_of_both(one.kind, other.kind), _held(one.held, other.held)
    return Seen(kind=kind, nulls=one.nulls + other.nulls, held=held)


def kind_of_both(one: str, other: str) -> str:
    if "null" in (one, other):
        return other if one == "null" else one
    if one == other:
        return one
    return "text" if {one, other} <= _OF_TEXTS else "mixed"


_OF_TEXTS = {"number", "flag", "time", "text"}


def _held(one: Any, other: Any) -> Any:
    if one is NOTHING or other is NOTHING:
        return other if one is NOTHING else one
    if one is MANY or other is MANY:
        return MANY
    return one if bool(one == other) else MANY
