"""The part of GitHub's expressions that the templates use; anything else is an error."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def wanted(condition: str, context: Mapping[str, Any], *, failed: bool, root: Path | None = None) -> bool:
    """A condition that asks nothing of what came before wants it to have gone well."""
    text = condition.strip().removeprefix("${{").removesuffix("}}").strip()
    if not re.search(r"\b(always|cancelled|failure|success)\(", text) and failed:
        return False
    return bool(Expression(text, context, root).value()) if text else True


def filled(text: str, context: Mapping[str, Any], root: Path | None = None) -> str:
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _spelled(Expression(found[1], context, root).value()), text)


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Expression:
    def __init__(self, text: str, context: Mapping[str, Any], root: Path | None) -> None:
        self.tokens = re.findall(r"'[^']*'|[\w.-]+|==|!=|&&|\|\||[!(),]|\S", text)
        self.context, self.root = context, root

    def value(self) -> Any:
        found = self._either()
        assert not self.tokens, f"not understood: {self.tokens}"
        return found

    def _either(self) -> Any:
        found = self._both()
        while self._takes("||"):
            other = self._both()
            found = found or other
        return found

    def _both(self) -> Any:
        found = self._same()
        while self._takes("&&"):
            other = self._same()
            found = found and other
        return found

    def _same(self) -> Any:
        found = self._one()
        if self._takes("=="):
            return found == self._one()
        return found != self._one() if self._takes("!=") else found

    def _one(self) -> Any:
        if self._takes("!"):
            return not self._one()
        if self._takes("("):
            found = self._either()
            assert self._takes(")")
            return found
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1]
        return self._called(token) if self._takes("(") else self._found(token)

    def _takes(self, token: str) -> bool:
        if self.tokens[:1] == [token]:
            return bool(self.tokens.pop(0))
        return False

    def _called(self, name: str) -> Any:
        given = []
        while not self._takes(")"):
            given.append(self._one())
            self._takes(",")
        if name == "hashFiles":
            assert self.root
            return hashlib.sha256(b"".join((self.root / file).read_bytes() for file in given)).hexdigest()
        return {"cancelled": False, "always": True}[name]

    def _found(self, path: str) -> Any:
        first, *rest = path.split(".")
        found = self.context[first]
        for name in rest:
            found = found.get(name, "") if isinstance(found, dict) else ""
        return found
