"""Find, read, pair and sync notebooks, and say what decides their results. Runs nothing, and knows no git."""

from __future__ import annotations

from nbpromote.notebook.findings import check
from nbpromote.notebook.outputs import accept, write
from nbpromote.notebook.pairing import (
    Agreed,
    Base,
    Block,
    Contents,
    Dropped,
    Settled,
    agree,
    agreed,
    base,
    keeps_to,
    read_agreed,
    settle,
    write_agreed,
)
from nbpromote.notebook.pairs import find, find_all
from nbpromote.notebook.parameters import schema
from nbpromote.notebook.sides import SUFFIXES, language, parse, read
from nbpromote.notebook.version import code

__all__ = [
    "SUFFIXES",
    "Agreed",
    "Base",
    "Block",
    "Contents",
    "Dropped",
    "Settled",
    "accept",
    "agree",
    "agreed",
    "base",
    "check",
    "code",
    "find",
    "find_all",
    "keeps_to",
    "language",
    "parse",
    "read",
    "read_agreed",
    "schema",
    "settle",
    "write",
    "write_agreed",
]
