"""Where a process touches the world, counted, and killed there: git calls, requests, SQL that writes, files.

Python announces each of them before it happens (PEP 578), and SQLAlchemy its statements: nothing is replaced. To be
killed before one call is to be killed after the one before it.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# git's questions; what statements do is not seen before the COMMIT
_QUESTIONS = "rev-parse cat-file ls-tree ls-files for-each-ref var merge-base worktree log remote status reflog"
_READING = {f"git {verb}" for verb in _QUESTIONS.split()}
_UNSEEN = ("sql INSERT", "sql UPDATE", "sql DELETE", "http GET", "connect")
_RANDOM = re.compile(r"(m-)?[0-9a-f]{16,}|\d{8}T?\d*-[0-9a-f]+|/\d+")
_SQL = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Place:
    """The so-manieth call of its kind."""

    call: str
    number: int = 1

    @property
    def changes(self) -> bool:
        """Whether anybody can see afterwards that the call was made."""
        return not (self.call in _READING or self.call.startswith(_UNSEEN) or self.call.endswith("elsewhere"))

    def __str__(self) -> str:
        return f"{self.call} #{self.number}"


def differing(places: Sequence[Place]) -> list[Place]:
    """The places before which the world is not as it was at the one before: after reading, a kill is the same kill."""
    first = [True, *(place.changes for place in places[:-1])]
    return [place for place, differs in zip(places, first, strict=True) if differs]


def seen(root: Path) -> list[Place]:
    """From now on: every place that this process comes to."""
    places: list[Place] = []
    _announced(root, places.append)
    return places


def killed_at(root: Path, place: Place) -> None:
    """From now on this process is killed where it comes to a place, before it does what it wants there."""

    def kill(here: Place) -> None:
        if here == place:
            os.kill(os.getpid(), signal.SIGKILL)

    _announced(root, kill)


def _announced(root: Path, come: Any) -> None:
    counted: Counter[str] = Counter()

    def told(call: str | None) -> None:
        if call is not None:
            counted[call] += 1
            come(Place(call, counted[call]))

    def heard(event: str, args: tuple[Any, ...]) -> None:
        if event in _CALLS:
            told(_CALLS[event](args, root))

    sys.addaudithook(heard)
    _statements(told)


def _statements(told: Any) -> None:
    from sqlalchemy import Engine, event

    event.listen(Engine, "before_cursor_execute", lambda _connection, _cursor, text, *_: told(_sql(text)))
    event.listen(Engine, "commit", lambda _connection: told("sql COMMIT"))


def _sql(text: str) -> str | None:
    found = _SQL.match(text)
    return f"sql {found[1].upper()} {found[2]}" if found else None


def _program(args: tuple[Any, ...], _root: Path) -> str | None:
    command = [os.fsdecode(word) for word in args[1]]
    if Path(command[0]).name != "git":
        return f"start {Path(command[0]).name}"
    words = iter(command[1:])
    for word in words:
        if word in ("-c", "-C"):
            next(words)
        elif not word.startswith("-"):
            return f"git {word}"
    return "git"


def _request(args: tuple[Any, ...], _root: Path) -> str | None:
    head = bytes(args[1][:300]) if isinstance(args[1], bytes | bytearray) else b""
    first = head.partition(b"\r\n")[0].decode(errors="replace")
    if not first.endswith(("HTTP/1.1", "HTTP/1.0")):
        return "http body"
    return "http " + _RANDOM.sub("", first.rpartition(" ")[0].partition("?")[0])


def _opened(args: tuple[Any, ...], root: Path) -> str | None:
    path, mode, flags = args
    writes = set(mode) & set("wax+") if isinstance(mode, str) else (flags or 0) & _WRITING
    return _named("write", path, root) if writes else None


def _named(what: str, path: Any, root: Path) -> str | None:
    """By the folder, since the names in it are often random."""
    if isinstance(path, int):
        return None
    full = Path(os.path.abspath(os.fsdecode(path)))
    if full.is_relative_to(root):
        return f"{what} {'/'.join(full.relative_to(root).parts[:3][:-1]) or '.'}"
    if full.is_relative_to(root.parent):  # what the project shares
        return f"{what} {full.relative_to(root.parent).parts[0]}"
    return None if full.is_relative_to("/dev") or full.is_relative_to("/proc") else f"{what} elsewhere"


_CALLS = {
    "subprocess.Popen": _program,
    "http.client.send": _request,
    "open": _opened,
    "os.rename": lambda args, root: _named("rename", args[1], root),
    "os.remove": lambda args, root: _named("remove", args[0], root),
    "os.mkdir": lambda args, root: _named("mkdir", args[0], root),
    "os.rmdir": lambda args, root: _named("rmdir", args[0], root),
    "os.truncate": lambda args, root: _named("truncate", args[0], root),
    "sqlite3.connect": lambda args, root: _named("connect", args[0], root),
}
