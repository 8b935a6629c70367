"""What a table looks like from outside: enough to tell that it is not what it was."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Column:
    """`kind` is the type as Arrow names it; in texts, which name none, number, text, flag or time.

    `constant`: one value in every row, nulls apart.
    """

    name: str
    kind: str
    nulls: int = 0
    constant: bool = False


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A declared input or output that is a table. With a `fault` it could not be read, and nothing else is known."""

    rows: int
    columns: tuple[Column, ...] = ()
    fault: str = ""

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)
