"""The verbs that are killed, each on a project as it is just before."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faults import lanes
from faults.forks import familiar, fork
from faults.grounds import Plot, build
from faults.judging import Attempt
from faults.killing import Scenario, ended, inside, value
from ground import Ground
from nbpromote.track import CHAMPION
from nbpromote.track.store import client
from nbpromote.workflow.promotion import challenging
from nbpromote.workflow.site import Site


@dataclass(frozen=True)
class Prepared:
    """A project that was kept at each turn of its way, and what can be done there."""

    plot: Plot
    scenarios: list[Scenario]

    def scenario(self, name: str) -> Scenario:
        return next(one for one in self.scenarios if one.name == name)


def prepared(plots: Sequence[Plot], empty_store: Path, *, tracking: str = "") -> list[Prepared]:
    """Each in a process of its own, all at once."""
    making = [fork(inside(one, lambda one=one: _prepared(one, empty_store, tracking))) for one in plots]
    made = [Prepared(one, ended(made)) for one, made in zip(plots, making, strict=True)]
    for one in plots:
        familiar(lambda one=one: one.lay("rollback").nbpromote("doctor"))
    return made


def _prepared(plot: Plot, empty_store: Path, tracking: str) -> list[Scenario]:
    served = dict.fromkeys(("dev", "staging", "prod"), tracking) if tracking else {}

    def begin() -> None:
        build(plot.ground.root, empty_store, tracking=served, shared=bool(tracking)).released("count")

    value(plot, begin)
    stages = (_alone, _with_consent, _together)[: lanes.sized(2, 3)]
    # each in a process of its own: the next lays anew what this one has open
    found = [one for stage in stages for one in value(plot, lambda stage=stage: stage(plot))]
    return list(map(_served, found)) if tracking else found


def _alone(plot: Plot) -> list[Scenario]:
    """One notebook: sealed, carried over, run in the target, put back."""
    ground = plot.ground
    ran(ground, "model")
    release = _kept(plot, "release", ("release", "model"), "dev", versions=1)
    done(ground, *release.command)
    first, count = live(ground, "dev", "model"), live(ground, "dev", "count")
    copy = _kept(plot, "copy", ("promote", "model", "--to", "staging"), "staging", versions=1)
    retrain = replace(copy, name="retrain", command=("promote", "count", "--to", "staging"))
    done(ground, *copy.command)
    ground.edit("notebooks/model.py", "alpha: float = 1.0", "alpha: float = 2.0")
    ran(ground, "model")
    done(ground, "release", "model")
    done(ground, *copy.command)
    rollback = _kept(plot, "rollback", ("rollback", "model", "--env", "staging"), "staging", versions=2)
    return [*(each.of(model=first) for each in (release, copy, rollback)), retrain.of(count=count)]


def _with_consent(plot: Plot) -> list[Scenario]:
    """The same, where the policy of staging wants one person's consent: Ada asks, Bob says yes."""
    ground = plot.lay("copy")
    ground.edit("params/staging.policy.yaml", "notebooks:", "approvals: 1\nnotebooks:")
    ground.commit("ask somebody")
    model = live(ground, "dev", "model")
    request = _kept(plot, "request", ("promote", "model", "--to", "staging"), "staging", waits=1, code=4)
    done(ground, *request.command, code=4)
    acts_as(ground, "Bob")
    approve = _kept(plot, "approve", ("approve", "model", "--env", "staging"), "staging", waits=1, says="approve")
    done(ground, *approve.command)
    acts_as(ground, "Ada")
    advance = _kept(plot, "advance", ("advance", "--env", "staging"), "staging", versions=1)
    return [request, approve, advance.of(model=model)]


def _together(plot: Plot) -> list[Scenario]:
    """Two notebooks in one promotion, in the place of what is live, and put back in one."""
    ground = plot.lay("rollback")
    command = ("promote", "model", "count", "--to", "staging")
    done(ground, "promote", "count", "--to", "staging")
    before = {name: live(ground, "staging", name) for name in ("model", "count")}
    ground.edit("notebooks/model.py", "alpha: float = 2.0", "alpha: float = 3.0")
    ground.edit("notebooks/count.py", "10.0 / len", "11.0 / len")
    ran(ground, "model", "count")
    for name in before:
        done(ground, "release", name)
    after = {name: live(ground, "dev", name) for name in before}
    forth = _kept(plot, "together", command, "staging", versions=3)
    done(ground, *command)
    back = _kept(plot, "back together", ("rollback", "count", "--env", "staging"), "staging", versions=3)
    return [forth.of(**after), back.of(**before)]


def _served(scenario: Scenario) -> Scenario:
    """On a server, which remembers what trials before this one did: a first version has a name of its own there."""
    if scenario.name in ("release", "copy", "advance"):
        return replace(scenario, renew=_another_model)
    return replace(scenario, renew=_as_the_ledger_has_it, attempt=replace(scenario.attempt, versions=None))


def _another_model(ground: Ground) -> None:
    """A promotion's first: registered under a name that the server has not seen."""
    _as_the_ledger_has_it(ground)
    ground.edit("pyproject.toml", 'model_name = "', f'model_name = "{secrets.token_hex(4)}.')
    ground.commit("another name for models")


def _as_the_ledger_has_it(ground: Ground) -> None:
    """The aliases."""
    site = Site(ground.project)
    for environment in ("dev", "staging"):
        state = site.ledger.state(environment)
        live = state["model"].live
        if live and live.model:
            client(live.tracking_uri).set_registered_model_alias(live.model.name, CHAMPION, live.model.version)
        challenging.mend(site, state, "model")


def acts_as(ground: Ground, name: str) -> None:
    ground.git("config", "user.name", f"{name} Test")
    ground.git("config", "user.email", f"{name.lower()}@example.org")


def ran(ground: Ground, *notebooks: str) -> None:
    done(ground, "sync")
    for notebook in notebooks:
        done(ground, "run", notebook)
        done(ground, "baseline", "--yes", notebook)
    if ground.git("status", "--porcelain"):
        ground.commit("accept the outputs")


def _kept(
    plot: Plot,
    name: str,
    command: tuple[str, ...],
    environment: str,
    *,
    code: int = 0,
    versions: int = 0,
    **wanted: Any,
) -> Scenario:
    plot.keep(name)
    events = Site(plot.ground.project).ledger.state(environment).count
    attempt = Attempt(environment=environment, events=events, versions=versions, **wanted)
    return Scenario(name=name, kept=name, command=command, code=code, attempt=attempt)


def live(ground: Ground, environment: str, notebook: str) -> str:
    found = Site(ground.project).ledger.state(environment)[notebook].live
    assert found is not None
    return found.release


def done(ground: Ground, *command: str, code: int = 0) -> None:
    said = ground.nbpromote(*command)
    assert said.returncode == code, said.stdout + said.stderr
