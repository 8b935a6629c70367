"""What the files of a params folder are held against. It comes from other rooms, so it is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbpromote.model import Schema

BUILT_IN = ("env", "file")


@dataclass(frozen=True, kw_only=True)
class Around:
    """`folder` is how places in the files are told.

    `notebooks` are the schemas of all notebooks: None for one that cannot be read, None altogether where they are not
    known. `variables` are those that `${NAME}` may ask for, `protected` the globs that each environment has for
    itself, `schemes` what references to secrets may begin with, asked for only where some do.
    """

    root: Path = Path("/")
    folder: str = "params"
    notebooks: Mapping[str, Schema | None] | None = None
    environments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    protected: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    schemes: Callable[[], Iterable[str]] = lambda: BUILT_IN
