"""NBP2xx: the parameters cell, which is the notebook's schema."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterator

from nbpromote.model import Finding
from nbpromote.notebook.rules.subject import Cell, Page, Subject


def no_literal(subject: Subject) -> Iterator[Finding]:
    """The parameters cell holds something other than `name = literal` lines, or a name twice."""
    return _problems(subject, "NBP201")


def two_cells(subject: Subject) -> Iterator[Finding]:
    """A second cell is tagged `parameters`."""
    return _problems(subject, "NBP202")


def assigned_again(subject: Subject) -> Iterator[Finding]:
    """A parameter is assigned again below, so that a value given to it would be lost."""
    return _problems(subject, "NBP203")


def _problems(subject: Subject, code: str) -> Iterator[Finding]:
    for page in subject.python:
        by_number = {cell.number: cell for cell in page.cells}
        for problem in sorted({*page.declared[1]}, key=lambda p: (p.cell, p.line or 0, p.message)):
            if problem.code == code:
                yield page.at(by_number[problem.cell], problem.message, line=problem.line, hint=problem.hint)


def unused(subject: Subject) -> Iterator[Finding]:
    """A parameter that no cell reads: giving it a value would change nothing."""
    for page in subject.python:
        declared, problems = page.declared
        if declared and not any(problem.code == "NBP202" for problem in problems):
            reads = _Reads()
            for cell in page.below:
                reads.add(cell)
            for parameter in declared:
                if not reads.know(parameter.name):
                    message = f"parameter {parameter.name!r} is never used below"
                    yield _at_declaration(page, parameter.name, message, hint="use it, or take it out")


def reserved(subject: Subject) -> Iterator[Finding]:
    """A parameter's name means something to Python, IPython or papermill already."""
    for page in subject.python:
        for parameter in page.declared[0]:
            if keyword.iskeyword(parameter.name) or parameter.name in _TAKEN or _HISTORY.fullmatch(parameter.name):
                message = f"the name {parameter.name!r} is taken by {_TAKEN.get(parameter.name, 'IPython')}"
                yield _at_declaration(page, parameter.name, message, hint="choose another name")


# papermill fills in its own names wherever a path holds them; IPython keeps its history in the notebook's namespace
_TAKEN = {
    **dict.fromkeys(("pm_run_uuid", "current_time", "current_datetime_local", "current_datetime_utc"), "papermill"),
    **dict.fromkeys(("get_ipython", "In", "Out", "exit", "quit", "open", "display", "print"), "IPython"),
    **dict.fromkeys(("papermill", "nbpromote", "base"), "nbpromote"),
}
_HISTORY = re.compile(r"_+|_i+|_\d+|_i\d+|_[dio]h|_exit_code")


def shadows(subject: Subject) -> Iterator[Finding]:
    """A parameter hides one of Python's own functions or types from the cells below."""
    for page in subject.python:
        for parameter in page.declared[0]:
            if hasattr(builtins, parameter.name) and parameter.name not in _TAKEN:
                message = f"parameter {parameter.name!r} hides Python's own {parameter.name}"
                yield _at_declaration(page, parameter.name, message, hint="choose another name")


def unknown_type(subject: Subject) -> Iterator[Finding]:
    """A parameter's annotation is none that values can be held against, so anything would be taken."""
    for page in subject.python:
        for parameter in page.declared[0]:
            if not subject.around.knows_type(parameter.type):
                message = f"the type {parameter.type!r} of {parameter.name!r} is none that values can be held against"
                yield _at_declaration(page, parameter.name, message)


def unfit_default(subject: Subject) -> Iterator[Finding]:
    """A parameter's default is not of the type that its annotation names."""
    return _problems(subject, "NBP207")


def _at_declaration(page: Page, name: str, message: str, *, hint: str = "") -> Finding:
    cell = page.declaring
    assert cell is not None
    for node in cell.walk():
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name:
            return page.on(cell, node, message, hint=hint)
    return page.at(cell, message, hint=hint)


_WORD = re.compile(r"[^\W\d]\w*")
_PLACEHOLDER = re.compile(r"[@{$:]\s*([^\W\d]\w*)")  # as in pandas' query, str.format, templates and SQL
_INTERPRETERS_WORDS = """
    query eval exec execute executescript read_sql read_sql_query sql filter run_line_magic run_cell_magic system
"""
_INTERPRETERS = frozenset(_INTERPRETERS_WORDS.split())
_WHOLE_NAMESPACE = frozenset(("globals", "locals", "vars", "dir"))


class _Reads:
    """Names that cells read, also out of strings that something will interpret. Rather one too many."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._everything = False

    def know(self, name: str) -> bool:
        return self._everything or name in self._names

    def add(self, cell: Cell) -> None:
        if cell.tree is None:
            self._names.update(_WORD.findall(cell.source))
            return
        for line in cell.source.split("\n"):
            if line.lstrip().startswith(("%", "!")) or re.match(r"\s*[\w, ]+=\s*[!%]", line):
                self._names.update(_WORD.findall(line))
        if cell.source.lstrip().startswith("%%"):
            self._names.update(_WORD.findall(cell.source))
        for node in cell.walk():
            self._add(node)

    def _add(self, node: ast.AST) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                self._everything |= name in _WHOLE_NAMESPACE
                self._names.add(name)
            case ast.AugAssign(target=ast.Name(id=name)) | ast.Delete(targets=[ast.Name(id=name)]):
                self._names.add(name)
            case ast.Constant(value=str(text)):
                self._names.update(_PLACEHOLDER.findall(text))
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called in _INTERPRETERS:
                for part in ast.walk(node):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        self._names.update(_WORD.findall(part.value))
