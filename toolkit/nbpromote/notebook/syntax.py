"""Python cells as `ast` sees them, with IPython's own syntax put aside. Executes nothing."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress

from nbpromote import grammar

_PYTHON_MAGICS = {"%%time", "%%timeit", "%%capture", "%%prun"}  # their bodies are Python
_SHELL_ASSIGNMENT = re.compile(r"^(\s*[\w, ]+=\s*)[!%].*$")


def tree(source: str) -> ast.Module | None:
    """The cell's syntax tree, its lines numbered as in `source`; None where it is no Python."""
    for spelling in _spellings(source):
        try:
            return grammar.module(spelling)
        except grammar.NO_PYTHON:
            continue
    return None


def fault(source: str) -> tuple[int | None, str] | None:
    """Line in the cell and reason, where the cell is no Python."""
    if tree(source) is not None:
        return None
    try:
        grammar.module(without_magics(source))
    except SyntaxError as error:
        return error.lineno, error.msg
    except grammar.NO_PYTHON as error:
        return None, str(error) or "too deeply nested"
    return None


def without_magics(source: str) -> str:
    """Magics and shell lines replaced, line by line; nothing is left of a cell in another language."""
    lines = source.split("\n")
    first = next((line.split()[0] for line in lines if line.strip()), "")
    if first.startswith("%%") and first not in _PYTHON_MAGICS:
        return ""
    return "\n".join(_plain(line) for line in lines)


def bound(module: ast.Module) -> list[tuple[str, int]]:
    """Every name that the cell binds in the notebook's own namespace, with its line."""
    binder = _Binder()
    binder.visit(module)
    return binder.names


def _spellings(source: str) -> Iterator[str]:
    yield source
    yield without_magics(source)
    with suppress(SyntaxError):
        yield _transformed(source)


def _transformed(source: str) -> str:
    """As IPython would hand it to Python. Raises `SyntaxError`."""
    # half a second to import; only cells pay it that the line rule above cannot read
    from IPython.core.inputtransformer2 import TransformerManager

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells of line ends that it minds
        return str(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]


def _plain(line: str) -> str:
    bare = line.strip()
    if bare.startswith(("%", "!", "?")) or bare.endswith("?"):
        return line[: len(line) - len(line.lstrip())] + "pass"
    return _SHELL_ASSIGNMENT.sub(r"\1None", line)


class _Binder(ast.NodeVisitor):
    """Walks what runs at top level: functions, classes and comprehensions keep their names to themselves."""

    def __init__(self) -> None:
        self.names: list[tuple[str, int]] = []

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.names.append((node.id, node.lineno))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.names.append((node.name, node.lineno))

    visit_AsyncFunctionDef = visit_FunctionDef
    visit_ClassDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        pass

    def visit_ListComp(self, node: ast.AST) -> None:
        # PEP 572: an assignment expression in a comprehension binds outside of it
        walrus = (part.target for part in ast.walk(node) if isinstance(part, ast.NamedExpr))
        self.names += [(target.id, target.lineno) for target in walrus]

    visit_SetComp = visit_ListComp
    visit_DictComp = visit_ListComp
    visit_GeneratorExp = visit_ListComp

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.names += [(alias.asname or alias.name.split(".")[0], node.lineno) for alias in node.names]

    visit_ImportFrom = visit_Import

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._named(node.name, node.lineno)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._named(node.name, node.lineno)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self._named(node.name, node.lineno)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._named(node.rest, node.lineno)
        self.generic_visit(node)

    def _named(self, name: str | None, line: int) -> None:
        if name:
            self.names.append((name, line))
