"""YAML 1.2 core, strictly: text in, JSON values that know their place out. Knows nothing of what they are for.

Only ruamel's scanner and parser are used. What a plain scalar means is settled here, by chapter 10.3 of the
YAML 1.2 specification: ruamel's own resolver still reads `1_000` as a number and dates as dates.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbpromote.model import Finding, Json

BYTES = 1024 * 1024
DEPTH = 64
VALUES = 20_000  # the parser takes about 40 microseconds for each: a file within the caps is read in seconds
DIGITS = 1_000


@dataclass(frozen=True, kw_only=True)
class Node:
    """A value and the place of its key, or its own where it has none. A `broken` one was told already."""

    value: Json = None
    line: int = 1
    column: int = 1
    items: Mapping[str, Node] = field(default_factory=dict)
    entries: tuple[Node, ...] = ()
    broken: bool = False


@dataclass(frozen=True, kw_only=True)
class Document:
    """What could be read of a text, and what is wrong with it."""

    root: Node = Node()
    findings: tuple[Finding, ...] = ()


def parse(text: str, path: str) -> Document:
    """Never raises for what is in the text. An empty text is null."""
    if len(text) > BYTES or len(text.encode("utf-8", "surrogatepass")) > BYTES:
        return Document(
            root=Node(broken=True), findings=(Finding(path=path, message=f"is larger than {BYTES:,} bytes"),)
        )
    builder = _Builder(path)
    if found := _SEPARATOR.search(text):
        builder.say(_position(text, found.start()), f"a line separator, U+{ord(found[0]):04X}: write it as an escape")
        return Document(root=Node(broken=True), findings=tuple(builder.findings))
    try:
        root = builder.document(_events(text))
    except _Stopped as stop:
        root = Node(broken=True)
        builder.say(stop.place, stop.message)
    return Document(root=root, findings=tuple(builder.findings))


_Place = tuple[int, int]  # line and column, from 1


# the parser breaks lines at them, as YAML 1.1 did; in YAML 1.2 they are characters like any other
_SEPARATOR = re.compile("[\x85\u2028\u2029]")


class _Stopped(Exception):
    """Nothing below this place can be read."""

    def __init__(self, place: _Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


def _events(text: str) -> Iterator[Any]:
    from ruamel.yaml import YAML  # 0.05 s
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    place = (1, 1)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            place = _place(event)
            yield event
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = error.problem or error.context or "cannot be parsed"
        raise _Stopped((mark.line + 1, mark.column + 1) if mark else place, _syntax(told)) from error
    except YAMLError as error:  # a character that YAML does not allow; it knows its position only
        position = int(getattr(error, "position", None) or 0)
        told = str(error).splitlines()[0]
        raise _Stopped(_position(text, position), _syntax(told)) from error
    except (ValueError, OverflowError, IndexError, AssertionError, AttributeError, TypeError) as error:
        # ruamel lets some of Python's own through: chr() of "\U99999999", for one
        raise _Stopped(place, _syntax("cannot be parsed at or below this line")) from error


def _syntax(told: str) -> str:
    if r"'\t'" in told:
        return "not YAML: a tab; YAML wants spaces"
    return f"not YAML: {told}"


class _Builder:
    """Events to nodes. Goes on after what can be stepped over, so that all of it is told."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.findings: list[Finding] = []
        self.count = 0

    def say(self, place: _Place, message: str) -> None:
        line, column = place
        self.findings.append(Finding(path=self.path, line=line, column=column, message=message))

    def document(self, events: Iterator[Any]) -> Node:
        self.events = events
        next(events)
        event = next(events)
        if _kind(event) == "StreamEnd":
            return Node()
        if event.version not in (None, (1, 2)) or event.tags:
            self.say(_place(event), "a directive: files are YAML 1.2 without tags")
        root = self._node(next(events), at=None, depth=1)
        next(events)
        event = next(events)
        if _kind(event) != "StreamEnd":
            self.say(_place(event), "a second document: one file holds one")
        return root

    def _node(self, event: Any, *, at: _Place | None, depth: int) -> Node:
        at = at or _place(event)
        self.count += 1
        if self.count > VALUES:
            raise _Stopped(
                _place(event), f"more than {VALUES:,} values; data belongs in an input, not in a params file"
            )
        if depth > DEPTH:
            raise _Stopped(_place(event), f"nested more than {DEPTH} levels deep")
        sound = self._no_extras(event)
        kind = _kind(event)
        if kind == "MappingStart":
            return self._mapping(at, depth)
        if kind == "SequenceStart":
            return self._sequence(at, depth)
        if not sound:
            return _node(at, broken=True)
        return self._scalar(event, at)

    def _no_extras(self, event: Any) -> bool:
        if _kind(event) == "Alias":
            self.say(_place(event), f"an alias, *{event.anchor}: write the value out")
            return False
        if event.anchor is not None:
            self.say(_place(event), f"an anchor, &{event.anchor}: write the value out where it is wanted")
        if event.tag is not None:
            self.say(_place(event), f"a tag, {event.tag}: quotes make text, nothing else needs one")
        return event.anchor is None and event.tag is None

    def _sequence(self, at: _Place, depth: int) -> Node:
        entries = []
        while _kind(event := next(self.events)) != "SequenceEnd":
            entries.append(self._node(event, at=None, depth=depth + 1))
        return _node(
            at,
            value=[entry.value for entry in entries],
            entries=tuple(entries),
            broken=any(entry.broken for entry in entries),
        )

    def _mapping(self, at: _Place, depth: int) -> Node:
        items: dict[str, Node] = {}
        while _kind(event := next(self.events)) != "MappingEnd":
            key = self._key(event, depth)
            node = self._node(next(self.events), at=_place(event), depth=depth + 1)
            if key is None:
                continue
            if key in items:
                self.say(_place(event), f"key {key!r} is given twice; first on line {items[key].line}")
                continue
            items[key] = node
        return _node(
            at,
            value={key: node.value for key, node in items.items()},
            items=items,
            broken=any(node.broken for node in items.values()),
        )

    def _key(self, event: Any, depth: int) -> str | None:
        """None where it is no usable key, which was then told."""
        known = len(self.findings)
        node = self._node(event, at=None, depth=depth + 1)
        if len(self.findings) > known:
            return None
        if _kind(event) == "Scalar" and event.style is None and event.value == "<<":
            self.say(_place(event), "a merge key, <<: write the keys out; base.yaml is inherited")
            return None
        if not isinstance(node.value, str):
            self.say(_place(event), f"key {_shown(node.value)} is not text; put it in quotes")
            return None
        return node.value

    def _scalar(self, event: Any, at: _Place) -> Node:
        value: Json = event.value
        if event.style is None:
            try:
                value = _plain(event.value)
            except ValueError as error:
                self.say(_place(event), str(error))
                return _node(at, broken=True)
        if isinstance(value, str):
            try:
                value = _paired(value)
            except UnicodeDecodeError:
                self.say(_place(event), "text holds half of a surrogate pair, which is no character")
                return _node(at, broken=True)
        return _node(at, value=value)


