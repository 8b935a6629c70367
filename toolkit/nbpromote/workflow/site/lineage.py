"""Declared inputs and outputs by size, SHA-256 and shape. What an unchanged file holds is not read twice."""

from __future__ import annotations

import glob
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nbpromote import clock, files, tables
from nbpromote.model import File, Profile, Run, digest

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
    """Digests of files and folders, and what those look like that are tables; threads share one."""

    def __init__(self) -> None:
        self._stamps: dict[str, Stamp] = {}
        self._profiles: dict[tuple[str, str], Profile | None] = {}

    def learn(self, stamps: Mapping[str, Stamp]) -> None:
        self._stamps |= stamps

    def stamps(self, places: Iterable[str]) -> dict[str, Stamp]:
        """Of the files at or below some places, those that are known."""
        kept = tuple(places)
        known = list(self._stamps.items())
        return {path: stamp for path, stamp in known if any(path == at or path.startswith(f"{at}/") for at in kept)}

    def measure(self, place: str) -> File | None:
        """A file; a folder or a pattern by all that is in it. None for an address, and for what is not there."""
        path = Path(place)
        if path.is_dir():
            return self._together(place, {file: path / file for file in sorted(_below(path))})
        if path.is_file():
            stamp = self._stamp(path)
            return File(path=place, size=stamp.size, sha256=stamp.sha256, modified=clock.at(stamp.modified))
        matching = sorted(glob.glob(place, recursive=True)) if glob.has_magic(place) else []
        return self._together(place, {file: Path(file) for file in matching if Path(file).is_file()})

    def _together(self, place: str, paths: Mapping[str, Path]) -> File | None:
        stamps = {file: self._stamp(path) for file, path in paths.items()}
        if not stamps and not Path(place).is_dir():
            return None
        whole = digest({file: stamp.sha256 for file, stamp in stamps.items()})
        newest = max((stamp.modified for stamp in stamps.values()), default=0) or os.stat(place).st_mtime_ns
        size = sum(stamp.size for stamp in stamps.values())
        return File(path=place, size=size, sha256=whole, modified=clock.at(newest))

    def profile(self, file: File) -> Profile | None:
        """What a table looks like that was measured just now; None for what is none."""
        path = Path(file.path)
        key = path.name, file.sha256
        if key not in self._profiles:
            found = tables.profile(path)
            if self.measure(file.path) != file:  # written to meanwhile: true of nothing that has a digest
                return found
            self._profiles[key] = found
        return self._profiles[key]

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
    found = {name: seen.measure(path) for name, path in run.reads.items()}
    return replace(run, files={name: file for name, file in found.items() if file})


def look_ahead(run: Run, seen: Seen) -> threading.Thread:
    """Look at the tables among the inputs while the notebook runs: what is known afterwards cost nobody time."""

    def look() -> None:
        with suppress(OSError):  # what cannot be read now is told when it is looked at
            for name in run.inputs.keys() & run.files.keys():
                seen.profile(run.files[name])
        tables.begin(run.outputs.values())

    thread = threading.Thread(target=look, name="look-ahead", daemon=True)  # so that nobody who leaves waits for it
    thread.start()
    return thread


def with_outputs(run: Run, seen: Seen) -> Run:
    """The run with what it wrote, under the places that it is for, and with the shapes of its tables.

    Inputs that changed meanwhile are noted; of a run that did not reach its end, nothing else is looked at.
    """
    moved = [name for name, file in run.files.items() if name in run.inputs and seen.measure(file.path) != file]
    written = {name: seen.measure(str(candidate)) for name, candidate in run.candidates.items()}
    outputs = {name: replace(file, path=run.outputs[name]) for name, file in written.items() if file}
    read = {name: file for name, file in run.files.items() if name in run.inputs}
    measured = {**read, **{name: file for name, file in written.items() if file}} if run.failure is None else {}
    profiles = {name: seen.profile(file) for name, file in measured.items()}
    notes = tuple(f"input {name} changed while the notebook ran: {run.files[name].path}" for name in moved)
    return replace(
        run,
        files={**run.files, **outputs},
        profiles={name: profile for name, profile in profiles.items() if profile},
        notes=(*run.notes, *notes),
    )
