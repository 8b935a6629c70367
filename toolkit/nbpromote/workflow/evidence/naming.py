"""What a name stands for: a run, or what is or was live. The one place where names are looked up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

from nbpromote import notebook, release
from nbpromote.errors import NotFound, nearest
from nbpromote.model import Deployment, Evidence
from nbpromote.workflow.evidence import accepting
from nbpromote.workflow.site import Site


@dataclass(frozen=True, kw_only=True)
class Found:
    """A run by its evidence; `deployment` where it was found as what is, or was, live."""

    name: str  # as it was asked for
    evidence: Evidence
    deployment: Deployment | None = None


def find(site: Site, what: str, env: str | None = None, *, last: bool = False) -> Found:
    """A run's id; a release's alias or digest; or a notebook's name, which means what is live of it, else its last run.

    `WHAT@E` is the same in one environment, as `env` is. `last` is the last run at once, whatever is live.
    """
    name, environment = parted(what, env)
    newest = _last_run(site, name, environment)
    live = None if last and newest else _deployed(site, name, environment)
    return run(site, what) or live or newest or _refuse(site, what)


def worked_on(site: Site, what: str) -> Found:
    """The same, but that a bare notebook's name means its last run: what is worked on comes before what is live."""
    name, environment = parted(what, None)
    last = _last_run(site, name, None) if environment is None else None
    return run(site, what) or last or _deployed(site, name, environment) or _refuse(site, what)


def deployed(site: Site, deployment: Deployment, name: str = "") -> Found:
    told = name or f"{deployment.notebook}@{deployment.environment}"
    return Found(name=told, evidence=_evidence(site, deployment), deployment=deployment)


def run(site: Site, what: str) -> Found | None:
    """A run whose folder is here, by its id."""
    if "/" in what or what in ("", ".", "..") or not (site.project.runs / what).is_dir():
        return None
    return Found(name=what, evidence=accepting.find_evidence(site.project, what))


def executed(site: Site, found: Found) -> Any:
    """The notebook as the run left it."""
    return notebook.parse("executed.ipynb", executed_text(site, found).encode())


def executed_text(site: Site, found: Found) -> str:
    sealed = found.deployment.sealed if found.deployment else {}
    if "executed.ipynb" in sealed:
        return site.store.get(sealed["executed.ipynb"].sha256).decode()
    return found.evidence.run.notebook_file.read_text(encoding="utf-8", errors="replace")


def reference_text(site: Site, found: Found) -> str | None:
    """The notebook whose outputs the run's were compared with, as it was then; None where there was none."""
    sealed = found.deployment.sealed if found.deployment else {}
    if "reference.ipynb" in sealed:
        return site.store.get(sealed["reference.ipynb"].sha256).decode()
    kept = found.evidence.run.reference_file
    return kept.read_text(encoding="utf-8", errors="replace") if kept.is_file() else None


def rival(site: Site, evidence: Evidence) -> Deployment | None:
    """What a run is held against: the live deployment, or for the live one that before it."""
    standing = site.ledger.state(evidence.run.environment)[evidence.run.notebook]
    live = standing.live
    if live is not None and live.run == evidence.run.id:
        return standing.stable[-1] if standing.stable else None
    return live


def parted(what: str, env: str | None) -> tuple[str, str | None]:
    name, _, environment = what.rpartition("@")
    return (name, environment) if name and env is None else (what, env)


def _deployed(site: Site, name: str, env: str | None) -> Found | None:
    environments = [site.require(env)] if env is not None else list(reversed(site.every_environment))
    fitting = [d for d in _standing(site, environments) if _is_called(d, name)]
    # of what was adopted there is nothing to show: it is meant where nothing else can be
    fitting.sort(key=lambda deployment: deployment.adopted and env is None)
    deployment = next(chain(fitting, (d for d in _past(site, environments) if _is_called(d, name))), None)
    if deployment is None:
        return None
    return deployed(site, deployment, f"{name}@{env}" if env else name)


def _standing(site: Site, environments: Sequence[str]) -> Iterator[Deployment]:
    """What is live, then what may be gone back to, each from the road's end down."""
    for environment in environments:
        for standing in site.ledger.state(environment).notebooks.values():
            yield from (found for found in (standing.live, *reversed(standing.stable)) if found)


def _past(site: Site, environments: Sequence[str]) -> Iterator[Deployment]:
    """What only the history knows of, the newest first."""
    for environment in environments:
        for event in reversed(site.ledger.events(environment)):
            yield from event.deployments


def _is_called(deployment: Deployment, name: str) -> bool:
    is_digest = len(name) >= 8 and deployment.release.startswith(name)
    return is_digest or name in (deployment.alias, deployment.notebook, deployment.run)


def _evidence(site: Site, deployment: Deployment) -> Evidence:
    """Of what the gates refused, only the run itself is kept."""
    if deployment.adopted:
        told = f"{deployment.alias} was adopted in {deployment.environment} from {deployment.run}"
        raise NotFound(f"{told}: there is no run of it here, and no evidence", hint=f"nbpromote why {deployment.alias}")
    if "evidence.json" in deployment.sealed:
        return release.evidence_of(site.store, deployment.sealed)
    return accepting.find_evidence(site.project, deployment.run)


def _last_run(site: Site, name: str, env: str | None) -> Found | None:
    pair = next((pair for pair in site.pairs if pair.name == name), None)
    if pair is None:
        return None
    with suppress(NotFound):
        return Found(name=name, evidence=accepting.last_evidence(site.project, pair.name, env or site.entry()))
    return None


def _refuse(site: Site, what: str) -> Found:
    name, env = parted(what, None)
    if any(pair.name == name for pair in site.pairs):
        told = f"nothing is live of {name}, and no run of it is here" + (f", in {env}" if env else "")
        raise NotFound(told, hint=f"nbpromote run {name}" + (f" --env {env}" if env else ""))
    environments = site.every_environment
    called = {d.alias for known in (_standing, _past) for d in known(site, environments)}
    runs = [path.name for path in site.project.runs.glob("*")]
    names = [*called, *[pair.name for pair in site.pairs], *runs]
    raise NotFound(
        f"no run, release or notebook {what!r}{nearest(what, names)}",
        hint="nbpromote status lists what is live",
    )
