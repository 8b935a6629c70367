"""Secrets: references to values, and a search for these values in everything that a run leaves.

The values are in no record, message or file of the toolkit; what is written down is the reference.
"""

from nbpromote.secrets.references import resolve, schemes
from nbpromote.secrets.scanning import Scanner

__all__ = ["Scanner", "resolve", "schemes"]
