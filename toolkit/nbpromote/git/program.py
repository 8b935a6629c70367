"""The git program as a process: a call, a conversation, and a call that talks to a remote and must end in time."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nbpromote.errors import Unavailable


@dataclass(frozen=True)
class Talk:
    """Both ends of a git that answers questions one by one, and what it complains about."""

    asked: IO[bytes]
    said: IO[bytes]
    complaint: IO[bytes]

    def ask(self, question: bytes) -> None:
        try:
            self.asked.write(question)
            self.asked.flush()
        except BrokenPipeError as error:
            raise self.ended() from error

    def ended(self) -> Unavailable:
        """Why there is no answer."""
        self.complaint.seek(0)
        said = self.complaint.read().decode(errors="replace").strip()
        return Unavailable(f"git ended in the middle of an answer: {said or 'it said nothing'}", hint="git fsck")


@dataclass(frozen=True)
class Program:
    root: Path
    index: Path | None = None  # where git makes a commit from an index of its own, as for `git commit -a`

    def call(
        self, args: Sequence[str], data: bytes | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """`env` are variables beside the usual ones."""
        variables = {**self._environment, **(env or {})}
        try:
            return subprocess.run(self._command(args), input=data or b"", capture_output=True, env=variables)
        except FileNotFoundError as error:
            raise _missing() from error

    @contextmanager
    def talk(self, *args: str) -> Iterator[Talk]:
        """One that stays while the block lasts; however the block ends, git sees the end of its input, and ends."""
        pipe = subprocess.PIPE
        with tempfile.TemporaryFile() as complaint:
            try:
                process = subprocess.Popen(
                    self._command(args), stdin=pipe, stdout=pipe, stderr=complaint, env=self._environment
                )
            except FileNotFoundError as error:
                raise _missing() from error
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                yield Talk(process.stdin, process.stdout, complaint)
            finally:
                process.stdout.close()
                with suppress(BrokenPipeError):  # it ended before it was asked everything
                    process.stdin.close()
                process.wait()

    def reach(self, *args: str, timeout: float) -> subprocess.CompletedProcess[bytes] | None:
        """A call that talks to a remote; None when it did not end in time. Nobody is asked for a password.

        git leaves the talking to ssh or curl, which hold its pipes open when it is killed alone: all go together.
        """
        command, env = self._command(args), {"GIT_ASKPASS": "", **clean_environment(), **_UNATTENDED}
        none, pipe = subprocess.DEVNULL, subprocess.PIPE
        try:
            process = subprocess.Popen(command, stdin=none, stdout=pipe, stderr=pipe, env=env, start_new_session=True)
        except FileNotFoundError as error:
            raise _missing() from error
        with process:
            try:
                out, said = process.communicate(timeout=timeout)
            except BaseException as problem:
                os.killpg(process.pid, signal.SIGKILL)
                if not isinstance(problem, subprocess.TimeoutExpired):
                    raise
                return None
        return subprocess.CompletedProcess(command, process.returncode, out, said)

    def _command(self, args: Sequence[str]) -> list[str]:
        # a user's hooks (reference-transaction, pre-push) could veto the ledger's writes
        return ["git", "-c", "core.hooksPath=/dev/null", "-C", str(self.root), *args]

    @property
    def _environment(self) -> Mapping[str, str]:
        index = {"GIT_INDEX_FILE": str(self.index)} if self.index else {}
        return {**clean_environment(), **index}


def _missing() -> Unavailable:
    return Unavailable("the git program is not installed", hint="install git")


# nobody is asked: not at the terminal, not by a window of an askpass program or of git's credential manager. An empty
# GIT_ASKPASS rules out core.askPass and SSH_ASKPASS; one that is set stays, as jobs and editors hand a token on by it
_UNATTENDED = {"GIT_TERMINAL_PROMPT": "0", "SSH_ASKPASS_REQUIRE": "never", "GCM_INTERACTIVE": "never"}

# how to reach a remote, and who acts; never which repository
_KEPT = {
    *("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS"),
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_COUNT"),
    *(f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL", "DATE")),
}
_KEPT_KINDS = ("GIT_SSL_", "GIT_HTTP_", "GIT_PROXY_", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")


def clean_environment() -> dict[str, str]:
    """The environment without whatever would point git at another repository."""
    base = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or _is_kept(name)}
    return {**base, "LC_ALL": "C"}


def _is_kept(name: str) -> bool:
    return name in _KEPT or name.startswith(_KEPT_KINDS)
