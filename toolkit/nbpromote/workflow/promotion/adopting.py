"""Record what was live before nbpromote came: `adopt`. Its bytes are kept as any model's; the rest is not made up.

No run of ours made it, so there is no evidence, and no gate is asked: the record says `adopted`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nbpromote import notebook, release, track
from nbpromote.errors import Refused
from nbpromote.model import (
    Adopted,
    Candidate,
    Deployment,
    Environment,
    Model,
    Pair,
    Plan,
    Promotion,
    Release,
    Schema,
    Standing,
    State,
    digest,
)
from nbpromote.project import Project
from nbpromote.workflow.evidence import witnessing
from nbpromote.workflow.promotion import applying, claiming, finishing
from nbpromote.workflow.promotion.planning import move_to
from nbpromote.workflow.site import Site


def adopt(project: Project, name: str, *, live: str, env: str, reason: str = "") -> Promotion:
    """Make what an alias or a version of the environment's MLflow leads to the live deployment of a notebook there.

    `live` is `models:/NAME@ALIAS` or `models:/NAME/VERSION`. Asked twice, it is adopted once. Raises `Refused` where
    something is live already, the environment or the notebook is barred, or the model is not whole.
    """
    site = Site(project)
    pair = site.pair(name)
    site.catch_up()
    schema = site.schemas[pair.name] or Schema()
    environment = site.environment(site.require(env), pair.name, schema)
    finished = finishing.resume(site, env, pair.name)
    found = track.registered(environment.tracking_uri, live)
    state = site.ledger.state(env)
    if (again := _again(site, state[pair.name], found)) is not None:
        return replace(again, note="finished what an earlier command had begun") if finished else again
    if barred := tuple(_barred(site, state, pair.name)):
        raise Refused(f"{live} was not adopted, and nothing was changed: {'; '.join(barred)}")
    deployment = _kept(site, pair, schema, environment, found)
    told = f"{found.address}, which {live} led to" if live != found.address else found.address
    return applying.apply(
        site,
        "adopt",
        _promotion(deployment, note="adopted as it was: no gate was asked, and no check was made of its run"),
        expected={pair.name: state[pair.name]},
        reason=f"{told}: {reason}" if reason else told,
    )


def _again(site: Site, standing: Standing, found: Adopted) -> Promotion | None:
    """What is live by this very adoption; what was left unverified is asked again."""
    live = standing.live
    if live is None or not live.adopted or live.run != found.address or live.tracking_uri != found.uri:
        return None
    return applying.already(
        site, "adopt", Plan(target=live.environment, moves=(move_to(live, live, strategy="adopt"),))
    )


def _barred(site: Site, state: State, name: str) -> Iterator[str]:
    """Every reason, with what to do about it."""
    env, standing = state.environment, state[name]
    if standing.live:
        yield (
            f"{standing.live.alias} is live as {name} in {env} since {standing.live.since}, and what was live before "
            f"nbpromote came is adopted where nothing is: nbpromote promote {name} --to {env} replaces it"
        )
    yield from claiming.bars(site, state, name)


def _promotion(deployment: Deployment, *, note: str) -> Promotion:
    move = move_to(deployment, None, strategy="adopt")
    candidate = Candidate(move=move, deployment=deployment)
    return Promotion(plan=Plan(target=deployment.environment, moves=(move,)), candidates=(candidate,), note=note)


# -- its bytes, and what is known of it -------------------------------------------------------------------------------


def _kept(site: Site, pair: Pair, schema: Schema, environment: Environment, found: Adopted) -> Deployment:
    """What an adoption will leave; the model is in the environment's own storage and in the store by then."""
    kernel = environment.kernel or notebook.kernel(notebook.read(pair)) or "python3"
    witnessing.witness(kernel, environment.pass_env)  # called now, so that it is ready when the files have come
    with tempfile.TemporaryDirectory(prefix="nbpromote-") as place:
        folder = track.fetched(found.uri, found.location, Path(place) / "model")
        model = _copied(site, pair.name, environment, found, folder)
        model = replace(model, predictions=_predictions(model, environment, found, kernel))
        path = site.project.relative(pair.path)
        sealed = release.seal_adopted(site.store, found, model, folder, notebook=pair.name, path=path, schema=schema)
    return _deployment(site, environment, found, sealed, model, kernel)


def _copied(site: Site, name: str, environment: Environment, found: Adopted, folder: Path) -> Model:
    """A copy of its own: whoever cleans up what was adopted does not take away what is live."""
    files = track.digests(folder)
    if "MLmodel" not in files:
        raise Refused(
            f"the files of {found.address} are gone: there is no MLmodel; nothing was changed",
            where=found.location,
            hint=f"register a version that is whole, and adopt that; MLflow is at {found.uri}",
        )
    return track.keep_model(
        environment.tracking_uri,
        experiment=f"{site.project.name}/{environment.name}/{name}",
        folder=folder,
        files=files,
        token=digest(["adopt", environment.name, name, found.address])[:12],  # asked twice, one copy is made
    )


def _predictions(model: Model, environment: Environment, found: Adopted, kernel: str) -> object:
    """What it says today: there is no other record to hold it against later."""
    said = witnessing.said_at(model.uri, uri=environment.tracking_uri, kernel=kernel, pass_env=environment.pass_env)
    if "error" in said:
        raise Refused(
            f"{found.address} does not load or predict in kernel {kernel!r}: {said['error']}; nothing was changed",
            hint=f"params/{environment.name}.yaml may name another kernel",
        )
    return said


def _deployment(
    site: Site, environment: Environment, found: Adopted, sealed: Release, model: Model, kernel: str
) -> Deployment:
    return Deployment(
        notebook=sealed.notebook,
        environment=environment.name,
        release=sealed.digest,
        alias=release.alias(sealed.digest),
        code="",
        run=found.address,
        evidence="",
        tracking_uri=environment.tracking_uri,
        settings=environment.settings(site.project.root),
        strategy="adopt",
        parameters=dict(found.parameters),
        revision=environment.revision,
        commit=found.commit,
        metrics=found.metrics,
        model=model,
        sealed=sealed.files,
        schema=sealed.schema,
        kernel=kernel,
        pass_env=environment.pass_env,
        params_commit=environment.params_commit,
        params_dirty=environment.params_dirty,
        secrets=environment.secrets,
        authors=(found.author,) if found.author else (),
    )
