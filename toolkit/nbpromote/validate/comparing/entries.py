"""JSON, and scraps that are JSON: a line for each of its entries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nbpromote.validate.comparing.lines import Line
from nbpromote.validate.comparing.phrases import Phrase, joined, phrase


def lines(value: Any, sanitize: Callable[[str], str], *, noun: str = "item") -> list[Line]:
    """One for each item of a list or key of a mapping, in which each number knows where in it it is."""
    if isinstance(value, list | tuple):
        return [_line(f"{noun} {at}", item, sanitize) for at, item in enumerate(value, 1)]
    if isinstance(value, Mapping):
        return [_line(str(key), value[key], sanitize, head=f"{key}: ") for key in sorted(value, key=str)]
    return [_line("the value", value, sanitize)]


def _line(place: str, value: Any, sanitize: Callable[[str], str], *, head: str = "") -> Line:
    leaves = [(path, _phrase(leaf, sanitize)) for path, leaf in _leaves(value, "")]
    named = [Phrase((f"{path}=" + each.words[0], *each.words[1:]), each.numbers) for path, each in leaves]
    told = joined(named, "; ")
    text = head + sanitize(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str))
    at = tuple(path for path, each in leaves for _ in each.numbers)
    return Line(place, text, Phrase((head + told.words[0], *told.words[1:]), told.numbers), at)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every scalar with its path, `a.b[2]`; an empty container is one too."""
    if isinstance(value, Mapping) and value:
        for key in sorted(value, key=str):
            yield from _leaves(value[key], f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and value:
        for at, item in enumerate(value):
            yield from _leaves(item, f"{path}[{at}]")
    else:
        yield path, value


def _phrase(leaf: Any, sanitize: Callable[[str], str]) -> Phrase:
    """A text in JSON keeps its quotes, so that "1" is not 1."""
    if isinstance(leaf, int | float) and not isinstance(leaf, bool):
        return Phrase(("", ""), (repr(leaf),))
    if isinstance(leaf, str):
        return phrase(json.dumps(sanitize(leaf), ensure_ascii=False))
    return Phrase((json.dumps(leaf, default=str),), ())
