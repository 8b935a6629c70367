"""Evidence of runs that are here, and a person's word on it: `baseline`."""

from __future__ import annotations

import json
from pathlib import Path

from nbpromote import notebook, track, validate
from nbpromote.errors import NotFound, Refused, nearest
from nbpromote.model import (
    Evidence,
    load,
)
from nbpromote.project import Project
from nbpromote.workflow.performing import keep, publish
from nbpromote.workflow.site import Site


def evidence_in(folder: Path) -> Evidence | None:
    """The newest evidence of a run; None where the run never came to it."""
    found = sorted(folder.glob("evidence-*.json"))
    return load(Evidence, json.loads(found[-1].read_text())) if found else None


def find_evidence(project: Project, run_id: str) -> Evidence:
    """Raises `NotFound` for a run that is not here."""
    evidence = evidence_in(project.runs / run_id) if "/" not in run_id else None
    if evidence is None:
        known = [path.name for path in project.runs.glob("*")]
        raise NotFound(f"no run {run_id!r} here{nearest(run_id, known)}", hint="runs are in .nbpromote/runs")
    return evidence


def last_evidence(project: Project, name: str, environment: str) -> Evidence:
    """The newest run of a notebook in an environment that was judged."""
    for folder in sorted(project.runs.glob(f"*-{name.replace('/', '.')}-{environment}-*"), reverse=True):
        evidence = evidence_in(folder)
        if evidence and evidence.run.notebook == name and evidence.run.environment == environment:
            return evidence
    raise NotFound(f"{name} has no run in {environment}", hint=f"nbpromote run {name} --env {environment}")


def baseline(project: Project, name: str, *, run_id: str | None = None) -> Evidence:
    """Accept a run's outputs as what later runs are compared with.

    In the entry environment they go into the committed `.ipynb`; either way new evidence of that run says who
    accepted them, and its outputs are published. Raises `Refused` where another check blocks, or where the
    notebook was edited since the run.
    """
    site = Site(project)
    pair = site.pair(name)
    evidence = find_evidence(project, run_id) if run_id else last_evidence(project, pair.name, site.entry())
    executed = notebook.parse("notebook.ipynb", evidence.run.notebook_file.read_bytes())
    entry = site.policy(evidence.run.environment, "").is_entry
    if entry and site.code(pair).digest != evidence.run.code.digest:
        raise Refused(
            f"{pair.name} was edited since run {evidence.run.id}; nothing was changed",
            hint=f"nbpromote run {pair.name} --env {evidence.run.environment}",
        )
    accepted = validate.accepted(evidence, site.actor, executed=executed)
    if entry:
        target = pair.ipynb or pair.path.with_suffix(".ipynb")
        shown = notebook.accept(notebook.read(pair), executed)
        notebook.write(notebook.stamp(shown, validate.is_marked, by=site.actor, run=evidence.run.id), target)
        publish(accepted.run)
    keep(accepted)
    track.judge(accepted)
    return accepted
