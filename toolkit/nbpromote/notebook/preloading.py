"""What a notebook imports from elsewhere, and whether it sets variables that modules may read as they are imported."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from nbpromote.notebook import cells, syntax

if TYPE_CHECKING:
    from nbformat import NotebookNode

_MAGIC = re.compile(r"^\s*%(?:env|set_env)\s+(\w+)(?:\s+|\s*=)\S", re.MULTILINE)
_SETTERS = {"update", "pop", "popitem", "clear", "__setitem__", "putenv", "unsetenv"}


def imported(node: NotebookNode, *, own: Collection[str] = ()) -> tuple[str, ...]:
    """Modules that its cells import at top level, in order, neither Python's nor `own`.

    `from sklearn import ensemble` names `sklearn` and what may be a module in it.
    """
    found = [name for _, cell in cells.numbered(node) for name in _imported(cell.source)]
    foreign = (name for name in found if name.split(".")[0] not in {*own, *sys.stdlib_module_names})
    return tuple(dict.fromkeys(foreign))


def sets_variables(node: NotebookNode, *, already: Collection[str] = ()) -> tuple[str, ...]:
    """Environment variables that it sets at top level while imports are still to come; `*` for one it computes.

    `os.environ.setdefault` of a variable that is there `already` sets nothing.
    """
    found: list[str] = []
    waiting: list[str] = []
    for _, cell in cells.numbered(node):
        waiting += _MAGIC.findall(cell.source)
        tree = syntax.tree(cell.source)
        for statement in tree.body if tree else ():
            if any(name.split(".")[0] not in sys.stdlib_module_names for name in _names(statement)):
                found += waiting
                waiting = []
            waiting += _set(statement, already)
    return tuple(dict.fromkeys(found))


def _imported(source: str) -> Iterator[str]:
    tree = syntax.tree(source)
    for statement in tree.body if tree else ():
        yield from _names(statement)


def _names(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.Import():
            yield from (alias.name for alias in statement.names)
        case ast.ImportFrom(level=0, module=str(module)):
            yield module
            # modules are in lower case, and most of what else is imported by name is not
            yield from (f"{module}.{alias.name}" for alias in statement.names if re.fullmatch(r"[a-z]\w*", alias.name))


def _set(statement: ast.stmt, already: Collection[str]) -> Iterator[str]:
    """What a statement that runs at once sets; functions and classes run later, or for themselves."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    for part in ast.walk(statement):
        match part:
            case ast.Subscript(value=owner, slice=key, ctx=ast.Store() | ast.Del()) if _is_environ(owner):
                yield _text(key)
            case ast.AugAssign(target=owner) if _is_environ(owner):
                yield "*"
            case ast.Call(func=ast.Attribute(value=owner, attr="setdefault"), args=[key, *_]) if _is_environ(owner):
                if _text(key) not in already:
                    yield _text(key)
            case ast.Call(func=ast.Attribute(value=owner, attr=attribute), args=arguments):
                if (_is_environ(owner) or attribute in ("putenv", "unsetenv")) and attribute in _SETTERS:
                    yield _text(arguments[0]) if arguments else "*"
            case ast.Call(func=ast.Name(id="load_dotenv" | "putenv")):
                yield "*"


def _is_environ(node: ast.expr) -> bool:
    match node:
        case ast.Name(id="environ") | ast.Attribute(attr="environ"):
            return True
    return False


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "*"
