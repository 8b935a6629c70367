"""Many notebooks by one command: `run --all`, `run --changed`, `run NAME NAME`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Event, Lock
from typing import Protocol

from nbpromote import execute
from nbpromote.errors import Error, Usage
from nbpromote.model import Fate, Fleet, Member
from nbpromote.params import Given
from nbpromote.project import Project
from nbpromote.workflow.evidence import performing, running, warming
from nbpromote.workflow.evidence.performing import Manner
from nbpromote.workflow.fleet import machine, ordering, preparing, selecting, skipping
from nbpromote.workflow.fleet.preparing import Prepared
from nbpromote.workflow.fleet.scheduling import Schedule, conduct
from nbpromote.workflow.site import Site, footing


class Board(Protocol):
    """Where it is shown how far a fleet is; called from several threads."""

    def begin(self, names: Sequence[str]) -> None: ...
    def cell(self, notebook: str, number: int, of: int) -> None: ...
    def end(self, notebook: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked for. No names: all.

    `changed` narrows that to what differs from a commit, `unreleased` to what is not live in the entry environment as
    it stands; with either comes what reads from those.
    """

    names: Sequence[str] = ()
    changed: str | None = None
    unreleased: bool = False
    jobs: int | None = None  # default: as many as there are cores to use
    keep_going: bool = False
    force: bool = False
    parameters: Mapping[str, Given] = field(default_factory=dict)
    cell_limit: float | None = None
    fresh: bool = False


def run_many(project: Project, order: Order, *, env: str | None = None, board: Board | None = None) -> Fleet:
    """Run many notebooks of an environment, each after those whose outputs it reads, and skip what still stands.

    Raises `BadInput` where they cannot be ordered or prepared; then nothing was run. What goes wrong with one
    notebook later is told of that one.
    """
    started = time.monotonic()
    site = Site(project)
    performing.close_killed(site)
    if order.unreleased:
        site.fetch()
    environment = site.require(env or site.entry())
    if order.unreleased and not site.policy(environment, "").is_entry:
        raise Usage(f"releases are made in an entry environment, and {environment} is none")
    prepared, upstream = _chosen(site, environment, order)
    jobs = max(1, min(order.jobs or machine.cores(), len(prepared) or 1))
    crew = Crew(site=site, order=order, prepared=prepared, board=board)
    if board:
        board.begin(tuple(upstream))
    with execute.interruptible():
        done = conduct(
            # a model may not be live yet, which must not keep the rest from running
            Schedule(upstream, keep_going=order.keep_going, last=crew.wanting),
            crew.work,
            crew.leave_out,
            jobs=jobs,
            room=machine.Room(crew.needs()),
            stop=crew.stop,
        )
    members = tuple(done[name] for name in ordering.order(upstream))
    return Fleet(environment=environment, members=members, jobs=jobs, seconds=time.monotonic() - started)


def unreleased(project: Project) -> tuple[str, ...]:
    """Notebooks that are not live in the entry environment as they stand here."""
    site = Site(project)
    site.fetch()
    prepared = preparing.prepare(site, site.entry(), selecting.named(site, ()), given={}, cell_limit=None)
    return tuple(sorted(selecting.unreleased(site, prepared)))


def _chosen(site: Site, environment: str, order: Order) -> tuple[dict[str, Prepared], ordering.Upstream]:
    pairs = selecting.named(site, order.names)
    found = preparing.prepare(site, environment, pairs, given=order.parameters, cell_limit=order.cell_limit)
    prepared = {one.name: one for one in found}
    upstream = ordering.upstream({name: one.places for name, one in prepared.items()})
    if order.changed is None and not order.unreleased:
        return prepared, upstream
    since = order.changed
    chosen = selecting.unreleased(site, found) if since is None else selecting.changed(site, found, since)
    wanted = ordering.downstream(upstream, chosen)
    return (
        {name: one for name, one in prepared.items() if name in wanted},
        {name: waits & wanted for name, waits in upstream.items() if name in wanted},
    )


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Carries out one notebook of a fleet at a time, in whichever thread it is called."""

    site: Site
    order: Order
    prepared: Mapping[str, Prepared]
    board: Board | None = None
    stop: Event = field(default_factory=Event)
    _door: Lock = field(default_factory=Lock)

    @cached_property
    def _together(self) -> tuple[str, ...]:
        """What the notebooks import, each once: one process that has imported it all serves them all."""
        pairs = [self.site.pair(name) for name in self.prepared]
        return warming.together(self.site, pairs)

    @property
    def wanting(self) -> frozenset[str]:
        return frozenset(name for name, one in self.prepared.items() if one.wants_live)

    def needs(self) -> dict[str, int]:
        """Bytes that the last run of each took at its peak; of those where that is known."""
        known = {name: footing.read(self.site, one.environment.name, name) for name, one in self.prepared.items()}
        return {name: found.memory for name, found in known.items() if found}

    def work(self, name: str) -> Member:
        try:
            return self._done(self.prepared[name])
        finally:
            if self.board:
                self.board.end(name)

    def leave_out(self, name: str, why: str) -> Member:
        if self.board:
            self.board.end(name)
        return replace(_member(self.prepared[name]), why=why)

    def _done(self, one: Prepared) -> Member:
        member = _member(one)
        try:
            always = self.order.force or len(self.order.names) == 1  # whoever names one notebook wants it run
            stood, why = ("", "") if always else skipping.stands(self.site, one, fresh=self.order.fresh)
            if stood:
                return replace(member, fate=Fate.SKIPPED, run=stood)
            evidence = running.run_at(self.site, one.name, one.environment.name, self._asked(one))
        except performing.Interrupted as ended:
            return replace(member, fate=Fate.INTERRUPTED, run=ended.run.id)
        except KeyboardInterrupt:
            return replace(member, fate=Fate.INTERRUPTED)
        except Error as error:
            return replace(member, fate=Fate.ERRORED, error=str(error), hint=error.hint, exit_code=error.exit_code)
        fate = Fate.PASSED if evidence.passed else Fate.FAILED
        return replace(member, fate=fate, run=evidence.run.id, why=why, evidence=evidence)

    def _asked(self, one: Prepared) -> running.Asked:
        with self._door:
            together = self._together
        return running.Asked(
            overrides=one.overrides,
            cell_limit=self.order.cell_limit,
            manner=Manner(
                watch=self.board.cell if self.board else None,
                stop=self.stop,
                fresh=self.order.fresh,
                together=together,
            ),
        )


def _member(one: Prepared) -> Member:
    return Member(notebook=one.name, path=one.path, fate=Fate.NOT_RUN)
