"""Which environments there are, and in which order a release passes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from nbpromote.errors import BadInput, nearest

POLICY = ".policy.yaml"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")


def environments(names_in_folder: Iterable[str]) -> tuple[str, ...]:
    """The environments of a params folder, from its files' names: every X.yaml but base, sorted."""
    files = (name for name in names_in_folder if name.endswith(".yaml") and not name.endswith(POLICY))
    return tuple(sorted(name for file in files if is_name(name := file.removesuffix(".yaml"))))


def is_name(name: str) -> bool:
    """Whether an environment can be called so; the name is also a file's, a git branch's and a model's."""
    fits = _NAME.fullmatch(name) is not None and ".." not in name and not name.endswith(".lock")
    return fits and name != "base" and not name.endswith(".policy")


def order(names: Iterable[str], promotes_from: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Entry environments first, each one behind all that it promotes from.

    Raises `BadInput` for unknown environments and for a circle, with all of them.
    """
    known = sorted(set(names))
    problems = faults(known, promotes_from)
    if len(problems) == 1:
        raise BadInput(problems[0])
    if problems:
        raise BadInput("environments cannot be put in order", problems=problems)
    return tuple(_sorted(known, promotes_from))


def faults(known: Iterable[str], promotes_from: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Why there is no order; empty where there is one."""
    known = set(known)
    unknown = [
        unknown_source(name, source, known)
        for name, sources in promotes_from.items()
        for source in sources
        if source not in known
    ]
    try:
        _sorted(known, promotes_from)
    except CycleError as error:
        return [*unknown, f"environments promote from each other: {' -> '.join(error.args[1])}"]
    return unknown


def unknown_source(name: str, source: str, known: Iterable[str]) -> str:
    """What to say of a `promotes_from` that names no environment."""
    return f"{name} promotes from {source!r}, which is no environment{nearest(source, known)}"


def _sorted(known: Iterable[str], promotes_from: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Level by level, by name within a level. Raises `CycleError`."""
    sorter = TopologicalSorter({name: promotes_from.get(name, ()) for name in known})
    sorter.prepare()
    ranked: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ranked += ready
        sorter.done(*ready)
    return ranked
