"""A kernel's process as `subprocess.Popen` would show it; a supervisor stands between."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nbpromote.errors import Unavailable

# the folder is loaded as a package of its own: nothing of the toolkit is imported there
_BIRTH = Path(__file__).parent.parent / "birth"
LOAD = f"import sys; sys.path.insert(0, {str(_BIRTH.parent)!r}); from {_BIRTH.name} import {{0}}; del sys.path[0]"


@dataclass(frozen=True, kw_only=True)
class Birth:
    """What a kernel is started with. `private` is a folder that nobody wants once its owner was killed."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    private: Path | None = None
    stdout: IO[bytes] | int | None = None
    stderr: IO[bytes] | int | None = None

    @property
    def request(self) -> bytes:
        private = str(self.private) if self.private else None
        asked = {"argv": list(self.argv), "env": dict(self.env), "cwd": str(self.cwd), "private": private}
        return json.dumps(asked).encode() + b"\n"


class Process:
    """`returncode` as Popen has it; `memory` is the most it held, in kB, and `seconds` its CPU time, once it ended."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, supervisor: subprocess.Popen[bytes] | None = None) -> None:
        self.pid: int | None = None
        self.returncode: int | None = None
        self.refused = ""
        self.start = ""  # warm, or fresh, or fresh with the reason
        self.memory: int | None = None
        self.seconds: float | None = None
        self._connection = connection
        self._connection.setblocking(False)
        self._supervisor = supervisor
        self._heard = b""

    def poll(self) -> int | None:
        self._listen()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        with suppress(OSError):
            self._connection.send(json.dumps({"signal": number}).encode() + b"\n")

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def end(self) -> None:
        """Now, with everything it started. Comes back when nothing of it is left."""
        with suppress(OSError):
            self._connection.setblocking(True)
            self._connection.settimeout(15)
            self._connection.sendall(b'{"end": true}\n')
            self._connection.shutdown(socket.SHUT_WR)
            while data := self._connection.recv(4096):
                self._hear(data)
        if self.returncode is None:
            self.returncode = -signal.SIGKILL
        self._connection.close()
        if self._supervisor is not None:
            self._supervisor.wait()

    def _listen(self) -> None:
        with suppress(BlockingIOError):
            while self.returncode is None:
                try:
                    data = self._connection.recv(4096)
                except OSError as error:
                    if isinstance(error, BlockingIOError):
                        raise
                    data = b""
                if not data:  # the supervisor was killed, and its kernel with it
                    self.returncode = -signal.SIGKILL
                self._hear(data)

    def _hear(self, data: bytes) -> None:
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            said: dict[str, Any] = json.loads(line)
            self.pid = said.get("pid", self.pid)
            self.refused = said.get("refused", self.refused)
            self.memory = said.get("memory", self.memory)
            self.seconds = said.get("seconds", self.seconds)
            if self.returncode is None:
                self.returncode = said.get("exit")


def fresh(birth: Birth) -> Process:
    """A new program under a supervisor of its own, which is this Python without its packages: 20 ms."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-I", "-S", "-c", LOAD.format("supervisor") + "; supervisor.main()"]
        supervisor = subprocess.Popen(
            command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, start_new_session=True, env={}, cwd="/"
        )
    asked(ours, birth)
    return Process(ours, supervisor)


def forked(address: Path, birth: Birth) -> Process:
    """A fork of the zygote that listens there. Raises `Unavailable` where none does."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(address))
    except OSError as error:
        connection.close()
        raise Unavailable(f"no warm kernel: {error.strerror}") from error
    asked(connection, birth)
    return Process(connection)


def asked(connection: socket.socket, birth: Birth) -> None:
    with open(os.devnull, "rb") as nothing:
        handles = [nothing.fileno(), _handle(birth.stdout, 1), _handle(birth.stderr, 2)]
        data = birth.request
        sent = socket.send_fds(connection, [data], handles)
        connection.sendall(data[sent:])


def _handle(stream: IO[bytes] | int | None, default: int) -> int:
    if stream is None:
        return default
    return stream if isinstance(stream, int) else stream.fileno()
