"""Two runs side by side, for a terminal, for a pull request and for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from nbpromote.model import Comparison
from nbpromote.report.comparison.markdown import markdown
from nbpromote.report.comparison.plain import comparisons_json
from nbpromote.report.comparison.text import comparisons

__all__ = ["comparisons", "comparisons_as", "comparisons_json", "markdown"]


def comparisons_as(form: str, found: Sequence[Comparison], *, colour: bool = False) -> str:
    """In one of the forms `text`, `markdown` and `json`."""
    forms: Mapping[str, Callable[[], str]] = {
        "text": lambda: comparisons(found, colour=colour),
        "markdown": lambda: markdown(found),
        "json": lambda: json.dumps(comparisons_json(found), indent=2, ensure_ascii=False),
    }
    return forms[form]()
