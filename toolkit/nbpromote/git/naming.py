"""How git names what it holds: by content. For what must be known without asking or writing anything."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

_SHA1 = 40

_Row = tuple[bytes, bytes]  # what the folder above is sorted by, and what stands in it


class Tree:
    """A tree that grows file by file, and its name as git would have it after each.

    `width` is that of the repository's names, in hex digits: 40 for SHA-1, 64 for SHA-256.
    """

    def __init__(self, width: int) -> None:
        self.id = ""
        self._digest = hashlib.sha1 if width == _SHA1 else hashlib.sha256
        self._folders: dict[PurePosixPath, dict[str, _Row]] = {}

    def put(self, path: str, data: bytes) -> None:
        place = PurePosixPath(path)
        row = (place.name.encode(), b"100644 %s\0%s" % (place.name.encode(), self._named(b"blob", data)))
        for folder in place.parents:
            rows = self._folders.setdefault(folder, {})
            rows[place.name] = row
            name = self._named(b"tree", b"".join(told for _, told in sorted(rows.values())))
            # git sorts a folder as if its name ended in a slash
            row = (folder.name.encode() + b"/", b"40000 %s\0%s" % (folder.name.encode(), name))
            place = folder
        self.id = name.hex()

    def _named(self, kind: bytes, data: bytes) -> bytes:
        return self._digest(b"%s %d\0%s" % (kind, len(data), data), usedforsecurity=False).digest()
