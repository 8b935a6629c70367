"""The index, which is what will be committed: reading it, and writing to it without a work tree."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbpromote.errors import Refused
from nbpromote.git.repository import Repository, find, listed

_MODE = "100644"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file as it stands in the index."""

    mode: str
    blob: str

    @property
    def is_file(self) -> bool:
        """Neither a link nor a submodule."""
        return self.mode.startswith("100")


@dataclass(frozen=True, kw_only=True)
class Change:
    """A path that the index no longer has, and the one that it was renamed to where it was."""

    gone: str
    now: str | None = None


@dataclass(frozen=True)
class Index:
    repository: Repository

    def staged(self) -> dict[str, Entry]:
        """Every file of the index by its path. Raises `Refused` where a merge left a path unsettled."""
        rows = (row.split("\t", 1) for row in listed(self.repository.run("ls-files", "-s", "-z")))
        parsed = [(path, *meta.split()) for meta, path in rows]
        unmerged = sorted({path for path, _, _, level in parsed if level != "0"})
        if unmerged:
            raise Refused(f"unmerged: {', '.join(unmerged)}", hint="resolve them and git add them")
        return {path: Entry(mode=mode, blob=blob) for path, mode, blob, _ in parsed}

    @property
    def is_partial(self) -> bool:
        """Whether the commit is made of named files only, as by `git commit FILE`; git keeps its index aside."""
        return self.repository.index is not None and self.repository.index.name.startswith("next-index-")

    def unstaged(self) -> dict[str, str]:
        """Paths of the index whose file is another one in the work tree, by git's filters, each with git's letter.

        `A` is a file that `git add --intent-to-add` only announced: it has no content in the index yet.
        """
        rows = listed(
            self.repository.run("diff", "--name-status", "--no-renames", "--no-ext-diff", "--ignore-submodules", "-z")
        )
        return dict(zip(rows[1::2], rows[0::2], strict=True))

    def mentions(self, text: str, pattern: str) -> bool:
        """Whether a file of the index whose path fits the pattern holds the text."""
        return (
            self.repository.ask("grep", "--quiet", "--cached", "--fixed-strings", "-e", text, "--", pattern) is not None
        )

    def put_in(self) -> tuple[str, ...]:
        """Paths that the index has otherwise than HEAD, or that HEAD has not."""
        args = ("--cached", "--name-only", "--no-renames", "--diff-filter=d", "--no-ext-diff", "-z")
        return tuple(listed(self.repository.run("diff", *args)))

    def taken_out(self) -> tuple[Change, ...]:
        """Paths that HEAD has and the index has not."""
        args = ("--cached", "--name-status", "--find-renames", "--diff-filter=DR", "--no-ext-diff", "-z")
        rows = iter(listed(self.repository.run("diff", *args)))
        return tuple(Change(gone=next(rows), now=next(rows) if letter.startswith("R") else None) for letter in rows)

    def contents(self, entries: Mapping[str, Entry]) -> dict[str, bytes]:
        """What the work tree would hold of these files of the index, git's filters (line ends, LFS) applied."""
        blobs = self.repository.blobs([entry.blob for entry in entries.values()])
        return {path: self._filtered(path, blob or b"") for path, blob in zip(entries, blobs, strict=True)}

    def _filtered(self, path: str, blob: bytes) -> bytes:
        # one by one: with --batch, --filters tells the size of what was not filtered yet
        file = self.repository.root / path
        if file.is_file() and file.read_bytes() == blob:
            return blob
        return self.repository.run("cat-file", "--filters", f":./{path}")

    def stage(self, files: Mapping[str, bytes], *, modes: Mapping[str, str]) -> None:
        """Put contents into the index, all or none, git's filters undone. Touches no work tree."""
        rows = []
        for path, data in files.items():
            blob = self.repository.run("hash-object", "-w", "--stdin", "--path", path, data=data).decode().strip()
            rows.append(f"{modes.get(path, _MODE)} {blob}\t{path}\0")
        if rows:
            self.repository.run("update-index", "-z", "--add", "--index-info", data=os.fsencode("".join(rows)))

    def patched(self, patch: Path) -> tuple[str, ...]:
        """Paths that a patch touches."""
        rows = listed(self.repository.run("apply", "--numstat", "-z", str(patch)))
        return tuple(row.split("\t", 2)[2] for row in rows)


def committing(start: Path) -> Repository:
    """The repository that `start` stands in from its top, with the index that git is making a commit from.

    git tells its hooks of one that is not its usual by GIT_INDEX_FILE; one of another repository is not believed.
    """
    top, own = find(start).run("rev-parse", "--show-toplevel", "--absolute-git-dir").decode().splitlines()
    index = Path.cwd() / os.environ.get("GIT_INDEX_FILE", "")
    return Repository(Path(top), index.resolve() if index.resolve().parent == Path(own).resolve() else None)
