"""What can stop the toolkit from answering. The tree below is all there is; each leaf knows its exit code.

Error                     3   could not answer
├── Refused               1   the answer is no, and nothing was changed
│   ├── Conflict              two sides were edited
│   └── LostRace              somebody else moved the environment first
├── Usage                 2   asked wrongly
│   ├── NotFound              a name that nothing carries
│   ├── BadInput              a file or value that does not fit, with its place
│   └── NotBuilt              a key of the formats that this version does not carry out
├── Unavailable           3   a back end or the machine could not answer
└── Waiting               4   not yet
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class Error(Exception):
    """One plain error: what was found, where, and what to do next."""

    exit_code = 3

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class Refused(Error):
    exit_code = 1


class Conflict(Refused):
    pass


class LostRace(Refused):
    pass


class Usage(Error):
    exit_code = 2


class NotFound(Usage):
    pass


class BadInput(Usage):
    """`problems` holds every finding, so that nobody mends one to be told the next."""

    def __init__(self, message: str, *, where: str = "", hint: str = "", problems: Iterable[str] = ()) -> None:
        super().__init__(message, where=where, hint=hint)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  {problem}" for problem in self.problems)])


class NotBuilt(Usage):
    pass


class Unavailable(Error):
    exit_code = 3


class Waiting(Error):
    exit_code = 4


def nearest(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'alpha'?"` where a known name is close, else an empty string."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
