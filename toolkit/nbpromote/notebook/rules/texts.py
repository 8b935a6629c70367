"""The texts that a cell's code holds, each as whole as it can be known without running. No regex over source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from nbpromote.notebook.rules.magics import magics
from nbpromote.notebook.rules.subject import Cell

# what a text is handed to tells what it is
_ABOUT_TEXT_WORDS = """
    startswith endswith replace split rsplit strip lstrip rstrip removeprefix removesuffix partition rpartition
    count index find rfind join match fullmatch search sub subn compile findall finditer escape strftime strptime
    contains extract route get post put delete patch head
"""
_ABOUT_TEXT = frozenset(_ABOUT_TEXT_WORDS.split())
_PATHS = frozenset(("Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "join", "joinpath", "UPath"))
_OPENS_WORDS = """
    open read write load save dump to_ from_ scan_ glob exists mkdir copy listdir
"""
_OPENS = tuple(_OPENS_WORDS.split())
_OPENING_MAGICS = ("cd", "pushd", "run", "load", "writefile")


@dataclass(frozen=True, kw_only=True)
class Text:
    """`whole` is false where only its beginning is known; `opened` where something is to find a file there."""

    text: str
    node: ast.expr
    whole: bool = True
    opened: bool = False


def texts(cell: Cell) -> Iterator[Text]:
    """Every text but docstrings, strings on their own, and what is only taken apart or looked for."""
    if cell.tree is not None:
        yield from _in(cell.tree)
    for given in magics(cell, *_OPENING_MAGICS):
        path = next((word for word in str(given.value).split() if not word.startswith("-")), "").strip("'\"")
        yield Text(text=path, node=given, opened=True)


def _in(node: ast.AST, *, opened: bool = False) -> Iterator[Text]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Compare):
        return
    if isinstance(node, ast.expr) and (found := _folded(node)) is not None:
        text, whole = found
        yield Text(text=text, node=node, whole=whole, opened=opened or isinstance(node, ast.Call))
        if isinstance(node, ast.Constant):
            return
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and part is not node and _folded(part) is None:
                yield from _in(part)
        return
    match node:
        case ast.Call(func=func, args=args, keywords=keywords):
            yield from _in(func)
            if (name := _called(func)) in _ABOUT_TEXT:
                args = [arg for arg in args if not isinstance(arg, ast.Constant)]
            opens = name in _PATHS or name.startswith(_OPENS)
            for part in (*args, *(keyword.value for keyword in keywords)):
                yield from _in(part, opened=opens)
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
            yield from _in(left, opened=opened)
            if not isinstance(right, ast.Constant):  # the end of a text, not a text
                yield from _in(right)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _in(child)


def _called(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _folded(node: ast.expr) -> tuple[str, bool] | None:
    """The text that an expression makes, as far as it is known, and whether that is all of it."""
    match node:
        case ast.Constant(value=str(text)):
            return text, True
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *rest]):
            return text, not rest
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _joined([left, right])
        case ast.Call(func=func, args=[_, *_] as args, keywords=[]) if _called(func) in _PATHS:
            if _called(func) in ("join", "joinpath") and not _is_path_join(func):
                return None
            return _joined(args)
    return None


def _is_path_join(func: ast.expr) -> bool:
    """`os.path.join`, and not the `join` of a string or a frame."""
    return (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Name | ast.Attribute)
        and (_called(func.value) == "path")
    )


def _joined(parts: list[ast.expr]) -> tuple[str, bool] | None:
    known: list[str] = []
    for part in parts:
        found = _folded(part)
        if found is None:
            break
        known.append(found[0])
        if not found[1]:
            break
    if not known:
        return None
    text = known[0]
    for more in known[1:]:
        text = more if more.startswith("/") else f"{text.rstrip('/')}/{more}"
    return text, len(known) == len(parts)
