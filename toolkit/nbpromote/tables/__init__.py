"""Declared inputs and outputs as tables: what is in them, from outside. Judges nothing."""

from nbpromote.tables.profiles import begin, profile

__all__ = ["begin", "profile"]
