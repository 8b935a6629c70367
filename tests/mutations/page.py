"""Write the table of docs/mutations.md: `PYTHONPATH=tests python -m mutations.page`."""

from __future__ import annotations

import re
from pathlib import Path

from mutations.table import MUTATIONS, PASSES

PAGE = Path(__file__).parents[2] / "docs" / "mutations.md"
_TABLE = re.compile(r"(?<=<!-- mutations -->\n).*(?=<!-- end of mutations -->)", re.DOTALL)


def table() -> str:
    lines = ["| what is mutated | verdict | by |", "|---|---|---|"]
    for one in MUTATIONS:
        by = "" if one.verdict == PASSES else f"`{one.says}`"
        lines.append(f"| {one.name} | {one.verdict} | {by} |")
    return "\n".join(lines) + "\n"


def rendered() -> str:
    return _TABLE.sub(lambda _: table(), PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
