"""Types as a parameters cell spells them, and whether a JSON value is of one. Annotations are never run."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Union

from nbpromote import grammar
from nbpromote.errors import nearest
from nbpromote.model import Json
from nbpromote.params import yaml


class Mismatch(Exception):
    """The value is not of the type."""


def check(value: Json, annotation: str) -> Json:
    """The value as its type holds it: an int given for a float becomes one. Raises `Mismatch`.

    Nothing else is converted: no text to number, no bool to int. An annotation that means nothing here takes
    any JSON value.
    """
    if _plainly(value, annotation):
        return value
    from pydantic import ValidationError

    try:
        return _adapter(annotation).validate_python(value)
    except ValidationError:
        raise Mismatch from None


_SCALARS = {"str": str, "int": int, "bool": bool, "float": float}


def _plainly(value: Json, annotation: str) -> bool:
    """Whether it can be seen at once that a value is of its type, as most often: pydantic takes 0.1 s to load."""
    if isinstance(value, list) and annotation.startswith("list["):
        return all(_plainly(entry, annotation[len("list[") : -1]) for entry in value)
    if type(value) is not _SCALARS.get(annotation):
        return False
    return math.isfinite(value) if isinstance(value, float) else not isinstance(value, str) or value.isascii()


def fits(value: Json, annotation: str) -> bool:
    """Whether a default is of the type that its own line gives it."""
    if annotation in (type(value).__name__, "Any"):
        return True
    try:
        check(value, annotation)
    except Mismatch:
        return False
    return True


def json_schema(annotation: str) -> dict[str, Json]:
    """JSON Schema of the values that `check` takes."""
    found: dict[str, Json] = _adapter(annotation).json_schema()
    return found


def close(value: Json, annotation: str) -> str:
    """What else may have been meant, where the type is a choice of words."""
    if not isinstance(value, str) or "Literal" not in annotation:
        return ""
    with suppress(*grammar.NO_PYTHON):
        words = (getattr(node, "value", None) for node in ast.walk(grammar.expression(annotation)))
        return nearest(value, [word for word in words if isinstance(word, str)])
    return ""


def is_known_type(annotation: str) -> bool:
    """Whether values can be held against a type: one that means nothing here takes any value, unasked for."""
    return annotation.strip() in ("Any", "typing.Any") or _parse(annotation) is not Any


def from_text(text: str, annotation: str) -> Json:
    """A value from the command line. Raises `Mismatch`.

    Where the type takes text, what is no other value of it stays text, letter for letter: "007" for a `str`,
    also for a `str | None`. `None` and `null` are nothing, where the type takes nothing.
    """
    if annotation.strip() == "str" or not text.strip():
        return check(_characters(text), annotation)
    if text == "None":
        with suppress(Mismatch):
            return check(None, annotation)
    document = yaml.parse(text, "-p")
    if not document.findings and not isinstance(document.root.value, str):
        with suppress(Mismatch):
            return check(document.root.value, annotation)
    return check(_characters(text), annotation)


def is_text(annotation: str) -> bool:
    """Whether the type takes any text, as that of a path must."""
    try:
        return bool(check("/", annotation) == "/")
    except Mismatch:
        return False


def _characters(text: str) -> str:
    """Bytes of the command line that are not UTF-8 arrive as halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Mismatch("it is not UTF-8") from None
    return text


@lru_cache(maxsize=256)
def _adapter(annotation: str) -> Any:
    from pydantic import ConfigDict, TypeAdapter  # 0.1 s

    config = ConfigDict(strict=True, allow_inf_nan=False)
    return TypeAdapter(_parse(annotation), config=config)


def _parse(annotation: str) -> Any:
    try:
        return _type(grammar.expression(annotation))
    except grammar.NO_PYTHON:
        return Any


def _iso(pattern: str, read: Callable[[str], object], schema: dict[str, Json]) -> Any:
    """Text that `read` understands, of the one spelling that the pattern allows; it stays text."""
    from pydantic import AfterValidator, WithJsonSchema

    def checked(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        read(text)
        return text

    return Annotated[str, AfterValidator(checked), WithJsonSchema({"type": "string", **schema})]


def _date() -> Any:
    return _iso(_DAY, date.fromisoformat, {"format": "date"})


def _datetime() -> Any:
    return _iso(_MOMENT, datetime.fromisoformat, {"pattern": f"^{_MOMENT}$"})


_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?"
_MOMENT = f"{_DAY}[T ]{_CLOCK}(Z|[+-][0-9]{{2}}:[0-9]{{2}})?"
_DATES = {"date": _date, "datetime": _datetime}

_PLAIN: dict[str, Any] = {
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "list": list[Any],
    "List": list[Any],
    "dict": dict[str, Any],
    "Dict": dict[str, Any],
    "None": None,
}


def _type(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _DATES[name]() if name in _DATES else _PLAIN.get(name, Any)
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str(text)):
            return _parse(text)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Union[_type(left), _type(right)]  # noqa: UP007  `None | None` is no expression
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            return _subscript(name, inner.elts if isinstance(inner, ast.Tuple) else [inner])
    return Any


def _subscript(name: str, inner: list[ast.expr]) -> Any:
    if name == "Literal":
        return _literal([ast.literal_eval(node) for node in inner])
    if name in ("Annotated", "Final"):
        return _type(inner[0])
    types = [_type(node) for node in inner]
    maker = _GENERIC.get((name.lower(), len(types)))
    if name in ("Union", "Optional"):
        return Union[(*types, None)] if name == "Optional" else Union[tuple(types)]  # noqa: UP007
    return maker[tuple(types)] if maker else Any


_GENERIC: dict[tuple[str, int], Any] = {("list", 1): list, ("dict", 2): dict}


def _literal(allowed: list[Json]) -> Any:
    """pydantic's own Literal takes True for 1."""
    from pydantic import PlainValidator, WithJsonSchema

    def one_of(value: Json) -> Json:
        if not any(type(value) is type(entry) and value == entry for entry in allowed):
            raise ValueError
        return value

    return Annotated[Any, PlainValidator(one_of), WithJsonSchema({"enum": allowed})]
