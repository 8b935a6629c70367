"""The model of what goes live: its bytes in the target's own MLflow, a version of it, and the alias there."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from nbpromote import track
from nbpromote.model import Deployment, Model
from nbpromote.workflow.site import Site


def point(site: Site, deployment: Deployment, attempt: str) -> Model:
    """The champion alias on a version whose bytes are those that were validated, read back."""
    model = deployment.model
    assert model is not None
    model = registered(site, deployment, _sound(site, deployment, model, attempt), attempt)
    track.set_alias(deployment.tracking_uri, model)
    return model


def retire(live: Deployment) -> None:
    """Nobody is served any more by a model whose time is over: its alias goes, unless it points elsewhere by now."""
    model, uri = live.model, live.tracking_uri
    if model and model.name and track.pointed(uri, model.name) == model.version:
        track.drop_alias(uri, model.name)


def registered(site: Site, deployment: Deployment, model: Model, attempt: str) -> Model:
    """The model as the version that an attempt makes of it, once, unless it is one already."""
    if model.version is not None:
        return model
    name = model_name(site, deployment.environment, deployment.notebook)
    tags = {
        "nbpromote.release": deployment.release,
        "nbpromote.alias": deployment.alias,
        "nbpromote.commit": deployment.commit or "",
        "nbpromote.environment": deployment.environment,
        "nbpromote.notebook": deployment.notebook,
        "nbpromote.code": deployment.code,
    }
    return track.register(deployment.tracking_uri, model, name, token=attempt, tags=tags)


def _sound(site: Site, deployment: Deployment, model: Model, attempt: str) -> Model:
    """The model where its bytes are right: where it is, or brought there again from the store."""
    with tempfile.TemporaryDirectory() as folder:
        fault = track.check_model(deployment.tracking_uri, model, Path(folder) / "seen")
        registered = model.version is None or track.has_version(deployment.tracking_uri, model)
        if fault is None and registered:
            return model
        if fault is None:
            return replace(model, version=None)
        kept = site.store.export(deployment.sealed, "model/", Path(folder) / "kept")
        return _restore_model(site, deployment, model, kept, attempt)


def _restore_model(site: Site, deployment: Deployment, model: Model, folder: Path, attempt: str) -> Model:
    fresh = track.keep_model(
        deployment.tracking_uri,
        experiment=f"{site.project.name}/{deployment.environment}/{deployment.notebook}",
        folder=folder,
        files=model.files,
        token=attempt,
    )
    return replace(fresh, predictions=model.predictions)


def model_name(site: Site, environment: str, notebook: str) -> str:
    """`prod.train_delay`: MLflow allows no `/` and no `:` in it."""
    text = site.project.model_name.format(project=site.project.name, environment=environment, notebook=notebook)
    return text.replace("/", ".")
