"""A notebook and what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from nbpromote.model.written import Json


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A notebook as it stands in a folder: `X.ipynb`, `X.py`, or both."""

    name: str
    ipynb: Path | None = None
    script: Path | None = None

    @property
    def path(self) -> Path:
        """The side that holds outputs where there is one."""
        path = self.ipynb or self.script
        assert path is not None
        return path

    @property
    def folder(self) -> Path:
        return self.path.parent


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One line of the parameters cell. `type` is spelled as in Python: `int`, `list[int]`, `str | None`."""

    name: str
    type: str
    default: Json = None
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What the parameters cell declares; no cell means no parameters."""

    parameters: tuple[Parameter, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        return next(parameter for parameter in self.parameters if parameter.name == name)


@dataclass(frozen=True, kw_only=True)
class Code:
    """What decides a result. `files` maps every file that is part of it to its SHA-256, by path from the root."""

    digest: str
    schema: Schema
    files: Mapping[str, str] = field(default_factory=dict)


class Severity(StrEnum):
    """Whether a finding fails `check`, or is only told."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong with a file, with its place and what to do. `line` and `column` count from 1."""

    path: str
    message: str
    code: str = ""  # NBP101: stable, to select, ignore and look up
    severity: Severity = Severity.ERROR
    line: int | None = None
    column: int | None = None
    cell: int | None = None
    cell_id: str | None = None
    hint: str = ""

    @property
    def place(self) -> str:
        where = ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)
        if self.cell is None:
            return where
        return f"{where} cell {self.cell}" + (f" ({self.cell_id})" if self.cell_id else "")
