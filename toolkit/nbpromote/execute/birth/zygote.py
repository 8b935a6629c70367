"""A process that has imported what notebooks import anyway; every kernel asked of it is a fork.

It holds no thread and no secret, answers to its own user only, and ends with its owner or after idling.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
import threading
import types

from . import supervisor, system

# what every IPython kernel imports before its first cell
_KERNEL = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "IPython.core.completer")


def main(address: str, preload: list[str], idle: float) -> None:
    """Listens at once, so that who asks while modules are still imported waits; input at its end is the owner's."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    # as ipykernel sets it, for what looks at it when it is imported
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    missing = [name for name in (*_KERNEL, *preload) if not _imported(name)]
    threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    refusal = f"{', '.join(threads)} would not survive a fork" if threads else ""
    if missing:
        print("not imported:", ", ".join(missing), flush=True)
    gc.collect()
    gc.freeze()  # a collector that writes to what is shared would copy it
    system.adopt_orphans()
    _serve(listener, refusal, idle)


def _imported(name: str) -> bool:
    try:
        importlib.import_module(name)
    except BaseException:  # the notebook will meet it, where its author sees it
        return False
    return True


def _serve(listener: socket.socket, refusal: str, idle: float) -> None:
    supervisors: set[int] = set()
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [], 1.0 if supervisors else idle)
        supervisors -= _ended(supervisors)
        if sys.stdin in ready or not (ready or supervisors):
            return
        if listener not in ready:
            continue
        connection, _ = listener.accept()
        if _user_of(connection) != os.getuid():
            connection.close()
            continue
        if refusal:
            connection.sendall(json.dumps({"refused": refusal}).encode() + b"\n")
            connection.close()
            continue
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            listener.close()
            asked = supervisor.received(connection)
            if asked is None:
                os._exit(0)
            supervisor.supervise(connection, *asked, begin=become)
        connection.close()
        supervisors.add(pid)


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


def become(request: supervisor.Request) -> None:
    """This fork is the kernel from here on: nothing of the zygote's but its modules is left."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["env"])
    program = request["argv"].index("-m") + 1
    for name in [name for name in sys.modules if name.split(".")[0] == __name__.split(".")[0]]:
        del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.argv = request["argv"][program:]
    sys.path.insert(0, request["cwd"])
    runpy.run_module(request["argv"][program], run_name="__main__", alter_sys=True)
    raise SystemExit
