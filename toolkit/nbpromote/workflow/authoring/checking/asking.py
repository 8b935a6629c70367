"""What the secrets room says of a text, as the rules want to hear it."""

from __future__ import annotations

from nbpromote import secrets


def secrets_in(text: str, style: str) -> list[tuple[int, str]]:
    """Line and description of whatever looks like a secret."""
    found = secrets.detect(text, style)
    return [(suspect.line, f"{suspect.kind} {suspect.shown}".rstrip()) for suspect in found]
