"""What a process, and everything that it starts, may write to: a list of places that nobody below can lengthen again.

Landlock does it, by three system calls and without privilege; it holds for root, for C code and for other programs.
Reading is free everywhere. Modes, owners and times of files are not governed by it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Iterable

# linux/landlock.h; one numbering for every architecture
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_NEEDED = 3  # of its versions: without the right to truncate, a file that may not be written could still be emptied

_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_OF_FILES = _WRITE_FILE | _TRUNCATE
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE = sum(1 << bit for bit in range(6, 13))  # char, dir, reg, sock, fifo, block, sym
_REFER = 1 << 13  # renames and links from one folder to another
# not the orders to devices of version 5: they write no file, and what computes on a GPU gives them all the time
_WRITES = _OF_FILES | _REMOVE_DIR | _REMOVE_FILE | _MAKE | _REFER

_NO_NEW_PRIVS = 38  # linux/prctl.h; whoever gives rights up may not get them back from a set-user-id program

# what programs write to that keeps nothing: semaphores and shared memory of multiprocessing, terminals, processors
# fmt: off
_DEVICES = (
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts",
    "/dev/shm", "/dev/dri", "/dev/kfd", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools",
    "/dev/nvidia-caps", *(f"/dev/nvidia{number}" for number in range(16)),
)
# fmt: on


class _Handled(ctypes.Structure):
    _fields_ = [("rights", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("rights", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def missing() -> str:
    """Why this machine cannot do it; empty where it can."""
    if sys.platform != "linux":
        return f"no Landlock on {sys.platform}"
    try:
        version = _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    except OSError as error:
        why = {errno.ENOSYS: "Linux older than 5.13, or built without", errno.EOPNOTSUPP: "switched off at boot"}
        return f"no Landlock: {why.get(error.errno or 0, error.strerror)}"
    return "" if version >= _NEEDED else f"Landlock {version} only; {_NEEDED} came with Linux 6.2"


def confine(write: Iterable[str]) -> None:
    """From here on this process writes below these places only. Those that are not there are left out.

    Raises `OSError` where that cannot be had. Call it before a second thread is there: each has its own.
    """
    if why := missing():
        raise OSError(errno.EOPNOTSUPP, why)
    handled = _Handled(_WRITES)
    rules = _call(_CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(ctypes.sizeof(handled)), ctypes.c_uint32(0))
    try:
        for place in (*write, *_DEVICES):
            _allow(rules, place)
        _checked(_libc().prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))
        _call(_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)


def _allow(rules: int, place: str) -> None:
    try:
        handle = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = _WRITES if os.path.isdir(place) else _OF_FILES
        rule = _Beneath(rights, handle)
        _call(_ADD_RULE, ctypes.c_int(rules), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(handle)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    return _checked(_libc().syscall(ctypes.c_long(number), *arguments))


def _checked(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
