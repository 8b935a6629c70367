"""What is live, and what was: `status` and `history`. Loads no MLflow, no kernel and no page."""

from __future__ import annotations

from nbpromote import params, release
from nbpromote.errors import Error, NotFound, nearest
from nbpromote.model import Deployment, Event, Standing, State, Status
from nbpromote.project import Project
from nbpromote.workflow.site import Site


def status(project: Project, *, at: str | None = None) -> tuple[Status, ...]:
    """What is live in each environment, now or at a moment (ISO 8601, UTC)."""
    site = Site(project)
    site.fetch()
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
    project: Project, name: str | None = None, *, env: str | None = None, at: str | None = None
) -> tuple[Event, ...]:
    """Every event, oldest first; of one notebook, of one environment, up to a moment."""
    site = Site(project)
    site.fetch()
    environments = [site.require(env)] if env else list(known(site))
    found = [event for environment in environments for event in site.ledger.events(environment)]
    found = [event for event in found if (name is None or name in event.notebooks) and (at is None or event.at <= at)]
    if name and not found and name not in [pair.name for pair in site.pairs]:
        raise NotFound(f"no notebook {name!r}{nearest(name, [pair.name for pair in site.pairs])}")
    return tuple(sorted(found, key=lambda event: (event.at, event.id)))
