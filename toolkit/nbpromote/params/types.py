"""Types as a parameters cell spells them, and whether a JSON value is of one. Annotations are never run."""

from __future__ import annotations

import ast
from contextlib import suppress
from functools import lru_cache
from typing import Annotated, Any, Union

from nbpromote.model import Json
from nbpromote.params import yaml


class Mismatch(Exception):
    """The value is not of the type."""


def check(value: Json, annotation: str) -> Json:
    """The value as its type holds it: an int given for a float becomes one. Raises `Mismatch`.

    Nothing else is converted: no text to number, no bool to int. An annotation that means nothing here takes
    any JSON value.
    """
    from pydantic import ValidationError

    try:
        return _adapter(annotation).validate_python(value)
    except ValidationError:
        raise Mismatch from None


def is_known(annotation: str) -> bool:
    """Whether values can be held against a type: one that means nothing here takes any value, unasked for."""
    return annotation.strip() in ("Any", "typing.Any") or _parse(annotation) is not Any


def from_text(text: str, annotation: str) -> Json:
    """A value from the command line. Raises `Mismatch`.

    Where the type takes text, what is no other value of it stays text, letter for letter: "007" for a `str`,
    also for a `str | None`.
    """
    if annotation.strip() == "str":
        return check(_characters(text), "str")
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
        return _type(ast.parse(annotation.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Any


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
            return _PLAIN.get(name, Any)
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
    from pydantic import PlainValidator

    def one_of(value: Json) -> Json:
        if not any(type(value) is type(entry) and value == entry for entry in allowed):
            raise ValueError
        return value

    return Annotated[Any, PlainValidator(one_of)]
