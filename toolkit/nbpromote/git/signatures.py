"""Who signed a commit, by SSH or GPG, as git's own programs say. Whom to believe is for others to decide."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbpromote.errors import Unavailable
from nbpromote.git.program import Program


@dataclass(frozen=True, kw_only=True)
class Signature:
    """`verdict` is `good` where bytes and key fit and the key is known to be its signer's.

    Else `unknown` (they fit, and nobody vouches for the key), `expired`, `revoked`, `bad`, or `unchecked` where the
    key or the program to check it with is not here. `signer` is the principal of an SSH key, the user id of a GPG key.
    """

    verdict: str
    signer: str = ""
    fingerprint: str = ""

    @property
    def good(self) -> bool:
        return self.verdict == "good"


# git's letters (pretty-formats, %G?); X is a signature that has expired, Y one by a key that has
_VERDICTS = {"G": "good", "U": "unknown", "B": "bad", "X": "expired", "Y": "expired", "R": "revoked"}


def read(program: Program, commit: str, allowed_signers: Path | None) -> Signature | None:
    if not _is_signed(program, commit):
        return None
    known = ["-c", f"gpg.ssh.allowedSignersFile={allowed_signers.resolve()}"] if allowed_signers else []
    # a signature that cannot be checked may read as none, so git's N says nothing; %GT crashes git 2.39 there
    asked = program.call([*known, "log", "-1", "--no-show-signature", "--format=%G?%n%GS%n%GF", commit, "--"])
    letter, signer, fingerprint = (asked.stdout.decode(errors="replace").splitlines() + [""] * 3)[:3]
    return Signature(verdict=_VERDICTS.get(letter, "unchecked"), signer=signer, fingerprint=fingerprint)


def _is_signed(program: Program, commit: str) -> bool:
    shown = program.call(("cat-file", "commit", commit))
    if shown.returncode != 0:
        said = shown.stderr.decode(errors="replace").strip()
        raise Unavailable(f"commit {commit} cannot be read: {said}")
    headers, _, _message = shown.stdout.partition(b"\n\n")
    return b"\ngpgsig" in headers
