"""Everything that can be said without running: `check`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from nbpromote import notebook, params, secrets, validate
from nbpromote.model import Finding
from nbpromote.project import Project
from nbpromote.workflow.site import Site


def check(project: Project, names: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Everything that can be said without running: pairs, parameters cells, params and policy files."""
    site = Site(project)
    pairs = [site.pair(name) for name in names] or list(site.pairs)
    found = [finding for pair in pairs for finding in notebook.check(pair, project.root, fits=params.fits)]
    listed = [path.name for path in project.params.glob("*")]
    wrong = params.findings(
        site.params_file,
        listed,
        site.schemas,
        project.params.name,
        root=project.root,
        checks=validate.CHECKS,
        variables=os.environ,
        schemes=secrets.schemes,
    )
    return (*found, *(wrong or _entries(site)))


def _entries(site: Site) -> Iterator[Finding]:
    """Work starts in one environment; another that promotes from nowhere would let releases in without a gate."""
    folder = site.project.params.name
    if not site.environments:
        yield Finding(path=folder, message="no environment is configured", hint=f"{folder}/dev.yaml makes one")
        return
    entries = [name for name in site.environments if site.policy(name, "").is_entry]
    if len(entries) > 1:
        message = f"{', '.join(entries)} all promote from nowhere, and only one can be the entry"
        yield Finding(path=folder, message=message, hint="write promotes_from: [E] into the policy of the others")
