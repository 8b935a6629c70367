"""Evidence on this disk: written once, with its own digest, and believed only with it."""

from __future__ import annotations

import json
from pathlib import Path

from nbpromote import files
from nbpromote.errors import Refused
from nbpromote.model import Evidence, digest, dump, load, sha256

_DIGEST = "sha256"


def keep(evidence: Evidence) -> None:
    """Evidence is never overwritten: asking again makes another file."""
    folder = evidence.run.folder
    number = len(list(folder.glob("evidence-*.json"))) + 1
    files.write(folder / f"evidence-{number:03d}.json", written(evidence))


def evidence_in(folder: Path) -> Evidence | None:
    """The newest evidence of a run; None where the run never came to it. Raises `Refused` for one that was changed."""
    found = sorted(folder.glob("evidence-*.json"))
    return read(found[-1].read_text(encoding="utf-8", errors="replace"), where=str(found[-1])) if found else None


def executed(evidence: Evidence) -> bytes:
    """The notebook that the checks looked at. Raises `Refused` for another one in its place."""
    return _as_left(evidence.run.notebook_file, evidence.executed)


def compared(evidence: Evidence) -> bytes | None:
    """The notebook whose outputs it was compared with; None where there was none. Raises as `executed` does."""
    return _as_left(evidence.run.reference_file, evidence.compared) if evidence.compared else None


def _as_left(file: Path, wanted: str) -> bytes:
    found = file.read_bytes() if file.is_file() else b""
    if sha256(found) != wanted:
        raise Refused(
            "this notebook is not as its run left it, so its evidence says nothing of it",
            where=str(file),
            hint="run the notebook again",
        )
    return found


def written(evidence: Evidence) -> str:
    return json.dumps({_DIGEST: evidence.digest, **dump(evidence)}, indent=1, ensure_ascii=False) + "\n"


def read(text: str, *, where: str) -> Evidence:
    """What was written, to the last field. Raises `Refused` for anything else: a file is easily edited by mistake."""
    try:
        plain = json.loads(text)
        if plain.pop(_DIGEST) == digest(plain):
            return load(Evidence, plain)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise Refused(
        "this evidence is not as it was written, so nothing can rest on it",
        where=where,
        hint="run the notebook again",
    )
