"""What is live, what was, and whether it is as it should be: `status`, `history`, `report`, `doctor`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from nbpromote import files, gate, ledger, params, release, report, track
from nbpromote.errors import Error, NotFound, Usage, nearest
from nbpromote.model import Check, Decision, Deployment, Event, Evidence, Outcome, State, Status
from nbpromote.project import Project
from nbpromote.workflow import applying, running
from nbpromote.workflow.site import Site

# -- status and history -------------------------------------------------------------------------------------------


def status(project: Project, *, at: str | None = None) -> tuple[Status, ...]:
    """What is live in each environment, now or at a moment (ISO 8601, UTC)."""
    site = Site(project)
    site.ledger.fetch()
    return tuple(_row(site, name, _state(site, name, at), pending=at is None) for name in _known(site))


def _known(site: Site) -> tuple[str, ...]:
    """Environments of the configuration, and those that only have a history."""
    return tuple(dict.fromkeys([*site.environments, *site.ledger.environments()]))


def _state(site: Site, environment: str, at: str | None) -> State:
    if at is None:
        return site.ledger.state(environment)
    return ledger.at(environment, site.ledger.events(environment), at)


def _row(site: Site, environment: str, state: State, *, pending: bool) -> Status:
    standings = sorted(state.notebooks.items())
    live = tuple(standing.live for _, standing in standings if standing.live)
    return Status(
        environment=environment,
        tracking_uri=_tracking_uri(site, environment, live),
        deployments=live,
        pending=tuple(d.notebook for d in live if pending and _is_pending(site, d)),
        held={name: tuple(map(release.alias, standing.holds)) for name, standing in standings if standing.holds},
        open=tuple(name for name, standing in standings if standing.open),
    )


def _tracking_uri(site: Site, environment: str, live: tuple[Deployment, ...]) -> str:
    if environment not in site.environments:
        return live[-1].tracking_uri if live else ""
    return params.tracking_uri(site.params_file, environment, root=site.project.root, folder=site.project.params.name)


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
    site.ledger.fetch()
    environments = [site.require(env)] if env else list(_known(site))
    found = [event for environment in environments for event in site.ledger.events(environment)]
    found = [event for event in found if (name is None or name in event.notebooks) and (at is None or event.at <= at)]
    if name and not found and name not in [pair.name for pair in site.pairs]:
        raise NotFound(f"no notebook {name!r}{nearest(name, [pair.name for pair in site.pairs])}")
    return tuple(sorted(found, key=lambda event: (event.at, event.id)))


# -- report -------------------------------------------------------------------------------------------------------


def page(project: Project, what: str, *, env: str | None = None, into: Path | None = None) -> Path:
    """One self-contained HTML file for a run, a release or what is live of a notebook. Gives its path."""
    site = Site(project)
    evidence, deployment = _subject(site, what, env)
    executed = _executed(site, evidence, deployment)
    rival = _rival(site, evidence, deployment)
    html = report.page(
        evidence,
        executed=executed,
        live=rival,
        decision=_decision(site, evidence, rival),
        release=release.open_(site.store, deployment.release) if deployment else None,
        alias=deployment.alias if deployment else "",
    )
    name = f"{evidence.run.id}.html" if deployment is None else f"{deployment.alias}-{deployment.environment}.html"
    return files.write(into or project.state / "reports" / name, html)


def _subject(site: Site, what: str, env: str | None) -> tuple[Evidence, Deployment | None]:
    """A run's id; a release's alias or digest; or a notebook's name, which means what is live of it."""
    if (site.project.runs / what).is_dir() and "/" not in what:
        return running.find_evidence(site.project, what), None
    environments = [site.require(env)] if env else list(reversed(_known(site)))
    standings = [s for e in environments for s in site.ledger.state(e).notebooks.values()]
    known = [d for s in standings for d in (s.live, *s.stable) if d is not None]
    for deployment in known:
        if what in (deployment.alias, deployment.notebook) or (len(what) >= 8 and deployment.release.startswith(what)):
            return release.evidence_of(site.store, deployment.sealed), deployment
    if any(pair.name == what for pair in site.pairs):
        return running.last_evidence(site.project, what, env or site.entry()), None
    names = [*{d.alias for d in known}, *[pair.name for pair in site.pairs], *_run_names(site)]
    raise NotFound(
        f"no run, release or notebook {what!r}{nearest(what, names)}",
        hint="nbpromote status lists what is live",
    )


def _run_names(site: Site) -> list[str]:
    return [path.name for path in site.project.runs.glob("*")]


def _executed(site: Site, evidence: Evidence, deployment: Deployment | None) -> str:
    if deployment is not None:
        return site.store.get(deployment.sealed["executed.ipynb"].sha256).decode()
    return evidence.run.notebook_file.read_text()


