"""Passwords that a name betrays and no shape: `connect(password="correct-horse")`. By syntax tree, never shown."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbpromote.notebook.rules.subject import Cell

_PASSWORD = re.compile(r"(?i).*(?:password|passwd|passphrase)|(?:.*_)?(?:pwd|secret)")
_TOKEN = re.compile(r"(?i)(?:.*_)?(?:token|(?:api|secret|access|private)_?key)")
_ALLOWED = re.compile(r"(?i)pragma:\s*allowlist\s+secret")  # detect-secrets' own mark


def written(cell: Cell) -> Iterator[tuple[int, str]]:
    """The lines that give a password or a token as a literal, and what it is."""
    allowed = {number for number, line in enumerate(cell.source.split("\n"), 1) if _ALLOWED.search(line)}
    for node in cell.walk():
        for name, value, is_key in _given(node):
            if _is_secret(name, value.value, is_key=is_key) and value.lineno not in allowed:
                yield value.lineno, "Secret Keyword"


def _given(node: ast.AST) -> Iterator[tuple[str, ast.Constant, bool]]:
    """Each name with the literal it is given, and whether it is a key of a dict, which may rename a column."""
    match node:
        case ast.Assign(targets=targets, value=ast.Constant() as value):
            yield from ((_name(target), value, False) for target in targets)
        case ast.AnnAssign(target=target, value=ast.Constant() as value):
            yield _name(target), value, False
        case ast.keyword(arg=str(name), value=ast.Constant() as value):
            yield name, value, False
        case ast.Dict(keys=keys, values=values):
            for key, given in zip(keys, values, strict=True):
                if key is not None and isinstance(given, ast.Constant):
                    yield _name(key), given, True


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""


_WORD = re.compile(r"[a-z_]+")
# a variable's name, a reference or a path, a template, dots, what is meant to be replaced
_STANDS_IN = re.compile(
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z_]+(?:[./][a-z_]+)+|[a-z_]+:[A-Za-z_/.].*|[$<{%\[].*|[.*x…-]+"
    r"|(?i:your\b.*|your[_-].*|(?:change|replace)[_-]?me|password|passwd|pwd|secret|token|none|null|todo|empty|redacted)"
)


def _is_secret(name: str, value: object, *, is_key: bool) -> bool:
    """Whether a literal is meant by a name that says so: a tokenizer's `token` is a word, as a column's name is."""
    if not isinstance(value, str) or not value or re.search(r"\s", value) or _STANDS_IN.fullmatch(value):
        return False
    if _PASSWORD.fullmatch(name):
        return not (is_key and _WORD.fullmatch(value))
    mixed = re.search(r"[A-Za-z]", value) and re.search(r"[0-9]", value)
    return bool(_TOKEN.fullmatch(name)) and len(value) >= 8 and (len(value) >= 24 or bool(mixed))
