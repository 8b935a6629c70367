"""The params folder: its files as the working tree has them, as HEAD has them, and as the trusted commit does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nbpromote import params
from nbpromote.errors import NotFound
from nbpromote.git import Repository
from nbpromote.workflow.site.trusting import Trusted


@dataclass(frozen=True)
class Values:
    """`repository` is the one that holds the folder, None where none does; `trusted` is its commit that counts."""

    folder: Path
    repository: Repository | None
    head: str | None
    trusted: Trusted | None

    @property
    def commit(self) -> str | None:
        return self.trusted.commit if self.trusted else None

    def working(self, file: str) -> str | None:
        """A params or policy file of the working tree."""
        return _text(self._working(file))

    def committed(self, file: str) -> str | None:
        """The same in the trusted commit."""
        return _text(self._in(self.commit, file))

    def at(self, commit: str) -> params.Read:
        """What reads the files of a commit."""
        return lambda file: _text(self._in(commit, file))

    def holds(self, environment: str) -> bool:
        """Whether the trusted commit has an environment."""
        return self._in(self.commit, f"{environment}.yaml") is not None

    def lacks(self, environment: str) -> NotFound:
        """What to do about values that the trusted commit does not hold."""
        file, trusted = f"{self.folder.name}/{environment}.yaml", self.trusted
        rule = "above the entry environment values come from a commit"
        if trusted is None or self.repository is None:
            hint = f"{rule}, and {self.folder} is in no git repository: git init there, and commit"
        elif self.repository.ignored(self.folder / f"{environment}.yaml"):
            hint = f"{rule}, and git ignores this file: take it out of .gitignore, or git init in {self.folder}"
        elif trusted.is_merged_into:
            return NotFound(f"{trusted.name} does not hold {file}", hint=f"{rule} of {trusted.name}: merge it")
        else:
            hint = f"{rule}: git add and commit it"
        return NotFound(f"{file} is not committed", hint=hint)

    def revision(self, environment: str, *, entry: bool) -> dict[str, str]:
        """Git's blob id of each file that an environment's values and demands come from."""
        contents = {
            file: self._working(file) if entry else self._in(self.commit, file) for file in _files_of(environment)
        }
        return {f"{self.folder.name}/{file}": blob_id(data) for file, data in contents.items() if data is not None}

    def uncommitted(self, environment: str) -> tuple[str, ...]:
        """Params and policy files of an environment that differ from HEAD."""
        return tuple(file for file in _files_of(environment) if self._working(file) != self._in(self.head, file))

    def _working(self, file: str) -> bytes | None:
        path = self.folder / file
        return path.read_bytes() if path.is_file() else None

    def _in(self, commit: str | None, file: str) -> bytes | None:
        return _blob(self.repository, commit, file) if self.repository and commit else None


def _text(data: bytes | None) -> str | None:
    return data.decode() if data is not None else None


def _files_of(environment: str) -> tuple[str, ...]:
    return ("base.yaml", f"{environment}.yaml", f"{environment}.policy.yaml")


def _blob(repository: Repository, commit: str, path: str) -> bytes | None:
    return _blobs(repository, commit).get(path) if "/" not in path else repository.read(commit, path)


@cache
def _blobs(repository: Repository, commit: str) -> dict[str, bytes]:
    """What a commit holds never changes, so its folder is read once, small files of which most are asked for."""
    return repository.read_folder(commit)


def blob_id(data: bytes) -> str:
    """What git calls a file of this content, where no filter changes it."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
