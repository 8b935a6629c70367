"""Files written whole or not at all. Knows nothing of what is in them."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import IO

from nbpromote.errors import Unavailable


def write(path: Path, data: bytes | str, *, aside: Path | None = None) -> Path:
    """Replace `path` with `data`: a reader sees the old file or the new one, also after a crash.

    `aside` is a folder of the same disk where it is written first, when nobody may come back to this path. Raises
    `Unavailable`, with the old file intact, when the disk is full or refuses.
    """
    content = data.encode() if isinstance(data, str) else data
    return pour(path, (content,), need=len(content), aside=aside)


def pour(path: Path, chunks: Iterable[bytes], *, need: int | None = None, aside: Path | None = None) -> Path:
    """The same with bytes as they come, together larger than memory perhaps. When they raise, the old file stays."""
    with _told(path, need=need):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _drafting(path, lambda draft: _created(draft, like=path), aside) as (draft, handle):
            with os.fdopen(handle, "wb", closefd=False) as file:
                file.writelines(chunks)
                file.flush()
                os.fsync(handle)
            os.replace(draft, path)
        _sync_folder(path.parent)
    return path


def _created(draft: Path, like: Path | None = None) -> int:
    """A handle on a new file, as readable as the one it replaces, else as any file its owner writes."""
    mode = like.stat().st_mode & 0o777 if like and like.exists() else None
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
    if mode is not None:
        os.fchmod(handle, mode)
    return handle


def _created_folder(draft: Path) -> int:
    draft.mkdir()
    return os.open(draft, os.O_RDONLY)


def append(path: Path, line: str) -> None:
    """Add a whole line to a file, or nothing. Raises `Unavailable` when the disk is full or refuses."""
    content = f"{line}\n".encode()
    with _told(path, need=len(content)), path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            done = file.write(content)
            if done < len(content):
                file.write(content[done:])  # the system says why when asked for the rest
        except OSError:
            file.truncate(before)
            raise


@contextmanager
def held(path: Path, *, aside: Path | None = None) -> Iterator[None]:
    """A file with this process's number, locked while the block lasts, and removed when the block ends well.

    The system drops the lock with the process, however that ends: unlike a number, it is never somebody else's.
    `aside` is as for `write`.
    """
    with _told(path, need=8):
        file = _locked(path, aside)
    with file:
        yield
        path.unlink(missing_ok=True)


def _locked(path: Path, aside: Path | None) -> IO[str]:
    """A new file, locked before anybody can see it."""
    with _drafting(path, _created, aside) as (draft, handle):
        file = os.fdopen(os.dup(handle), "w")  # a lock lasts until its last handle is closed
        try:
            file.write(f"{os.getpid()}\n")
            file.flush()
            draft.rename(path)
        except BaseException:
            with suppress(OSError):  # it says once more that the disk is full
                file.close()
            raise
    return file


@contextmanager
def taken_over(path: Path) -> Iterator[bool]:
    """Whether a file that somebody `held` is there and nobody's any more; while the block lasts it is ours alone."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield path.exists()
    except (FileNotFoundError, BlockingIOError):
        yield False


def publish(source: Path, destination: Path, *, aside: Path | None = None) -> Path:
    """Copy a file or a folder to its destination in one step; `source` stays.

    Two that publish to one place do not meet: each prepares a draft of its own, and the last to be ready stays.
    """
    with _told(destination, need=size(source)):
        destination.parent.mkdir(parents=True, exist_ok=True)
        with _drafting(destination, _created_folder if source.is_dir() else _created, aside) as (draft, _):
            _copy(source, draft)
            if source.is_dir() and destination.exists():
                _swap(draft, destination)
            else:
                os.replace(draft, destination)
        _sync_folder(destination.parent)
    return destination


def sha256(path: Path) -> str:
    """Of a file that may be larger than memory, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size(path: Path) -> int:
    """Bytes in a file, or in all files below a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0


def _draft(path: Path) -> Path:
    """A hidden name beside `path` that nobody else uses; names end at 255 bytes."""
    return path.parent / f"{_hidden(path)}.{secrets.token_hex(4)}"


def _hidden(path: Path) -> str:
    return f".{path.name.encode()[:200].decode(errors='ignore')}"


@contextmanager
def _drafting(path: Path, create: Callable[[Path], int], aside: Path | None = None) -> Iterator[tuple[Path, int]]:
    """A new draft beside `path` and a handle on it; removed when the block ends without putting it in its place.

    It is locked while somebody writes it, so that the next one to write `path`, or any file aside, can tell, and
    remove, what those left who were killed.
    """
    if aside is not None:
        aside.mkdir(parents=True, exist_ok=True)
        path = aside / path.name
    for other in path.parent.glob(".*" if aside else f"{escape(_hidden(path))}.*"):
        if _DRAFT.fullmatch(other.name):
            _remove_dead(other)
    draft, handle = _draft(path), -1
    while not _is_ours(handle := create(draft)):
        os.close(handle)
        draft = _draft(path)
    try:
        yield draft, handle
    finally:
        _remove(draft)
        os.close(handle)


def _is_ours(handle: int) -> bool:
    """Whether nobody took the draft for a dead one's in the moment between its making and its locking."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: nobody removes anything there
        return True
    return os.fstat(handle).st_nlink > 0


def _remove_dead(draft: Path) -> None:
    with suppress(OSError):  # somebody is at work on it, or it is gone by now
        handle = os.open(draft, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(draft)
        finally:
            os.close(handle)


def remove(path: Path) -> None:
    """Take away a file or a folder: it is all there or gone. What a kill leaves of it, `remove_drafts` finds."""
    gone = _draft(path)
    path.rename(gone)
    _remove(gone)


def remove_drafts(folder: Path) -> None:
    """What a writer that was killed had begun, in a folder that nobody writes to any more."""
    for path in folder.glob(".*"):
        if _DRAFT.fullmatch(path.name):
            _remove(path)


_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}")


def _copy(source: Path, draft: Path) -> None:
    """What is copied is on the disk. Not `shutil.copytree`, whose error no longer knows that the disk was full."""
    if source.is_dir():
        draft.mkdir(exist_ok=True)
        for item in source.iterdir():
            _copy(item, draft / item.name)
        _sync_folder(draft)
    else:
        shutil.copy2(source, draft)
        with draft.open("rb") as file:
            os.fsync(file.fileno())


def _swap(draft: Path, destination: Path) -> None:
    """The draft takes the old one's place, and the old one the draft's.

    Where the system cannot exchange two names, by renames; the old one is put back if the second rename fails.
    """
    if _exchanged(draft, destination):
        return
    old = _draft(destination)
    destination.rename(old)
    try:
        draft.rename(destination)
    except BaseException:
        old.rename(destination)
        raise
    old.rename(draft)


_RENAME_EXCHANGE = 2  # linux/fs.h
_AT_FDCWD = -100


def _exchanged(one: Path, other: Path) -> bool:
    """Whether Linux's renameat2 swapped two names in one step; Python has no name for it."""
    if sys.platform != "linux":
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # in glibc since 2.28
    if renameat2 is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def _told(path: Path, *, need: int | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            room = shutil.disk_usage(_existing(path.parent)).free
            needed = "" if need is None else f"{need:,} bytes needed, "
            raise Unavailable(
                f"no room to write {path}: {needed}{room:,} free; what was there is untouched",
                hint="make room and run the same command again",
            ) from error
        raise Unavailable(f"cannot write {path}: {error.strerror}; what was there is untouched") from error


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
