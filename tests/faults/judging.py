"""What must hold of a project whatever happened to it: ledger, alias, store and MLflow tell one story."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ground import Ground
from nbpromote import ledger, track, workflow
from nbpromote.errors import Error
from nbpromote.model import Deployment, Event, Outcome, State
from nbpromote.track.store import client
from nbpromote.workflow.site import Site

# hidden names with eight random digits are drafts; git's locks and indexes are somebody's who is at work
_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}(-journal)?|.*\.lock|nbpromote-index-.*")
_STAY = re.compile(r"\w+/(\.git/index\.lock|\.nbpromote/(locks/.*|.*\.lock))")  # ours, which processes hold by turns


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """The one outcome that somebody wants, over the history as it was before: releases by notebook that go live.

    `versions` are those that the registered model has then, where that is known; `says` is a consent that is written,
    and `waits` how many promotions wait afterwards.
    """

    environment: str
    events: int
    versions: int | None = None
    releases: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
    waits: int = 0


def events(ground: Ground, attempt: Attempt) -> list[Event]:
    """What was written since."""
    return list(Site(ground.project).ledger.events(attempt.environment)[attempt.events :])


def lives(ground: Ground, attempt: Attempt, notebook: str) -> list[str]:
    """Releases of a notebook that went live since, in order."""
    went = (event.deployment(notebook) for event in events(ground, attempt) if event.step == "live")
    return [deployment.release for deployment in went if deployment]


def is_done(ground: Ground, attempt: Attempt) -> bool:
    state = _heard(ground).ledger.state(attempt.environment)
    live = [state[notebook].live for notebook in attempt.releases]
    return all(one and one.state == "verified" for one in live) and not list(_otherwise(ground, state, attempt))


def judged(ground: Ground, attempt: Attempt) -> list[str]:
    """All that is wrong with the outcome."""
    site = _heard(ground)
    faults = list(_unshared(site, attempt.environment))
    state = site.ledger.state(attempt.environment)
    faults += _otherwise(ground, state, attempt)
    for notebook in state.notebooks:
        faults += standing_of(site, attempt.environment, notebook)
        live, wanted = state[notebook].live, attempt.versions
        if wanted and live and live.model and (found := len(versions(live.tracking_uri, live.model.name))) != wanted:
            faults.append(f"{found} versions, wanted {wanted}")
    faults += running(site.tracking_uris[attempt.environment], site.project.name)
    return faults + left(ground.root.parent)


def _heard(ground: Ground) -> Site:
    """With what the remote has, where there is one."""
    site = Site(ground.project)
    site.fetch(60)
    return site


def _unshared(site: Site, environment: str) -> Iterator[str]:
    """What is written here and nobody else can see."""
    own, shared = f"refs/heads/nbpromote/{environment}", site.ledger.shadow(environment)
    tips = site.git.refs(own, shared)
    if own in tips and site.ledger.remote and not (shared in tips and site.git.contains(tips[shared], tips[own])):
        yield f"the history of {environment} has here what the remote has not"


def doctored(ground: Ground) -> list[str]:
    """What `doctor` finds."""
    asked = workflow.doctor(ground.project)
    return [f"doctor: {one.name} {one.summary}" for one in asked if one.outcome in (Outcome.FAILED, Outcome.ERRORED)]


def _otherwise(ground: Ground, state: State, attempt: Attempt) -> Iterator[str]:
    """What the ledger says otherwise than was wanted."""
    yield from (f"{one.event.verb} is half-way" for one in state.attempts.values() if one.applies)
    yield from (f"{one.event.verb} still runs" for one in state.attempts.values() if one.runs)
    if (waits := sum(one.waits for one in state.attempts.values())) != attempt.waits:
        yield f"{waits} promotions wait, wanted {attempt.waits}"
    for notebook, release in attempt.releases.items():
        if (went := lives(ground, attempt, notebook)) != [release]:
            yield f"{notebook} went live as {went or 'nothing'}, wanted {release} once"
    said = [event.verb for event in events(ground, attempt)]
    if attempt.says and said.count(attempt.says) != 1:
        yield f"{attempt.says} was written {said.count(attempt.says)} times"


def standing_of(site: Site, environment: str, notebook: str) -> Iterator[str]:
    """What ledger, alias, MLflow and store say otherwise than one another of what is live."""
    if fault := ledger.broken(site.ledger, environment):
        yield fault
    live = site.ledger.state(environment)[notebook].live
    if live is None:
        return
    if live.state != "verified":
        yield f"{live.alias} is {live.state}"
    yield from _kept(site, live)
    yield from served(live)


def _kept(site: Site, live: Deployment) -> Iterator[str]:
    for digest in (live.release, *(sealed.sha256 for sealed in live.sealed.values())):
        try:
            site.store.get(digest)
        except Error as error:
            yield str(error)


def served(live: Deployment) -> Iterator[str]:
    """What whoever asks MLflow for the champion gets otherwise than the ledger says."""
    model = live.model
    if model is None:
        return
    pointed = track.pointed(live.tracking_uri, model.name)
    if pointed != model.version:
        yield f"the alias points at {pointed}, the ledger at {model.version}"
    if not track.has_version(live.tracking_uri, model):
        yield f"version {model.version} is not what the ledger says"
    with tempfile.TemporaryDirectory() as folder:
        if fault := track.check_model(live.tracking_uri, model, Path(folder)):
            yield fault
    # of one model: where its bytes were damaged since, the attempt brings them again, and that is another one
    made = Counter((one.tags.get("nbpromote.attempt"), one.source) for one in versions(live.tracking_uri, model.name))
    yield from (f"{count} versions of {source} by one attempt" for (_, source), count in made.items() if count > 1)


def versions(uri: str, name: str) -> list[Any]:
    return list(client(uri).search_model_versions(f"name = '{name}'"))


def running(uri: str, project: str) -> list[str]:
    """Runs of a project that MLflow believes to be at work."""
    mlflow = client(uri)
    experiments = [one.experiment_id for one in mlflow.search_experiments(filter_string=f"name LIKE '{project}/%'")]
    found = mlflow.search_runs(experiments, "attributes.status = 'RUNNING'") if experiments else []
    return [f"MLflow's run {run.info.run_name} is still running" for run in found]


def left(root: Path) -> list[str]:
    """Drafts and locks that nobody will come back for."""
    found = (path.relative_to(root).as_posix() for path in root.rglob("*") if _DRAFT.fullmatch(path.name))
    return [f"left: {path}" for path in found if not _STAY.fullmatch(path)]
