"""A repository: its commits, references and remotes, by git's plumbing."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from nbpromote.errors import NotFound, Unavailable, Usage
from nbpromote.git import objects, signatures
from nbpromote.git.program import Program
from nbpromote.git.remote import MOVED, Rejected, Remote
from nbpromote.git.signatures import Signature

_LOCK_SECONDS = 3.0  # git holds the lock of a reference for milliseconds


@dataclass(frozen=True)
class Repository:
    root: Path
    index: Path | None = None  # where git makes a commit from an index of its own, as for `git commit -a`

    def run(self, *args: str, data: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        """What git prints. Raises `Unavailable` with git's own words when it fails."""
        done = self._program.call(args, data, env)
        if done.returncode != 0:
            raise _failed(f"git {' '.join(args[:3])} failed", done)
        return done.stdout

    def ask(self, *args: str, data: bytes | None = None) -> str | None:
        """What git prints, stripped; None where it says no."""
        done = self._program.call(args, data)
        return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None

    def complaint(self, *args: str) -> str:
        """What git says when it does not do as it is told."""
        return self._program.call(args).stderr.decode(errors="replace").strip()

    @property
    def _program(self) -> Program:
        return Program(self.root, self.index)

    # -- the work tree and its commits

    @cached_property
    def _standing(self) -> tuple[str, str]:
        """Whether this lies in a work tree, in git's words, and git's own folder: both by one question."""
        said = self.ask("rev-parse", "--is-inside-work-tree", "--git-common-dir") or ""
        inside, _, folder = said.partition("\n")
        return inside, folder

    @property
    def is_work_tree(self) -> bool:
        return self._standing[0] == "true"

    @cached_property
    def folder(self) -> Path:
        """Git's own folder, shared by all worktrees."""
        return (self.root / self._standing[1]).resolve()

    @cached_property
    def own_folder(self) -> Path:
        """Git's folder of this worktree alone: what is checked out here is no matter of the others."""
        return Path(os.fsdecode(self.run("rev-parse", "--absolute-git-dir").removesuffix(b"\n")))

    @cached_property
    def prefix(self) -> str:
        """Where this root lies in its repository: empty at the top, else it ends in `/`."""
        return os.fsdecode(self.run("rev-parse", "--show-prefix").removesuffix(b"\n"))

    def head(self) -> str | None:
        """The commit that is checked out; None before the first."""
        return self.ref("HEAD")

    @property
    def is_shallow(self) -> bool:
        """Whether older history was left out when this was cloned."""
        return (self.folder / "shallow").exists()

    def identity(self) -> str:
        """`Name <mail>` of whoever acts here. Raises `Usage` where git does not know."""
        return self._identity

    @cached_property
    def _identity(self) -> str:
        who = self.ask("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
        if who is None:
            raise Usage(
                "git does not know who you are, and history needs a name",
                hint='git config --global user.name "Your Name"; git config --global user.email you@example.org',
            )
        return who.rsplit(" ", 2)[0]

    def tracked(self, commit: str | None = None) -> dict[str, str]:
        """Blob id by path (from this root) of every file in the index, or in a commit."""
        listing = self.run("ls-files", "-s", "-z") if commit is None else self.run("ls-tree", "-r", "-z", commit, ".")
        rows = (row.split("\t", 1) for row in listed(listing))
        # `mode blob stage` from the index, `mode blob id` from a tree
        return {path: meta.split()[1 if commit is None else 2] for meta, path in rows}

    def tracks(self, path: Path) -> bool:
        """Whether a file, by its absolute path, is in the index; one outside of the repository is not."""
        return self.ask("--literal-pathspecs", "ls-files", "--error-unmatch", "--", str(path)) is not None

    def read(self, commit: str, path: str) -> bytes | None:
        """A file's bytes in a commit, by its path from this root; None where the commit has none.

        Raises `Unavailable` for one that the commit has and git cannot read: a damaged policy must not be no policy.
        """
        done = self._program.call(("cat-file", "blob", f"{commit}:./{path}"))
        if done.returncode == 0:
            return done.stdout
        if self.ref(commit) is None or not self._has_file(commit, path):
            return None
        raise _failed(f"git cannot read {path} of commit {commit[:10]}", done)

    def _has_file(self, commit: str, path: str) -> bool:
        return self.run("ls-tree", commit, f"./{path}").split()[1:2] == [b"blob"]

    def read_folder(self, commit: str) -> dict[str, bytes]:
        """Every file that lies in this root itself, as a commit has it, by two calls; none where it has no such folder.

        Raises `Unavailable` as `read` does.
        """
        rows = (row.split("\t", 1) for row in listed(self.run("ls-tree", "-z", commit, "./")))
        ids = {path: meta.split()[2] for meta, path in rows if meta.split()[1] == "blob"}
        found = zip(ids, self.blobs(list(ids.values())), strict=True)
        return {name: data if data is not None else self.read(commit, name) or b"" for name, data in found}

    def blobs(self, names: Sequence[str]) -> list[bytes | None]:
        """Bytes of blobs, by id or as `commit:./path`, None where there is none: one process for all."""
        return list(self.stream(names)) if names else []

    def stream(self, names: Iterable[str]) -> Iterator[bytes | None]:
        """The same one by one, for more of them than memory holds."""
        return objects.read(self._program, names)

    def blob(self, commit: str, path: str) -> str | None:
        """The id of a file's content in a commit."""
        return self._id(f"{commit}:./{path}")

    def commits_of(self, paths: Sequence[str], *, most: int) -> list[str]:
        """The commits at and below HEAD that touched any of the paths, the newest first."""
        return self.run("log", f"-{most}", "--format=%H", "HEAD", "--", *paths).decode().split()

    def is_dirty(self) -> bool:
        return bool(self.run("status", "--porcelain", "-z", "--untracked-files=no", "."))

    def ignored(self, path: Path) -> bool:
        return self.ask("check-ignore", "-q", str(path)) is not None

    def ignored_of(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of the paths that git ignores: never one that it tracks."""
        asked = "".join(f"{path}\0" for path in paths)
        done = self._program.call(("check-ignore", "-z", "--stdin"), os.fsencode(asked))
        return tuple(listed(done.stdout))  # it says no with 1 where none is

    def author_of(self, path: str) -> str | None:
        """`Name <mail>` of the last commit that touched a file."""
        return self.ask("log", "-1", "--format=%an <%ae>", "--", path) or None

    # -- references, and commits made without a work tree

    def ref(self, name: str) -> str | None:
        """The commit that a name leads to."""
        return self._id(f"{name}^{{commit}}")

    def _id(self, name: str) -> str | None:
        """None where nothing has that name. Raises `Unavailable` for what is there and git cannot read."""
        done = self._program.call(("rev-parse", "--verify", "--quiet", name))
        if done.returncode not in (0, 1):
            raise _failed(f"git cannot read {name}", done)
        return done.stdout.decode().strip() or None

    def refs(self, *patterns: str) -> dict[str, str]:
        listing = self.run("for-each-ref", "--format=%(refname) %(objectname)", *patterns).decode()
        return dict(line.rsplit(" ", 1) for line in listing.splitlines())

    def commit(
        self, files: Mapping[str, bytes], message: str, *, parent: str | None, at: str = "", sign: bool = False
    ) -> str:
        """A commit that adds `files` to its parent's tree. Touches no work tree, no index, no reference.

        `at` is the moment that it is dated, now where none is given; a signature's key has to be valid then.
        `sign` uses the key and program of the user's own git configuration. Raises `Usage` where that has none, and
        where git does not know who commits; left alone, it would make a name up.
        """
        self.identity()
        blobs = {path: self._blob(data) for path, data in files.items()}
        tree = objects.tree(self._program, parent, blobs)
        options = [*(["-S"] if sign else []), *(["-p", parent] if parent else [])]
        date = f"@{int(datetime.fromisoformat(at).timestamp())} +0000" if at else ""
        dated = {f"GIT_{whose}_DATE": date for whose in ("AUTHOR", "COMMITTER") if date}
        made = self._program.call(("commit-tree", *options, tree), message.encode(errors="replace"), dated)
        if made.returncode == 0:
            return made.stdout.decode().strip()
        if sign:
            raise Usage(
                f"git cannot sign: {_words(made)}",
                hint="git config user.signingkey KEY; with an SSH key, git config gpg.format ssh too",
            )
        raise Unavailable(f"git commit-tree failed: {_words(made)}; nothing was changed")

    def signature(self, commit: str, allowed_signers: Path | None = None) -> Signature | None:
        """Who signed a commit, as far as it can be told; None for one that nobody signed.

        `allowed_signers` says whose SSH keys are known, in ssh-keygen's format, whatever the user's configuration
        says; without it, that says so.
        """
        return signatures.read(self._program, commit, allowed_signers)

    def _blob(self, data: bytes) -> str:
        return self.run("hash-object", "-w", "--stdin", data=data).decode().strip()

    def move(self, name: str, new: str, *, old: str | None) -> None:
        """Compare and set. Raises `Rejected` when the reference is not at `old`, or is being moved right now.

        A git that was killed leaves its lock for ever, and asks people to remove it: what is older than any git takes
        is gone when the caller tries again.
        """
        done = self._program.call(("update-ref", name, new, old or ""))  # empty: there is none yet
        if done.returncode == 0:
            return
        said = done.stderr.decode(errors="replace").strip()
        if any(words in said for words in MOVED):
            self._drop_left(self.folder / f"{name}.lock")
            raise Rejected(said)
        raise Unavailable(f"git cannot move {name}: {said}; nothing was changed")

    def _drop_left(self, lock: Path) -> None:
        with suppress(FileNotFoundError):
            if time.time() - lock.stat().st_mtime > _LOCK_SECONDS:
                lock.unlink()

    def contains(self, commit: str, older: str) -> bool:
        """Whether `older` is in the history of `commit`."""
        return self._program.call(("merge-base", "--is-ancestor", older, commit)).returncode == 0

    def once_at(self, name: str) -> tuple[str, ...]:
        """Where a reference has been, newest first, as far as this clone remembers."""
        return tuple((self.ask("reflog", "show", "--format=%H", name, "--") or "").split())

    def checked_out(self, pattern: str) -> dict[str, str]:
        """The worktree that has each branch checked out, empty where none has; moving it would make that one lie."""
        listing = os.fsdecode(self.run("for-each-ref", "--format=%(refname) %(worktreepath)", pattern))
        rows = (line.partition(" ") for line in listing.splitlines())
        return {ref: worktree for ref, _, worktree in rows}

    # -- remotes

    def remotes(self) -> tuple[str, ...]:
        return tuple(self.run("remote").decode().split())

    def fetch(self, remote: str, pattern: str, *, timeout: float) -> None:
        """Bring a remote's branches to `refs/remotes`. Raises `Unavailable` where they did not come in time.

        Of a clone without history only the newest commits are asked for: a runner wants their files, not their past.
        """
        shadow = f"refs/remotes/{remote}/{pattern}"
        depth = ["--depth=1"] if self.is_shallow and not self.refs(shadow) else []
        Remote(self._program, remote).fetch(*depth, f"+refs/heads/{pattern}:{shadow}", timeout=timeout)

    def listed(self, remote: str, *patterns: str, timeout: float) -> str:
        """What a remote tells of its references, as `git ls-remote --symref` prints it. Raises as `fetch` does."""
        return Remote(self._program, remote).listed(*patterns, timeout=timeout)

    def try_push(self, remote: str, branch: str) -> None:
        """Whether the remote would take the branch: raises as `push` does, and sends nothing."""
        commit = self.ref(f"refs/remotes/{remote}/{branch}") or self.ref(f"refs/heads/{branch}") or "HEAD"
        Remote(self._program, remote).try_push(commit, branch)

    def push(self, remote: str, commit: str, branch: str) -> None:
        """A fast-forward. Raises `Rejected` when the remote's branch is elsewhere, `Refused` when it is protected."""
        Remote(self._program, remote).push(commit, branch)


def listed(listing: bytes) -> list[str]:
    """What git ends with NUL, one by one; a path need not be UTF-8."""
    return [row for row in os.fsdecode(listing).split("\0") if row]


# git's words for what is not whole; some of them name nothing
_DAMAGE = re.compile(r"object|corrupt|inflate|unpack|unable to (read|stream|parse)|malloc failed|bad tree|missing")


def _failed(told: str, done: subprocess.CompletedProcess[bytes]) -> Unavailable:
    said = _words(done)
    hint = "git fsck says what is damaged; a clone that has it whole can push it again" if _DAMAGE.search(said) else ""
    return Unavailable(f"{told}: {said}", hint=hint)


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"


def find(start: Path) -> Repository:
    """The repository that `start` stands in, with `start` as the root of every path."""
    repository = Repository(start.resolve())
    if repository.is_work_tree:
        return repository
    if "dubious ownership" in repository.complaint("rev-parse"):
        raise Unavailable(
            f"git does not trust the repository of {start}: it belongs to another user",
            hint=f"git config --global --add safe.directory {start.resolve()}, or the folder above that holds .git",
        )
    raise NotFound(f"{start} is not in a git repository", hint="git init, or nbpromote init DIR")


def init(folder: Path) -> Repository:
    """A new repository, whatever stands around it."""
    repository = Repository(folder.resolve())
    repository.run("init", "--quiet", "--initial-branch=main")
    return repository
