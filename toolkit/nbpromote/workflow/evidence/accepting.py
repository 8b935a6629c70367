"""Evidence of runs that are here, and a person's word on it: `baseline`."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from nbpromote import execute, notebook, track, validate
from nbpromote.errors import NotFound, Refused, Usage, nearest
from nbpromote.model import Evidence, Pair, Run
from nbpromote.project import Project
from nbpromote.workflow.evidence import proof
from nbpromote.workflow.evidence.performing import publish
from nbpromote.workflow.site import Site


def find_evidence(project: Project, run_id: str) -> Evidence:
    """Raises `NotFound` for a run that is not here."""
    evidence = proof.evidence_in(project.runs / run_id) if "/" not in run_id else None
    if evidence is None:
        known = [path.name for path in project.runs.glob("*")]
        raise NotFound(f"no run {run_id!r} here{nearest(run_id, known)}", hint="runs are in .nbpromote/runs")
    return evidence


def last_evidence(project: Project, name: str, environment: str) -> Evidence:
    """The newest run of a notebook in an environment that was judged."""
    for folder in execute.folders_of(project.runs, name, environment):
        evidence = proof.evidence_in(folder)
        if evidence and evidence.run.notebook == name and evidence.run.environment == environment:
            return evidence
    raise NotFound(f"{name} has no run in {environment}", hint=f"nbpromote run {name} --env {environment}")


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Outputs of a run that a person may accept, and the evidence that this would make. Nothing is changed yet.

    `cells` are the numbers of those that are meant; empty means all. `stored` is the notebook as it would be stored;
    None above the entry environment, where nothing is.
    """

    pair: Pair
    evidence: Evidence
    executed: Any
    cells: tuple[int, ...] = ()
    stored: Any = None


def baseline(project: Project, name: str, *, run_id: str | None = None, cells: Sequence[str] = ()) -> Evidence:
    """Accept a run's outputs as what later runs are compared with; of `cells` alone where some are named.

    In the entry environment they go into the committed `.ipynb`; either way new evidence of that run says who
    accepted them, and its outputs are published. Raises `Refused` where another check blocks, or where the
    notebook was edited since the run.
    """
    return accept(offer(project, name, run_id=run_id, cells=cells))


def offer(project: Project, name: str, *, run_id: str | None = None, cells: Sequence[str] = ()) -> Offer:
    """What `baseline` would accept; it raises what that raises."""
    site = Site(project)
    pair = site.pair(name)
    evidence = find_evidence(project, run_id) if run_id else last_evidence(project, pair.name, site.entry())
    run, executed = evidence.run, notebook.parse("notebook.ipynb", proof.executed(evidence))
    numbers = validate.numbered(executed, cells)
    stored = None
    if site.policy(run.environment, "").is_entry:
        _refuse_edited(site, pair, run)
        stored = _stored(site, pair, executed, run, numbers)
    elif numbers:
        raise Usage(
            f"run {run.id} is of {run.environment}, and cell by cell outputs are accepted where work starts",
            hint=f"nbpromote baseline {pair.name} --run {run.id}",
        )
    beside = notebook.without_changed(deepcopy(stored), validate.is_marked) if stored and numbers else None
    accepted = validate.accepted(evidence, site.actor, executed=executed, cells=numbers, beside=beside)
    return Offer(pair=pair, evidence=accepted, executed=executed, cells=numbers, stored=stored)


def accept(offer: Offer) -> Evidence:
    """Carry it out."""
    accepted, pair = offer.evidence, offer.pair
    if offer.stored is not None:
        notebook.write(offer.stored, pair.ipynb or pair.path.with_suffix(".ipynb"))
        if accepted.passed:
            publish(accepted.run)
    proof.keep(accepted)
    track.judge(accepted)
    return accepted


def _refuse_edited(site: Site, pair: Pair, run: Run) -> None:
    if site.sources.code(pair).digest != run.code.digest:
        raise Refused(
            f"{pair.name} was edited since run {run.id}; nothing was changed",
            hint=f"nbpromote run {pair.name} --env {run.environment}",
        )


def _stored(site: Site, pair: Pair, executed: Any, run: Run, numbers: tuple[int, ...]) -> Any:
    only = numbers or None
    shown = notebook.accept(notebook.read(pair), executed, only=only)
    return notebook.stamp(shown, validate.is_marked, by=site.actor, run=run.id, only=only)
