"""NBP305: a notebook that chooses where its results are tracked."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from nbpromote.model import Finding
from nbpromote.notebook.rules.magics import magics
from nbpromote.notebook.rules.subject import Cell, Page, Subject

_SETTERS = frozenset(("set_tracking_uri", "set_registry_uri", "set_experiment"))
_VARIABLES = frozenset(("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"))


def sets_tracking(subject: Subject) -> Iterator[Finding]:
    """The notebook chooses its own tracking server, registry or experiment, which the environment gives."""
    for page in subject.python:
        setters = _setters(page)
        for cell in page.below:
            for node, name in _chosen(cell, setters):
                message = f"{name}: the environment gives the tracking server and the experiment"
                yield page.on(cell, node, message, hint="take it out; `tracking_uri` in params/*.yaml sets it")


def _chosen(cell: Cell, setters: Mapping[str, str]) -> Iterator[tuple[ast.AST, str]]:
    for node in cell.walk():
        if name := _called(node, setters):
            yield node, f"{name}()"
        yield from ((node, f"os.environ[{name!r}]") for name in _variables(node) if name in _VARIABLES)
    for given in magics(cell, "env", "set_env"):
        name, *value = re.split(r"\s*=\s*|\s+", str(given.value), maxsplit=1)
        if value and name in _VARIABLES:
            yield given, f"%env {name}"


def _setters(page: Page) -> Mapping[str, str]:
    """MLflow's functions by the names that they go by in this notebook."""
    imports = (node for cell in page.cells for node in cell.walk() if isinstance(node, ast.ImportFrom))
    aliases = (alias for node in imports for alias in node.names if alias.name in _SETTERS)
    return {name: name for name in _SETTERS} | {alias.asname or alias.name: alias.name for alias in aliases}


def _called(node: ast.AST, setters: Mapping[str, str]) -> str:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in setters:
            return setters[name]
    return ""


def _variables(node: ast.AST) -> Iterator[str]:
    """The environment variables that a statement sets, as far as their names are known."""
    match node:
        case ast.Assign(targets=targets):
            for target in targets:
                if isinstance(target, ast.Subscript) and _is_environ(target.value):
                    yield from _names(target.slice)
        case ast.AugAssign(target=target, value=value) if _is_environ(target):
            yield from _names(value)
        case ast.Call(func=ast.Attribute(value=owner, attr="setdefault" | "update"), args=args) if _is_environ(owner):
            yield from (name for part in (*args[:1], node) for name in _names(part))
        case ast.Call(func=ast.Attribute(attr="putenv") | ast.Name(id="putenv"), args=[first, *_]):
            yield from _names(first)


def _is_environ(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name == "environ"
    return False


def _names(node: ast.expr) -> Iterator[str]:
    """A text, or the keys of a dict however it is written."""
    match node:
        case ast.Constant(value=str(name)):
            yield name
        case ast.Dict(keys=keys):
            yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
        case ast.Call(keywords=keywords):
            yield from (keyword.arg for keyword in keywords if keyword.arg)
