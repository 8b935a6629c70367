"""The codes of findings: what each means, and which are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from inspect import cleandoc

from nbpromote import notebook
from nbpromote.errors import BadInput, nearest
from nbpromote.model import Finding
from nbpromote.project import CheckTable
from nbpromote.workflow.authoring.checking.environments import RULES as OF_ENVIRONMENTS
from nbpromote.workflow.authoring.checking.environments import WARNINGS as WARNINGS_OF_ENVIRONMENTS

FAMILIES: Mapping[str, str] = {
    "NBP1": "the pair and its files",
    "NBP2": "the parameters cell",
    "NBP3": "environment leaks",
    "NBP4": "secrets",
    "NBP5": "code",
    "NBP6": "stored outputs, and how they are compared",
    "NBP7": "params and policies",
    "NBP8": "contracts",
}

DESCRIPTIONS: Mapping[str, str] = {
    code: " ".join(cleandoc(rule.__doc__ or "").split("\n\n")[0].split())
    for code, rule in sorted({**notebook.RULES, **OF_ENVIRONMENTS}.items())
}

WARNINGS: frozenset[str] = notebook.WARNINGS | WARNINGS_OF_ENVIRONMENTS


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which codes to tell. Of two that fit a code the longer one counts, as in ruff; as long as each other: ignored."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_notebook: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, table: CheckTable, *, select: Sequence[str], ignore: Sequence[str]) -> Wanted:
        """The command line's `select` takes the place of the project's, its `ignore` comes on top.

        Raises `BadInput` with every code that is none.
        """
        places = {f"--select {code}": code for code in select} | {f"--ignore {code}": code for code in ignore}
        _require({**table.places, **places})
        return cls(
            select=tuple(select) or table.select,
            ignore=(*table.ignore, *ignore),
            per_notebook=table.per_notebook,
        )

    def asks(self, finding: Finding, name: str = "") -> bool:
        """Whether to tell a finding, about the notebook `name` where it is about one."""
        own = [code for glob, codes in self.per_notebook.items() if name and fnmatchcase(name, glob) for code in codes]
        if _fit(finding.code, own):
            return False
        chosen = _fit(finding.code, self.select) if self.select else 1
        return chosen > _fit(finding.code, self.ignore)


def _fit(code: str, beginnings: Iterable[str]) -> int:
    """The length of the longest beginning that fits; 0 for none."""
    return max((len(beginning) for beginning in beginnings if code.startswith(beginning)), default=0)


def _require(places: Mapping[str, str]) -> None:
    problems = [
        f"{place}: no check has the code {code!r}{nearest(code, DESCRIPTIONS)}"
        for place, code in places.items()
        if not any(one.startswith(code) for one in DESCRIPTIONS) or not code
    ]
    if len(problems) == 1:
        raise BadInput(problems[0], hint="docs/checks.md lists them all")
    if problems:
        raise BadInput("codes that no check has", problems=problems, hint="docs/checks.md lists them all")
