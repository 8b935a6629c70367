"""The project's files as imports ask for them, with a note of all that was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from nbpromote.model import sha256


class Files:
    """The files below `root`; `tracked` are the paths that git holds."""

    def __init__(self, root: Path, tracked: Iterable[str]) -> None:
        self._root = root
        self._tracked = frozenset(tracked)
        self._read = cache(self._from_disk)
        self.asked: set[str] = set()

    def __contains__(self, path: object) -> bool:
        return self.read(str(path)) is not None

    def read(self, path: str) -> bytes | None:
        self.asked.add(path)
        return self._read(path)

    def tracks(self, path: str) -> bool:
        self.asked.add(path)
        return path in self._tracked

    def states(self, paths: Iterable[str]) -> Mapping[str, str]:
        """What an answer about these files rests on: their bytes, that they are missing, and what git tracks."""
        return {path: self._state(path) for path in sorted(paths)}

    def _state(self, path: str) -> str:
        data = self._read(path)
        tracked = " tracked" if path in self._tracked else ""
        return ("missing" if data is None else sha256(data)) + tracked

    def _from_disk(self, path: str) -> bytes | None:
        try:
            return (self._root / path).read_bytes()
        except OSError:  # missing, a folder, or closed to us: nothing that an import would find
            return None
