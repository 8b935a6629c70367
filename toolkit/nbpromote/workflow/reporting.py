"""One page for a run, a release, or what is live of a notebook: `report`."""

from __future__ import annotations

from pathlib import Path

from nbpromote import files, gate, release, report
from nbpromote.model import Decision, Deployment, Evidence
from nbpromote.project import Project
from nbpromote.workflow import naming
from nbpromote.workflow.site import Site


def page(project: Project, what: str, *, env: str | None = None, into: Path | None = None) -> Path:
    """One self-contained HTML file for a run, a release or what is live of a notebook. Gives its path."""
    site = Site(project)
    found = naming.find(site, what, env)
    evidence, deployment = found.evidence, found.deployment
    rival = naming.rival(site, evidence)
    html = report.page(
        evidence,
        executed=naming.executed_text(site, found),
        live=rival,
        decision=_decision(site, evidence, rival),
        release=release.open_(site.store, deployment.release) if deployment else None,
        alias=deployment.alias if deployment else "",
    )
    name = f"{evidence.run.id}.html" if deployment is None else f"{deployment.alias}-{deployment.environment}.html"
    return files.write(into or project.state / "reports" / name, html)


def _decision(site: Site, evidence: Evidence, rival: Deployment | None) -> Decision:
    run = evidence.run
    gates = site.policy(run.environment, run.notebook).gates if run.environment in site.environments else ()
    return gate.decide(evidence, gates, live=rival, environment=run.environment)
