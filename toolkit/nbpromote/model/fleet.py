"""Many notebooks run by one command, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nbpromote.model.runs import Evidence


class Fate(StrEnum):
    """What became of a notebook in a fleet."""

    FAILED = "failed"  # a cell or a check said no
    ERRORED = "errored"  # could not be answered
    INTERRUPTED = "interrupted"
    PASSED = "passed"
    SKIPPED = "skipped"  # nothing that its last run rests on has changed
    NOT_RUN = "not-run"

    @property
    def bad(self) -> bool:
        return self in (Fate.FAILED, Fate.ERRORED, Fate.INTERRUPTED)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One notebook of a fleet. `run` is its own, or for a skipped one the run that it stands on.

    `why` says what changed where it ran, or what kept it from running.
    """

    notebook: str
    path: str
    fate: Fate
    run: str = ""
    why: str = ""
    evidence: Evidence | None = None
    error: str = ""
    hint: str = ""
    exit_code: int = 0

    @property
    def cpu(self) -> float:
        """Seconds of its kernel and of what that started, as far as they were counted."""
        return sum(cell.cpu or 0.0 for cell in self.evidence.run.cells) if self.evidence else 0.0


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What a command over many notebooks came to; `members` stand in the order that they were to run in."""

    environment: str
    members: tuple[Member, ...]
    jobs: int
    seconds: float

    def of(self, *fates: Fate) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.fate in fates)

    @property
    def cpu(self) -> float:
        return sum(member.cpu for member in self.members)

    @property
    def exit_code(self) -> int:
        """A no outweighs what could not be answered; an interruption outweighs both."""
        if self.of(Fate.INTERRUPTED):
            return 130
        if self.of(Fate.FAILED):
            return 1
        return max((member.exit_code for member in self.members), default=0)
