"""A remote, over whatever transport: what it has is brought, what it takes is sent, what git says of it made plain."""

from __future__ import annotations

from dataclasses import dataclass

from nbpromote.errors import Refused, Unavailable
from nbpromote.git.program import Program

PUSH_SECONDS = 60.0  # a remote that says nothing must not hold a promotion for ever
_LOOK_SECONDS = 10.0
_MEND = "mend the connection and run the same command again"


class Rejected(Exception):
    """A reference was not where the caller thought; nothing was moved."""


# git's own words (refs/files-backend.c) for a reference that somebody else moved, or is moving
MOVED = (
    "but expected",
    "reference already exists",
    "unable to resolve reference",
    "incorrect old value provided",
    "failed to update ref",
    ".lock': File exists",
)
_IN_THE_WAY = ("exists; cannot create", "directory file conflict")
_NO_ENTRY = (
    "could not read Username",
    "could not read Password",
    "Authentication failed",
    "Permission denied (",
    "Host key verification failed",
)
_NOT_ALLOWED = ("[remote rejected]", "returned error: 403")
_NOT_THERE = (
    "does not appear to be a git repository",
    "Could not resolve",
    "Failed to connect",
    "Couldn't connect",
    "not found",
)


@dataclass(frozen=True)
class Remote:
    program: Program
    name: str

    def fetch(self, *specs: str, timeout: float) -> None:
        """Raises `Unavailable` where nothing came in time."""
        self._asked("fetch", "--quiet", "--no-tags", self.name, *specs, timeout=timeout)

    def listed(self, *patterns: str, timeout: float) -> str:
        """What `git ls-remote` tells of its references. Raises `Unavailable` where it did not tell it in time."""
        return self._asked("ls-remote", "--symref", self.name, *patterns, timeout=timeout)

    def _asked(self, *args: str, timeout: float) -> str:
        done = self.program.reach(*args, timeout=timeout)
        if done is None:
            raise Unavailable(self._silent(timeout), hint=_MEND)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            told = f"the remote {self.name!r} cannot be fetched: {_fatal(said)}"
            raise self._closed(said) or Unavailable(told, hint=_MEND)
        return done.stdout.decode(errors="replace")

    def push(self, commit: str, branch: str) -> None:
        """A fast-forward. Raises `Rejected` when the branch is elsewhere, `Refused` when it is protected.

        A reply can be lost after the work was done, so after any other failure the branch is read back.
        """
        problem = self._sent(commit, branch)
        if problem is None:
            return
        try:
            tip = self.listed(f"refs/heads/{branch}", timeout=_LOOK_SECONDS).partition("\t")[0]
        except Unavailable as error:
            raise Unavailable(f"{problem}; it is not known whether it was taken", hint=_MEND) from error
        if tip != commit:
            raise Unavailable(f"{problem}; this was read back: nothing was changed", hint=_MEND)

    def try_push(self, commit: str, branch: str) -> None:
        """Whether it would take the branch: raises as `push` does, and sends nothing."""
        if problem := self._sent(commit, branch, "--dry-run"):
            raise Unavailable(problem, hint=_MEND)

    def _sent(self, commit: str, branch: str, *how: str) -> str | None:
        """What went wrong on the way, so that it is open whether the branch moved."""
        spec = f"{commit}:refs/heads/{branch}"
        done = self.program.reach("push", "--porcelain", *how, self.name, spec, timeout=PUSH_SECONDS)
        if done is None:
            return self._silent(PUSH_SECONDS)
        if done.returncode == 0:
            return None
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        if any(words in said for words in _IN_THE_WAY):
            raise Refused(
                f"a branch of the remote {self.name!r} is in the way of {branch}; nothing was changed:\n{said}",
                hint="rename it there, so that a folder of that name has room",
            )
        if "[rejected]" in said or any(words in said for words in MOVED):
            raise Rejected(said)
        if any(words in said for words in _NOT_ALLOWED):
            raise Refused(
                f"the remote {self.name!r} does not let you push {branch}; nothing was changed:\n{said}",
                hint="its branch protection and hooks say who may, and so do the rights of a token",
            )
        if closed := self._closed(said):
            raise Unavailable(f"{closed}; nothing was changed", hint=closed.hint)
        return f"the remote {self.name!r} did not take the ledger: {_fatal(said)}"

    def _silent(self, timeout: float) -> str:
        return f"the remote {self.name!r} did not answer within {timeout:.2g} s"

    def _closed(self, said: str) -> Unavailable | None:
        """An answer that comes before anything could have been changed there."""
        if any(words in said for words in _NO_ENTRY):
            return Unavailable(
                f"the remote {self.name!r} does not let us in: {_fatal(said)}",
                hint="nobody is asked for a password here: git's credential helper, an SSH agent or the token of a "
                f"job must know it; `git ls-remote {self.name}` tries that",
            )
        if any(words in said for words in _NOT_THERE):
            return Unavailable(
                f"the remote {self.name!r} cannot be reached: {_fatal(said)}",
                hint=f"git remote get-url {self.name} says where it is looked for",
            )
        return None


def _fatal(said: str) -> str:
    """The line in which git says why it gave up."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fatal = (line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: "))
    return next(fatal, lines[0] if lines else "git said nothing")
