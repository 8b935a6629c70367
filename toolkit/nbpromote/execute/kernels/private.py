"""A folder for one process alone: its sockets and keys, its settings, what it leaves lying about. Never left behind."""

from __future__ import annotations

import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nbpromote import files
from nbpromote.errors import Unavailable
from nbpromote.execute.birth import supervisor, system
from nbpromote.execute.kernels import fonts

_PREFIX = "nbp-"
_OWNER = "owner"
_LONGEST = 60  # bytes of a folder's path: IPC sockets end at 107 (macOS: 103), and jupyter_client names them


@contextmanager
def private_folder() -> Iterator[Path]:
    """A short path that only its owner may enter. Raises `Unavailable` without room or the right to it."""
    sweep()
    try:
        # with the number of who makes it: a sweep that finds it without an owner knows whether one is still to come
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=place()))
    except OSError as error:
        raise _refused(error) from error
    try:
        with files.held(folder / _OWNER):
            furnish(folder)
            yield folder
    finally:
        if _maker(folder) == os.getpid():  # not a fork of it, which has the same blocks to leave
            system.remove(folder)


def furnish(folder: Path) -> None:
    """Make what `environ.own` names."""
    try:
        for name in ("ipython", "matplotlib", "tmp"):
            (folder / name).mkdir()
        fonts.seed(folder / "matplotlib")
    except OSError as error:
        raise _refused(error) from error


def _refused(error: OSError) -> Unavailable:
    return Unavailable(f"no private folder for a kernel in {place()}: {error.strerror}", hint="make room there")


def place() -> Path:
    """Where private folders are made. Raises `Unavailable` where none will do."""
    for folder in (tried := _places()):
        if len(os.fsencode(folder)) <= _LONGEST and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise Unavailable(
        f"a kernel wants a folder for its sockets that can be written to, with a path of at most {_LONGEST} bytes; "
        f"tried: {', '.join(map(str, tried))}",
        hint="set TMPDIR to such a folder",
    )


def _places() -> list[Path]:
    """The best first. A session's own is small, as it is in memory."""
    named = "/tmp", tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR")
    return list(dict.fromkeys(Path(name) for name in named if name and Path(name).is_dir()))


def sweep() -> None:
    """Remove what killed owners left behind, with any kernel that outlived them. What is another user's stays."""
    found = [folder for place in _places() for folder in place.glob(f"{_PREFIX}*-*")]
    for folder in [folder for folder in found if _maker(folder) != os.getpid() and _is_ours(folder)]:
        owner = folder / _OWNER
        with files.taken_over(owner) as orphaned:
            if orphaned:
                end_marked(folder)
                system.remove(folder)
        if not owner.exists() and not system.is_alive(_maker(folder)):
            system.remove(folder)


def _is_ours(folder: Path) -> bool:
    """Not a link either: anybody can leave one in a folder that all write to."""
    with suppress(OSError):
        status = folder.lstat()
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return False


def _maker(folder: Path) -> int:
    number = folder.name.removeprefix(_PREFIX).partition("-")[0]
    return int(number) if number.isdigit() else os.getpid()


def end_marked(folder: Path) -> None:
    """End every process that was started for a folder: all inherit its name, also those that left their session.

    Only for what no supervisor saw to: it reads the environment of every process there is. A fork of a zygote has the
    zygote's environment there; one that supervises is about to end what only it knows to be below it.
    """
    mark = f"IPYTHONDIR={folder}/ipython".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        pid = int(environ.parent.name)
        with suppress(OSError):
            if mark in environ.read_bytes().split(b"\0") and system.name(pid) != supervisor.NAME:
                os.kill(pid, signal.SIGKILL)
