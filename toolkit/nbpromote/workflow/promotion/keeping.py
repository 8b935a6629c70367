"""Whether what a deployment was made of is still kept, and so whether it can be put back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nbpromote import release
from nbpromote.errors import Error
from nbpromote.model import Check, Deployment, Outcome, Standing
from nbpromote.workflow.site import Site, sharing


def read(site: Site, deployments: Iterable[Deployment]) -> None:
    """Every byte that the store has of what deployments were made of. Raises `Damaged` for what is not sound."""
    for deployment in deployments:
        release.whole(site.store, deployment.release)
        for digest in {sealed.sha256 for sealed in deployment.sealed.values()}:
            site.store.check(digest)


def fault(site: Site, *deployments: Deployment) -> str:
    """Why the store can no longer give, byte for byte, what they were made of; empty where it can."""
    try:
        read(site, deployments)
    except Error as error:
        return str(error)
    return ""


def after(standing: Standing, release: str) -> Standing:
    """Where a notebook would stand with another release live; what is live now becomes a place to go back to."""
    live = standing.live
    if live is None or live.release == release:
        return standing
    stable = (*standing.stable, live) if live.state == "verified" else standing.stable
    return replace(standing, live=replace(live, release=release), stable=stable)


def way_back(site: Site, target: Deployment) -> Check:
    """Rollback works, or says today that it would not."""
    name = f"{target.environment}: {target.notebook} rollback"
    if lost := fault(site, target):
        return Check(name=name, outcome=Outcome.FAILED, summary=f"{target.alias} cannot be put back: {lost}")
    if without := _unkept(target):
        summary = f"to {target.alias}, without output {', '.join(without)}, which the store has not kept"
        return Check(name=name, outcome=Outcome.FAILED, summary=summary)
    return Check(name=name, outcome=Outcome.PASSED, summary=f"to {target.alias} would work")


def from_elsewhere(site: Site, target: Deployment) -> Check:
    """The same, asked of every clone that can read the history."""
    here = way_back(site, target)
    if here.outcome is not Outcome.PASSED or not (bound := _bound_to_this_machine(site, target)):
        return here
    return replace(here, outcome=Outcome.INCONCLUSIVE, summary=f"to {target.alias}, from no other clone: {bound}")


def _unkept(target: Deployment) -> list[str]:
    """Outputs that a rollback would have to publish again, and cannot."""
    if target.strategy in ("copy", "release"):  # a copied model publishes none, and an entry environment writes its own
        return []
    return [name for name in target.outputs if not target.keeps(f"outputs/{name}/")]


def _bound_to_this_machine(site: Site, target: Deployment) -> str:
    if site.ledger.remote and target.model and not sharing.is_shared(target.tracking_uri):
        return f"the MLflow of {target.environment} is a file of this machine"
    return "; ".join(site.lacking)
