"""Everything that can be said without running: `check`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nbpromote.model import Finding, Severity
from nbpromote.project import Project
from nbpromote.workflow.authoring.checking import codes
from nbpromote.workflow.authoring.checking.answers import Answers
from nbpromote.workflow.site import Site
from nbpromote.workflow.site.kept import Memory

__all__ = ["Checked", "check", "codes"]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was found, in which files it was looked for, and what every code means."""

    findings: tuple[Finding, ...]
    looked_at: tuple[str, ...]
    descriptions: Mapping[str, str] = field(default_factory=lambda: codes.DESCRIPTIONS)

    @property
    def fails(self) -> bool:
        return any(finding.severity is Severity.ERROR for finding in self.findings)


def check(
    project: Project, names: Sequence[str] = (), *, select: Sequence[str] = (), ignore: Sequence[str] = ()
) -> Checked:
    """What is wrong with notebooks, params, policies and contracts. Nothing is run, what did not change not read again.

    `select` and `ignore` are codes or beginnings of codes, beside those of `[tool.nbpromote.check]`. Raises
    `NotFound` for a name that no notebook carries, `BadInput` for a code that is none.
    """
    wanted = codes.Wanted.of(project.check, select=select, ignore=ignore)
    site = Site(project)
    pairs = [site.pair(name) for name in names] or list(site.pairs)
    with Memory(site, "check/findings.json") as kept:
        answers = Answers(site, kept)
        found = [finding for pair in pairs for finding in answers.about(pair) if wanted.asks(finding, pair.name)]
        found += [finding for finding in answers.about_environments() if wanted.asks(finding)]
    looked_at = tuple(site.project.relative(pair.script or pair.path) for pair in pairs)
    return Checked(findings=tuple(found), looked_at=looked_at)
