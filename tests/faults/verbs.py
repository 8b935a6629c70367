"""The verbs that are killed, each on a project as it is just before."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from faults.forks import fork
from faults.grounds import Plot, build
from faults.judging import Attempt
from faults.killing import Scenario, ended, inside
from ground import Ground
from nbpromote.track import CHAMPION
from nbpromote.track.store import client
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
    return [Prepared(one, ended(made)) for one, made in zip(plots, making, strict=True)]


def _prepared(plot: Plot, empty_store: Path, tracking: str) -> list[Scenario]:
    ground = build(plot.ground.root, empty_store, tracking=tracking)
    ground.released("count")
    ran(ground)
    release = _kept(plot, "release", ("release", "model"), "dev", versions=1)
    done(ground, "release", "model")
    first = live(ground, "dev", "model")
    copy = _kept(plot, "copy", ("promote", "model", "--to", "staging"), "staging", versions=1)
    retrain = replace(copy, name="retrain", kept="copy", command=("promote", "count", "--to", "staging"))
    done(ground, *copy.command)
    ground.edit("notebooks/model.py", "alpha: float = 1.0", "alpha: float = 2.0")
    ran(ground)
    done(ground, "release", "model")
    done(ground, *copy.command)
    count = live(ground, "dev", "count")
    rollback = _kept(plot, "rollback", ("rollback", "model", "--env", "staging"), "staging", versions=2)
    found = [*(each.of("model", first) for each in (release, copy, rollback)), retrain.of("count", count)]
    if not tracking:
        return found
    again = {"copy": _another_model, "rollback": _alias_as_the_ledger_has_it}
    return [replace(each, renew=again[each.name]) for each in found if each.name in again]


def _another_model(ground: Ground) -> None:
    """A promotion's first: registered under a name that the server has not seen."""
    ground.edit("pyproject.toml", 'model_name = "', f'model_name = "{secrets.token_hex(4)}.')
    ground.commit("another name for models")


def _alias_as_the_ledger_has_it(ground: Ground) -> None:
    live = Site(ground.project).ledger.state("staging")["model"].live
    assert live is not None
    assert live.model is not None
    client(live.tracking_uri).set_registered_model_alias(live.model.name, CHAMPION, live.model.version)


def ran(ground: Ground) -> None:
    done(ground, "sync")
    done(ground, "run", "model")
    done(ground, "baseline", "--yes", "model")
    if ground.git("status", "--porcelain"):
        ground.commit("accept the outputs")


def _kept(plot: Plot, name: str, command: tuple[str, ...], environment: str, *, versions: int) -> Scenario:
    plot.keep(name)
    events = Site(plot.ground.project).ledger.state(environment).count
    attempt = Attempt(environment=environment, notebook="", release="", events=events, versions=versions)
    return Scenario(name=name, kept=name, command=command, attempt=attempt)


def live(ground: Ground, environment: str, notebook: str) -> str:
    found = Site(ground.project).ledger.state(environment)[notebook].live
    assert found is not None
    return found.release


def done(ground: Ground, *command: str) -> None:
    said = ground.nbpromote(*command)
    assert said.returncode == 0, said.stdout + said.stderr
