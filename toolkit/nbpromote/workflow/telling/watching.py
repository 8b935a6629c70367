"""What is live, and what was: `status` and `history`. Loads no MLflow, no kernel and no page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain, islice

from nbpromote import clock, params, release
from nbpromote.errors import Error, NotFound, nearest
from nbpromote.ledger import Events
from nbpromote.model import Asked, Attempt, Board, Deployment, Event, Standing, State, Status, Wait
from nbpromote.project import Project
from nbpromote.workflow.site import Site, demanding, people


def status(project: Project, *, at: str | None = None) -> Board:
    """What is live in each environment, now or at a moment (ISO 8601, UTC), as far as the remote was heard."""
    site = Site(project)
    return _board(site, at, reached=site.fetch())


def _board(site: Site, at: str | None, *, reached: bool) -> Board:
    states = _states(site, at)
    rows = tuple(_row(site, name, state, now=at is None) for name, state in states.items())
    if reached:
        return Board(rows=rows, as_of=clock.now())
    # a clone that never asked knows at least as much as the last event that it has
    heard = site.heard or max((state.at for state in states.values()), default="")
    return Board(rows=rows, as_of=heard, silent=str(site.silence))


def _states(site: Site, at: str | None) -> dict[str, State]:
    if at is None:
        return site.ledger.states(site.every_environment)
    return {name: site.ledger.state_at(name, at) for name in site.every_environment}


def _row(site: Site, environment: str, state: State, *, now: bool) -> Status:
    standings = sorted(state.notebooks.items())
    live = tuple(standing.live for _, standing in standings if standing.live)
    waiting = tuple(attempt for attempt in state.attempts.values() if not attempt.applies)
    return Status(
        environment=environment,
        tracking_uri=_tracking_uri(site, environment, live),
        deployments=live,
        pending=tuple(d.notebook for d in live if now and _is_pending(site, d)),
        held={name: held for name, standing in standings if (held := _held(standing))},
        open=tuple(name for a in state.attempts.values() if a.applies for name in a.event.notebooks),
        due=dict(_due(site, live)) if now else {},
        waiting=waiting,
        waits={attempt.event.attempt: _waits(site, attempt) for attempt in waiting if now},
        frozen=state.frozen,
        alone=now and site.ledger.is_alone(environment),
    )


def _due(site: Site, live: Iterable[Deployment]) -> Iterator[tuple[str, str]]:
    """Live models whose life wants to be looked at by now, and since when."""
    for deployment in live:
        if deployment.environment in site.environments and deployment.verified:
            span = site.policy(deployment.environment, deployment.notebook).review_by
            since = clock.after(deployment.verified, span) if span is not None else ""
            if since and since <= clock.now():
                yield deployment.notebook, since


def _waits(site: Site, attempt: Attempt) -> tuple[Wait, ...]:
    """What a promotion lacks, as it was asked for; `advance` looks whether what it stands on has moved since."""
    event = attempt.event
    if event.environment not in site.environments:
        return ()
    policies = demanding.policies(site, event.environment, event.notebooks)
    sources = dict.fromkeys(name for policy in policies for name in policy.promotes_from)
    below = [site.ledger.state(name) for name in sources]
    about = Asked(
        environment=event.environment,
        bound=event.bound,
        requester=people.requester(site, event),
        authors=tuple(dict.fromkeys(author for d in event.deployments for author in d.authors)),
        below={d.notebook: _verified(below, d) for d in event.deployments},
    )
    return demanding.waits(site, about, event.notebooks, people.consents(site, attempt))


def _verified(below: Iterable[State], wanted: Deployment) -> str:
    """Since when a release stands verified below; empty where it does not."""
    standings = [state[wanted.notebook] for state in below]
    found = (d for s in standings for d in (s.live, *reversed(s.stable)) if d and d.release == wanted.release)
    return next((deployment.verified for deployment in found), "")


def _held(standing: Standing) -> tuple[str, ...]:
    """Releases that may not come back, or the reason why none of the notebook's may."""
    return (*([standing.held] if standing.held else []), *map(release.alias, standing.holds))


def _tracking_uri(site: Site, environment: str, live: tuple[Deployment, ...]) -> str:
    if environment not in site.environments:
        return live[-1].tracking_uri if live else ""
    return params.tracking_uri(site.values.working, environment, site.around)


def _is_pending(site: Site, live: Deployment) -> bool:
    """Whether the configuration would give this deployment other values today than it froze.

    The files' blob ids are looked at first, so that an unchanged configuration costs no parsing.
    """
    if live.environment not in site.environments:
        return False
    entry = site.policy(live.environment, "").is_entry
    now = {f: blob for f, blob in site.values.revision(live.environment, entry=entry).items() if _is_values(f)}
    if now == {file: blob for file, blob in live.revision.items() if _is_values(file)}:
        return False
    try:
        environment = site.environment(live.environment, live.notebook, live.schema)
    except Error:
        return True  # it cannot even be read: `check` says why
    return environment.settings(site.project.root) != live.settings


def _is_values(file: str) -> bool:
    return not file.endswith(".policy.yaml")


def history(
    project: Project,
    name: str | None = None,
    *,
    env: str | None = None,
    at: str | None = None,
    newest: int | None = None,
) -> Iterator[Event]:
    """Events, oldest first; of one notebook, of one environment, up to a moment; of many, the `newest` only.

    They are read as they are asked for. Raises `NotFound` for a notebook that neither is here nor ever was.
    """
    site = Site(project)
    site.fetch()
    return _history(site, name, env, at, newest)


def moment(
    project: Project, at: str, name: str | None = None, *, env: str | None = None, newest: int | None = None
) -> tuple[Board, Iterator[Event]]:
    """What was live at a moment, and the history up to it."""
    site = Site(project)
    return _board(site, at, reached=site.fetch()), _history(site, name, env, at, newest)


def _history(site: Site, name: str | None, env: str | None, at: str | None, newest: int | None) -> Iterator[Event]:
    stretches = [
        site.ledger.events(environment) for environment in ([site.require(env)] if env else site.every_environment)
    ]
    if at is not None:
        stretches = [events.upto(at) for events in stretches]
    found = _newest(stretches, name, newest) if newest is not None else merge(*_about(stretches, name), key=_when)
    first = next(found, None)
    if first is None and name is not None and name not in (names := [pair.name for pair in site.pairs]):
        raise NotFound(f"no notebook {name!r}{nearest(name, names)}")
    return chain([first] if first else [], found)


def _newest(stretches: Sequence[Events], name: str | None, count: int) -> Iterator[Event]:
    back = merge(*_about([events[::-1] for events in stretches], name), key=_when, reverse=True)
    return reversed(list(islice(back, count)))


def _about(stretches: Sequence[Events], name: str | None) -> list[Iterator[Event]]:
    return [filter(lambda event: name is None or name in event.notebooks, events) for events in stretches]


def _when(event: Event) -> tuple[str, str]:
    """Events of one moment in the order in which they were written."""
    return event.at, event.id
