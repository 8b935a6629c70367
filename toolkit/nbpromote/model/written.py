"""How records are written down, and read back. Knows no record in particular."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, partial
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Json = Any  # null, bool, int, finite float, str, list or dict of these

_Record = TypeVar("_Record")


def canonical(value: Json) -> bytes:
    """JSON with one spelling per value: sorted keys, no spaces, UTF-8. Raises `ValueError` for NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest(value: Json) -> str:
    """SHA-256 of the canonical JSON."""
    return sha256(canonical(value))


def dump(record: object) -> dict[str, Json]:
    """A record as plain JSON values, none of them changed: what `load` gives back dumps to the same."""
    plain: dict[str, Json] = _plain(record)
    return plain


def _plain(value: Any) -> Json:
    kind: Any = type(value)
    return value if kind in _PLAIN else _writer(kind)(value)


_PLAIN = {str, int, float, bool, type(None)}


@cache
def _writer(kind: Any) -> Callable[[Any], Json]:
    """How values of a type are written: looked up once, for records are dumped by the thousand."""
    if issubclass(kind, Enum):
        return lambda value: value.value
    if is_dataclass(kind):
        names = tuple(field.name for field in fields(kind))
        return lambda value: {name: _plain(getattr(value, name)) for name in names}
    if issubclass(kind, Mapping):
        return lambda value: {str(key): _plain(item) for key, item in value.items()}
    if issubclass(kind, list | tuple):
        return lambda value: [_plain(item) for item in value]
    return str if issubclass(kind, Path) else _same


def _same(value: Any) -> Any:
    return value


def load(kind: type[_Record], plain: Json) -> _Record:
    """The record that `dump` wrote. Raises `ValueError` where it does not fit.

    By hand, since the present state is read by every `status`: a schema library costs it 0.25 s.
    """
    try:
        record: _Record = _record(kind, plain)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"this is no {kind.__name__}: {error}") from error
    return record


def _record(kind: Any, plain: Json) -> Any:
    readers = _readers(kind)
    values = {}
    for key, item in plain.items():
        name, read = readers[key]
        values[name] = read(item)
    return kind(**values)


@cache
def _readers(kind: Any) -> dict[str, tuple[str, Callable[[Json], Any]]]:
    """By the key that something is written under: which field it is, and how it is read.

    What is written is never written again, so a field whose name or form has changed says in its metadata, by the
    key that it `was`, how that is read.
    """
    readers = {name: (name, _reader(hint)) for name, hint in get_type_hints(kind).items()}
    for each in fields(kind):
        readers |= {key: (each.name, read) for key, read in each.metadata.get("was", {}).items()}
    return readers


@cache
def _reader(hint: Any) -> Callable[[Json], Any]:
    """How values that a hint stands for are read: looked up once, for histories are long."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is UnionType or origin is Union:
        kinds = [one for one in inner if one is not type(None)]
        return _same if len(kinds) > 1 else _optional(_reader(kinds[0]))
    if origin is tuple:
        return _tuple(inner)
    if origin is not None and issubclass(origin, Mapping):
        each = _reader(inner[1])
        return lambda plain: {key: each(item) for key, item in plain.items()}
    if is_dataclass(hint):
        return partial(_record, hint)
    return hint if isinstance(hint, type) and issubclass(hint, Enum | Path) else _same


def _optional(read: Callable[[Json], Any]) -> Callable[[Json], Any]:
    return lambda plain: None if plain is None else read(plain)


def _tuple(inner: tuple[Any, ...]) -> Callable[[Json], Any]:
    if inner[1:] == (...,):
        each = _reader(inner[0])
        return lambda plain: tuple(each(item) for item in plain)
    readers = [_reader(one) for one in inner]
    return lambda plain: tuple(read(item) for read, item in zip(readers, plain, strict=True))
