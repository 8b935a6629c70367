"""The branch of a remote that a team merges into: which it is, and what it holds by now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nbpromote.git.repository import Repository

_USUAL = ("main", "master")


@dataclass(frozen=True, kw_only=True)
class Heads:
    """What a remote says of itself: its default branch, where it names one, and the commit of each branch."""

    default: str | None
    branches: Mapping[str, str] = field(default_factory=dict)

    @property
    def trunk(self) -> str | None:
        """The default branch; of a remote whose HEAD leads nowhere, the usual one where there is one alone."""
        return self.default or _alone(name for name in _USUAL if name in self.branches)


def known(repository: Repository, remote: str) -> str | None:
    """A remote's default branch as far as this clone has it; None where it cannot tell."""
    ours = f"refs/remotes/{remote}/"
    said = repository.ask("symbolic-ref", "--quiet", f"{ours}HEAD") or ""
    if said.startswith(ours) and repository.ref(said):
        return said.removeprefix(ours)
    return _alone(name for name in _USUAL if repository.ref(ours + name))


def ask(repository: Repository, remote: str, *, timeout: float) -> Heads:
    """What the remote says. Raises `Unavailable` where it did not in time."""
    rows = [
        line.split("\t") for line in repository.listed(remote, "HEAD", "refs/heads/*", timeout=timeout).splitlines()
    ]
    branches = {name.removeprefix("refs/heads/"): commit for commit, name in rows if name.startswith("refs/heads/")}
    default = next((left.removeprefix("ref: refs/heads/") for left, _ in rows if left.startswith("ref: ")), None)
    return Heads(default=default if default in branches else None, branches=branches)


def keep(repository: Repository, remote: str, branch: str) -> None:
    """Note which branch is a remote's default, where git itself notes it, as `git remote set-head` does."""
    repository.run("symbolic-ref", f"refs/remotes/{remote}/HEAD", f"refs/remotes/{remote}/{branch}")


def _alone(names: Iterable[str]) -> str | None:
    found = tuple(names)
    return found[0] if len(found) == 1 else None
