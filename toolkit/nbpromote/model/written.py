"""How records are written down, and read back. Knows no record in particular."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
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
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


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
    hints = _hints(kind)
    return kind(**{name: _value(hints[name], item) for name, item in plain.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(hint: Any, plain: Json) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is UnionType or origin is Union:
        kinds = [one for one in inner if one is not type(None)]
        return plain if plain is None or len(kinds) > 1 else _value(kinds[0], plain)
    if origin is tuple:
        each = [inner[0]] * len(plain) if inner[1:] == (...,) else inner
        return tuple(_value(one, item) for one, item in zip(each, plain, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {key: _value(inner[1], item) for key, item in plain.items()}
    if is_dataclass(hint):
        return _record(hint, plain)
    if isinstance(hint, type) and issubclass(hint, Enum | Path):
        return hint(plain)
    return plain