def _rival(site: Site, evidence: Evidence, deployment: Deployment | None) -> Deployment | None:
    """What this is compared with: the live deployment, or for the live one that before it."""
    standing = site.ledger.state(evidence.run.environment)[evidence.run.notebook]
    live = standing.live
    if live is not None and live.run == evidence.run.id:
        return standing.stable[-1] if standing.stable else None
    return live


def _decision(site: Site, evidence: Evidence, rival: Deployment | None) -> Decision:
    run = evidence.run
    gates = site.policy(run.environment, run.notebook).gates if run.environment in site.environments else ()
    return gate.decide(evidence, gates, live=rival.metrics if rival else None, environment=run.environment)


# -- doctor -------------------------------------------------------------------------------------------------------


def doctor(project: Project, *, repair: bool = False) -> tuple[Check, ...]:
    """Compare ledger, MLflow and store, and say what stands in the way; `repair` finishes or mends what it can."""
    site = Site(project)
    if repair:
        running.close_killed(site)
    checks = list(_machine(site))
    for environment in _known(site):
        try:
            checks += _environment(site, environment, repair=repair)
        except Error as error:
            checks.append(Check(name=environment, outcome=Outcome.ERRORED, summary=str(error)))
    return tuple(checks)


def _machine(site: Site) -> Iterator[Check]:
    try:
        yield _passed("identity", f"history is written as {site.actor}")
    except Usage as error:
        yield _failed("identity", f"{error}: {error.hint}")
    reached = site.ledger.fetch()
    shared = f"shared by remote {site.ledger.remote!r}" if site.ledger.remote else "local to this repository"
    yield _passed("ledger", shared) if reached else _failed("ledger", f"{shared}, which does not answer")


def _environment(site: Site, environment: str, *, repair: bool) -> Iterator[Check]:
    state = site.ledger.state(environment)
    fault = ledger.broken(site.ledger, environment)
    name = f"{environment}: history"
    yield (_failed(name, fault) if fault else _passed(name, f"{state.count} events, each the fold of those before"))
    for notebook, standing in sorted(state.notebooks.items()):
        if standing.open is not None:
            yield _half_way(site, environment, notebook, repair=repair)
            standing = site.ledger.state(environment)[notebook]
        if standing.live is not None:
            yield from _live(site, standing.live, repair=repair)
        if standing.back is not None:
            yield _way_back(site, standing.back)


def _half_way(site: Site, environment: str, notebook: str, *, repair: bool) -> Check:
    name = f"{environment}: {notebook} half-way"
    if not repair:
        return _failed(name, "a promotion was begun and not ended: nbpromote doctor --repair finishes it")
    finished = applying.resume(site, environment, notebook)
    return _passed(name, f"finished: {finished.alias} is {finished.state}" if finished else "somebody else finished it")


def _live(site: Site, live: Deployment, *, repair: bool) -> Iterator[Check]:
    if live.model is None:
        return
    name = f"{live.environment}: {live.notebook} model"
    fault = _model_fault(live)
    if fault and repair:
        fault = _model_fault(applying.mend(site, live))
        yield _passed(name, "mended from the store") if not fault else _failed(name, fault)
        return
    yield (
        _failed(name, fault) if fault else _passed(name, f"{live.model.name} version {live.model.version} is intact")
    )


def _model_fault(live: Deployment) -> str | None:
    model = live.model
    assert model is not None
    assert model.name is not None
    seen = track.pointed(live.tracking_uri, model.name)
    if seen != model.version:
        moved = f"points at version {seen}" if seen else "is gone"
        return f"alias {model.name}@{track.CHAMPION} {moved}, and the ledger says {model.version}: moved from outside"
    if not track.has_version(live.tracking_uri, model):
        return f"version {model.version} of {model.name} is not what was registered"
    with tempfile.TemporaryDirectory() as folder:
        return track.check_model(live.tracking_uri, model, Path(folder))


def _way_back(site: Site, target: Deployment) -> Check:
    """Rollback works, or says today that it would not."""
    name = f"{target.environment}: {target.notebook} rollback"
    wanted = [target.release, *(sealed.sha256 for sealed in target.sealed.values())]
    try:
        for digest in wanted:
            site.store.get(digest)
    except Error as error:
        return _failed(name, f"to {target.alias} would fail: {error}")
    return _passed(name, f"to {target.alias} would work")


def _passed(name: str, summary: str) -> Check:
    return Check(name=name, outcome=Outcome.PASSED, summary=summary)


def _failed(name: str, summary: str) -> Check:
    return Check(name=name, outcome=Outcome.FAILED, summary=summary)
