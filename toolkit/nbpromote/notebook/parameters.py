"""Read the parameters cell: plain literals are the schema. What an environment gives is not known here."""

from __future__ import annotations

import ast
import io
import math
import tokenize
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpromote.errors import BadInput
from nbpromote.model import Json, Parameter, Schema
from nbpromote.notebook import cells, sides, syntax

if TYPE_CHECKING:
    from nbformat import NotebookNode

TAG = "parameters"
INJECTED = "injected-parameters"  # papermill's tag for the cell that it puts in

Fits = Callable[[Json, str], bool]  # whether a value is of the type that an annotation spells


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a declaration cannot be used. `line` counts within the cell."""

    cell: int
    cell_id: str
    message: str
    line: int | None = None
    hint: str = ""
    code: str = "NBP201"  # as `check` names it

    def __str__(self) -> str:
        line = f" line {self.line}" if self.line else ""
        return f"cell {self.cell} ({self.cell_id}){line}: {self.message}"


def schema(node: NotebookNode, path: str = "", *, fits: Fits | None = None) -> Schema:
    """What the cell tagged `parameters` declares; no such cell, or another language than Python: nothing.

    Raises `BadInput` with every reason why the declaration could not be trusted: two such cells, a value that
    is no plain literal or does not fit its annotation, a parameter bound again in a later cell, where the value
    given would be lost.
    """
    found, problems = declared(node, fits=fits)
    if len(problems) == 1:
        raise BadInput(str(problems[0]), where=path, hint=problems[0].hint)
    if problems:
        raise BadInput("the parameters cannot be used", where=path, problems=map(str, problems))
    return found


def declared(node: NotebookNode, *, fits: Fits | None = None) -> tuple[Schema, tuple[Problem, ...]]:
    """The schema as far as it can be read, and everything that is wrong with it."""
    if sides.language(node) != "python":
        return Schema(), ()
    tagged = [(number, cell) for number, cell in cells.numbered(node) if _declares(cell)]
    if not tagged:
        return Schema(), ()
    number, cell = tagged[0]
    reader = _Reader(number=number, cell_id=cell.id, source=cells.canonical(cell.source), fits=fits)
    parameters, problems = reader.read()
    names = {parameter.name for parameter in parameters}
    problems += [*_too_many(tagged), *_bound_again(node, names, after=number)]
    return Schema(parameters=tuple(parameters)), tuple(problems)


def _declares(cell: NotebookNode) -> bool:
    return TAG in cells.tags(cell) and bool(cell.source.strip())


def _too_many(tagged: list[tuple[int, NotebookNode]]) -> Iterator[Problem]:
    for number, cell in tagged[1:]:
        yield Problem(
            cell=number,
            cell_id=cell.id,
            message=f"a second cell tagged {TAG!r}; cell {tagged[0][0]} ({tagged[0][1].id}) is the first",
            hint="keep the tag on one cell",
            code="NBP202",
        )


def _bound_again(node: NotebookNode, names: set[str], *, after: int) -> Iterator[Problem]:
    for number, cell in cells.numbered(node):
        module = syntax.tree(cell.source) if number > after and TAG not in cells.tags(cell) else None
        for name, line in syntax.bound(module) if module else ():
            if name in names:
                yield Problem(
                    cell=number,
                    cell_id=cell.id,
                    line=line,
                    code="NBP203",
                    **_reason(name, injected=INJECTED in cells.tags(cell)),
                )


def _reason(name: str, *, injected: bool) -> Mapping[str, str]:
    message = f"parameter {name!r} is assigned again, so a value given to it would be lost"
    if injected:
        return {"message": message, "hint": f"delete the cell tagged {INJECTED!r}, which papermill left"}
    return {"message": message, "hint": "use another name below the parameters cell"}


_LITERALS = "plain literals are numbers, strings, True, False, None, and lists and dicts of these; dates as ISO strings"


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Reads one parameters cell, statement by statement."""

    number: int
    cell_id: str
    source: str
    fits: Fits | None = None

    def read(self) -> tuple[list[Parameter], list[Problem]]:
        module = syntax.tree(self.source)
        if module is None:
            line, reason = syntax.fault(self.source) or (None, "not Python")
            return [], [self._problem(reason, line)]
        answers = [self._statement(statement) for statement in module.body if not _says_nothing(statement)]
        parameters: dict[str, Parameter] = {}
        problems = [answer for answer in answers if isinstance(answer, Problem)]
        for parameter in (answer for answer in answers if isinstance(answer, Parameter)):
            if parameter.name in parameters:
                problems.append(self._problem(f"parameter {parameter.name!r} is declared twice"))
            parameters[parameter.name] = parameter
        return list(parameters.values()), problems

    def _statement(self, statement: ast.stmt) -> Parameter | Problem:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                annotation = None
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value, annotation=annotation):
                pass
            case ast.AnnAssign(target=ast.Name(id=name)):
                return self._problem(f"parameter {name!r} has no default", statement.lineno)
            case _:
                reason = (
                    "only `name = literal` lines may stand in the parameters cell, and imports of typing or datetime"
                )
                return self._problem(reason, statement.lineno)
        try:
            default = _plain(ast.literal_eval(value))
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return self._problem(f"the default of {name!r} is not a plain literal", value.lineno)
        kind = self._spelled(annotation) if annotation else _kind(default)
        if self.fits and not self.fits(default, kind):
            return self._misfit(name, default, kind, value.lineno)
        return Parameter(name=name, type=kind, default=default, help=self._help(statement))

    def _spelled(self, annotation: ast.expr) -> str:
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            return annotation.value
        return ast.get_source_segment(self.source, annotation) or ast.unparse(annotation)

    def _help(self, statement: ast.stmt) -> str:
        lines = (statement.end_lineno or statement.lineno, statement.lineno)
        comments = _comments(self.source)
        return next((comments[line] for line in lines if line in comments), "")

    def _misfit(self, name: str, default: Json, kind: str, line: int) -> Problem:
        hint = f"{kind} | None takes nothing as well" if default is None else "mend the annotation or the default"
        return self._problem(
            f"the default of {name!r}, {_shown(default)}, is no {kind}", line, hint=hint, code="NBP207"
        )

    def _problem(
        self, message: str, line: int | None = None, *, hint: str = _LITERALS, code: str = Problem.code
    ) -> Problem:
        return Problem(cell=self.number, cell_id=self.cell_id, message=message, line=line, hint=hint, code=code)


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_OF_ANNOTATIONS = {"typing", "datetime", "__future__"}


def _says_nothing(statement: ast.stmt) -> bool:
    """A string on a line of its own, what is left of a magic, and imports that annotations need in a kernel."""
    if isinstance(statement, ast.Import):
        return all(name.name in _OF_ANNOTATIONS for name in statement.names)
    if isinstance(statement, ast.ImportFrom):
        return statement.module in _OF_ANNOTATIONS and all(name.name != "*" for name in statement.names)
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _plain(value: object) -> Json:
    """The value, where JSON has it. Raises `ValueError` for tuples, sets, bytes, complex numbers, inf.

    Also for half a surrogate pair, and for an integer of more digits than Python writes out.
    """
    if isinstance(value, str):
        value.encode()
    if isinstance(value, int):
        str(value)
    if isinstance(value, dict) and all(isinstance(_plain(key), str) for key in value):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(value)


def _kind(value: Json) -> str:
    return "Any" if value is None else type(value).__name__


def _comments(source: str) -> dict[int, str]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(syntax.without_magics(source)).readline))
    except (tokenize.TokenError, SyntaxError):
        return {}
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
