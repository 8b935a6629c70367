"""Globs over paths from the project's root, or over addresses. Matches text only, and looks at no disk."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=256)
def pattern(glob: str) -> re.Pattern[str]:
    """`*` and `?` within a folder, `**` across; a folder means all of it, and so does `folder/**` the folder."""
    stem = glob.removeprefix("./").rstrip("/").removesuffix("/**")
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", stem)
    spelled = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(spelled.get(piece) or re.escape(piece) for piece in pieces) + "(?:/.*)?", re.DOTALL)
