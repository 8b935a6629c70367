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


@dataclass(frozen=True, kw_only=True)
class Breach:
    """What breaks a schema: a check of a column, empty for one of the whole table, and the first rows that break it."""

    column: str
    check: str
    count: int
    rows: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a schema said of a declared input or output. With an `error` it could not be asked."""

    rows: int = 0
    checks: int = 0
    breaches: tuple[Breach, ...] = ()
    error: str = ""
    hint: str = ""
