"""A process that has imported what notebooks import anyway; every kernel asked of it is a fork.

It holds no thread and no secret, answers to its own user only, and ends with its owner or after idling. Says
`{"refused": why}` where a fork would not be what a fresh kernel is.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import traceback
from typing import TextIO

from . import becoming, preloading, supervisor, system

# what every IPython kernel imports until its first cell has run
_KERNEL = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "IPython.core.completer",
    "IPython.core.completerlib",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "tornado.platform.asyncio",
    "encodings.ascii",
    "encodings.latin_1",
    "sqlite3",
)


def main(address: str, preload: list[str], idle: float, kept: bool) -> None:
    """Listens at once, so that who asks while modules are still imported waits.

    Where it is not `kept`, it ends when its owner closes the other end of its input.
    """
    sys.path[:] = [place for place in sys.path if place]  # of `-c`, which no kernel is started by
    listener = _listening(address)
    loaded = preloading.load(_KERNEL, preload)
    if loaded.missing:
        print("not imported:", ", ".join(loaded.missing), flush=True)
    gc.collect()
    gc.freeze()  # a collector that writes to what is shared would copy it
    system.adopt_orphans()
    signal.signal(signal.SIGTERM, lambda _number, _frame: _leave())
    _serve(listener, loaded, idle, lifeline=[] if kept else [sys.stdin])
    _leave()


def _listening(address: str) -> socket.socket:
    """The socket has its name only once it is listened to: nobody is refused who finds it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{address}-")
    listener.listen(64)
    os.rename(f"{address}-", address)
    return listener


def _leave() -> None:
    atexit._run_exitfuncs()
    os._exit(0)


def _serve(listener: socket.socket, loaded: preloading.Loaded, idle: float, *, lifeline: list[TextIO]) -> None:
    supervisors: set[int] = set()
    while True:
        was_busy = bool(supervisors)
        heard: list[socket.socket | TextIO] = [listener, *lifeline]
        ready, _, _ = select.select(heard, [], [], 1.0 if was_busy else idle)
        supervisors -= _ended(supervisors)
        if not (ready or was_busy) or any(end in ready for end in lifeline):
            return
        if listener not in ready:
            continue
        connection, _ = listener.accept()
        if _user_of(connection) == os.getuid():
            supervisors.add(_forked(listener, connection, loaded))
        connection.close()


def _forked(listener: socket.socket, connection: socket.socket, loaded: preloading.Loaded) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        listener.close()
        try:
            _answer(connection, loaded)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return pid


def _answer(connection: socket.socket, loaded: preloading.Loaded) -> None:
    asked = supervisor.received(connection)
    if asked is None:
        return
    refusal = loaded.refusal or loaded.differs(asked[0]["env"])
    if refusal:
        connection.sendall(json.dumps({"refused": refusal}).encode() + b"\n")
        return
    supervisor.supervise(connection, *asked, begin=lambda request: becoming.become(request, loaded))


def _ended(supervisors: set[int]) -> set[int]:
    """Those that are gone. A kernel whose supervisor was killed comes up as a child of ours, and is killed too."""
    gone: set[int] = set()
    for pid in system.children(os.getpid()):
        if pid not in supervisors:
            os.kill(pid, signal.SIGKILL)
    try:
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return gone
            gone.add(pid)
    except ChildProcessError:
        return gone | supervisors


def _user_of(connection: socket.socket) -> int:
    """The user who asks, from the system."""
    if not hasattr(socket, "SO_PEERCRED"):
        return os.getuid()  # the folder of the socket is its owner's alone
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(user)
