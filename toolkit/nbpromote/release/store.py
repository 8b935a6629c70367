"""Content by its SHA-256, in any place. Knows nothing of what the bytes mean."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nbpromote import files
from nbpromote.errors import Error
from nbpromote.model import Sealed, sha256
from nbpromote.release.places import Folder, Missing, Place


class Damaged(Error):
    """Bytes that are not what their name says, or are gone."""


@dataclass(frozen=True)
class Store:
    """Without a `place`, the folder at its address."""

    url: str
    place: Place | None = None

    def put(self, data: bytes) -> Sealed:
        """Keep bytes; the same bytes are kept once. A reader never sees half of them.

        What is there already is read first: damaged bytes are put right, not relied on.
        """
        sealed = Sealed(sha256=sha256(data), size=len(data))
        if not self.has(sealed.sha256):
            self._place.write(_name(sealed.sha256), data)
        return sealed

    def put_file(self, path: Path, digest: str) -> Sealed:
        """The same of a file that may be larger than memory. Raises `Damaged` where it is not what is expected."""
        if files.sha256(path) != digest:
            raise Damaged(f"{path} is not {digest[:12]}")
        if not self.has(digest):
            self._place.write(_name(digest), path)
            if files.sha256(path) != digest:
                self.drop(digest)
                raise Damaged(f"{path} was changed while it was put into the store {self.url}")
        return Sealed(sha256=digest, size=path.stat().st_size)

    def get(self, digest: str) -> bytes:
        """Raises `Damaged` when the bytes are gone or are not those that were put."""
        return b"".join(self._sound(digest))

    def get_to(self, digest: str, path: Path) -> Path:
        """Write the bytes to a file, whole or not at all. Raises `Damaged` as `get` does."""
        return files.pour(path, self._sound(digest))

    def has(self, digest: str) -> bool:
        """Whether the bytes are there, and are those that were put."""
        try:
            self.check(digest)
        except Damaged:
            return False
        return True

    def check(self, digest: str) -> None:
        """Read the bytes, and hold none. Raises `Damaged` as `get` does."""
        for _ in self._sound(digest):
            pass

    def digests(self) -> Iterator[str]:
        """Of all that is kept."""
        for name in self._place.names():
            kind, _, rest = name.partition("/")
            if kind == "sha256" and len(digest := rest.replace("/", "")) == 64:
                yield digest

    def drop(self, digest: str) -> None:
        self._place.drop(_name(digest))

    def export(self, sealed: Mapping[str, Sealed], prefix: str, into: Path) -> Path:
        """Write the files whose path starts with `prefix` below a folder, without the prefix.

        Raises `Damaged` for a path that leads out of the folder.
        """
        for path, file in sealed.items():
            if path.startswith(prefix):
                target = into / path.removeprefix(prefix)
                if not target.resolve().is_relative_to(into.resolve()):
                    raise Damaged(f"{path!r} leads out of {into}; nothing was written there")
                self.get_to(file.sha256, target)
        return into

    def _sound(self, digest: str) -> Iterator[bytes]:
        """The bytes as they come. Raises `Damaged` at their end where they are not what their name says."""
        seen = hashlib.sha256()
        try:
            for chunk in self._place.chunks(_name(digest)):
                seen.update(chunk)
                yield chunk
        except Missing:
            raise Damaged(f"{digest[:12]} is gone from the store {self.url}", hint="nbpromote doctor") from None
        if seen.hexdigest() != digest:
            raise Damaged(f"{digest[:12]} in the store {self.url} was changed", hint="nbpromote doctor")

    @cached_property
    def _place(self) -> Place:
        return self.place or Folder(self.url)


def _name(digest: str) -> str:
    return f"sha256/{digest[:2]}/{digest[2:]}"
