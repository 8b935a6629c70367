"""Content by its SHA-256, on any fsspec file system. Knows nothing of what the bytes mean."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nbpromote import files
from nbpromote.errors import Error, Unavailable
from nbpromote.model import Sealed, sha256


class Damaged(Error):
    """Bytes that are not what their name says, or are gone."""


@dataclass(frozen=True)
class Store:
    url: str

    def put(self, data: bytes) -> Sealed:
        """Keep bytes; the same bytes are kept once. A reader never sees half of them.

        What is there already is read first: damaged bytes are put right, not relied on.
        """
        sealed = Sealed(sha256=sha256(data), size=len(data))
        try:
            self.get(sealed.sha256)
        except Damaged:
            self._write(self._place(sealed.sha256), data)
        return sealed

    def get(self, digest: str) -> bytes:
        """Raises `Damaged` when the bytes are gone or are not those that were put."""
        try:
            data: bytes = self._system.cat_file(self._place(digest))
        except FileNotFoundError as error:
            raise Damaged(f"{digest[:12]} is gone from the store {self.url}", hint="nbpromote doctor") from error
        except OSError as error:
            raise Unavailable(f"the store {self.url} cannot be read: {error}") from error
        if sha256(data) != digest:
            raise Damaged(f"{digest[:12]} in the store {self.url} was changed", hint="nbpromote doctor")
        return data

    def export(self, sealed: Mapping[str, Sealed], prefix: str, into: Path) -> Path:
        """Write the files whose path starts with `prefix` below a folder, without the prefix.

        Raises `Damaged` for a path that leads out of the folder.
        """
        for path, file in sealed.items():
            if path.startswith(prefix):
                target = into / path.removeprefix(prefix)
                if not target.resolve().is_relative_to(into.resolve()):
                    raise Damaged(f"{path!r} leads out of {into}; nothing was written there")
                files.write(target, self.get(file.sha256))
        return into

    def _write(self, place: str, data: bytes) -> None:
        if self._local:
            files.write(Path(place), data)
            return
        try:
            self._system.makedirs(os.path.dirname(place), exist_ok=True)
            draft = f"{place}.{secrets.token_hex(4)}"
            self._system.pipe_file(draft, data)
            self._system.mv(draft, place)
        except OSError as error:
            raise Unavailable(f"the store {self.url} cannot be written: {error}") from error

    def _place(self, digest: str) -> str:
        return f"{self._root}/sha256/{digest[:2]}/{digest[2:]}"

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        import fsspec  # 0.2 s; only the verbs that seal or restore pay it

        try:
            system, root = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise Unavailable(f"the store {self.url} cannot be opened: {error}") from error
        return system, root.rstrip("/")

    @property
    def _system(self) -> Any:
        return self._opened[0]

    @property
    def _root(self) -> str:
        return self._opened[1]

    @property
    def _local(self) -> bool:
        protocol = self._system.protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)
