"""What a pull request is about: the notebooks that it changes, as they ran here, and what the road will ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbpromote import params
from nbpromote.errors import NotFound
from nbpromote.project import Project
from nbpromote.report import Proposal, Step, Subject
from nbpromote.workflow.fleet import ordering, preparing, selecting
from nbpromote.workflow.fleet.preparing import Prepared
from nbpromote.workflow.site import Site
from nbpromote.workflow.telling import reporting


def propose(project: Project, revision: str) -> Proposal:
    """What differs from a commit, and what follows it. Runs nothing: it tells of the last runs.

    Raises `NotFound` for a commit that git does not know.
    """
    site = Site(project)
    found = preparing.prepare(site, site.entry(), selecting.named(site, ()), given={}, cell_limit=None)
    changed = _with_readers(found, selecting.changed(site, found, revision))
    told = {name: _told(project, name, site.entry()) for name in changed}
    return Proposal(
        base=revision,
        subjects=tuple(subject for subject in told.values() if subject),
        not_run=tuple(name for name, subject in told.items() if subject is None),
        files=tuple(_files(site, revision)),
        road=tuple(_road(site, changed)),
    )


def _with_readers(found: Sequence[Prepared], changed: frozenset[str]) -> tuple[str, ...]:
    """In the order of who reads what."""
    upstream = ordering.upstream({one.name: one.places for one in found})
    wanted = ordering.downstream(upstream, changed)
    return tuple(name for name in ordering.order(upstream) if name in wanted)


def _told(project: Project, name: str, environment: str) -> Subject | None:
    try:
        subject = reporting.subject(project, name, env=environment, last=True)
    except NotFound:
        return None
    return subject


def _files(site: Site, revision: str) -> Iterator[str]:
    """Params, policies, lock and settings that differ from a commit."""
    before, now = site.git.tracked(revision), site.git.tracked()
    project = site.project
    folder = f"{project.relative(project.params)}/" if project.params.is_relative_to(project.root) else ""
    for path in sorted({*before, *now}):
        counts = path in ("pyproject.toml", project.lock) or (folder and path.startswith(folder))
        if counts and before.get(path) != now.get(path):
            yield path


def _road(site: Site, names: Sequence[str]) -> Iterator[Step]:
    """By the files of the working tree: that is what will count."""
    folder = site.project.params.name
    for name in names:
        for environment in site.environments:
            policy = params.policy(site.values.working, environment, name, folder=folder)
            if not policy.is_entry:
                yield Step(notebook=name, environment=environment, policy=policy)
