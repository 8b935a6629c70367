"""One process over one kernel: starts it, tells how it ended, and takes everything that it started along.

Whoever asked for the kernel holds the other end of a socket. What is said there is a line of JSON:

    down  {"argv", "env", "cwd", "umask", "private", "guard"} with three file handles; then {"signal": 2};
          at last {"end": true}
    up    {"pid": 17, "supervisor": 16}, or {"refused": "why"};
          {"exit": -9, "memory": kB at its peak, "seconds": of CPU} when the kernel has ended;
          at last {"left": 0}, how many processes could not be killed

A socket that is closed without a word means that the asker was killed: then nothing is left of the kernel, and nothing
of its private folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from . import guard, system

Request = dict[str, Any]
Begin = Callable[[Request], None]

NAME = "nbp-supervisor"  # for `ps`, and for who must leave supervisors alone
_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 3.0  # seconds until what cannot be killed (it waits for a disk, or is another user's) is left to the system


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


class Kernel:
    """The one child that counts. `ended` says how, once it has."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ended: dict[str, Any] = {}

    def reap(self) -> bool:
        """Take note of children that ended; those that were not the kernel are forgotten. Whether any is left."""
        try:
            while True:
                pid, status, used = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self.pid:
                    seconds = round(used.ru_utime + used.ru_stime, 3)
                    code = os.waitstatus_to_exitcode(status)
                    self.ended = {"exit": code, "memory": used.ru_maxrss, "seconds": seconds}
        except ChildProcessError:
            return False

    def signal(self, number: int) -> None:
        """To its group, as a terminal would; to itself alone as long as it leads none."""
        with contextlib.suppress(OSError):
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                os.kill(self.pid, number)


def supervise(connection: socket.socket, request: Request, handles: list[int], *, begin: Begin) -> None:
    """Until the kernel has ended, or nobody wants it any more. Does not come back but in the kernel itself."""
    if os.getpgrp() != os.getpid():
        os.setsid()
    system.adopt_orphans()
    for number in _HEARD:
        signal.signal(number, signal.SIG_IGN)  # who asked decides when it ends
    waking, wakes = _woken_by_children()
    supervisor, name = os.getpid(), system.name(os.getpid())
    system.take_name(NAME)
    try:
        pid = os.fork()
    except OSError as error:
        _tell(connection, {"refused": f"no process for a kernel: {error.strerror}"})
        os._exit(1)
    if pid == 0:
        system.take_name(name)
        _born(request, handles, supervisor, ours=(connection.detach(), waking, wakes))
        begin(request)
        return
    kernel, orphaned = Kernel(pid), True
    try:
        for handle in handles:
            os.close(handle)
        orphaned = _watched(connection, kernel, waking)
    finally:
        left = _end_all(kernel)
        _tell(connection, {**kernel.ended, "left": left})
        if orphaned and request.get("private"):
            system.remove(request["private"])
        os._exit(0)


def _woken_by_children() -> tuple[int, int]:
    """A pipe to read from when a child has ended. Who asked may have blocked signals in the thread it asked from."""
    waking, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return waking, wakes


def _watched(connection: socket.socket, kernel: Kernel, waking: int) -> bool:
    """Whether the asker went away without a word."""
    _tell(connection, {"pid": kernel.pid, "supervisor": os.getpid()})
    heard = b""
    # not `select.select`, which ends at descriptor 1024: a zygote's fork has what its modules opened
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        selector.register(waking, selectors.EVENT_READ)
        while True:
            ready = [key.fd for key, _ in selector.select()]
            if waking in ready:
                os.read(waking, 4096)
                kernel.reap()
                if kernel.ended:
                    _tell(connection, kernel.ended)
                    return False
            if connection.fileno() in ready:
                said = _said(connection)
                if not said:
                    return True
                *orders, heard = (heard + said).split(b"\n")
                for order in map(json.loads, orders):
                    if "signal" not in order:
                        return False
                    kernel.signal(order["signal"])


def _said(connection: socket.socket) -> bytes:
    """Nothing where the asker is gone: also one that was killed with an answer of ours unread is an error here."""
    try:
        return connection.recv(4096)
    except OSError:
        return b""


def _tell(connection: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # it may be gone, which is found out by listening
        connection.sendall(json.dumps(message).encode() + b"\n")


def _end_all(kernel: Kernel) -> int:
    """Kill whatever is below until nothing is: what lost its parent comes up as a child of ours. How many live on."""
    end, pause = time.monotonic() + _PATIENCE, 0.0005
    kernel.signal(signal.SIGKILL)  # where processes cannot be listed, its group is all there is to find
    while kernel.reap():
        below = system.halted_below(os.getpid())
        if time.monotonic() > end:
            return len(below)
        for pid in below:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(pause)
        pause = min(2 * pause, 0.01)
    return 0


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
        if request.get("umask") is not None:
            os.umask(request["umask"])
        if request.get("guard") is not None:  # the last: what is open stays so
            guard.confine(request["guard"])
    except OSError as error:
        os.write(2, f"the kernel cannot be started: {error}\n".encode())
        os._exit(126)


def execute(request: Request) -> None:
    """A fresh program takes this process's place."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and a program would go on to
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(request["argv"][0], request["argv"], request["env"])
    except OSError as error:
        os.write(2, f"{request['argv'][0]}: {error.strerror}\n".encode())
        os._exit(127)
