"""Did the notebook work with the parameters that it was given, to the end?"""

from __future__ import annotations

import hashlib
import json

from nbpromote.model import Check, Json, Outcome
from nbpromote.validate.case import Case, counted, short

_NAME = "parameters-as-given"


def parameters_as_given(case: Case) -> Check:
    """After the last cell, every parameter still holds the value that it was given."""
    given, left = case.run.values, case.run.left
    if not given:
        return Check(name=_NAME, outcome=Outcome.SKIPPED, summary="the notebook has no parameters")
    if _language(case) != "python":
        return Check(name=_NAME, outcome=Outcome.SKIPPED, summary="only Python kernels are asked")
    if not left:
        summary = "the kernel did not say what its parameters are at the end"
        return Check(name=_NAME, outcome=Outcome.INCONCLUSIVE, summary=summary)
    wrong = [_told(name, value, left.get(name)) for name, value in given.items() if left.get(name) != _said(value)]
    if wrong:
        summary = f"{counted(len(wrong), 'parameter')} not as given: {wrong[0]}"
        return Check(name=_NAME, outcome=Outcome.FAILED, summary=summary, details=tuple(wrong), count=len(given))
    summary = f"{counted(len(given), 'parameter')} as given"
    return Check(name=_NAME, outcome=Outcome.PASSED, summary=summary, count=len(given))


def _said(value: Json) -> str:
    """As the kernel says it: to the last bit of a float, and 1 is not 1.0."""
    text = _text(value)
    return text if len(text) <= 10_000 else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _told(name: str, value: Json, found: str | None) -> str:
    now = "is gone" if not found else f"is {short(found, 80)} at the end"
    return f"{name} was given {short(_text(value), 80)} and {now}"


def _language(case: Case) -> str:
    metadata = case.executed.metadata
    named = metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language")
    return str(named or "python").lower()
