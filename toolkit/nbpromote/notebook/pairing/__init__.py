"""Keep notebook and script of a pair saying the same. Pure: bytes in, bytes out."""

from __future__ import annotations

from nbpromote.notebook.pairing.blocks import Base, Block, Contents
from nbpromote.notebook.pairing.records import Agreed, agreed, read_agreed, write_agreed
from nbpromote.notebook.pairing.settling import Settled, base, keeps_to, settle
from nbpromote.notebook.pairing.telling import Dropped

__all__ = [
    "Agreed",
    "Base",
    "Block",
    "Contents",
    "Dropped",
    "Settled",
    "agreed",
    "base",
    "keeps_to",
    "read_agreed",
    "settle",
    "write_agreed",
]
