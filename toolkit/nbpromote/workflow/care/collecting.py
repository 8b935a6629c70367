"""What nothing needs any more, found and taken away: `gc`. Records are never garbage.

Kept are the events of the ledger and, of each, the manifest and the evidence; all that an environment's live or stable
deployments, its open promotions and its young events are made of; and the last runs of every notebook.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nbpromote import clock, execute, files, ledger, release
from nbpromote.errors import Refused, Unavailable, Usage
from nbpromote.model import Collection, Deployment, Litter, State
from nbpromote.project import Project
from nbpromote.workflow.site import Site, footing, sharing

YOUNGEST = 3600.0  # seconds: what somebody sealed just now may be named in the next event


def gc(
    project: Project, *, keep: int = 3, older_than: float = 30 * 86400.0, ours: bool = False, dry_run: bool = False
) -> Collection:
    """Take away runs and sealed bytes that nothing needs and that are older than so many seconds.

    `keep` is how many runs of each notebook and environment stay in any case. A store outside of the project is not
    looked into unless it is `ours` alone: others may keep theirs in it. A kill leaves nothing half-way. Raises
    `Refused` or `Unavailable` where what is needed cannot be known: a history that is not what was written, a remote
    that does not answer, a manifest that is damaged.
    """
    if older_than < YOUNGEST:
        raise Usage("what is younger than an hour may be about to be used", hint="--older-than 1h is the least")
    site = Site(project)
    before = clock.ago(older_than)
    needs = _needs(site, before)
    runs, blobs = list(_runs(site)), list(_blobs(site, ours))
    litter = [*_unneeded_runs(site, runs, needs, keep, before), *_unneeded_blobs(blobs, needs, before)]
    if not dry_run:
        _take_away(site, litter)
    kept = Counter(run=len(runs), blob=len(blobs))
    kept.subtract(one.kind for one in litter)
    return Collection(litter=tuple(litter), kept=dict(kept), notes=tuple(_notes(site, blobs, ours)), done=not dry_run)


# -- what is needed


@dataclass
class _Needs:
    blobs: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)


def _needs(site: Site, before: str) -> _Needs:
    try:
        site.ledger.fetch()
    except Unavailable as error:
        told = f"others may have promoted, so nothing was removed: {error}"
        raise Unavailable(told, hint=error.hint) from error
    needs, whole = _Needs(runs=footing.runs(site)), {}
    for environment in site.every_environment:
        if fault := ledger.broken(site.ledger, environment):
            raise Refused(f"the history is not what was written; nothing was removed: {fault}", hint="nbpromote doctor")
        used = list(_used(site.ledger.state(environment)))
        for event in site.ledger.events(environment):
            needs.blobs.update(event.digests)
            used += event.deployments if event.at >= before else ()
            for deployment in event.deployments:
                _keep_record(needs, deployment)
        for deployment in used:
            needs.runs.add(deployment.run)
            needs.blobs.update(sealed.sha256 for sealed in deployment.sealed.values())
            whole[deployment.release] = deployment.alias
    for digest in filter(None, whole):
        needs.blobs.update(sealed.sha256 for sealed in release.open_(site.store, digest).files.values())
    return needs


def _used(state: State) -> Iterator[Deployment]:
    """What is live, what may be gone back to, and what is about to be."""
    for standing in state.notebooks.values():
        yield from (*([standing.live] if standing.live else []), *standing.stable)
    for attempt in state.attempts.values():
        yield from attempt.event.deployments


def _keep_record(needs: _Needs, deployment: Deployment) -> None:
    """What it rests on, where that was sealed; of what was not let in, the run itself is all the evidence there is."""
    kept = [deployment.sealed[name].sha256 for name in release.RECORDS if name in deployment.sealed]
    if kept:
        needs.blobs.update(kept)
    else:
        needs.runs.add(deployment.run)


# -- what is there


@dataclass(frozen=True)
class _Ran:
    folder: Path
    of: tuple[str, str]  # notebook, environment; empty where the record cannot be read
    at: str


def _runs(site: Site) -> Iterator[_Ran]:
    """The newest first, but for those that are somebody's at this moment."""
    for folder in sorted(site.project.runs.glob("[!.]*"), reverse=True):
        if folder.is_dir() and not execute.is_owned(folder):
            yield _ran(folder)


def _ran(folder: Path) -> _Ran:
    try:
        record = json.loads((folder / "run.json").read_bytes())
        return _Ran(folder, (str(record["notebook"]), str(record["environment"])), str(record["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return _Ran(folder, ("", ""), clock.at(folder.stat().st_mtime_ns))


def _unneeded_runs(site: Site, runs: list[_Ran], needs: _Needs, keep: int, before: str) -> Iterator[Litter]:
    judged: Counter[tuple[str, str]] = Counter()
    for run in runs:
        judged[run.of] += any(run.folder.glob("evidence-*.json"))
        if judged[run.of] > keep and run.folder.name not in needs.runs and run.at < before:
            yield Litter(kind="run", name=run.folder.name, size=files.size(run.folder), at=run.at)


def _blobs(site: Site, ours: bool) -> Iterator[release.Kept]:
    if ours or _is_own(site):
        yield from site.store.kept()


def _is_own(site: Site) -> bool:
    return sharing.is_own(site.project.store, site.project.root)


def _unneeded_blobs(blobs: list[release.Kept], needs: _Needs, before: str) -> Iterator[Litter]:
    for kept in blobs:
        if kept.at and kept.at < before and kept.digest not in needs.blobs:
            yield Litter(kind="blob", name=kept.digest, size=kept.size, at=kept.at)


def _notes(site: Site, blobs: list[release.Kept], ours: bool) -> Iterator[str]:
    if not (ours or _is_own(site)):
        told = f"the store {site.store.url} was not looked into, since other projects may keep releases there"
        yield f"{told}: --store-is-ours says that none does"
    if any(not kept.at for kept in blobs):
        yield f"the store {site.store.url} does not say how old its bytes are, so they all stay"


def _take_away(site: Site, litter: list[Litter]) -> None:
    """One by one; whatever is not yet taken away when somebody ends this is found again by the next."""
    if site.project.runs.is_dir():
        files.remove_drafts(site.project.runs)
    for one in litter:
        if one.kind == "run":
            files.remove(site.project.runs / one.name)
        else:
            site.store.drop(one.name)
