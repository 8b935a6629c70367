"""The agreed record: what both sides said when they last said the same, and as which bytes. No disk."""

from __future__ import annotations

import json
from dataclasses import dataclass

from nbpromote.model import canonical, sha256
from nbpromote.notebook.pairing.blocks import Base, Block, Contents


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """`notebook` and `script` are SHA-256 of the bytes of both files then, `committed` names what HEAD said of the
    pair then, in whatever words the caller compares it by. A file that was not there has None.
    """

    base: Base
    notebook: str | None = None
    script: str | None = None
    committed: str = ""

    def holds(self, contents: Contents) -> bool:
        """Whether neither file changed by a byte since."""
        return (self.notebook, self.script) == (_sha256(contents.notebook), _sha256(contents.script))


def agreed(base: Base, contents: Contents, *, committed: str) -> Agreed:
    """The record of both sides as they are now."""
    return Agreed(base=base, notebook=_sha256(contents.notebook), script=_sha256(contents.script), committed=committed)


def write_agreed(agreed: Agreed) -> bytes:
    cells = [
        {"kind": block.kind, "source": block.source, "tags": list(block.tags), "id": block.id, "number": block.number}
        for block in agreed.base.blocks
    ]
    files = {"notebook": agreed.notebook, "script": agreed.script, "committed": agreed.committed}
    return canonical({"format": 1, "cells": cells, **files})


def read_agreed(data: bytes) -> Agreed | None:
    """A record that is broken, or of another version, says nothing."""
    try:
        plain = json.loads(data)
        blocks = tuple(Block(**{**cell, "tags": tuple(cell["tags"])}) for cell in plain["cells"])
        files = {key: plain[key] for key in ("notebook", "script", "committed")}
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return Agreed(base=Base(blocks=blocks), **files)


def _sha256(data: bytes | None) -> str | None:
    return None if data is None else sha256(data)
