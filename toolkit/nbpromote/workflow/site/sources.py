"""The code of notebooks, as the working tree has it and as a commit does: cells, what they import, what is included."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from nbpromote import notebook, params
from nbpromote.git import Repository
from nbpromote.model import Code, Pair
from nbpromote.project import Project


@dataclass(frozen=True)
class Sources:
    project: Project
    git: Repository

    def code(self, pair: Pair) -> Code:
        """The code of a notebook as it stands in the working tree."""
        return self.code_of(self.sides(pair), self._working_file, self.git.tracked())

    def committed(self, notebook_path: str, commit: str | None = "HEAD") -> Code | None:
        """The code of a notebook in a commit; None where that does not hold it."""
        head = self.git.head()
        commit = head if commit == "HEAD" else commit
        if commit is None or head is None:
            return None
        if (notebook_path, commit) not in self._codes:
            self._codes[notebook_path, commit] = self._code_in(commit, notebook_path)
        return self._codes[notebook_path, commit]

    @cached_property
    def _codes(self) -> dict[tuple[str, str], Code | None]:
        """What a commit holds never changes, and `plan` asks for it once an environment."""
        return {}

    def _code_in(self, commit: str, notebook_path: str) -> Code | None:
        tracked = self.git.tracked(commit)
        stem = notebook_path.rsplit(".", 1)[0]
        sides = [side for suffix in notebook.SUFFIXES if (side := f"{stem}{suffix}") in tracked]
        if not sides:
            return None
        return self.code_of(sides, lambda path: self.git.read(commit, path) if path in tracked else None, tracked)

    def code_of(self, sides: Sequence[str], read: params.ReadBytes, tracked: Collection[str]) -> Code:
        """What the files make of a notebook: its cells, what they import, what the settings include, its contract."""
        include, beside = self.project.include, params.contracts.files
        return notebook.code(sides, read, tracked, include, fits=params.fits, beside=beside)

    def is_committed(self, pair: Pair, code: Code) -> bool:
        """Whether HEAD holds the notebook and the files that it imports, in whatever state."""
        if self.git.head() is None:
            return False
        tracked = self.git.tracked("HEAD")
        return any(side in tracked for side in self.sides(pair)) and all(path in tracked for path in code.files)

    def files(self, pair: Pair, code: Code) -> dict[str, bytes]:
        """Every file that the code of a notebook is made of, by its path from the root."""
        paths = [*self.sides(pair), *code.files]
        found = {path: self._working_file(path) for path in paths}
        return {path: data for path, data in found.items() if data is not None}

    def lock(self, commit: str | None = None) -> bytes | None:
        if self.project.lock is None:
            return None
        return self.git.read(commit, self.project.lock) if commit else self._working_file(self.project.lock)

    def sides(self, pair: Pair) -> list[str]:
        """The files of a pair that there are, from the root."""
        return [self.project.relative(side) for side in (pair.ipynb, pair.script) if side is not None]

    def _working_file(self, path: str) -> bytes | None:
        file = self.project.root / path
        return file.read_bytes() if file.is_file() else None
