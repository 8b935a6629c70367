"""Were the packages of the kernel those that the lock pins?"""

from __future__ import annotations

from nbpromote.model import Check, Outcome
from nbpromote.validate.case import Case, counted

_NAME = "packages-match"


def pins(lock: bytes | None) -> dict[str, str]:
    """The exact versions of a requirements file, by canonical name, of lines whose markers hold here.

    Markers are judged by this Python; a kernel of another version may need other lines of a universal lock.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, str] = {}
    for line in (lock or b"").decode(errors="replace").splitlines():
        text = line.split(" #")[0].split("--hash")[0].strip().rstrip("\\").strip()
        if not text or text.startswith(("#", "-")):
            continue
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        exact = [spec.version for spec in wanted.specifier if spec.operator == "=="]
        if exact and (wanted.marker is None or wanted.marker.evaluate()):
            found[canonicalize_name(wanted.name)] = exact[0]
    return found


def packages_match(case: Case) -> Check:
    """Every package that the kernel has and the lock pins is the pinned version."""
    run = case.run
    if not run.locked:
        return Check(name=_NAME, outcome=Outcome.SKIPPED, summary="no lock is configured")
    if not run.packages:
        summary = "the kernel did not say which packages it has"
        return Check(name=_NAME, outcome=Outcome.INCONCLUSIVE, summary=summary)
    both = sorted(run.locked.keys() & run.packages.keys())
    wrong = [f"{name} {run.packages[name]}, locked {run.locked[name]}" for name in both if _differ(case, name)]
    if wrong:
        summary = f"{counted(len(wrong), 'package')} not as locked: {wrong[0]}"
        return Check(name=_NAME, outcome=Outcome.FAILED, summary=summary, details=tuple(wrong[:20]), count=len(both))
    summary = f"{counted(len(both), 'package')} as locked"
    return Check(name=_NAME, outcome=Outcome.PASSED, summary=summary, count=len(both))


def _differ(case: Case, name: str) -> bool:
    # a local label such as 2.13.0+cpu says where a build is from, not which version it is
    return case.run.packages[name].split("+")[0] != case.run.locked[name].split("+")[0]
