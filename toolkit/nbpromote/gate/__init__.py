"""Decide. Pure: no clock, no disk, no network, so every verdict can be replayed."""

from nbpromote.gate.deciding import decide, lacks_proof
from nbpromote.gate.waiting import waits

__all__ = ["decide", "lacks_proof", "waits"]
