"""What other rooms say of a notebook's parameters and texts."""

from __future__ import annotations

from nbpromote import secrets
from nbpromote.model import Parameter


def misfit(parameter: Parameter) -> tuple[str, str]:
    """What is wrong with a parameter's annotation, and with its default; empty for nothing."""
    from nbpromote.params import types

    if not types.is_known(parameter.type):
        return f"the type {parameter.type!r} of {parameter.name!r} is none that values can be held against", ""
    try:
        types.check(parameter.default, parameter.type)
    except types.Mismatch:
        return "", f"the default of {parameter.name!r} is no {parameter.type}: {parameter.default!r}"
    return "", ""


def secrets_in(text: str, style: str) -> list[tuple[int, str]]:
    found = secrets.detect(text, style)
    return [(suspect.line, f"{suspect.kind} {suspect.shown}".rstrip()) for suspect in found]
