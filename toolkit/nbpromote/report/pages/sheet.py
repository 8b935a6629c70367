"""What the parts of a page are made from, and how much room each of them has."""

from __future__ import annotations

from dataclasses import dataclass

from nbpromote.model import Json
from nbpromote.report.subject import Subject


@dataclass(frozen=True)
class Sheet:
    """`node` is the executed notebook, None where it cannot be read. A page that came out too heavy gets a smaller
    `share` of the room."""

    subject: Subject
    node: Json = None
    share: float = 1.0

    def few(self, most: int) -> int:
        """How many of something there is room for."""
        return max(2, int(most * self.share))


class Whole(str):
    """A text that is not cut on the page: it was cut where it was made. It is escaped as any other."""

    __slots__ = ()
