"""Write the table of docs/checks.md from the rules' own descriptions: `python tests/describe_checks.py`."""

from __future__ import annotations

import re
from pathlib import Path

from nbpromote.workflow.authoring.checking import codes

PAGE = Path(__file__).parents[1] / "docs" / "checks.md"
_TABLE = re.compile(r"(?<=<!-- codes -->\n).*(?=<!-- end of codes -->)", re.DOTALL)


def table() -> str:
    parts = []
    for family, about in codes.FAMILIES.items():
        parts += [f"\n### {family}xx: {about}\n", "| code | severity | what is wrong |", "|---|---|---|"]
        for code, description in codes.DESCRIPTIONS.items():
            if code.startswith(family):
                severity = "warning" if code in codes.WARNINGS else "error"
                parts.append(f"| {code} | {severity} | {description} |")
    return "\n".join(parts) + "\n\n"


if __name__ == "__main__":
    PAGE.write_text(_TABLE.sub(lambda _: table(), PAGE.read_text()))
