"""A folder for one kernel alone: its sockets and keys, its settings, what it leaves lying about. Never left behind."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nbpromote import files


@contextmanager
def private_folder() -> Iterator[Path]:
    """A short path that only its owner may enter: IPC sockets end at 107 bytes, and they carry the kernel's key."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_TEMPORARY))
    try:
        for name in ("ipython", "matplotlib", "tmp"):
            (folder / name).mkdir()
        with files.held(folder / _OWNER):
            yield folder
    finally:
        _remove(folder)


_PREFIX = "nbp-"
_OWNER = "owner"
_TEMPORARY = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())


def sweep() -> None:
    """Remove what killed owners left behind, with any kernel that outlived them."""
    for owner in _TEMPORARY.glob(f"{_PREFIX}*/{_OWNER}"):
        with suppress(PermissionError), files.taken_over(owner) as orphaned:
            if orphaned:
                _remove(owner.parent)


def _remove(folder: Path) -> None:
    _end_all_of(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _end_all_of(folder: Path) -> None:
    """End every process that was born of a kernel: all inherit the folder's name, also those that left its group."""
    mark = f"IPYTHONDIR={folder}/ipython".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark in environ.read_bytes().split(b"\0"):
                os.kill(int(environ.parent.name), signal.SIGKILL)
