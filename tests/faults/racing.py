"""Many promoters at once: each has its candidate ready, all apply it in the same moment, and exactly one may win."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faults import judging
from faults.forks import familiar, fork
from faults.grounds import Plot, build, remote_of
from faults.killing import inside, value
from faults.verbs import done
from ground import Done, Ground, git
from nbpromote import find
from nbpromote.errors import LostRace
from nbpromote.model import Promotion, Standing
from nbpromote.workflow.promotion import applying, claiming, promoting
from nbpromote.workflow.promotion.planning import choose, plan_of
from nbpromote.workflow.site import Site

AT_ONCE = 20
_Expected = dict[str, Standing]


@dataclass(frozen=True)
class Course:
    """Where they race for the model in staging: checkouts of one project, one or as many as there are promoters."""

    plot: Plot
    checkouts: tuple[Path, ...]

    @property
    def first(self) -> Path:
        return self.checkouts[0]


def one_checkout(plot: Plot) -> Course:
    return Course(plot, (plot.ground.root,) * AT_ONCE)


def clones(plot: Plot) -> Course:
    """Of the project's remote; with a store and an MLflow store that all share."""
    bare = remote_of(plot.ground)
    made = tuple(plot.folder / f"clone-{number:02d}" for number in range(AT_ONCE))
    for clone in made:
        git(plot.folder, "clone", "--quiet", str(bare), str(clone))
        git(clone, "config", "user.name", clone.name)
        git(clone, "config", "user.email", f"{clone.name}@example.org")
    return Course(plot, made)


def ready(course: Course) -> tuple[Promotion, _Expected]:
    """A candidate that every gate has let in, made as `promote` makes it, and what it is to replace."""

    def make() -> tuple[Promotion, _Expected]:
        site = Site(find(course.first))
        site.fetch()
        sources, target = choose(site, ("model",), "staging")
        expected = {"model": site.ledger.state(target)["model"]}
        planned = plan_of(site, sources, target)
        return promoting._judged(site, planned, sources, expected, watch=None), expected

    promotion, expected = value(course.plot, make)
    assert promotion.state == "waiting", promotion
    return promotion, expected


def race(course: Course) -> list[str]:
    """One round of all, and what was wrong with it."""
    promotion, expected = ready(course)

    def promote(checkout: Path) -> str:
        mine = replace(promotion, attempt=claiming.new_attempt())
        site = Site(find(checkout))
        try:
            return applying.apply(site, "promote", mine, expected=expected).state
        except LostRace as lost:
            return f"lost: {lost}"

    said = at_once(course.plot, [lambda one=one: promote(one) for one in course.checkouts])
    faults = [] if said.count("verified") == 1 else [f"{said.count('verified')} winners"]
    return faults + sorted({one for one in said if one != "verified" and not _names_the_winner(one)})


def _names_the_winner(said: str) -> bool:
    return said.startswith("lost: ") and ("live since" in said or "began to promote" in said)


def commands(course: Course, number: int) -> list[str]:
    """One round of whole commands, after an edit that gives them something to promote."""
    ground = Ground(course.first, course.first)
    ground.edit("params/staging.yaml", f"alpha: {number}.0", f"alpha: {number + 1}.0")
    ground.commit(f"round {number}")
    before = value(course.plot, lambda: len(_lives(course)))

    def promote(checkout: Path) -> Done:
        return Ground(checkout, checkout).nbpromote("promote", "model", "--to", "staging")

    said = at_once(course.plot, [lambda one=one: promote(one) for one in course.checkouts])
    went = value(course.plot, lambda: len(_lives(course))) - before
    bad = [d.stdout + d.stderr for d in said if isinstance(d, str) or d.returncode not in (0, 1)]
    return bad + ([] if went == 1 else [f"{went} went live in round {number}"])


def at_once(plot: Plot, acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each gave back, all let go in one moment: when the pipe that they read from has no writer any more."""
    waits, starts = os.pipe()

    def started(act: Callable[[], Any]) -> Any:
        os.close(starts)
        os.read(waits, 1)
        return act()

    running = [fork(inside(plot, lambda act=act: started(act))) for act in acts]
    os.close(starts)
    os.close(waits)
    ended = [one.wait() for one in running]
    return [one.error or f"ended by signal {one.signal}" if one.error or one.signal else one.value for one in ended]


def chained(course: Course) -> list[str]:
    """What is wrong with the whole history: each record replaces what the record before made live."""
    return value(course.plot, lambda: list(_chained(course)))


def _chained(course: Course) -> Iterator[str]:
    before = ""
    for number, deployment in enumerate(_lives(course), start=1):
        if deployment.incumbent != before:
            yield f"record {number} replaces {deployment.incumbent or 'nothing'}, and {before or 'nothing'} was live"
        before = deployment.run
    site = Site(find(course.first))
    yield from judging.standing_of(site, "staging", "model")
    yield from judging.doctored(Ground(course.first, course.first))


def _lives(course: Course) -> list[Any]:
    site = Site(find(course.first))
    site.fetch()
    return [event.deployments[0] for event in site.ledger.events("staging") if event.step == "live"]


def prepared(plot: Plot, empty_store: Path, *, tracking: str = "", shared: bool = False) -> Course:
    """A model that is released in dev, ready to be raced to staging with; `shared` among clones."""
    dev, above = (f"sqlite:///{plot.folder}/{name}/mlflow.db" for name in ("dev", "above"))

    def make() -> None:
        served = {"dev": dev, "staging": tracking or above, "prod": tracking or above}
        ground = build(plot.ground.root, empty_store, tracking=served, shared=shared or bool(tracking))
        ground.edit("params/staging.yaml", "notebooks:\n", "notebooks:\n  model: {parameters: {alpha: 1.0}}\n")
        ground.commit("a value for staging, and a store that clones share")
        for line in (("run", "model"), ("baseline", "--yes", "model")):
            done(ground, *line)
        ground.commit("accept the outputs")
        done(ground, "release", "model")

    value(plot, make)
    familiar(lambda: plot.ground.nbpromote("doctor"))
    return clones(plot) if shared else one_checkout(plot)
