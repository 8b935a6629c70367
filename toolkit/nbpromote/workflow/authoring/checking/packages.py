"""Which imports the dependency lock does not cover."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

from nbpromote import validate


def unlocked(lock: bytes | None) -> Callable[[str], bool]:
    """Whether a top-level import is of no locked package. Without a lock nothing is missing from it."""
    if lock is None:
        return lambda name: False
    pinned = frozenset(validate.pins(lock))

    def missing(name: str) -> bool:
        # one that is not installed here is looked for under its own name
        homes = {_canonical(home) for home in _providers().get(name, (name,))}
        return not homes & pinned

    return missing


@cache
def _providers() -> Mapping[str, list[str]]:
    """Distributions by the names they can be imported by; reads every installed one, 0.2 s."""
    from importlib.metadata import packages_distributions

    return packages_distributions()


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
