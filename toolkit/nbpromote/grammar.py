"""Python source to syntax trees, for every room that reads Python. Executes nothing."""

from __future__ import annotations

import ast
import warnings
from threading import Lock

NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)  # what `ast.parse` raises

# before 3.11.8 and 3.12.1 two threads that build trees at once count one depth together, and one of them ends in
# SystemError (python/cpython#106905); the filters of `warnings` are the whole process's as well
_ONE_AT_A_TIME = Lock()


def module(source: str | bytes) -> ast.Module:
    """What `ast` makes of a file or a cell, without its warnings. Raises one of `NO_PYTHON`."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def expression(source: str) -> ast.expr:
    """What `ast` makes of one expression. Raises one of `NO_PYTHON`."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source.strip(), mode="eval").body
