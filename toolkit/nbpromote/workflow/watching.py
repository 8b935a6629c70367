"""What is live, and what was: `status` and `history`. Loads no MLflow, no kernel and no page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import chain, islice

from nbpromote import params, release
from nbpromote.errors import Error, NotFound, nearest
from nbpromote.ledger import Events
from nbpromote.model import Deployment, Event, Standing, State, Status
from nbpromote.project import Project
from nbpromote.workflow.site import Site


def status(project: Project, *, at: str | None = None) -> tuple[Status, ...]:
    """What is live in each environment, now or at a moment (ISO 8601, UTC)."""
    site = Site(project)
    site.fetch()
    return _status(site, at)


def _status(site: Site, at: str | None) -> tuple[Status, ...]:
    return tuple(_row(site, name, _state(site, name, at), pending=at is None) for name in known(site))


def known(site: Site) -> tuple[str, ...]:
    """Environments of the configuration, and those that only have a history."""
    return tuple(dict.fromkeys([*site.environments, *site.ledger.environments()]))


def _state(site: Site, environment: str, at: str | None) -> State:
    if at is None:
        return site.ledger.state(environment)
    return site.ledger.state_at(environment, at)


def _row(site: Site, environment: str, state: State, *, pending: bool) -> Status:
    standings = sorted(state.notebooks.items())
    live = tuple(standing.live for _, standing in standings if standing.live)
    return Status(
        environment=environment,
        tracking_uri=_tracking_uri(site, environment, live),
        deployments=live,
        pending=tuple(d.notebook for d in live if pending and _is_pending(site, d)),
        held={name: held for name, standing in standings if (held := _held(standing))},
        open=tuple(name for a in state.attempts.values() if a.applies for name in a.event.notebooks),
        waiting=tuple(attempt for attempt in state.attempts.values() if not attempt.applies),
        frozen=state.frozen,
    )


def _held(standing: Standing) -> tuple[str, ...]:
    """Releases that may not come back, or the reason why none of the notebook's may."""
    return (*([standing.held] if standing.held else []), *map(release.alias, standing.holds))


def _tracking_uri(site: Site, environment: str, live: tuple[Deployment, ...]) -> str:
    if environment not in site.environments:
        return live[-1].tracking_uri if live else ""
    return params.tracking_uri(site.params_file, environment, site.around)


def _is_pending(site: Site, live: Deployment) -> bool:
    """Whether the configuration would give this deployment other values today than it froze.

    The files' blob ids are looked at first, so that an unchanged configuration costs no parsing.
    """
    if live.environment not in site.environments:
        return False
    entry = site.policy(live.environment, "").is_entry
    now = {f: blob for f, blob in site.revision(live.environment, entry=entry).items() if _is_values(f)}
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
) -> tuple[tuple[Status, ...], Iterator[Event]]:
    """What was live at a moment, and the history up to it."""
    site = Site(project)
    site.fetch()
    return _status(site, at), _history(site, name, env, at, newest)


def _history(site: Site, name: str | None, env: str | None, at: str | None, newest: int | None) -> Iterator[Event]:
    stretches = [site.ledger.events(environment) for environment in ([site.require(env)] if env else known(site))]
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
