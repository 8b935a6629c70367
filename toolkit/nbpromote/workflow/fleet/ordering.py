"""Which notebook comes after which: who reads what another one writes. Pure: paths are compared, never looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from nbpromote.errors import BadInput

Upstream = Mapping[str, frozenset[str]]  # by notebook, those that write what it reads


@dataclass(frozen=True, kw_only=True)
class Places:
    """Absolute paths, or addresses, that a notebook declares."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


def upstream(places: Mapping[str, Places]) -> dict[str, frozenset[str]]:
    """Who each notebook waits for. One that reads its own output does not wait for itself.

    Raises `BadInput` for notebooks that wait for each other, and for two that write to one place.
    """
    _refuse_shared(places)
    found = {
        reader: frozenset(
            writer
            for writer, its in places.items()
            if writer != reader and any(_meet(one, other) for one in own.reads for other in its.writes)
        )
        for reader, own in places.items()
    }
    order(found)
    return found


def order(upstream: Upstream) -> tuple[str, ...]:
    """All notebooks, each after those it waits for, else by name. Raises `BadInput` with the cycle."""
    sorter = TopologicalSorter({name: sorted(upstream[name]) for name in sorted(upstream)})
    try:
        return tuple(sorter.static_order())
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise BadInput(
            f"notebooks read what each other write, in a circle: {circle}",
            hint="each one's output is an input of the next; nbpromote params show NAME says where that is declared",
        ) from error


def downstream(upstream: Upstream, of: Iterable[str]) -> frozenset[str]:
    """Some notebooks, and all that read what they write, directly or by way of others."""
    found = set(of)
    while more := {name for name, waits in upstream.items() if waits & found} - found:
        found |= more
    return frozenset(found)


def _refuse_shared(places: Mapping[str, Places]) -> None:
    problems = [
        f"{one} and {other} write to {path}" for one, other, path in _shared(sorted(places.items(), key=lambda i: i[0]))
    ]
    if problems:
        raise BadInput("what the last to write leaves would be chance", problems=problems, hint="name other outputs")


def _shared(places: list[tuple[str, Places]]) -> Iterator[tuple[str, str, str]]:
    for at, (one, own) in enumerate(places):
        for other, its in places[at + 1 :]:
            yield from ((one, other, path) for path in own.writes if any(_meet(path, taken) for taken in its.writes))


def _meet(one: str, other: str) -> bool:
    """The same place, or one inside the other."""
    return one == other or one.startswith(f"{other.rstrip('/')}/") or other.startswith(f"{one.rstrip('/')}/")
