"""Decide. Pure: no clock, no disk, no network, so every verdict can be replayed."""

from typing import TYPE_CHECKING

from nbpromote import faces

if TYPE_CHECKING:
    from nbpromote.gate.deciding import decide, lacks_proof, may_be_overridden
    from nbpromote.gate.waiting import LIFTED, discounts, lifted, may_apply, waits
else:
    __getattr__ = faces.lazy(
        __name__,
        {
            "deciding": "decide lacks_proof may_be_overridden",
            "waiting": "LIFTED discounts lifted may_apply waits",
        },
    )

__all__ = [
    "LIFTED",
    "decide",
    "discounts",
    "lacks_proof",
    "lifted",
    "may_apply",
    "may_be_overridden",
    "waits",
]
