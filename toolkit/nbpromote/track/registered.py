"""Versions that somebody else has registered: what MLflow knows of them. Changes nothing."""

from __future__ import annotations

import re
from typing import Any

from nbpromote import clock
from nbpromote.errors import NotFound, Usage, nearest
from nbpromote.model import Adopted, is_metric
from nbpromote.track.asking import ask
from nbpromote.track.models import id_of, if_known

_ADDRESS = re.compile(r"models:/(?P<name>[^@/:]+)(?:@(?P<alias>[^@/:]+)|/(?P<version>[0-9]+))")


def registered(uri: str, address: str) -> Adopted:
    """The version that an alias or a number leads to, with what its run logged where that is left.

    Raises `Usage` for what is no address of a version, `NotFound` where the server has none there.
    """
    asked = _ADDRESS.fullmatch(address)
    if asked is None:
        raise Usage(f"{address!r} names no model version", hint="write models:/NAME@ALIAS or models:/NAME/VERSION")
    name = asked["name"]
    version = ask(uri, lambda mlflow: if_known(lambda: _version(mlflow, name, asked["alias"], asked["version"])))
    if version is None:
        raise ask(uri, lambda mlflow: _missing(mlflow, uri, address, name))
    return ask(uri, lambda mlflow: _told(mlflow, uri, address, version))


def _version(mlflow: Any, name: str, alias: str | None, version: str | None) -> Any:
    return mlflow.get_model_version_by_alias(name, alias) if alias else mlflow.get_model_version(name, version)


def _missing(mlflow: Any, uri: str, address: str, name: str) -> NotFound:
    model = if_known(lambda: mlflow.get_registered_model(name))
    if model is None:
        known = [one.name for one in mlflow.search_registered_models()]
        said = f"MLflow at {uri} has no registered model {name!r}{nearest(name, known)}"
        return NotFound(said, hint=f"registered there: {', '.join(known) or 'none'}")
    aliases = ", ".join(f"{alias} (version {version})" for alias, version in sorted(model.aliases.items()))
    return NotFound(f"MLflow at {uri} has no {address}", hint=f"aliases of {name}: {aliases or 'none'}")


def _told(mlflow: Any, uri: str, address: str, version: Any) -> Adopted:
    run = if_known(lambda: mlflow.get_run(version.run_id)) if version.run_id else None
    tags = run.data.tags if run else {}
    return Adopted(
        uri=uri,
        address=f"models:/{version.name}/{version.version}",
        asked=address,
        location=_location(mlflow, version),
        created=clock.at(version.creation_timestamp * 1_000_000),
        run=run.info.run_id if run else "",
        author=tags.get("mlflow.user") or version.user_id or "",
        commit=tags.get("mlflow.source.git.commit"),
        metrics={name: value for name, value in run.data.metrics.items() if is_metric(value)} if run else {},
        parameters=dict(run.data.params) if run else {},
    )


def _location(mlflow: Any, version: Any) -> str:
    """Where its files are; a server of MLflow 3 may answer with the logged model instead."""
    where = str(mlflow.get_model_version_download_uri(version.name, version.version))
    if not where.startswith("models:/"):
        return where
    return str(mlflow.get_logged_model(id_of(mlflow, where)).artifact_location)
