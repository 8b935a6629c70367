"""What the system offers for keeping hold of processes and folders. Elsewhere than on Linux much of it is not there."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import sys

_PDEATHSIG, _CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def die_with_parent(signal_number: int) -> None:
    """A signal to this process when its parent is gone, or the thread of its parent that forked it."""
    _prctl(_PDEATHSIG, signal_number)


def adopt_orphans() -> None:
    """Whatever is born below this process and loses its parent becomes its child, also in a session of its own."""
    _prctl(_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def name(pid: int) -> str:
    """What `ps` calls a process, in 15 characters."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as file:
        return file.read().strip()
    return ""


def take_name(name: str) -> None:
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as file:
        file.write(name)


def halted_below(of: int) -> list[int]:
    """Every process below one, each stopped before its children are looked for: so none escapes by forking meanwhile.

    A number cannot have become somebody else's in between: the system gives all others out first.
    """
    found: list[int] = []
    waiting = children(of)
    while waiting:
        pid = waiting.pop()
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGSTOP)
        found.append(pid)
        waiting += children(pid)
    return found


def children(of: int) -> list[int]:
    """The processes whose parent a process is."""
    if not os.path.exists("/proc/thread-self/children"):  # a Linux built without that file
        return [pid for pid in _all() if parent(pid) == of]
    found: list[int] = []
    with contextlib.suppress(OSError):  # it, or a thread of its, is gone
        for thread in os.listdir(f"/proc/{of}/task"):
            found += map(int, read(f"/proc/{of}/task/{thread}/children").split())
    return found


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        pass
    return True


def remove(folder: str | os.PathLike[str]) -> None:
    """A folder of ours with all there is in it, also where a folder in it was closed to its owner."""
    shutil.rmtree(folder, ignore_errors=True)
    for closed, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            os.chmod(closed, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


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
