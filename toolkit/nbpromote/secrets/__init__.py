"""Secrets: what looks like one in a text. Never shows one in full, and asks nobody on the network."""

from nbpromote.secrets.detector import Suspect, detect

__all__ = ["Suspect", "detect"]
