"""What the models of an environment move in it: releases of one notebook, in any order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from faults import places, verbs
from faults.grounds import Plot, build
from faults.killing import value
from faults.places import Place
from ground import Ground
from nbpromote.model import Deployment
from nbpromote.workflow.promotion import applying, finishing, promoting
from nbpromote.workflow.promotion.planning import plan_of
from nbpromote.workflow.site import Site

NAME = "model"


@dataclass(frozen=True)
class Wares:
    """Three releases of one model, each with the commit of its code and as it stood verified in dev."""

    plot: Plot
    commits: tuple[str, ...]
    sources: tuple[Deployment, ...]
    places: tuple[Place, ...]  # where a promotion may be killed


def made(own: Plot, empty_store: Path) -> Wares:
    commits, sources = value(own, lambda: _made(own, empty_store))
    return Wares(own, commits, sources, tuple(value(own, lambda: _places(own, commits[0], sources[0]))))


def _made(own: Plot, empty_store: Path) -> tuple[tuple[str, ...], tuple[Deployment, ...]]:
    ground = build(own.ground.root, empty_store)
    ground.edit("params/prod.policy.yaml", "promotes_from: [staging]", "promotes_from: [dev]\napprovals: 1")
    ground.commit("nothing into prod without a second person")
    commits, sources = [], []
    for number in range(3):
        if number:
            ground.edit("notebooks/model.py", f"alpha: float = {number}.0", f"alpha: float = {number + 1}.0")
        verbs.ran(ground, NAME)
        verbs.done(ground, "release", NAME)
        commits.append(ground.git("rev-parse", "HEAD"))
        live = Site(ground.project).ledger.state("dev")[NAME].live
        assert live is not None
        sources.append(live)
    own.keep("machine")
    return tuple(commits), tuple(sources)


def _places(own: Plot, commit: str, source: Deployment) -> list[Place]:
    found = places.seen(own.ground.root)
    assert promoted(own.ground, commit, source, "staging") == "verified"
    return places.differing(found)


def promoted(ground: Ground, commit: str, source: Deployment, env: str) -> str:
    """As `promote` does, with a release that may not be the last one of dev."""
    ground.git("checkout", "--quiet", "--force", commit)
    site = Site(ground.project)
    finishing.resume(site, env, NAME)
    planned = plan_of(site, (source,), env)
    if not planned.allowed:
        return "; ".join(planned.unmet)
    if applying.already(site, "promote", planned):
        return "already"
    return promoting._promote(site, planned, (source,), reason="", watch=None).state
