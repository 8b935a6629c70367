"""Find, read, pair and sync notebooks, and say what decides their results. Runs nothing, and knows no git."""

from typing import TYPE_CHECKING

from nbpromote import faces

if TYPE_CHECKING:
    from nbpromote.notebook.accepted import acceptance, accepted_digest, recalled, stamp, without_changed
    from nbpromote.notebook.findings import check
    from nbpromote.notebook.outputs import accept, without_outputs, write
    from nbpromote.notebook.pairing import (
        Agreed,
        Base,
        Block,
        Contents,
        Dropped,
        Settled,
        agreed,
        base,
        keeps_to,
        read_agreed,
        settle,
        write_agreed,
    )
    from nbpromote.notebook.pairs import find, find_all, has_cells, is_name
    from nbpromote.notebook.parameters import schema
    from nbpromote.notebook.preloading import imported, sets_variables
    from nbpromote.notebook.rules import RULES, WARNINGS
    from nbpromote.notebook.rules.metrics import handed_out
    from nbpromote.notebook.rules.resources import Resource, named
    from nbpromote.notebook.rules.subject import Around
    from nbpromote.notebook.sides import SUFFIXES, kernel, language, parse, read
    from nbpromote.notebook.version import code
else:
    __getattr__ = faces.lazy(
        __name__,
        {
            "accepted": "acceptance accepted_digest recalled stamp without_changed",
            "findings": "check",
            "outputs": "accept without_outputs write",
            "pairing": "Agreed Base Block Contents Dropped Settled"
            " agreed base keeps_to read_agreed settle write_agreed",
            "pairs": "find find_all has_cells is_name",
            "parameters": "schema",
            "preloading": "imported sets_variables",
            "rules": "RULES WARNINGS",
            "rules.metrics": "handed_out",
            "rules.resources": "Resource named",
            "rules.subject": "Around",
            "sides": "SUFFIXES kernel language parse read",
            "version": "code",
        },
    )

__all__ = [
    "RULES",
    "SUFFIXES",
    "WARNINGS",
    "Agreed",
    "Around",
    "Base",
    "Block",
    "Contents",
    "Dropped",
    "Resource",
    "Settled",
    "accept",
    "acceptance",
    "accepted_digest",
    "agreed",
    "base",
    "check",
    "code",
    "find",
    "find_all",
    "handed_out",
    "has_cells",
    "imported",
    "is_name",
    "keeps_to",
    "kernel",
    "language",
    "named",
    "parse",
    "read",
    "read_agreed",
    "recalled",
    "schema",
    "sets_variables",
    "settle",
    "stamp",
    "without_changed",
    "without_outputs",
    "write",
    "write_agreed",
]
