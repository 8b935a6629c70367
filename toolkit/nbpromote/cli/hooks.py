"""What a hook prints, and how it ends: 0 lets the commit through."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nbpromote.cli.options import said

if TYPE_CHECKING:
    from nbpromote.workflow.authoring.hooks.hooking import Brought


def sync(folder: Path, names: tuple[str, ...], *, stage: bool, as_json: bool) -> int:
    from nbpromote import workflow

    done = workflow.sync_staged(folder, names, stage=stage, change=not _in_ci())
    document = {
        "passed": done.passed,
        "written": [{"path": write.path, "reason": write.reason} for write in done.writes if done.changed],
        "wanted": [{"path": write.path, "reason": write.reason} for write in done.writes if not done.changed],
        "refused": list(done.refusals),
        "next": done.add or None,
    }
    text = "\n".join(_lines(done))
    if text or as_json:
        said(text, document, as_json=as_json)
    return 0 if done.passed else 1


def _lines(done: Brought) -> Iterator[str]:
    yield from done.refusals
    for write in done.writes:
        if done.changed:
            yield f"{'wrote and staged' if done.staged and write.staged else 'wrote'} {write.path}: {write.reason}"
        elif not done.refusals:
            yield f"{write.path} would be written: {write.reason}"
    if done.writes and not done.changed:
        yield "nothing was written" if done.refusals else "nothing was written; nbpromote sync, and commit its files"
    if done.add:
        yield done.add


def _in_ci() -> bool:
    """Every provider sets CI; some of them to `True` or `1`."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no", "off")
