"""Plans: for a terminal, for a pull request and for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from nbpromote.model import Plan
from nbpromote.report.plain import plan_json
from nbpromote.report.plans.markdown import markdown
from nbpromote.report.plans.text import plan

__all__ = ["plan", "plan_as", "plan_json"]


def plan_as(form: str, planned: Plan, *, colour: bool = False) -> str:
    """In one of the forms `text`, `markdown` and `json`."""
    forms: Mapping[str, Callable[[], str]] = {
        "text": lambda: plan(planned, colour=colour),
        "markdown": lambda: markdown(planned),
        "json": lambda: json.dumps(plan_json(planned), indent=2, ensure_ascii=False),
    }
    return forms[form]()
