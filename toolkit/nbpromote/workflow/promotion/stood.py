"""What stood where a promotion publishes, and is nobody's that is live: kept until it has ended, for its undoing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from nbpromote import files
from nbpromote.model import Deployment, Event, State, digest
from nbpromote.workflow.promotion.publishing import publishes
from nbpromote.workflow.site import Site

_WHOLE = "whole.json"  # written last, with every place that was looked at


def keep(site: Site, claim: Event, state: State) -> None:
    """Before anything is published; what was kept before a kill stays."""
    strange = list(_strange(claim, state))
    folder = _folder(site, claim.environment) / claim.attempt
    if not strange or (folder / _WHOLE).exists():
        return
    for deployment, name in strange:
        place = Path(deployment.outputs[name])
        if place.exists():
            files.publish(place, folder / _kept(deployment, name))
    files.write(folder / _WHOLE, json.dumps([deployment.outputs[name] for deployment, name in strange]))


def put_back(site: Site, claim: Event, state: State) -> str:
    """Everything that the claim has published is as before; what could not be told from here is said.

    What somebody else wrote there since stays as it is.
    """
    folder, left = _folder(site, claim.environment) / claim.attempt, []
    for deployment, name in _strange(claim, state):
        place, kept = Path(deployment.outputs[name]), folder / _kept(deployment, name)
        if not _is_published(site, deployment, name):
            continue
        if not (folder / _WHOLE).exists():
            left.append(str(place))
        elif kept.exists():
            files.publish(kept, place)
        else:
            files.remove(place)
    known = "the machine that began it has what stood there before"
    return f"{', '.join(left)} stays as it was published: {known}" if left else ""


def forget(site: Site, environment: str) -> None:
    """What was kept for attempts that have ended."""
    # looked for before the ledger is read: each is of an attempt that was claimed before
    found = list(_folder(site, environment).glob("*"))
    attempts = site.ledger.state(environment).attempts if found else {}
    for folder in found:
        if folder.name not in attempts:
            shutil.rmtree(folder)


def _strange(claim: Event, state: State) -> Iterator[tuple[Deployment, str]]:
    """Outputs that go where what is live has none."""
    for deployment in claim.deployments:
        live = state[deployment.notebook].live
        own = set(live.outputs.values()) if live else set()
        for name, place in deployment.outputs.items() if publishes(deployment, verb=claim.verb) else ():
            if place not in own:
                yield deployment, name


def _is_published(site: Site, deployment: Deployment, name: str) -> bool:
    """Whether what stands there is what this deployment was validated with, by the digests in the ledger."""
    prefix, place = f"outputs/{name}/", Path(deployment.outputs[name])
    sealed = {p.removeprefix(prefix): file.sha256 for p, file in deployment.sealed.items() if p.startswith(prefix)}
    found = site.seen.measure(str(place))
    if found is None:
        return False
    if place.is_dir():
        return found.sha256 == digest({path.partition("/")[2]: sha256 for path, sha256 in sealed.items()})
    return found.sha256 in sealed.values()


def _kept(deployment: Deployment, name: str) -> str:
    return f"{deployment.notebook.replace('/', '.')}.{name}"


def _folder(site: Site, environment: str) -> Path:
    return site.project.state / "stood" / environment
