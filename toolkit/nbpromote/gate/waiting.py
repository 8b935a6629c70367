"""PEOPLE writes this room."""

from __future__ import annotations

from collections.abc import Sequence

from nbpromote.model import Asked, Consent, Policy, Wait


def waits(policy: Policy, asked: Asked, consents: Sequence[Consent], *, now: str) -> tuple[Wait, ...]:
    return ()
