"""Where a run may write, what keeps it there, and what was seen of its writes elsewhere."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from nbpromote.execute.birth import guard as landlock
from nbpromote.execute.birth import watching
from nbpromote.model import Isolation

NOTED = "refused.jsonl"


@dataclass(frozen=True, kw_only=True)
class Guard:
    """`places` are the folders that may be written to; `told` says why the mode is not what was asked for.

    `watched`: the kernel is one that can be asked to note what it does.
    """

    mode: Isolation
    places: tuple[Path, ...]
    watched: bool = True
    told: str = ""

    @property
    def record(self) -> str:
        return f"{self.mode}: {self.told}" if self.told else str(self.mode)

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"isolation: {self.record}",) if self.told else ()

    def held(self, private: Path) -> tuple[Path, ...] | None:
        """What the system is asked to hold a kernel to that has this private folder."""
        return (*self.places, private) if self.mode is Isolation.ENFORCE else None


def guarded(asked: Isolation, *places: Path, watched: bool = True) -> Guard:
    """What is asked, as far as this machine and this kernel can do it."""
    mode, told = asked, ""
    if mode is Isolation.ENFORCE and (told := landlock.missing()):
        mode = Isolation.WARN
    if mode is Isolation.WARN and not watched:
        mode, told = Isolation.OFF, told or "only Python kernels are watched"
    return Guard(mode=mode, places=places, watched=watched, told=told)


def watch(guard: Guard, folder: Path) -> str:
    """A source for the beginning of a run, by which a Python kernel notes in its folder what it writes elsewhere."""
    if guard.mode is Isolation.OFF or not guard.watched:
        return ""
    text = resources("nbpromote.execute.birth").joinpath("watching.py").read_text(encoding="utf-8")
    return _WATCH.format(text=text, places=[str(place) for place in guard.places], notes=str(folder / NOTED))


# a Python without audit hooks is none the worse; the private folder is the one that holds the temporary one
_WATCH = """
try:
    _names = {{"__name__": "_nbpromote_watching"}}
    exec(compile({text!r}, "<nbpromote>", "exec"), _names)
    _private = _names["os"].path.dirname(_names["os"].environ["TMPDIR"])
    _names["watch"]([*{places!r}, _private], {notes!r})
except Exception:
    pass
finally:
    _names = _private = None
    del _names, _private
"""


def seen(guard: Guard, folder: Path, node: Any = None) -> tuple[str, ...]:
    """Writes elsewhere, each path once: what Python noted in a run's folder, then what its cells show."""
    if guard.mode is Isolation.OFF:
        return ()
    shown = [line for line in _shown(node) if _REFUSED.search(line)] if node and guard.mode is Isolation.ENFORCE else []
    noted = _noted(folder / NOTED, read_only=any("readonly" in line for line in shown))
    return _lines([*noted, *(("write", path) for path in _paths(shown, guard))])


def noted(folder: Path) -> tuple[str, ...]:
    """What Python noted of a run whose runner was killed."""
    return _lines(_noted(folder / NOTED))


def _lines(heard: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for what, path in heard:
        found.setdefault(path, what)
    lines = [f"{what} {path}" for path, what in found.items()]
    more = len(lines) - watching.MOST
    return (*lines[: watching.MOST], *([f"and {more} more"] if more > 0 else []))


def _noted(notes: Path, *, read_only: bool = False) -> Iterator[tuple[str, str]]:
    """A database counts where it changed, or where a cell was told that it may only be read."""
    for line in notes.read_text(errors="replace").splitlines() if notes.exists() else ():
        try:
            what, path = json.loads(line)
        except ValueError:  # a kill may have cut it off
            continue
        if not what.startswith("database "):
            yield what, path
        elif read_only or what != f"database {watching.state(path)}":
            yield "write", path


# `sh: 1: cannot create /data/x: Permission denied`, `[Errno 13] Permission denied: '/data/x'`,
# `[Errno 13] Failed to open local file '/data/x'. Detail: [errno 13] Permission denied`
_REFUSED = re.compile(r"permission denied|attempt to write a readonly database", re.IGNORECASE)
_PATHS = re.compile(r"""['"‘](/[^'"’]+)['"’]|(/[^\s:'"]+)(?=: permission denied)""", re.IGNORECASE)


def _shown(node: Any) -> Iterator[str]:
    for cell in node.cells:
        for output in cell.get("outputs", []):
            yield from output.get("text", "").splitlines()
            yield from output.get("evalue", "").splitlines()


def _paths(shown: list[str], guard: Guard) -> Iterator[str]:
    """Paths that only the guard can have refused: by their permissions they could be written."""
    for line in shown:
        for groups in _PATHS.findall(line):
            path = os.path.realpath("".join(groups))
            if _only_by(guard, Path(path)):
                yield path


def _only_by(guard: Guard, path: Path) -> bool:
    if any(path.is_relative_to(os.path.realpath(place)) for place in guard.places):
        return False
    return os.access(path if path.exists() else path.parent, os.W_OK)
