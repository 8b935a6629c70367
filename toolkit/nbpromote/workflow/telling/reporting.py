"""What is told of a run, a release, an attempt to promote one, or of any two: `report`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from nbpromote import files, notebook, release, report
from nbpromote.errors import NotFound, Usage
from nbpromote.model import Comparison, Deployment, Event, Evidence
from nbpromote.project import Project
from nbpromote.report import Kind, Rival, Subject
from nbpromote.workflow.evidence import naming
from nbpromote.workflow.evidence.naming import Found
from nbpromote.workflow.site import Site
from nbpromote.workflow.telling import comparing, explaining
from nbpromote.workflow.telling.comparing import Exhibit


def page(
    project: Project, what: str, other: str | None = None, *, env: str | None = None, into: Path | None = None
) -> Path:
    """One self-contained HTML file. Gives its path."""
    return keep_page(project, subject(project, what, other, env=env), into=into)


def keep_page(project: Project, subject: Subject, *, into: Path | None = None) -> Path:
    """The page of a subject, among the reports or where it is wanted."""
    run = subject.evidence.run
    names = {
        Kind.RELEASE: f"{subject.name}-{run.environment}",
        Kind.DIFF: f"{subject.rival.name if subject.rival else ''}-{subject.name}".replace("/", "."),
    }
    name = names.get(subject.kind, run.id)
    return files.write(into or project.state / "reports" / f"{name}.html", report.page(subject))


def subject(
    project: Project, what: str, other: str | None = None, *, env: str | None = None, last: bool = False
) -> Subject:
    """Everything that is known of a run, a release or what is live of a notebook; of two, what differs.

    With `last`, a notebook's name means its last run and not what is live of it.

    A run that was made to be promoted is told as that promotion, with how it ended.
    """
    site = Site(project)
    if other is not None:
        return _difference(site, what, other)
    found = naming.find(site, what, env, last=last)
    evidence, deployment = found.evidence, found.deployment
    attempt = _attempt(site, evidence)
    incumbent = _incumbent(site, evidence, attempt)
    live = site.ledger.state(evidence.run.environment)[evidence.run.notebook].live
    rival, comparison = _held_against(site, found, incumbent)
    return Subject(
        evidence=evidence,
        executed=naming.executed_text(site, found),
        kind=Kind.RELEASE if deployment else Kind.PROMOTION if attempt else Kind.RUN,
        name=deployment.alias if deployment else _alias(attempt, evidence),
        is_live=live is not None and live.run == evidence.run.id,
        rival=rival,
        decision=next((d for event in attempt if (d := event.decision(evidence.run.notebook))), None)
        or explaining.decided(site, evidence, incumbent),
        comparison=comparison,
        release=release.open_(site.store, deployment.release) if deployment else None,
        attempt=attempt,
    )


def _attempt(site: Site, evidence: Evidence) -> tuple[Event, ...]:
    """The events by which this run was to become what is live; none where nobody tried."""
    events = site.ledger.events(evidence.run.environment)
    about = [event for event in events if any(d.run == evidence.run.id for d in event.deployments)]
    first = next((event.attempt for event in about if event.verb in ("release", "promote")), None)
    return tuple(event for event in about if event.attempt == first)


def _alias(attempt: tuple[Event, ...], evidence: Evidence) -> str:
    found = (event.deployment(evidence.run.notebook) for event in reversed(attempt))
    return next((deployment.alias for deployment in found if deployment), "")


def _incumbent(site: Site, evidence: Evidence, attempt: tuple[Event, ...]) -> Deployment | None:
    """What was live when it was tried; of a run that nobody tried to promote, what is live now."""
    run = evidence.run
    if not attempt:
        return naming.rival(site, evidence)
    return site.ledger.state_before(attempt[0])[run.notebook].live


# -- what it is held against ---------------------------------------------------------------------------------


def _held_against(site: Site, found: Found, incumbent: Deployment | None) -> tuple[Rival | None, Comparison | None]:
    """By metrics and parameters what was live; by cells what the run's outputs were compared with."""
    candidate, reference = comparing.exhibit(site, found), _reference(site, found)
    if incumbent is None:
        return None, comparing.between(reference, candidate) if reference else None
    rival = Rival.of_live(incumbent)
    with suppress(NotFound):  # its evidence is on another machine
        kept = naming.deployed(site, incumbent)
        rival = replace(rival, evidence=kept.evidence)
        before = comparing.exhibit(site, kept)
        if reference:
            before = replace(before, node=reference.node, side=reference.side)
        return rival, comparing.between(before, candidate)
    return rival, None


def _reference(site: Site, found: Found) -> Exhibit | None:
    """The outputs that this run's were compared with, as they were then."""
    text = naming.reference_text(site, found)
    if text is None:
        return None
    run, told = found.evidence.run, found.evidence.reference
    node = notebook.parse("reference.ipynb", text.encode())
    return comparing.shown(node, told or "what was accepted", run.notebook, run.environment)


# -- any two -------------------------------------------------------------------------------------------------


def _difference(site: Site, one: str, other: str) -> Subject:
    import nbformat

    both = list(comparing.both(site, one, other))
    if len(both) != 1:
        names = ", ".join(before.side.notebook for before, _ in both)
        raise Usage(
            f"{one} and {other} hold {len(both)} notebooks ({names}), and a page is about one",
            hint=f"nbpromote report NOTEBOOK@{one} NOTEBOOK@{other}, or all of them: nbpromote diff {one} {other}",
        )
    before, after = both[0]
    if after.evidence is None:
        raise NotFound(f"there is no run behind {after.side.name}", hint=f"nbpromote diff {one} {other}")
    return Subject(
        evidence=after.evidence,
        executed=nbformat.writes(after.node),
        kind=Kind.DIFF,
        name=after.side.name,
        rival=_first(before),
        comparison=comparing.between(before, after),
    )


def _first(before: Exhibit) -> Rival:
    side, evidence, run = before.side, before.evidence, before.run
    when = f" of {side.at[:16].replace('T', ' ')}" if side.at else ""
    run_id = f", run {side.run}" if side.run not in ("", side.name) else ""
    return Rival(
        name=side.name,
        told=f"{side.name}{run_id}{when} in {side.environment}",
        metrics=evidence.metrics if evidence else before.shown,
        parameters={**run.parameters, **run.inputs, **run.outputs} if run else {},
        evidence=evidence,
    )
