"""Files written whole or not at all. Knows nothing of what is in them."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbpromote.errors import Unavailable


def write(path: Path, data: bytes | str) -> Path:
    """Replace `path` with `data`: a reader sees the old file or the new one, also after a crash.

    Raises `Unavailable`, with the old file intact, when the disk is full or refuses.
    """
    content = data.encode() if isinstance(data, str) else data
    with _told(path, need=len(content)):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            # mkstemp makes private files; a result is as readable as any file its owner writes
            os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    return path


def publish(source: Path, destination: Path) -> Path:
    """Copy a file or a folder to its destination in one step; `source` stays.

    A folder takes the place of the old one by two renames, since no system call swaps non-empty folders
    everywhere; the old one is put back if the second rename fails.
    """
    with _told(destination, need=size(source)):
        destination.parent.mkdir(parents=True, exist_ok=True)
        fresh = destination.parent / f".{destination.name}.new"
        _remove(fresh)
        try:
            if not source.is_dir():
                shutil.copy2(source, fresh)
                _sync_file(fresh)
                os.replace(fresh, destination)
            else:
                shutil.copytree(source, fresh)
                _swap_folder(fresh, destination)
        except BaseException:
            _remove(fresh)
            raise
        _sync_folder(destination.parent)
    return destination


def size(path: Path) -> int:
    """Bytes in a file, or in all files below a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0


def _swap_folder(fresh: Path, destination: Path) -> None:
    old = destination.parent / f".{destination.name}.old"
    _remove(old)
    if destination.exists():
        destination.rename(old)
    try:
        fresh.rename(destination)
    except BaseException:
        if old.exists():
            old.rename(destination)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def _told(path: Path, *, need: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            room = shutil.disk_usage(_existing(path.parent)).free
            raise Unavailable(
                f"no room to write {path}: {need:,} bytes needed, {room:,} free; what was there is untouched",
                hint="make room and run the same command again",
            ) from error
        raise Unavailable(f"cannot write {path}: {error.strerror}; what was there is untouched") from error


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
