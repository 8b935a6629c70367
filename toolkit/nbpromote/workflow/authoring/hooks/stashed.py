"""Know the edits that pre-commit has put aside while its hooks run.

pre-commit saves what is not staged as a patch, checks the index out, and applies the patch when its hooks are done.
Until then the work tree of a file with such edits looks clean. Were that file staged anew, or written, the patch would
not apply any more: pre-commit would roll the file back, or leave the edits in the patch alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from nbpromote.git import Index

_PATCH = re.compile(r"patch(?P<seconds>\d+)-(?P<process>\d+)")  # pre_commit/staged_files_only.py
_SLACK = 60  # seconds between two clocks; a patch too many refuses a commit, one too few loses an edit


def unstaged(index: Index) -> frozenset[str]:
    """Paths of the index with edits that are not staged, in the work tree or put aside."""
    aside = {path for patch in _patches() for path in index.patched(patch)}
    return frozenset({*index.unstaged(), *aside})


def _patches() -> Iterator[Path]:
    """The patches of every pre-commit that this process runs below; none outside of pre-commit.

    They are named by pre-commit's process and stay when it is done, and a container gives the same few process
    numbers again: so the newest one counts, and only if that process was there when it was written.
    """
    if not os.environ.get("PRE_COMMIT"):
        return
    written = sorted(_written(_store()))
    for process, born in _above():
        own = [path for seconds, number, path in written if number == process and seconds >= born - _SLACK]
        yield from own[-1:]


def _written(store: Path) -> Iterator[tuple[int, int, Path]]:
    for path in store.glob("patch*"):
        if found := _PATCH.fullmatch(path.name):
            yield int(found["seconds"]), int(found["process"]), path


def _store() -> Path:
    """Where pre-commit keeps its files (pre_commit/store.py)."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("PRE_COMMIT_HOME") or Path(cache, "pre-commit"))


def _above() -> Iterator[tuple[int, float]]:
    """Number and birth, in seconds since the epoch, of each process that this one was started by."""
    import psutil

    for process in psutil.Process().parents():
        try:
            yield process.pid, process.create_time()
        except psutil.Error:  # of another user, on some systems
            yield process.pid, 0.0
