"""Reading one file's tree key by key, with a note of all that does not fit. Knows no key by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from nbpromote.errors import BadInput, nearest
from nbpromote.model import Finding, Json
from nbpromote.params.yaml import Node

Read = Callable[[str], str | None]  # a file's name in the params folder -> its text; None: not there
ReadBytes = Callable[[str], bytes | None]  # the same of any file by its path from the root, as bytes


@dataclass(frozen=True, kw_only=True)
class Value:
    """A value as written, and where."""

    value: Json
    path: str
    line: int
    column: int = 1
    broken: bool = False  # complained of already

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line}"

    def finding(self, message: str, *, hint: str = "") -> Finding:
        return Finding(path=self.path, line=self.line, column=self.column, message=message, hint=hint)


def text_of(read: Read, name: str, path: str) -> str | Finding:
    """The file's text, empty where it is not there; a finding where it cannot be text."""
    try:
        return read(name) or ""
    except UnicodeDecodeError as error:
        return Finding(path=path, line=error.object[: error.start].count(b"\n") + 1, message="not UTF-8")
    except BadInput as error:
        return Finding(path=path, message=error.message, hint=error.hint)


def shown(value: Json) -> str:
    """A value in a message, cut where it is long."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "nothing" if value is None else text
    return text if len(text) <= 60 else f"{text[:57]}..."


_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Reader:
    """Walks one file's tree. A question that the tree does not answer is noted, and gets an empty answer."""

    def __init__(self, path: str, findings: Iterable[Finding], *, elsewhere: Mapping[str, str]) -> None:
        """`elsewhere` maps the keys of other files to these files' names."""
        self.path = path
        self.elsewhere = elsewhere
        self.wrong = list(findings)

    def say(self, node: Node, message: str) -> None:
        self.wrong.append(Finding(path=self.path, line=node.line, column=node.column, message=message))

    def value(self, node: Node) -> Value:
        return Value(value=node.value, path=self.path, line=node.line, column=node.column, broken=node.broken)

    def items(self, node: Node | None, what: str) -> Mapping[str, Node]:
        """The keys of a mapping; none for null."""
        if node is None or node.value is None or isinstance(node.value, dict):
            return node.items if node else {}
        if not node.broken:
            self.say(node, f"{what} wants keys with values, got {shown(node.value)}")
        return {}

    def fields(self, node: Node, known: Iterable[str], what: str) -> Mapping[str, Node]:
        """The known keys of a mapping; the others are told."""
        known = tuple(known)
        found = {}
        for key, child in self.items(node, what).items():
            if key in known:
                found[key] = child
            else:
                home = self.elsewhere.get(key)
                close = f"; it belongs in {home}" if home else nearest(key, known)
                self.say(child, f"unknown key {key!r} in {what}{close}")
        return found

    def entries(self, node: Node | None, what: str) -> tuple[Node, ...]:
        if node is None or node.value is None or isinstance(node.value, list):
            return node.entries if node else ()
        if not node.broken:
            self.say(node, f"{what} wants a list, got {shown(node.value)}")
        return ()

    def text(self, node: Node | None, what: str) -> str | None:
        if node is None or node.broken:
            return None
        if isinstance(node.value, str) and node.value and node.value.isprintable():
            return node.value
        self.say(node, f"{what} wants a line of text, got {shown(node.value)}")
        return None

    def word(self, node: Node | None, what: str) -> str | None:
        return self._like(node, what, _WORD, "a name of letters, digits, '.', '_' and '-'")

    def variable(self, node: Node | None, what: str) -> str | None:
        return self._like(node, what, _VARIABLE, "names of environment variables")

    def _like(self, node: Node | None, what: str, pattern: re.Pattern[str], wanted: str) -> str | None:
        text = self.text(node, what)
        if node is None or text is None or pattern.fullmatch(text):
            return text
        self.say(node, f"{what} wants {wanted}, got {text!r}")
        return None

    def choice(self, node: Node | None, what: str, known: Iterable[str]) -> str | None:
        known = tuple(known)
        text = self.text(node, what)
        if node is None or text is None or text in known:
            return text
        self.say(node, f"{what} is one of {', '.join(known)}, got {text!r}{nearest(text, known)}")
        return None

    def flag(self, node: Node | None, what: str) -> bool:
        if node is not None and not isinstance(node.value, bool) and not node.broken:
            self.say(node, f"{what} is true or false, got {shown(node.value)}")
        return node is not None and node.value is True

    def number(self, node: Node, what: str) -> float | None:
        value = node.value
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
            return float(value)
        if not node.broken:
            self.say(node, f"{what} wants a number, got {shown(value)}")
        return None
