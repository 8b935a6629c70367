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
from nbpromote.execute.kernels.private import end_marked

# the folder is loaded as a package of its own: nothing of the toolkit is imported there
_BIRTH = Path(__file__).parent.parent / "birth"
LOAD = f"import sys; sys.path.insert(0, {str(_BIRTH.parent)!r}); from {_BIRTH.name} import {{0}}; del sys.path[0]"


@dataclass(frozen=True, kw_only=True)
class Birth:
    """What a kernel is started with. `private` is a folder that nobody wants once its owner was killed.

    `guard` are the places that it can write to, itself and all it starts; None where nothing holds it back.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    private: Path | None = None
    guard: Sequence[Path] | None = None
    stdout: IO[bytes] | int | None = None
    stderr: IO[bytes] | int | None = None

    @property
    def request(self) -> bytes:
        private = str(self.private) if self.private else None
        asked: dict[str, Any] = {"argv": list(self.argv), "env": dict(self.env), "cwd": str(self.cwd)}
        asked |= {"umask": _umask(), "private": private}
        if self.guard is not None:
            asked["guard"] = [str(place) for place in self.guard]
        return json.dumps(asked).encode() + b"\n"


def _umask() -> int | None:
    """Read where the system tells it: asking for it sets it, for all threads."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return None


# seconds that a supervisor has for doing as it is told; it leaves alone after 3 s what cannot be killed
_PATIENCE = 4.0


class Process:
    """`returncode` as Popen has it; `memory` is the most it held, in kB, and `seconds` its CPU time, once it ended."""

    stdin = stdout = stderr = None

    def __init__(
        self, connection: socket.socket, birth: Birth, supervisor: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.pid: int | None = None
        self.returncode: int | None = None
        self.refused = ""
        self.start = ""  # warm, or fresh, or fresh with the reason
        self.memory: int | None = None
        self.seconds: float | None = None
        self._connection = connection
        self._connection.setblocking(False)
        self._private = birth.private
        self._supervisor = supervisor
        self._supervised_by = supervisor.pid if supervisor else None
        self._heard = b""
        self._left: int | None = None
        self._latest = float("inf")
        self._hung_up = False

    def poll(self) -> int | None:
        self._listen()
        if self.returncode is None and time.monotonic() > self._latest:
            self._end_supervisor()
            self.returncode = -signal.SIGKILL
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        """One that cannot be refused has its effect within seconds, if need be by the end of the supervisor."""
        if number == signal.SIGKILL:
            self._rouse_supervisor()
            self._latest = min(self._latest, time.monotonic() + _PATIENCE)
        with suppress(OSError):
            self._connection.send(json.dumps({"signal": number}).encode() + b"\n")

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def end(self) -> None:
        """Now, with everything it started. Comes back when nothing of it is left."""
        if self._connection.fileno() < 0:
            return
        self._rouse_supervisor()
        with suppress(OSError):
            self._connection.send(b'{"end": true}\n')
            self._connection.shutdown(socket.SHUT_WR)
        self._listen_to_the_end()
        self._connection.close()
        if self._left is None:  # it was killed, or does not do as it is told
            self._end_supervisor()
            self._end_orphans()
        if self.returncode is None:
            self.returncode = -signal.SIGKILL
        if self._supervisor is not None:
            self._supervisor.wait()

    def _listen_to_the_end(self) -> None:
        end = time.monotonic() + _PATIENCE
        with suppress(OSError):
            while (left := end - time.monotonic()) > 0:
                self._connection.settimeout(left)
                self._hear(self._connection.recv(4096))
                if self._hung_up:
                    return

    def _rouse_supervisor(self) -> None:
        """It may have been stopped: the kernel below can do that to it."""
        self._signal_supervisor(signal.SIGCONT)

    def _end_supervisor(self) -> None:
        """The kernel dies with it."""
        self._signal_supervisor(signal.SIGKILL)

    def _signal_supervisor(self, number: int) -> None:
        # while its end of the socket is open it is still there, and its number nobody else's
        if self._supervised_by is not None and not self._hung_up:
            with suppress(OSError):
                os.kill(self._supervised_by, number)

    def _end_orphans(self) -> None:
        """What a kernel started and nobody supervises any more, as far as it can be told."""
        if self.pid is not None:
            with suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
        if self._private is not None:
            end_marked(self._private)

    def _listen(self) -> None:
        with suppress(BlockingIOError):
            while self.returncode is None:
                try:
                    self._hear(self._connection.recv(4096))
                except ConnectionError:  # it went without having read everything
                    self._hear(b"")

    def _hear(self, data: bytes) -> None:
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            said: dict[str, Any] = json.loads(line)
            self.pid = said.get("pid", self.pid)
            self._supervised_by = said.get("supervisor", self._supervised_by)
            self.refused = said.get("refused", self.refused)
            self.memory = said.get("memory", self.memory)
            self.seconds = said.get("seconds", self.seconds)
            self._left = said.get("left", self._left)
            if self.returncode is None:
                self.returncode = said.get("exit")
        if not data:
            self._hung_up = True
            if self.returncode is None:  # the supervisor was killed, and its kernel with it
                self.returncode = -signal.SIGKILL


def fresh(birth: Birth) -> Process:
    """A new program under a supervisor of its own, which is this Python without its packages: 20 ms.

    Raises `Unavailable` where the system refuses.
    """
    command = [sys.executable, "-I", "-S", "-c", LOAD.format("supervisor") + "; supervisor.main()"]
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            supervisor = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env={name: os.environ[name] for name in _NEEDED if name in os.environ},
                cwd="/",
            )
        asked(ours, birth)
    except OSError as error:
        ours.close()
        raise Unavailable(f"a kernel cannot be started: {error.strerror or error}") from error
    return Process(ours, birth, supervisor)


# where a Python that was built as a shared library finds it
_NEEDED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def forked(address: Path, birth: Birth) -> Process:
    """A fork of the zygote that listens there. Raises `Unavailable` where none does."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_PATIENCE)
    try:
        connection.connect(str(address))
        asked(connection, birth)
    except OSError as error:
        connection.close()
        raise Unavailable(f"no warm kernel: {error.strerror or error}") from error
    return Process(connection, birth)


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
