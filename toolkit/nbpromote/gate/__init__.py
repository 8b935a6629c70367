"""Decide. Pure: no clock, no disk, no network, so every verdict can be replayed."""

from nbpromote.gate.deciding import decide, lacks_proof, may_be_overridden
from nbpromote.gate.waiting import LIFTED, discounts, lifted, may_apply, waits
from nbpromote.hours import opens

__all__ = ["LIFTED", "decide", "discounts", "lacks_proof", "lifted", "may_apply", "may_be_overridden", "opens", "waits"]
