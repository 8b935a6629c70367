"""Whether what a deployment was made of is still kept, and so whether it can be put back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nbpromote.errors import Error
from nbpromote.model import Check, Deployment, Outcome, Standing
from nbpromote.workflow.site import Site

_LOCAL = ("sqlite:", "file:", "/")  # tracking servers that are files of this machine


def fault(site: Site, deployment: Deployment) -> str:
    """Why the store can no longer give, byte for byte, what a deployment was made of; empty where it can."""
    try:
        for digest in dict.fromkeys((deployment.release, *(sealed.sha256 for sealed in deployment.sealed.values()))):
            site.store.get(digest)
    except Error as error:
        return str(error)
    return ""


def stays_here(site: Site) -> bool:
    """Whether the history is shared and the store of releases is not: other clones can read, and change nothing."""
    return site.ledger.remote is not None and Path(site.store.url).is_relative_to(site.project.state)


def after(standing: Standing, release: str) -> Standing:
    """Where a notebook would stand with another release live; what is live now becomes a place to go back to."""
    live = standing.live
    if live is None or live.release == release:
        return standing
    stable = (*standing.stable, live) if live.state == "verified" else standing.stable
    return replace(standing, live=replace(live, release=release), stable=stable)


def way_back(site: Site, target: Deployment) -> Check:
    """Rollback works, or says today that it would not: here, and from other clones."""
    name = f"{target.environment}: {target.notebook} rollback"
    lost = fault(site, target)
    if lost:
        summary = f"{target.alias} cannot be put back: {lost}"
        return Check(name=name, outcome=Outcome.FAILED, summary=summary)
    without = [f"output {output}" for output in _unkept(target)]
    if without:
        summary = f"to {target.alias}, without {', '.join(without)}: the store has not kept that"
        return Check(name=name, outcome=Outcome.FAILED, summary=summary)
    if bound := _bound_to_this_machine(site, target):
        summary = f"to {target.alias} would work here, and from no other clone: {bound}"
        return Check(name=name, outcome=Outcome.FAILED, summary=summary)
    return Check(name=name, outcome=Outcome.PASSED, summary=f"to {target.alias} would work")


def _unkept(target: Deployment) -> list[str]:
    """Outputs that a rollback would have to publish again, and cannot."""
    if target.strategy in ("copy", "release"):  # a copied model publishes none, and an entry environment writes its own
        return []
    return [name for name in target.outputs if not target.keeps(f"outputs/{name}/")]


def _bound_to_this_machine(site: Site, target: Deployment) -> str:
    if stays_here(site):
        return f"the store {site.store.url} is not shared, and the history is"
    if site.ledger.remote and target.model and target.tracking_uri.startswith(_LOCAL):
        return f"the MLflow of {target.environment} is on this machine"
    return ""
