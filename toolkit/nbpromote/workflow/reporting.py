"""One page for a run, a release, or what is live of a notebook: `report`."""

from __future__ import annotations

from pathlib import Path

from nbpromote import files, gate, release, report
from nbpromote.errors import NotFound, nearest
from nbpromote.model import Decision, Deployment, Evidence
from nbpromote.project import Project
from nbpromote.workflow import accepting
from nbpromote.workflow.site import Site
from nbpromote.workflow.watching import known


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
        return accepting.find_evidence(site.project, what), None
    environments = [site.require(env)] if env else list(reversed(known(site)))
    standings = [s for e in environments for s in site.ledger.state(e).notebooks.values()]
    found = [d for s in standings for d in (s.live, *s.stable) if d is not None]
    for deployment in found:
        if what in (deployment.alias, deployment.notebook) or (len(what) >= 8 and deployment.release.startswith(what)):
            return release.evidence_of(site.store, deployment.sealed), deployment
    if any(pair.name == what for pair in site.pairs):
        return accepting.last_evidence(site.project, what, env or site.entry()), None
    names = [*{d.alias for d in found}, *[pair.name for pair in site.pairs], *_run_names(site)]
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
    return gate.decide(evidence, gates, live=rival, environment=run.environment)