def _kind(event: Any) -> str:
    return type(event).__name__.removesuffix("Event")


def _position(text: str, index: int) -> _Place:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _node(at: _Place, **more: Any) -> Node:
    return Node(line=at[0], column=at[1], **more)


def _place(event: Any) -> _Place:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _paired(text: str) -> str:
    """Two halves that JSON writes for one character are that character. Raises for a half alone."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def _shown(value: Json) -> str:
    return {list: "a list", dict: "a mapping", type(None): "null"}.get(type(value), repr(value))


# -- the core schema -----------------------------------------------------------------------------------------

_CONSTANTS: Mapping[str, Json] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"(?P<ten>[-+]?[0-9]+)|0o(?P<eight>[0-7]+)|0x(?P<sixteen>[0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def _plain(text: str) -> Json:
    """What an unquoted scalar means. Raises `ValueError` for what JSON cannot hold."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number; quotes would make it text")
    integer, real = _INTEGER.fullmatch(text), _FLOAT.fullmatch(text)
    if not integer and not real:
        return text
    if len(text) > DIGITS:
        raise ValueError(f"a number of more than {DIGITS:,} characters")
    if integer:
        base = {"ten": 10, "eight": 8, "sixteen": 16}[integer.lastgroup or "ten"]
        return int(integer[integer.lastgroup or 0], base)
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large for a number; quotes would make it text")
    return value
