"""What keeping a project in order comes to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Litter:
    """A run's folder, or bytes of the store, that nothing needs any more."""

    kind: str  # run or blob
    name: str  # the run's id, or the digest
    size: int  # bytes
    at: str  # when it was made, or written last


@dataclass(frozen=True, kw_only=True)
class Collection:
    """What was taken away, or would be. `kept` counts what stays, by kind; `notes` say what was not looked at."""

    litter: tuple[Litter, ...]
    kept: dict[str, int]
    notes: tuple[str, ...] = ()
    done: bool = False

    @property
    def size(self) -> int:
        return sum(litter.size for litter in self.litter)
