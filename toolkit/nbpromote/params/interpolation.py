"""`{name}` in text stands for another parameter's value, `${NAME}` for an environment variable of whoever runs.

`{{` and `}}` are braces, so `${{` is a plain `${`. Nothing else is anything: no default, no expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from nbpromote.model import Json

TEXT = 64 * 1024  # characters that one text may grow to
TOTAL = 4 * 1024 * 1024  # characters that all texts of one reading may grow to

_TOKEN = re.compile(r"\$\{(?P<variable>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{(?!\{)|\{\{|\}\}|\{(?P<name>[^\W\d]\w*)\}|[{}]")
_SECRET = re.compile(r"(PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRET|KEY|CREDENTIALS?)$", re.IGNORECASE)


class Fault(Exception):
    """Why a text cannot be filled in."""


class Circle(Fault):
    """A text that asks for itself by way of others."""


class Unset(Fault):
    """A text that asks for a variable that is not set here; it may be elsewhere."""


def names(value: Json) -> Iterator[str]:
    """Every parameter that a value's texts ask for."""
    return (found["name"] for text in texts(value) for found in _TOKEN.finditer(text) if found["name"])


def variables(value: Json) -> Iterator[str]:
    """Every environment variable that a value's texts ask for."""
    return (found["variable"] for text in texts(value) for found in _TOKEN.finditer(text) if found["variable"])


def texts(value: Json) -> Iterator[str]:
    """Every text of a value, at any depth; keys are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from texts(entry)


class Filler:
    """Fills texts in.

    `lookup` gives a name's own filled-in value, or raises `Fault`; `variables` are the environment's.
    """

    def __init__(self, lookup: Callable[[str], Json], variables: Mapping[str, str]) -> None:
        self._lookup = lookup
        self._variables = variables
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
        if found["variable"]:
            return variable(found["variable"], self._variables)
        if found["name"]:
            value = self._lookup(found["name"])
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                return str(value)
            raise Fault(f"cannot put {{{found['name']}}} into text: it is neither text nor a number")
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[0] == "${":
            raise Fault("holds '${' that names no environment variable; write '${{' for a plain '${'")
        raise Fault(f"holds a brace that names no parameter; write {found[0] * 2!r} for a plain {found[0]!r}")


def address(text: str, variables: Mapping[str, str]) -> str:
    """An address with its environment variables filled in; other braces are its own. Raises `Fault`."""
    return _VARIABLE.sub(lambda found: variable(found["variable"], variables), text)


_VARIABLE = re.compile(r"\$\{(?P<variable>[A-Za-z_][A-Za-z0-9_]*)\}")


def variable(name: str, variables: Mapping[str, str]) -> str:
    """What a variable holds. One that is named like a secret is refused: its value would be in every record."""
    if _SECRET.search(name):
        raise Fault(f"asks for ${{{name}}}, which is named like a secret; use secrets: {{...}}")
    if name not in variables:
        raise Unset(f"asks for ${{{name}}}, and no environment variable of that name is set")
    value = variables[name]
    if any("\ud800" <= character <= "\udfff" for character in value):  # bytes that are not UTF-8 arrive so
        raise Fault(f"asks for ${{{name}}}, which is not UTF-8")
    return value
