"""What the system offers for keeping hold of processes. Elsewhere than on Linux most of it is not there."""

from __future__ import annotations

import ctypes
import os
import sys

_PDEATHSIG, _CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def die_with_parent(signal_number: int) -> None:
    """A signal to this process when its parent is gone."""
    _prctl(_PDEATHSIG, signal_number)


def adopt_orphans() -> None:
    """Whatever is born below this process and loses its parent becomes its child, also in a session of its own."""
    _prctl(_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def children(of: int) -> list[int]:
    """The processes whose parent a process is."""
    threads = f"/proc/{of}/task"
    try:
        return [int(word) for thread in os.listdir(threads) for word in read(f"{threads}/{thread}/children").split()]
    except OSError:  # a kernel built without that file
        return [pid for pid in _all() if parent(pid) == of]


def _all() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def parent(pid: int) -> int:
    try:
        stat = read(f"/proc/{pid}/stat")
    except OSError:
        return 0
    return int(stat.rpartition(b")")[2].split()[1])


def read(path: str) -> bytes:
    """A small file of /proc: without what `open` adds, since it is read once a cell and thread."""
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, 65536)
    finally:
        os.close(handle)
