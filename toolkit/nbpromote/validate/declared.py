"""Are the scraps that a contract names what it says? Others are nobody's business here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from nbpromote.model import Check, Outcome, Scrap, ScrapRule
from nbpromote.validate.case import Case, counted
from nbpromote.validate.metrics import number

_NAME = "scraps-as-declared"


def scraps_as_declared(case: Case) -> Check:
    """Every scrap that the contract names was handed out once, is finite, of its type and within its bounds."""
    rules = case.run.contract.scraps
    if not rules:
        return Check(name=_NAME, outcome=Outcome.SKIPPED, summary="no contract names a scrap")
    wrong = [f"{name} {fault} ({rule.where})" for name, rule in rules.items() for fault in _faults(case, name, rule)]
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        details = tuple(wrong) if more else ()
        return Check(name=_NAME, outcome=Outcome.FAILED, summary=wrong[0] + more, details=details, count=len(rules))
    summary = f"{counted(len(rules), 'scrap')} as declared"
    return Check(name=_NAME, outcome=Outcome.PASSED, summary=summary, count=len(rules))


def _faults(case: Case, name: str, rule: ScrapRule) -> Iterator[str]:
    glued = [scrap for scrap in case.scraps if scrap.name == name]
    if len(glued) > 1:
        cells = ", ".join(str(scrap.cell) for scrap in glued)
        yield f"was glued {len(glued)} times, in cells {cells}"
    elif glued:
        yield from _of_kind(glued[0], rule)
    elif name in case.run.tracked:
        yield from _of_kind(Scrap(name=name, kind="value", value=case.run.tracked[name]), rule)
    else:
        yield "was not handed out"


def _of_kind(scrap: Scrap, rule: ScrapRule) -> Iterator[str]:
    value = number(scrap.value) if scrap.kind == "value" else None
    if value is not None and not math.isfinite(value) and rule.kind in (None, "number", "integer"):
        yield "is NaN" if math.isnan(value) else "is infinite"
    elif rule.kind is not None and not _is(scrap, rule.kind):
        yield f"is {_a(_kind(scrap))}, and has to be {_a(rule.kind)}"
    elif value is not None and rule.min is not None and value < rule.min:
        yield f"is {value:g}, below {rule.min:g}"
    elif value is not None and rule.max is not None and value > rule.max:
        yield f"is {value:g}, above {rule.max:g}"


def _is(scrap: Scrap, kind: str) -> bool:
    return _kind(scrap) == kind or (kind == "number" and _kind(scrap) == "integer")


def _kind(scrap: Scrap) -> str:
    """The narrowest kind that it is."""
    if scrap.kind != "value":
        return scrap.kind
    return _KINDS.get(type(scrap.value), "number")


def _a(kind: str) -> str:
    return f"{_ARTICLE.get(kind, 'a')} {kind}".strip()


_KINDS: Mapping[type, str] = {
    bool: "flag",
    int: "integer",
    float: "number",
    str: "text",
    list: "list",
    dict: "mapping",
    type(None): "null",
}
_ARTICLE = {"integer": "an", "text": "", "null": ""}
