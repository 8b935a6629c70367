"""What became of files on a branch: each commit that changed one of them, with the lines that it changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbpromote.git.repository import Repository

_LINES = 40  # of one commit
_HEAD = re.compile(r"\x01(?=[0-9a-f]{40,64}\0)")  # a file may hold such a letter, and hardly what follows it


@dataclass(frozen=True, kw_only=True)
class Edit:
    """`at` is when it came to the branch: of what was merged, the merge. `lines` start with `-` or `+`."""

    commit: str
    at: str
    author: str
    subject: str
    paths: tuple[str, ...]
    lines: tuple[str, ...] = ()


def edits(repository: Repository, commit: str, paths: Sequence[str], *, since: str) -> tuple[Edit, ...]:
    """Newest first; paths are from the repository's root as it was opened."""
    told = repository.run(
        "log",
        f"--since={since}",
        "--first-parent",
        "--diff-merges=first-parent",
        "--relative",
        "--no-ext-diff",
        "--no-renames",
        "--no-color",
        "-p",
        "-U0",
        "--format=%x01%H%x00%cI%x00%an <%ae>%x00%s%x00",
        commit,
        "--",
        *paths,
    )
    records = _HEAD.split(told.decode(errors="replace"))
    return tuple(_edit(record) for record in records if record.strip())


def _edit(record: str) -> Edit:
    commit, at, author, subject, patch = record.split("\0", 4)
    changed = list(_changed(patch))
    return Edit(
        commit=commit,
        at=at,
        author=author,
        subject=subject,
        paths=tuple(dict.fromkeys(path for path, _ in changed)),
        lines=tuple(line for _, line in changed[:_LINES] if line),
    )


def _changed(patch: str) -> Iterator[tuple[str, str]]:
    """Each changed line with its file; a file alone where git shows no line of it."""
    path, heads = "", False
    for line in patch.splitlines():
        if line.startswith("diff --git "):
            path, heads = line.rpartition(" b/")[2], True
            yield path, ""
        elif line.startswith("@@"):
            heads = False
        elif not heads and line[:1] in ("-", "+"):
            yield path, line
