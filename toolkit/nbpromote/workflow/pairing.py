"""Keep notebooks and scripts together: `sync`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbpromote import notebook
from nbpromote.errors import Conflict
from nbpromote.notebook import Synced
from nbpromote.project import Project
from nbpromote.workflow.site import Site


def sync(project: Project, names: Sequence[str] = ()) -> tuple[Synced, ...]:
    """Pair every notebook both ways. All pairs that can be settled are; a `Conflict` then names the others."""
    site = Site(project)
    agreed = site.git.folder / "nbpromote" / "agreed"
    pairs = [site.pair(name) for name in names] or list(site.pairs)
    done, conflicts = [], []
    for pair in pairs:
        try:
            done.append(notebook.sync(pair, agreed=agreed, committed=_committed(site)))
        except Conflict as conflict:
            conflicts.append(conflict)
    if len(conflicts) == 1:
        raise conflicts[0]
    if conflicts:
        raise Conflict("\n".join(str(conflict) for conflict in conflicts), hint=conflicts[0].hint)
    return tuple(done)


def _committed(site: Site) -> Any:
    head = site.git.head()
    return lambda path: site.git.read("HEAD", site.relative(path)) if head else None
