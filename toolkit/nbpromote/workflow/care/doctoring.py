"""Ledger, MLflow and store held against one another, and mended where asked: `doctor`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from nbpromote import ledger, track
from nbpromote.errors import Error, Refused, Usage
from nbpromote.model import Attempt, Check, Deployment, Event, Outcome, State
from nbpromote.project import Project
from nbpromote.release import Damaged
from nbpromote.workflow.care import inspecting
from nbpromote.workflow.evidence import performing
from nbpromote.workflow.promotion import beginning, challenging, finishing, keeping, waiting
from nbpromote.workflow.promotion.verifying import beyond, misplaced
from nbpromote.workflow.site import Site


def doctor(project: Project, *, env: str | None = None, repair: bool = False) -> tuple[Check, ...]:
    """Compare ledger, MLflow and store, and say what stands in the way; `repair` finishes or mends what it can.

    With an environment, that one alone, and also whether all that it stands on would let us work there.
    """
    site = Site(project)
    named = site.require(env) if env else None
    if repair:
        performing.close_killed(site)
    checks = list(_machine(site))
    checks += inspecting.back_ends(site, named) if named else ()
    for environment in [named] if named else site.every_environment:
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
    reached = site.fetch()
    shared = f"shared by remote {site.ledger.remote!r}" if site.ledger.remote else "local to this repository"
    yield _passed("ledger", shared) if reached else _failed("ledger", f"{shared}: {site.silence}")
    yield from (_failed("shared", reason) for reason in site.lacking)
    yield from inspecting.left_over(site)


def _environment(site: Site, environment: str, *, repair: bool) -> Iterator[Check]:
    if site.ledger.is_alone(environment):
        yield _shared(site, environment, repair=repair)
    name, fault = f"{environment}: history", ledger.broken(site.ledger, environment)
    if fault:
        yield _failed(name, f"{fault}; nothing is built on that: another clone may have what was written")
        repair = False
    state = site.ledger.state(environment)
    if not fault:
        count = "1 event" if state.count == 1 else f"{state.count} events"
        yield _passed(name, f"{count}, each as it was written")
    for claim in [attempt.event for attempt in state.attempts.values() if attempt.applies]:
        yield _half_way(site, claim, repair=repair)
        state = site.ledger.state(environment)
    for _, standing in sorted(state.notebooks.items()):
        if standing.live is not None:
            yield from _live(site, standing.live, repair=repair)
        if standing.back is not None:
            yield keeping.way_back(site, standing.back)
    if state.frozen:
        told = f"by {state.frozen.by} at {state.frozen.at}; nbpromote thaw --env {environment} lifts that"
        yield Check(name=f"{environment}: frozen", outcome=Outcome.SKIPPED, summary=told)
    if environment in site.environments:
        yield from _challengers(site, site.ledger.state(environment), repair=repair)
    yield from (_running(site, attempt, repair=repair) for attempt in state.attempts.values() if attempt.runs)
    yield from (_waiting(site, attempt) for attempt in state.attempts.values() if attempt.waits)


def _challengers(site: Site, state: State, *, repair: bool) -> Iterator[Check]:
    """What MLflow's readers are told of promotions that have not ended; nothing where all is as it should be."""
    stood = [d for standing in state.notebooks.values() for d in (standing.live, *standing.stable) if d]
    coming = [d for attempt in state.attempts.values() for d in attempt.event.deployments]
    for notebook in sorted({d.notebook for d in (*stood, *coming) if d.model}):
        name = f"{state.environment}: {notebook} challenger"
        if (found := challenging.misplaced(site, state, notebook)) is None:
            continue
        outcome, told = found
        if repair:
            challenging.mend(site, state, notebook)
            left = challenging.misplaced(site, state, notebook)
            outcome, told = left or (Outcome.PASSED, f"mended: {told}")
        yield Check(name=name, outcome=outcome, summary=told)


def _shared(site: Site, environment: str, *, repair: bool) -> Check:
    """A history that was begun before the remote was named: nobody else knows of it until it is taken there."""
    name, remote = f"{environment}: shared", site.ledger.remote
    if not repair:
        told = f"no history of {environment} was seen at the remote {remote!r}, so others know nothing of this one"
        return _failed(name, f"{told}: nbpromote doctor --repair takes it there")
    site.ledger.share(environment)
    return _passed(name, f"its history was taken to the remote {remote!r}")


