"""One process over one kernel: starts it, tells how it ended, and takes everything that it started along.

Whoever asked for the kernel holds the other end of a socket. What is said there is a line of JSON:

    down  {"argv", "env", "cwd", "private", "guard"} with three file handles; then {"signal": 2}; at last {"end": true}
    up    {"pid": 17}; at the end {"exit": -9, "memory": kB at its peak, "seconds": of CPU}

A socket that is closed without a word means that the asker was killed: then nothing is left of the kernel, and nothing
of its private folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from . import guard, system

Request = dict[str, Any]
Begin = Callable[[Request], None]

_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 10.0  # seconds until what cannot be killed (it waits for a disk, say) is left to the system


def main() -> None:
    """For a fresh kernel: the socket is this process's standard input."""
    connection = socket.socket(fileno=os.dup(0))
    asked = received(connection)
    if asked is not None:
        supervise(connection, *asked, begin=execute)


def received(connection: socket.socket) -> tuple[Request, list[int]] | None:
    """A request and the handles of the kernel's input, output and errors; None where nobody asks any more."""
    data, handles, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while data and not data.endswith(b"\n"):
        more = connection.recv(1 << 20)
        data = data + more if more else b""
    return (json.loads(data), handles) if data else None


def supervise(connection: socket.socket, request: Request, handles: list[int], *, begin: Begin) -> None:
    """Until the kernel has ended, or nobody wants it any more. Does not come back but in the kernel itself."""
    if os.getpgrp() != os.getpid():
        os.setsid()
    system.adopt_orphans()
    for number in _HEARD:
        signal.signal(number, signal.SIG_IGN)  # who asked decides when it ends
    waking, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wakes)
    supervisor = os.getpid()
    kernel = os.fork()
    if kernel == 0:
        _born(request, handles, supervisor, ours=(connection.detach(), waking, wakes))
        begin(request)
        return
    for handle in handles:
        os.close(handle)
    orphaned = True
    try:
        orphaned = _watched(connection, kernel, waking)
    finally:
        _end_all(kernel)
        if orphaned and request.get("private"):
            shutil.rmtree(request["private"], ignore_errors=True)
        os._exit(0)


def _watched(connection: socket.socket, kernel: int, waking: int) -> bool:
    """Whether the asker went away without a word."""
    _tell(connection, {"pid": kernel})
    while True:
        ready, _, _ = select.select([connection.fileno(), waking], [], [])
        if waking in ready:
            os.read(waking, 4096)
            ended = _reaped(kernel)
            if ended is not None:
                _tell(connection, ended)
                return False
        if connection.fileno() in ready:
            orders = connection.recv(4096)
            if not orders:
                return True
            for line in orders.splitlines():
                order = json.loads(line)
                if "signal" not in order:
                    return False
                _signal(kernel, order["signal"])


def _tell(connection: socket.socket, message: dict[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def _signal(kernel: int, number: int) -> None:
    try:
        os.killpg(kernel, number)
    except ProcessLookupError:  # it does not lead its group yet, or is gone
        os.kill(kernel, number)


def _reaped(kernel: int) -> dict[str, Any] | None:
    """How the kernel ended, where it has; other children that did are forgotten."""
    found = None
    try:
        while True:
            pid, status, used = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return found
            if pid == kernel:
                seconds = round(used.ru_utime + used.ru_stime, 3)
                found = {"exit": os.waitstatus_to_exitcode(status), "memory": used.ru_maxrss, "seconds": seconds}
    except ChildProcessError:
        return found


def _end_all(kernel: int) -> None:
    """Kill whatever is below, again until nothing is: what lost its parent comes up as a child of ours."""
    end = time.monotonic() + _PATIENCE
    if sys.platform != "linux":
        with contextlib.suppress(OSError):
            os.killpg(kernel, signal.SIGKILL)
    while time.monotonic() < end:
        below = system.children(os.getpid())
        if not below:
            return
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reaped(kernel)
        time.sleep(0.002)


def _born(request: Request, handles: list[int], supervisor: int, *, ours: tuple[int, ...]) -> None:
    """In the kernel's process: as if a shell had started it, but that it dies with its supervisor."""
    try:
        os.setsid()
        system.die_with_parent(signal.SIGKILL)
        if os.getppid() != supervisor:  # it was gone before that was asked for
            os._exit(1)
        signal.set_wakeup_fd(-1)
        for number in (*_HEARD, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        for place, handle in enumerate(handles):
            os.dup2(handle, place)
        for handle in {*handles, *ours} - {0, 1, 2}:
            os.close(handle)
        os.chdir(request["cwd"])
        if request.get("guard") is not None:  # the last: what is open stays so
            guard.confine(request["guard"])
    except OSError as error:
        os.write(2, f"the kernel cannot be started: {error}\n".encode())
        os._exit(126)


def execute(request: Request) -> None:
    """A fresh program takes this process's place."""
    try:
        os.execvpe(request["argv"][0], request["argv"], request["env"])
    except OSError as error:
        os.write(2, f"{request['argv'][0]}: {error.strerror}\n".encode())
        os._exit(127)
