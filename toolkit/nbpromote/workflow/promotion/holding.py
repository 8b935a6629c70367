"""Bars: a hold on a release or a notebook, a freeze of an environment, and what lifts them."""

from __future__ import annotations

from nbpromote import release
from nbpromote.errors import NotFound, Usage, nearest
from nbpromote.model import Event, State
from nbpromote.project import Project
from nbpromote.workflow.promotion.claiming import new_attempt
from nbpromote.workflow.site import Site


def hold(project: Project, what: str, *, env: str, reason: str = "") -> Event:
    """Bar a release from an environment, or with a notebook's name all of its releases. What is live stays live."""
    site = Site(project)
    site.require(env)
    site.catch_up()
    notebook, digest = _meant(site, what)
    releases = (digest,) if digest else ()
    return _append(site, "hold", env, notebook, releases, reason)


def _meant(site: Site, what: str) -> tuple[str, str]:
    """A notebook, and the digest where a release is named: one that stands, stood or waits anywhere."""
    if any(pair.name == what for pair in site.pairs):
        return what, ""
    known: dict[str, str] = {}
    for environment in site.environments:
        known |= _releases(site.ledger.state(environment))
    fitting = {d: n for d, n in known.items() if release.alias(d) == what or (len(what) >= 8 and d.startswith(what))}
    if len(fitting) != 1:
        names = [*(pair.name for pair in site.pairs), *map(release.alias, known)]
        told = (
            f"{len(fitting)} releases and notebooks are called {what!r}"
            if fitting
            else f"no notebook and no release {what!r}"
        )
        raise NotFound(told + nearest(what, names), hint="nbpromote status lists what is live")
    digest, notebook = fitting.popitem()
    return notebook, digest


def _releases(state: State) -> dict[str, str]:
    """Every release that a state speaks of, and its notebook."""
    known = {held: name for name, standing in state.notebooks.items() for held in standing.holds}
    for name, standing in state.notebooks.items():
        known |= {d.release: name for d in (standing.live, *standing.stable) if d}
    for attempt in state.attempts.values():
        known |= {d.release: d.notebook for d in attempt.event.deployments}
    return known


def unhold(project: Project, name: str, *, env: str, reason: str = "") -> Event:
    """Lift a hold: of a release by its alias or digest; by the notebook's name the one that it has, or its own."""
    site = Site(project)
    site.require(env)
    site.catch_up()
    state = site.ledger.state(env)
    holds = [(notebook, held) for notebook, s in state.notebooks.items() for held in s.holds]
    if name in state.notebooks and state[name].held:
        return _append(site, "unhold", env, name, (), reason)
    found = [
        (n, h) for n, h in holds if name == n or release.alias(h) == name or (len(name) >= 8 and h.startswith(name))
    ]
    if len(found) != 1:
        own = [notebook for notebook, standing in state.notebooks.items() if standing.held]
        known = ", ".join([*own, *(f"{n} {release.alias(h)}" for n, h in holds)]) or "none"
        raise NotFound(f"{len(found)} holds in {env} fit {name!r}", hint=f"held there: {known}")
    notebook, digest = found[0]
    return _append(site, "unhold", env, notebook, (digest,), reason)


def freeze(project: Project, *, env: str, reason: str = "") -> Event:
    """Stop an environment: nothing is promoted to it, and nothing is run in it, until it is thawed. Rollbacks go on."""
    site = _ready(project, env)
    if site.ledger.state(env).frozen:
        raise Usage(f"{env} is frozen already", hint=f"nbpromote thaw --env {env} lifts that")
    return _append(site, "freeze", env, "", (), reason)


def thaw(project: Project, *, env: str, reason: str = "") -> Event:
    site = _ready(project, env)
    if not site.ledger.state(env).frozen:
        raise Usage(f"{env} is not frozen")
    return _append(site, "thaw", env, "", (), reason)


def _ready(project: Project, env: str) -> Site:
    site = Site(project)
    site.require(env)
    site.catch_up()
    return site


def _append(site: Site, verb: str, env: str, notebook: str, releases: tuple[str, ...], reason: str) -> Event:
    event = site.event(
        verb,
        "done",
        env,
        attempt=new_attempt(),
        notebooks=(notebook,) if notebook else (),
        releases=releases,
        reason=reason,
    )
    site.ledger.append(event, expect=lambda _state: None)
    return event
