"""Declared inputs and outputs by size and SHA-256. What an unchanged file holds is not read twice."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nbpromote import files
from nbpromote.model import File, Run, digest

_SETTLED = 2_000_000_000  # ns after which a file's time tells one write from the next, whatever the file system counts


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """What a file looked like when it was read: while this stays, so do its bytes."""

    size: int
    modified: int  # ns
    changed: int  # ns; also of a copy that kept the time of its source
    inode: int
    sha256: str


class Seen:
    """Digests of files and folders; threads share one."""

    def __init__(self) -> None:
        self._stamps: dict[str, Stamp] = {}

    def learn(self, stamps: Mapping[str, Stamp]) -> None:
        self._stamps |= stamps

    def stamps(self, places: Iterable[str]) -> dict[str, Stamp]:
        """Of the files at or below some places, those that are known."""
        kept = tuple(places)
        known = list(self._stamps.items())
        return {path: stamp for path, stamp in known if any(path == at or path.startswith(f"{at}/") for at in kept)}

    def measure(self, place: str) -> File | None:
        """A file, or a folder by all that is in it; None for an address, and for what is not there."""
        path = Path(place)
        if path.is_dir():
            stamps = {file: self._stamp(path / file) for file in sorted(_below(path))}
            size = sum(stamp.size for stamp in stamps.values())
            return File(path=place, size=size, sha256=digest({file: stamp.sha256 for file, stamp in stamps.items()}))
        if not path.is_file():
            return None
        stamp = self._stamp(path)
        return File(path=place, size=stamp.size, sha256=stamp.sha256)

    def _stamp(self, path: Path) -> Stamp:
        found = os.stat(path)
        seen = found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
        known = self._stamps.get(str(path))
        if known and (known.size, known.modified, known.changed, known.inode) == seen:
            return known
        size, modified, changed, inode = seen
        settled = max(modified, changed) < time.time_ns() - _SETTLED
        stamp = Stamp(size=size, modified=modified, changed=changed, inode=inode, sha256=files.sha256(path))
        if settled:
            self._stamps[str(path)] = stamp
        return stamp


def _below(folder: Path, *, inside: frozenset[tuple[int, int]] = frozenset()) -> Iterator[str]:
    """Every file in a folder, by its path from there; links are followed, but never in a circle."""
    own = os.stat(folder)
    here = (own.st_dev, own.st_ino)
    for entry in os.scandir(folder) if here not in inside else ():
        if entry.is_dir():
            yield from (f"{entry.name}/{file}" for file in _below(Path(entry), inside=inside | {here}))
        elif entry.is_file():
            yield entry.name


def with_inputs(run: Run, seen: Seen) -> Run:
    """The run with its declared inputs as it is about to meet them."""
    found = {name: seen.measure(path) for name, path in run.inputs.items()}
    return replace(run, files={name: file for name, file in found.items() if file})


def with_outputs(run: Run, seen: Seen) -> Run:
    """The run with what it wrote, under the places that it is for, and a note of inputs that changed meanwhile."""
    moved = [name for name, file in run.files.items() if name in run.inputs and seen.measure(file.path) != file]
    written = {name: seen.measure(str(candidate)) for name, candidate in run.candidates.items()}
    outputs = {name: replace(file, path=run.outputs[name]) for name, file in written.items() if file}
    notes = tuple(f"input {name} changed while the notebook ran: {run.files[name].path}" for name in moved)
    return replace(run, files={**run.files, **outputs}, notes=(*run.notes, *notes))
