"""One page for a run, a release, or what is live of a notebook: `report`."""

from __future__ import annotations

from pathlib import Path

from nbpromote import files, release, report
from nbpromote.project import Project
from nbpromote.workflow import explaining, naming
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
        decision=explaining.decided(site, evidence, rival),
        release=release.open_(site.store, deployment.release) if deployment else None,
        alias=deployment.alias if deployment else "",
    )
    name = f"{evidence.run.id}.html" if deployment is None else f"{deployment.alias}-{deployment.environment}.html"
    return files.write(into or project.state / "reports" / name, html)
