"""`{name}` in text stands for another parameter's value; `{{` and `}}` are braces. Nothing else is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from nbpromote.model import Json

TEXT = 64 * 1024  # characters that one text may grow to
TOTAL = 4 * 1024 * 1024  # characters that all texts of one reading may grow to

_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<name>[^\W\d]\w*)\}|[{}]")


class Fault(Exception):
    """Why a text cannot be filled in."""


class Circle(Fault):
    """A text that asks for itself by way of others."""


def names(value: Json) -> Iterator[str]:
    """Every name that a value's texts ask for."""
    if isinstance(value, str):
        yield from (found["name"] for found in _TOKEN.finditer(value) if found["name"])
    elif isinstance(value, list | dict):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from names(entry)


class Filler:
    """Fills texts in from `lookup`, which gives a name's own filled-in value or raises `Fault`."""

    def __init__(self, lookup: Callable[[str], Json]) -> None:
        self._lookup = lookup
        self._spent = 0

    def fill(self, value: Json) -> Json:
        """The value with all of its texts filled in, at any depth; keys stay as they are. Raises `Fault`."""
        if isinstance(value, str):
            return self._text(value) if "{" in value or "}" in value else value
        if isinstance(value, list):
            return [self.fill(entry) for entry in value]
        if isinstance(value, dict):
            return {key: self.fill(entry) for key, entry in value.items()}
        return value

    def _text(self, text: str) -> str:
        pieces: list[str] = []
        end = size = 0
        for found in _TOKEN.finditer(text):
            pieces += (text[end : found.start()], self._piece(found))
            end = found.end()
            size += len(pieces[-1]) + len(pieces[-2])
            if size > TEXT:
                raise Fault(f"grows to more than {TEXT:,} characters")
        pieces.append(text[end:])
        self._spent += size
        if self._spent > TOTAL:
            raise Fault(f"makes all texts grow to more than {TOTAL:,} characters")
        return "".join(pieces)

    def _piece(self, found: re.Match[str]) -> str:
        if found["name"]:
            value = self._lookup(found["name"])
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                return str(value)
            raise Fault(f"cannot put {{{found['name']}}} into text: it is neither text nor a number")
        if found[0] in ("{{", "}}"):
            return found[0][0]
        raise Fault(f"holds a brace that names no parameter; write {found[0] * 2!r} for a plain {found[0]!r}")
