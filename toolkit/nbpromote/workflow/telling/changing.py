"""What changed in an environment lately, from wherever it came: `changes`. For whoever is on call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import groupby, pairwise, takewhile
from pathlib import Path

from nbpromote import clock, execute, release, validate
from nbpromote.errors import BadInput, Error, NotFound, nearest
from nbpromote.git import Repository, log
from nbpromote.model import Change, Deployment, Event, File, Run, ValueChange
from nbpromote.project import Project
from nbpromote.workflow.fleet import ordering
from nbpromote.workflow.fleet.ordering import Places, Upstream
from nbpromote.workflow.promotion.ordering import places_of
from nbpromote.workflow.site import Site

_ALONE = ("approve", "reject", "override")  # they share an attempt with the promotion that they are about


def changes(project: Project, *, env: str, since: str, name: str | None = None) -> tuple[Change, ...]:
    """Everything that is not as it was since a moment, newest first; of one notebook and of those that it reads from.

    Promotions, holds and freezes come from the ledger, values and demands from the branch that is merged into, inputs
    and packages from what runs have met. Raises `NotFound` for a notebook that nobody knows.
    """
    site = Site(project)
    site.fetch()
    window = _Window(site, site.require(env), since)
    wanted = window.about(name) if name else None
    found = [*window.happened(), *window.configured(), *window.met(wanted)]
    told = (change for change in found if wanted is None or not change.notebooks or wanted & {*change.notebooks})
    return tuple(sorted(told, key=lambda change: (change.at, change.where), reverse=True))


@dataclass(frozen=True)
class _Window:
    """One environment since a moment."""

    site: Site
    environment: str
    since: str

    @cached_property
    def live(self) -> dict[str, Deployment]:
        standings = self.site.ledger.state(self.environment).notebooks
        return {name: standing.live for name, standing in standings.items() if standing.live}

    @cached_property
    def before(self) -> dict[str, Deployment]:
        """What was live when it began."""
        standings = self.site.ledger.state_at(self.environment, self.since).notebooks
        return {name: standing.live for name, standing in standings.items() if standing.live}

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Oldest first."""
        newest = reversed(self.site.ledger.events(self.environment))
        return tuple(takewhile(lambda event: event.at >= self.since, newest))[::-1]

    @cached_property
    def upstream(self) -> Upstream:
        """Who reads what, as it is live; nothing where that goes in a circle, which `check` tells."""
        places: dict[str, Places] = {name: places_of(deployment) for name, deployment in self.live.items()}
        try:
            return ordering.upstream(places)
        except BadInput:
            return {}

    def about(self, name: str) -> frozenset[str]:
        """A notebook, and all whose outputs or models come to it."""
        known = {*self.live, *self.before, *(pair.name for pair in self.site.pairs)}
        if name not in known:
            raise NotFound(f"no notebook {name!r}{nearest(name, sorted(known))}", hint="nbpromote status")
        found = {name}
        while more := {writer for reader in found for writer in self.upstream.get(reader, ())} - found:
            found |= more
        return frozenset(found)

    # -- the ledger

    def happened(self) -> Iterator[Change]:
        """One change an attempt, and one each for what people said of it."""
        ordered = sorted(self.events, key=lambda event: (_attempt(event), event.id))
        for _, group in groupby(ordered, key=_attempt):
            yield self._attempted(list(group))

    def _attempted(self, events: Sequence[Event]) -> Change:
        last = events[-1]
        took_effect = next((event for event in events if event.step == "live"), last)
        reasons = dict.fromkeys(event.reason for event in events if event.reason)
        overrides = dict.fromkeys(over for event in events for over in event.overrides)
        aliases = next((event.aliases for event in reversed(events) if event.aliases), ())
        told = [", ".join(aliases), *reasons, *([f"passes over {', '.join(overrides)}"] if overrides else [])]
        return Change(
            at=took_effect.at,
            kind=last.verb,
            environment=self.environment,
            what="; ".join(part for part in told if part),
            notebooks=last.notebooks,
            outcome="" if last.step == "done" else last.step,
            by=took_effect.actor,
            where=last.attempt or last.id,
            read_by=self._readers(last.notebooks),
        )

    def _readers(self, notebooks: Iterable[str]) -> tuple[str, ...]:
        own = frozenset(notebooks)
        return tuple(sorted(ordering.downstream(self.upstream, own) - own))

    # -- values, demands and the lock

    def configured(self) -> Iterator[Change]:
        entry = self.site.policy(self.environment, "").is_entry
        params = {f"{self.environment}.policy.yaml": "policy"} | dict.fromkeys(_values(self.environment), "params")
        if self.site.params_git and self.site.trusted_params:
            commit = self.site.params_git.head() if entry else self.site.trusted_params.commit
            yield from self._edited(self.site.params_git, commit, params)
        if self.site.project.lock:
            commit = self.site.git.head() if entry else self.site.trusted.commit
            yield from self._edited(self.site.git, commit, {self.site.project.lock: "lock"})
        if entry:
            yield from self._unsaved(params)

    def _edited(self, repository: Repository, commit: str | None, kinds: dict[str, str]) -> Iterator[Change]:
        for edit in log.edits(repository, commit, list(kinds), since=self.since) if commit else ():
            at = clock.spelled(datetime.fromisoformat(edit.at))
            if at[:19] < self.since[:19]:  # git takes a moment that is yet to come for none
                continue
            yield Change(
                at=at,
                kind=" and ".join(sorted({kinds[path] for path in edit.paths if path in kinds})) or "params",
                environment=self.environment,
                what=f"{edit.subject} ({', '.join(edit.paths)})",
                by=edit.author,
                where=edit.commit,
                details=edit.lines,
            )

    def _unsaved(self, kinds: dict[str, str]) -> Iterator[Change]:
        """In an entry environment the working tree counts at once."""
        for file in self.site.values.uncommitted(self.environment):
            path = self.site.project.params / file
            at = clock.at(path.stat().st_mtime_ns) if path.exists() else clock.now()
            if at >= self.since:
                yield Change(
                    at=at, kind=kinds[file], environment=self.environment, what=f"{file} has edits", where=str(path)
                )

    # -- inputs and packages, as runs have met them

    def met(self, wanted: frozenset[str] | None) -> Iterator[Change]:
        names = {*self.live, *self.before} if wanted is None else wanted
        for name in sorted(names):
            runs = self._runs(name)
            for before, after in pairwise(runs):
                yield from self._between(before, after)
            if runs:
                yield from self._now(runs[-1])

    def _runs(self, name: str) -> list[Run]:
        """Those in the window that are known here, and the one before them."""
        deployed = [d for event in self.events if event.step == "live" for d in event.deployments if d.notebook == name]
        started = [deployment for deployment in (self.before.get(name), *deployed) if deployment]
        found = {run.id: run for deployment in started if (run := self._run_of(deployment))}
        found |= {run.id: run for run in self._here(name)}
        return sorted(found.values(), key=lambda run: run.started)

    def _run_of(self, deployment: Deployment) -> Run | None:
        """A copied model's has met the data of another environment."""
        if deployment.strategy == "copy" or "evidence.json" not in deployment.sealed:
            return None
        try:
            return release.evidence_of(self.site.store, deployment.sealed).run
        except Error:
            return None  # `doctor` says what is lost

    def _here(self, name: str) -> Iterator[Run]:
        """Of this machine: a run's id begins with the moment that it began."""
        stamp = self.since[:19].replace("-", "").replace(":", "")
        for folder in execute.folders_of(self.site.project.runs, name, self.environment):
            if folder.name >= stamp:
                run = execute.load_run(folder)
                if run and run.ended and (run.notebook, run.environment) == (name, self.environment):
                    yield run

    def _between(self, before: Run, after: Run) -> Iterator[Change]:
        for name in after.inputs:
            one, other = before.files.get(name), after.files.get(name)
            if one and other and one.sha256 != other.sha256:
                rows = tuple(side.profiles[name].rows for side in (before, after) if name in side.profiles)
                there = replace(other, path=after.inputs[name])  # within a promotion it was read from elsewhere
                yield self._rewritten(after.notebook, name, (one, there), rows, f"met by run {after.id}", after.started)
        if changed := validate.package_changes(before, after):
            yield Change(
                at=after.started,
                kind="packages",
                environment=self.environment,
                what=_listed(changed),
                notebooks=(after.notebook,),
                outcome=f"met by run {after.id}",
                by=after.actor,
                where=after.id,
                read_by=self._readers([after.notebook]),
            )

    def _rewritten(
        self, notebook: str, name: str, files: tuple[File, File], rows: tuple[int, ...], met: str, at: str
    ) -> Change:
        one, other = files
        place = other.path.removeprefix(f"{self.site.project.root}/")
        counted = f"{rows[0]:,} -> {rows[1]:,} rows, " if len(rows) == 2 else ""
        return Change(
            at=other.modified if self.since <= other.modified <= at else at,
            kind="input",
            environment=self.environment,
            what=f"{name}: {counted}{one.size:,} -> {other.size:,} bytes, {place}",
            notebooks=(notebook,),
            outcome=met,
            where=other.path,
            read_by=self._readers([notebook]),
            details=(f"-sha256 {one.sha256}", f"+sha256 {other.sha256}"),
        )

    def _now(self, last: Run) -> Iterator[Change]:
        """What was written to since the last run; the bytes are looked at where size or time say so."""
        for name, place in last.inputs.items():
            file, path = last.files.get(name), Path(place)
            now = self.site.seen.measure(place) if file and path.exists() and _touched(path, file) else None
            if file and now and now.sha256 != file.sha256 and now.modified >= self.since:
                yield self._rewritten(last.notebook, name, (file, now), (), "met by no run yet", now.modified)


def _attempt(event: Event) -> str:
    return event.id if event.verb in _ALONE or not event.attempt else event.attempt


def _values(environment: str) -> tuple[str, ...]:
    return ("base.yaml", f"{environment}.yaml")


def _touched(path: Path, file: File) -> bool:
    found = path.stat()
    return path.is_dir() or (found.st_size, clock.at(found.st_mtime_ns)) != (file.size, file.modified)


_NAMED = 6


def _listed(changed: Sequence[ValueChange]) -> str:
    told = [f"{one.name} {one.before or 'new'} -> {one.after or 'gone'}" for one in changed[:_NAMED]]
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    return ", ".join(told) + more
