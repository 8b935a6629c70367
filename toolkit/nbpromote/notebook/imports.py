"""Follow imports to the project files they name. Reads through a callable, imports nothing itself."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from nbpromote import grammar

Read = Callable[[str], "bytes | None"]


def reached(modules: Iterable[ast.Module], folder: str, *, read: Read, tracked: Container[str]) -> set[str]:
    """Tracked files that `modules`, standing in `folder`, import, directly or by way of others.

    Paths are from the root, with `/`. As in a kernel the folder comes first; then the root, then `src`.
    """
    bases = list(dict.fromkeys([_clean(folder), "", "src"]))
    found: set[str] = set()
    queue = [path for module in modules for path in _imported(module, bases[0], bases, tracked)]
    while queue:
        path = queue.pop()
        if path in found or (data := read(path)) is None:
            continue
        found.add(path)
        package = _clean(str(PurePosixPath(path).parent))
        queue += _imported(tree(data), package, bases, tracked)
    return found


def _imported(module: ast.Module, package: str, bases: Sequence[str], tracked: Container[str]) -> Iterator[str]:
    """Paths of what one module names; `package` is the folder that its relative imports start from."""
    for node in ast.walk(module):
        match node:
            case ast.Import():
                for alias in node.names:
                    yield from _first(alias.name.split("."), bases, tracked)
            case ast.ImportFrom(level=0, module=str(name)):
                for alias in node.names:
                    yield from _first([*name.split("."), alias.name], bases, tracked)
            case ast.ImportFrom():
                start = _up(package, node.level - 1)
                parts = node.module.split(".") if node.module else []
                for alias in node.names:
                    yield from _files([*parts, alias.name], start, tracked)


def _first(parts: Sequence[str], bases: Sequence[str], tracked: Container[str]) -> list[str]:
    """What the first base offers that has anything of this name, as Python stops at the first."""
    return next((files for base in bases if (files := list(_files(parts, base, tracked)))), [])


def _files(parts: Sequence[str], base: str, tracked: Container[str]) -> Iterator[str]:
    """Every file that importing the dotted name runs: each package on the way, then the module.

    The last part may be a name inside a module as well as a module; both spellings are tried.
    """
    place = base
    for part in parts:
        if (own := _join(place, "__init__.py")) in tracked and place != base:
            yield own
        place = _join(place, part)
        if (module := f"{place}.py") in tracked:
            yield module
    if (own := _join(place, "__init__.py")) in tracked:
        yield own


def tree(data: bytes) -> ast.Module:
    """A module; an empty one for what is no Python."""
    try:
        return grammar.module(data)
    except grammar.NO_PYTHON:
        return ast.Module(body=[], type_ignores=[])


def _up(package: str, levels: int) -> str:
    path = PurePosixPath(package)
    for _ in range(levels):
        path = path.parent
    return _clean(str(path))


def _clean(folder: str) -> str:
    return "" if folder in (".", "/") else folder.strip("/")


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