def _running(site: Site, attempt: Attempt, *, repair: bool) -> Check:
    """It keeps nobody out: nothing is wrong, even where nobody runs it any more."""
    event, why = attempt.event, beginning.gone(site, attempt.event)
    name, aliases = f"{event.environment}: {', '.join(event.notebooks)} running", ", ".join(event.aliases)
    if why and repair:
        beginning.end(site, event, why)
        return _passed(name, f"{aliases} was aborted: {why}")
    told = f"{why}, and the next promotion ends it" if why else f"since {event.at}, by {event.actor}"
    return Check(name=name, outcome=Outcome.SKIPPED, summary=f"{aliases}: {told}")


def _waiting(site: Site, attempt: Attempt) -> Check:
    """Whether what waits can go live at all; what can not is ended by whoever looks at it next."""
    event = attempt.event
    name = f"{event.environment}: {', '.join(event.notebooks)} waiting"
    told = f"{', '.join(event.aliases)} since {event.at}"
    try:
        moved = waiting.moved_under(site, waiting.recalled(site, attempt), event)
        damage = keeping.fault(site, *event.deployments)
    except Error as error:
        return Check(name=name, outcome=Outcome.ERRORED, summary=f"{told}: {error}")
    if moved:
        return _failed(name, f"{told} can never go live: {moved}; nbpromote advance --env {event.environment} ends it")
    if damage:
        return _failed(name, f"{told} cannot go live: {damage}")
    return _passed(name, told)


def _half_way(site: Site, claim: Event, *, repair: bool) -> Check:
    name = f"{claim.environment}: {', '.join(claim.notebooks)} half-way"
    if not repair:
        return _failed(name, "a promotion was begun and not ended: nbpromote doctor --repair finishes or undoes it")
    try:
        finished = finishing.resume(site, claim.environment, claim.notebooks[0])
    except (Damaged, Refused) as error:  # what is lost or damaged does not come back by trying again
        finishing.abandon(site, claim, reason=f"could not be finished: {error}")
        return _failed(name, f"undone, {', '.join(claim.aliases)} is not live: {error}")
    if finished is None:
        return _passed(name, "somebody else finished it")
    return _passed(name, f"finished: {', '.join(finished.aliases)} is {finished.deployments[0].state}")


def _live(site: Site, live: Deployment, *, repair: bool) -> Iterator[Check]:
    if live.state != "verified":
        again = f"nbpromote verify {live.notebook} --env {live.environment} asks again"
        told = f"{live.alias} is live and {live.state}: {again}"
        yield _failed(f"{live.environment}: {live.notebook} verification", told)
    yield _kept(site, live)
    if live.model is None:
        return
    name = f"{live.environment}: {live.notebook} model"
    elsewhere = beyond(site, live)
    fault = f"{elsewhere}; nbpromote doctor --repair brings it here from the store" if elsewhere else _model_fault(live)
    if fault and repair:
        fault = _model_fault(finishing.mend(site, live))
        yield _passed(name, "mended from the store") if not fault else _failed(name, fault)
        return
    yield (
        _failed(name, fault) if fault else _passed(name, f"{live.model.name} version {live.model.version} is intact")
    )


def _model_fault(live: Deployment) -> str | None:
    assert live.model is not None
    if fault := misplaced(live):
        return fault
    with tempfile.TemporaryDirectory() as folder:
        return track.check_model(live.tracking_uri, live.model, Path(folder))


def _kept(site: Site, live: Deployment) -> Check:
    name = f"{live.environment}: {live.notebook} release"
    lost = keeping.fault(site, live)
    if lost:
        return _failed(name, f"{live.alias} cannot be put back: {lost}")
    return _passed(name, f"{live.alias} is in the store")


def _passed(name: str, summary: str) -> Check:
    return Check(name=name, outcome=Outcome.PASSED, summary=summary)


def _failed(name: str, summary: str) -> Check:
    return Check(name=name, outcome=Outcome.FAILED, summary=summary)
