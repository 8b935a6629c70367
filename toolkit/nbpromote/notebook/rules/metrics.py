"""Which metrics a notebook hands out, as far as its code says so."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbpromote.notebook import cells, sides, syntax

if TYPE_CHECKING:
    from nbformat import NotebookNode

_ONE = frozenset(("glue", "log_metric"))
_MANY = frozenset(("log_metrics", "evaluate", "autolog"))


def handed_out(node: NotebookNode) -> frozenset[str] | None:
    """The names of what is glued or logged; None where some of them are known only when it runs."""
    if sides.language(node) != "python":
        return None
    names: set[str] = set()
    for _, cell in cells.numbered(node):
        tree = syntax.tree(cell.source)
        if tree is None:
            return None
        for part in ast.walk(tree):
            found = _named(part)
            if found is None:
                return None
            names |= found
    return frozenset(names)


def _named(node: ast.AST) -> set[str] | None:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords):
            pass
        case _:
            return set()
    if name in _ONE:
        given = [*args[:1], *(keyword.value for keyword in keywords if keyword.arg in ("name", "key"))]
        texts = {part.value for part in given if isinstance(part, ast.Constant) and isinstance(part.value, str)}
        return texts or None
    if name == "log_metrics" and args and isinstance(args[0], ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in args[0].keys]
        return None if None in keys else {str(key) for key in keys}
    return None if name in _MANY else set()
