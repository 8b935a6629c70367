"""Decide. Pure: no clock, no disk, no network, so every verdict can be replayed."""

from nbpromote.gate.deciding import decide, lacks_proof
from nbpromote.gate.waiting import LIFTED, discounts, may_apply, waits
from nbpromote.hours import opens

__all__ = ["LIFTED", "decide", "discounts", "lacks_proof", "may_apply", "opens", "waits"]
