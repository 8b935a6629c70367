"""Find, read, pair and sync notebooks, and say what decides their results. Runs nothing, and knows no git."""

from __future__ import annotations

from nbpromote.notebook.accepted import stamp, without_changed
from nbpromote.notebook.agreement import Synced, agree, sync
from nbpromote.notebook.findings import check
from nbpromote.notebook.outputs import accept, write
from nbpromote.notebook.pairs import find, find_all
from nbpromote.notebook.parameters import schema
from nbpromote.notebook.rules import RULES, WARNINGS
from nbpromote.notebook.rules.metrics import handed_out
from nbpromote.notebook.rules.resources import Resource, named
from nbpromote.notebook.rules.subject import Around
from nbpromote.notebook.sides import language, parse, read
from nbpromote.notebook.version import code

__all__ = [
    "RULES",
    "WARNINGS",
    "Around",
    "Resource",
    "Synced",
    "accept",
    "agree",
    "check",
    "code",
    "find",
    "find_all",
    "handed_out",
    "language",
    "named",
    "parse",
    "read",
    "schema",
    "stamp",
    "sync",
    "without_changed",
    "write",
]
