"""Which commit is trusted: demands and values above the entry environment are read from it, and it holds the code.

That is the tip of the branch that a team merges into, as the remote has it. What a branch, a working tree or a clone
says of itself changes nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from nbpromote import project
from nbpromote.errors import BadInput, Unavailable, Usage
from nbpromote.git import Repository, trunk
from nbpromote.git.trunk import Heads


@dataclass(frozen=True, kw_only=True)
class Trusted:
    """`name` is what messages call it; `doubt` says why nobody may promote by it."""

    name: str  # origin/main, HEAD
    commit: str | None
    doubt: str = ""

    @property
    def is_merged_into(self) -> bool:
        """Whether it is a remote's branch, which one gets into by merging, and not what is checked out."""
        return self.name != "HEAD"


@dataclass
class Upstream:
    """The remotes of a repository that may hold what is trusted, the likeliest first.

    `configured` gives the setting `policy_ref` as a commit has it. Raises `BadInput` where that cannot be read.
    """

    git: Repository
    remotes: tuple[str, ...]
    configured: Callable[[str], str | None]
    _said: dict[str, Heads] = field(default_factory=dict)

    def fetch(self, until: float) -> None:
        """Bring the trusted branch up to date, by a moment of the monotonic clock. Raises `Unavailable` past it."""
        for remote in self.remotes:
            self._fetch(remote, until)
            if not self._holds_no_code(remote):
                return

    def _fetch(self, remote: str, until: float) -> None:
        default = trunk.known(self.git, remote)
        if default is None or not self._has(remote, default, until):
            heads = self._said[remote] = trunk.ask(self.git, remote, timeout=_left(until))
            if heads.trunk is None:
                return
            default = heads.trunk
            self._bring(remote, default, until)
            trunk.keep(self.git, remote, default)
        with suppress(BadInput):  # told as a doubt
            named = self._named(f"refs/remotes/{remote}/{default}", remote)
            if named not in (None, "HEAD", default):
                self._bring(remote, named, until)

    def _has(self, remote: str, branch: str, until: float) -> bool:
        """Whether the branch came; it may have been renamed there."""
        try:
            self._bring(remote, branch, until)
        except Unavailable:
            return False
        return True

    def _bring(self, remote: str, branch: str, until: float) -> None:
        self.git.fetch(remote, branch, timeout=_left(until))

    def trusted(self) -> Trusted:
        """As far as this clone knows it; nothing is fetched."""
        for remote in self.remotes:
            default = trunk.known(self.git, remote)
            if default is not None:
                return self._on(remote, default)
            if not self._holds_no_code(remote):
                return Trusted(name="HEAD", commit=self.git.head(), doubt=self._doubt(remote))
        return self._here()

    def _on(self, remote: str, default: str) -> Trusted:
        """The remote's default branch, or what the setting there names."""
        tip = f"refs/remotes/{remote}/{default}"
        unsure = Trusted(name=f"{remote}/{default}", commit=self.git.ref(tip))
        try:
            named = self._named(tip, remote) or default
        except BadInput as error:
            return replace(unsure, doubt=str(error))
        if named == "HEAD":
            return Trusted(name="HEAD", commit=self.git.head())
        commit = self.git.ref(f"refs/remotes/{remote}/{named}")
        if commit is None:
            doubt = f"policy_ref in the pyproject.toml of {unsure.name} names {named!r}, which {remote} does not have"
            return replace(unsure, doubt=doubt)
        return Trusted(name=f"{remote}/{named}", commit=commit)

    def _here(self) -> Trusted:
        """Where no remote holds code: HEAD, or what the setting there names."""
        head = self.git.head()
        try:
            named = (self.configured("HEAD") if head else None) or "HEAD"
        except BadInput as error:
            return Trusted(name="HEAD", commit=head, doubt=str(error))
        if named == "HEAD":
            return Trusted(name="HEAD", commit=head)
        commit = self.git.ref(named)
        if commit is None:
            return Trusted(name="HEAD", commit=head, doubt=f"policy_ref names {named!r}, which is no commit here")
        return Trusted(name=named, commit=commit)

    def _named(self, tip: str, remote: str) -> str | None:
        """The branch that the setting names; `origin/main` and `main` are one branch of origin."""
        named = self.configured(tip)
        return named.removeprefix(f"{remote}/") if named else None

    def _holds_no_code(self, remote: str) -> bool:
        """It was asked, and has no branch but the ledger's."""
        heads = self._said.get(remote)
        return heads is not None and all(name.startswith("nbpromote/") for name in heads.branches)

    def _doubt(self, remote: str) -> str:
        if self._said.get(remote):
            return f"{remote} does not say which of its branches is the default: git remote set-head {remote} BRANCH"
        return f"it is not known here which branch of {remote} is its default: git fetch {remote} tells why"


def of_code(git: Repository, ledger: str | None) -> Upstream:
    """Of the repository that the project lies in; `ledger` is the remote that shares its history."""

    def configured(commit: str) -> str | None:
        data = git.read(commit, "pyproject.toml")
        where = f"{commit.removeprefix('refs/remotes/')}:pyproject.toml"
        return project.policy_ref(data, where=where) if data else None

    return Upstream(git, _remotes(git, ledger), configured)


def of_params(git: Repository) -> Upstream:
    """Of a repository that holds the params folder alone, and no settings."""
    return Upstream(git, _remotes(git, None), lambda _commit: None)


def _remotes(git: Repository, ledger: str | None) -> tuple[str, ...]:
    """Where it may be merged: the ledger's remote, then `origin`, or the one that there is.

    Raises `Usage` where several could be meant.
    """
    there = git.remotes()
    if ledger is None and len(there) > 1 and "origin" not in there:
        raise Usage(
            f"several remotes, and none is called origin: {', '.join(there)}",
            hint='name the one that is merged into: [tool.nbpromote] remote = "..."',
        )
    usual = ("origin",) if "origin" in there else there[:1]
    return tuple(dict.fromkeys([*([ledger] if ledger else []), *usual]))


def _left(until: float) -> float:
    return max(0.1, until - time.monotonic())
