"""Secrets: references to values, a search for these in everything that a run leaves, and for what looks like one.

The values are in no record, message or file of the toolkit; what is written down is the reference.
"""

from typing import TYPE_CHECKING

from nbpromote import faces

if TYPE_CHECKING:
    from nbpromote.secrets.detector import Suspect, detect
    from nbpromote.secrets.references import resolve, schemes
    from nbpromote.secrets.scanning import Scanner
else:
    __getattr__ = faces.lazy(
        __name__,
        {
            "detector": "Suspect detect",
            "references": "resolve schemes",
            "scanning": "Scanner",
        },
    )

__all__ = ["Scanner", "Suspect", "detect", "resolve", "schemes"]
