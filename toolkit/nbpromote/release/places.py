"""Where bytes lie by their names: the seam of the store, and what fsspec makes of it. Knows no digests."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

from nbpromote import files
from nbpromote.errors import Error, Unavailable, Usage

_Answer = TypeVar("_Answer")
CHUNK = 4 * 1024 * 1024  # bytes that are held at once


class Missing(Exception):
    """Nothing has this name."""


class Place(Protocol):
    """Names are `sha256/ab/cdef...`. Raises `Unavailable` or `Usage` with the place and what to do next."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """Raises `Missing`."""

    def write(self, name: str, source: bytes | Path) -> None:
        """A reader sees all of it or nothing, or bytes that are not what their name says."""

    def names(self) -> Iterator[str]: ...

    def drop(self, name: str) -> None:
        """Nothing has the name then, whether or not anything had."""


@dataclass(frozen=True)
class Folder:
    """A folder of any file system that fsspec knows: of this machine, in a bucket, elsewhere."""

    url: str

    def chunks(self, name: str) -> Iterator[bytes]:
        try:
            with self._told("read", lambda: self._system.open(self._path(name), "rb", block_size=CHUNK)) as file:
                while chunk := self._told("read", lambda: file.read(CHUNK)):
                    yield chunk
        except FileNotFoundError:
            self._require()
            raise Missing(name) from None

    def write(self, name: str, source: bytes | Path) -> None:
        path = self._path(name)
        if self._local:
            if isinstance(source, Path):
                files.publish(source, Path(path), aside=self._aside)
            else:
                files.write(Path(path), source, aside=self._aside)
            return
        try:
            if self._whole:
                self._told("written", lambda: self._put(path, source))
            else:
                self._told("written", lambda: self._put_by_draft(path, source))
        except FileNotFoundError as error:
            raise self._no_such(error) from error

    def names(self) -> Iterator[str]:
        try:
            found = self._told("read", lambda: self._system.find(f"{self._root}/sha256"))
        except FileNotFoundError:
            found = []
        if not found:
            self._require()
        names = (path.removeprefix(f"{self._root}/") for path in found)
        yield from (name for name in names if "/." not in name)  # drafts

    def drop(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._told("written", lambda: self._system.rm_file(self._path(name)))

    def _put(self, path: str, source: bytes | Path) -> None:
        if isinstance(source, Path):
            # S3's parts are 50 MB otherwise, and several are held at once
            parts = {"chunksize": 2 * CHUNK, "max_concurrency": 2} if self._bucketed else {}
            self._system.put_file(str(source), path, **parts)
        else:
            self._system.pipe_file(path, source)

    def _put_by_draft(self, path: str, source: bytes | Path) -> None:
        """For file systems on which a file can be seen while it grows."""
        self._system.makedirs(os.path.dirname(path), exist_ok=True)
        draft = f"{os.path.dirname(path)}/.{secrets.token_hex(8)}"
        self._put(draft, source)
        self._system.mv(draft, path)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @property
    def _aside(self) -> Path:
        """Where drafts are: whoever comes next may put other content, and has to find what a killed one left."""
        return Path(self._root) / "drafts"

    # -- the file system

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        import fsspec  # 0.2 s; only the verbs that seal or restore pay it

        try:
            system, root = fsspec.core.url_to_fs(self.url, **self._options)
        except (ImportError, ValueError) as error:
            more = "pip install 'nbpromote[s3]'" if self._bucketed else "[tool.nbpromote] store, in pyproject.toml"
            raise Unavailable(f"the store {self.url} cannot be opened: {error}", hint=more) from error
        return system, root.rstrip("/")

    @property
    def _options(self) -> dict[str, Any]:
        """Of S3: no list is remembered, in which what others wrote is missing, and a dead one is told in seconds."""
        if not self._bucketed:
            return {}
        patience = {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 2, "mode": "standard"}}
        return {"use_listings_cache": False, "skip_instance_cache": True, "config_kwargs": patience}

    @property
    def _system(self) -> Any:
        return self._opened[0]

    @property
    def _root(self) -> str:
        return self._opened[1]

    @property
    def _bucketed(self) -> bool:
        return self.url.startswith(("s3://", "s3a://"))

    @property
    def _protocols(self) -> set[str]:
        protocol = self._system.protocol
        return {protocol} if isinstance(protocol, str) else set(protocol)

    @property
    def _local(self) -> bool:
        return "file" in self._protocols

    @property
    def _whole(self) -> bool:
        """Whether an object is there whole or not at all."""
        return not self._protocols.isdisjoint({"s3", "gs", "gcs", "abfs", "az", "memory"})

    # -- its errors

    def _told(self, done: str, ask: Callable[[], _Answer]) -> _Answer:
        """Raises `FileNotFoundError` as it is, and what else a file system of somebody else's raises in our words."""
        try:
            return ask()
        except (FileNotFoundError, Error):
            raise
        except Exception as error:
            if isinstance(error, PermissionError) or "Credentials" in type(error).__name__:
                raise Unavailable(
                    f"the store {self.url} cannot be {done}: not allowed ({_line(error)})", hint=self._who
                ) from error
            raise Unavailable(f"the store {self.url} cannot be {done}: {_line(error)}", hint=self._where) from error

    def _require(self) -> None:
        """Raises `Usage` where not the name is missing but the bucket that it would be in."""
        bucket = self._root.split("/")[0]
        if self._bucketed and not self._told("read", lambda: self._system.exists(bucket)):
            raise self._no_such(None)

    def _no_such(self, error: Exception | None) -> Usage:
        if self._bucketed:
            name = self._root.split("/")[0]
            return Usage(f"there is no bucket {name!r} for the store {self.url}", hint="make it, or correct `store`")
        return Usage(f"the store {self.url} has no such place: {_line(error or OSError())}", hint="correct `store`")

    @property
    def _who(self) -> str:
        if self._bucketed:
            return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, of somebody who may"
        return "ask for access, or name another store in pyproject.toml"

    @property
    def _where(self) -> str:
        if self._bucketed and not os.environ.get("AWS_ENDPOINT_URL"):
            return "AWS_ENDPOINT_URL names a server that is not Amazon's; run the same command again"
        return "run the same command again"


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")[:200] or type(error).__name__
