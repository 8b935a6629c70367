"""What a Python kernel writes elsewhere than to its own places, noted. Shipped there as text, and only ever listens.

An audit hook hears of a write before it happens: what cannot succeed anyway is left out, as far as looking tells. What
C code or another program writes is not heard.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

MOST = 100  # places that one process tells of

Heard = Iterator["tuple[str, str]"]  # what is done, and to which place

_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def watch(places: list[str], notes: str) -> None:
    """One line of JSON in the file `notes` for each path outside of `places`: what is done, the path."""
    inside = tuple(os.path.join(os.path.realpath(place), "") for place in (*places, "/dev", "/proc"))
    told: set[str] = set()

    def hear(event: str, arguments: tuple[Any, ...], heard_as: Callable[[str], Any] = EVENTS.get) -> None:
        heard = heard_as(event)
        if heard is None:  # `id()` is an event as well: 0.2 s a million
            return
        try:
            for what, place in heard(*arguments):
                if not (place + os.sep).startswith(inside) and "__pycache__" not in place and place not in told:
                    tell(what, place)
        except Exception:  # whatever is odd about it is the notebook's own affair, and happens there
            return

    def tell(what: str, place: str) -> None:
        told.add(place)
        if len(told) <= MOST:
            with open(notes, "a") as file:
                file.write(json.dumps([what, place]) + "\n")

    sys.addaudithook(hear)


def opened(path: Any, _mode: Any, flags: Any) -> Heard:
    if not flags & _CHANGES or isinstance(path, int):
        return
    place = target(path)
    if not os.path.exists(place):
        if flags & os.O_CREAT and writable(os.path.dirname(place)):
            yield "write", place
    elif writable(place) and not (flags & os.O_CREAT and flags & os.O_EXCL) and not os.path.isdir(place):
        yield "write", place


def truncated(path: Any, _length: Any) -> Heard:
    if not isinstance(path, int) and writable(place := target(path)):
        yield "cut", place


def removed(path: Any, folder: Any = -1) -> Heard:
    place = entry(path, folder)
    if os.path.lexists(place) and writable(os.path.dirname(place)):
        yield "remove", place


def made(path: Any, _mode: Any, folder: Any = -1) -> Heard:
    yield from _new("make", entry(path, folder))


def renamed(source: Any, to: Any, of: Any = -1, into: Any = -1) -> Heard:
    before, after = entry(source, of), entry(to, into)
    if os.path.lexists(before) and writable(os.path.dirname(before)) and writable(os.path.dirname(after)):
        yield "move", before
        yield "write", after


def linked(source: Any, to: Any, of: Any = -1, into: Any = -1) -> Heard:
    """Who has a second name for a file can write to it there."""
    before, after = entry(source, of), entry(to, into)
    if os.path.lexists(before):
        for what, place in _new("link", after):
            yield "link", before
            yield what, place


def pointed(_source: Any, to: Any, folder: Any = -1) -> Heard:
    yield from _new("link", entry(to, folder))


def _new(what: str, place: str) -> Heard:
    if not os.path.lexists(place) and writable(os.path.dirname(place)):
        yield what, place


def described(path: Any, *_more: Any) -> Heard:
    if not isinstance(path, int) and os.geteuid() in (0, os.stat(place := target(path)).st_uid):
        yield "describe", place


def connected(database: Any) -> Heard:
    """A database that is there may be read only: it is told with its state, for a comparison at the end."""
    name = os.fsdecode(database)
    address, _, options = name.removeprefix("file:").partition("?") if name.startswith("file:") else (name, "", "")
    if address in ("", ":memory:") or any(word in options for word in ("mode=ro", "mode=memory", "immutable=1")):
        return
    place = target(address)
    if os.path.exists(place):
        yield "database " + state(place), place
    else:
        yield from _new("write", place)


def state(place: str) -> str:
    """Changes with every commit, also one that is in the log beside the database so far."""
    files = [os.stat(file) for file in (place, place + "-wal") if os.path.exists(file)]
    return " ".join(f"{file.st_mtime_ns} {file.st_size}" for file in files)


def target(path: Any) -> str:
    return os.path.realpath(os.fsdecode(path))


def entry(path: Any, folder: Any) -> str:
    """The place of a name itself, whatever it points to; counted from a folder's handle where one is given."""
    name = os.fsdecode(path)
    if isinstance(folder, int) and folder >= 0:
        name = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
    above, last = os.path.split(name.rstrip(os.sep))
    return os.path.join(os.path.realpath(above or os.curdir), last)


def writable(place: str) -> bool:
    """As far as its permissions go; the guard is not asked."""
    return os.access(place, os.W_OK)


EVENTS: dict[str, Callable[..., Heard]] = {
    "open": opened,
    "os.truncate": truncated,
    "os.remove": removed,
    "os.rmdir": removed,
    "os.mkdir": made,
    "os.rename": renamed,
    "os.link": linked,
    "os.symlink": pointed,
    "os.chmod": described,
    "os.chown": described,
    "os.utime": described,
    "sqlite3.connect": connected,
}
