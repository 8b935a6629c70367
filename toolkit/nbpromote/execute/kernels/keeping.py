"""Zygotes that outlive a command on purpose, for a working session, each with a folder in the user's own."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nbpromote import clock, itself
from nbpromote.errors import Unavailable
from nbpromote.execute.kernels import environ
from nbpromote.execute.kernels.private import furnish
from nbpromote.execute.kernels.zygotes import Warmth, launch
from nbpromote.model import digest

# how a command of the toolkit is started: like an entry point, without the working folder on its path
TOOLKIT = (sys.executable, "-P")

_NOTE = "zygote.json"
_YOUNG = 600.0  # seconds in which a folder without a note may be one that is just coming up


@dataclass(frozen=True, kw_only=True)
class Kept:
    """`python` is the command that its kernels begin with; `shared` the digest of the variables that they share."""

    pid: int
    since: str
    python: tuple[str, ...]
    preload: tuple[str, ...]
    idle: float
    shared: str
    address: Path
    among: str = ""

    @property
    def is_toolkit(self) -> bool:
        """Whether its forks are commands of ours, not kernels."""
        return self.python == TOOLKIT

    @property
    def is_current(self) -> bool:
        """Whether neither the toolkit nor what is installed beside it was changed since."""
        return self.among == _among()


def keep(python: Sequence[str], warmth: Warmth) -> Kept:
    """A zygote that has imported everything. Raises `Unavailable` where it does not come up."""
    folder = _runtime(make=True) / secrets.token_hex(4)
    folder.mkdir(mode=0o700)
    env = environ.shared((), of=warmth.env)
    furnish(folder)
    process = launch(python, folder, {**warmth.env, **environ.own(folder, folder)}, warmth, kept=True, of=_of(python))
    end = time.monotonic() + warmth.patience
    while not (folder / "zygote").exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    _serves(folder / "zygote", within=end - time.monotonic())
    note = {
        "since": clock.now(),
        "python": list(python),
        "preload": list(warmth.preload),
        "idle": warmth.idle,
        "shared": _digest(env),
        "among": _among(),
    }
    (folder / _NOTE).write_text(json.dumps(note))
    kept = _read(folder)
    if kept is None:
        process.kill()
        process.wait()
        said = (folder / "log").read_text(errors="replace").strip().split("\n")[-1]
        shutil.rmtree(folder, ignore_errors=True)
        raise Unavailable(f"the zygote did not come up within {warmth.patience:g} s: {said or 'it said nothing'}")
    return kept


def _serves(address: Path, *, within: float) -> None:
    """Comes back once everything is imported: who asks for nothing then gets nothing."""
    with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
        connection.settimeout(max(0.1, within))
        connection.connect(str(address))
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)


def _of(python: Sequence[str]) -> str:
    return "commands" if tuple(python) == TOOLKIT else "kernels"


def all_kept() -> tuple[Kept, ...]:
    """Those that live, the oldest first; what is left of others is swept."""
    return tuple(sorted(_living(), key=lambda kept: kept.since))


def covering(python: Sequence[str], warmth: Warmth) -> Kept | None:
    """One of the same program and variables that has imported all that is wanted."""
    shared = _digest(environ.shared((), of=warmth.env))
    for kept in all_kept():
        if kept.python == tuple(python) and kept.shared == shared and {*warmth.preload} <= {*kept.preload}:
            return kept
    return None


def stop(kept: Kept) -> None:
    """Kernels that were forked from it live on."""
    with suppress(ProcessLookupError):
        os.kill(kept.pid, signal.SIGTERM)
    shutil.rmtree(kept.address.parent, ignore_errors=True)


def _living() -> Iterator[Kept]:
    try:
        folders = [folder for folder in _runtime().iterdir() if folder.is_dir()]
    except (Unavailable, OSError):  # nobody keeps one
        return
    for folder in folders:
        kept = _read(folder)
        if kept is not None:
            yield kept
        elif (folder / _NOTE).exists() or time.time() - folder.stat().st_mtime > _YOUNG:
            shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path) -> Kept | None:
    """None where nobody listens: a process number may be somebody else's by now, a socket is not."""
    pid = _listener(folder / "zygote")
    try:
        note = json.loads((folder / _NOTE).read_text())
        return pid and Kept(  # type: ignore[return-value]
            pid=pid,
            since=note["since"],
            python=tuple(note["python"]),
            preload=tuple(note["preload"]),
            idle=note["idle"],
            shared=note["shared"],
            among=note["among"],
            address=folder / "zygote",
        )
    except (OSError, ValueError, LookupError):
        return None


def _listener(address: Path) -> int | None:
    """The process that listens there, from the system."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(address))
            found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        except (OSError, AttributeError):
            return None
    return int(struct.unpack("3i", found)[0])


def _runtime(*, make: bool = False) -> Path:
    """The user's own folder, which nobody else may enter. Raises `Unavailable` where it is not so."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    folder = (base if len(str(base)) < 60 and base.is_dir() else Path("/tmp")) / f"nbpromote-{os.getuid()}"
    if make:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    try:
        found = folder.lstat()
    except OSError as error:
        raise Unavailable(f"{folder} is not there: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Unavailable(f"{folder} is not a folder that is yours alone", hint="remove it, or set XDG_RUNTIME_DIR")
    return folder


def _among() -> str:
    return digest([itself.toolkit(), itself.installed()])


def _digest(env: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(env.items())).encode()).hexdigest()
