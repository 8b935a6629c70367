"""Any two of what the toolkit knows, side by side: `diff`. Runs nothing, and decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from nbpromote import notebook, validate
from nbpromote.errors import NotFound
from nbpromote.model import Comparison, Contract, Deployment, Evidence, Run, Scrap, Side, ValueChange, is_metric
from nbpromote.project import Project
from nbpromote.workflow.evidence import naming
from nbpromote.workflow.evidence.accepting import Offer
from nbpromote.workflow.evidence.naming import Found
from nbpromote.workflow.evidence.running import accepted
from nbpromote.workflow.site import Site


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """One side with all that is looked at. No `evidence`: outputs that were accepted of a run that is not here."""

    side: Side
    node: Any
    evidence: Evidence | None = None

    @property
    def run(self) -> Run | None:
        return self.evidence.run if self.evidence else None

    @property
    def scraps(self) -> tuple[Scrap, ...]:
        return validate.scraps(self.node)

    @property
    def shown(self) -> dict[str, float]:
        """The metrics that stand in the outputs."""
        return {scrap.name: scrap.value for scrap in self.scraps if is_metric(scrap.value)}


Both = tuple[Exhibit, Exhibit]


def compare(project: Project, one: str, other: str | None = None) -> tuple[Comparison, ...]:
    """What differs between two runs, releases, deployments or environments; of environments, notebook by notebook.

    Without an `other`, `one` is compared with what it is held against: in an entry environment outputs that were
    accepted, elsewhere what is live, and what is live with that before it.
    """
    site = Site(project)
    site.fetch()
    return tuple(between(*sides) for sides in both(site, one, other))


def preview(project: Project, offer: Offer) -> Comparison:
    """What is accepted now against what would be, in the cells that are meant; the first time in the marked ones."""
    site, run = Site(project), offer.evidence.run
    found = Found(name=run.id, evidence=offer.evidence)
    before, after, meant = _reference(site, found), exhibit(site, found), offer.cells
    if before is None:
        nothing = _nothing("accepted output", run.notebook, run.environment)
        before, meant = replace(nothing, node=notebook.without_outputs(after.node)), meant or _marked(after.node)
    whole = between(before, after)
    return replace(whole, cells=tuple(cell for cell in whole.cells if not meant or cell.after in meant))


def _marked(node: Any) -> tuple[int, ...]:
    return tuple(number for number, cell in enumerate(validate.code_cells(node), 1) if validate.is_marked(cell))


def between(before: Exhibit, after: Exhibit) -> Comparison:
    contract = after.run.contract if after.run else Contract()
    alike = validate.likeness(after.node, contract)
    return Comparison(
        sides=(before.side, after.side),
        cells=validate.changes(before.node, after.node, contract),
        metrics=validate.metric_changes(*_metrics(before, after), alike),
        scraps=validate.scrap_changes(before.scraps, after.scraps, alike),
        **_around(before.run, after.run),
    )


def _metrics(before: Exhibit, after: Exhibit) -> tuple[dict[str, float], dict[str, float]]:
    """What was logged and not shown is left out where it is known of one side alone."""
    if before.evidence and after.evidence:
        return {**before.evidence.metrics, **before.shown}, {**after.evidence.metrics, **after.shown}
    return before.shown, after.shown


def _around(before: Run | None, after: Run | None) -> dict[str, tuple[ValueChange, ...]]:
    if before is None or after is None:
        return {}
    return {
        "parameters": validate.parameter_changes(before, after),
        "packages": validate.package_changes(before, after),
        "files": validate.file_changes(before, after),
    }


# -- what is asked for

_Live = dict[str, Deployment]  # by notebook


def both(site: Site, one: str, other: str | None) -> Iterator[Both]:
    environments = site.every_environment
    if other is None and one in environments:
        yield from (_with_reference(site, found) for found in _all_live(site, one).values())
    elif other is None:
        yield _with_reference(site, naming.worked_on(site, one))
    elif one in environments and other in environments:
        yield from _environments(site, one, other)
    elif other in environments:
        found = naming.worked_on(site, one)
        yield exhibit(site, found), exhibit(site, _in(site, other, found))
    elif one in environments:
        found = naming.worked_on(site, other)
        yield exhibit(site, _in(site, one, found)), exhibit(site, found)
    else:
        yield exhibit(site, naming.worked_on(site, one)), exhibit(site, naming.worked_on(site, other))


def _environments(site: Site, one: str, other: str) -> Iterator[Both]:
    """Notebook by notebook. One that is live in one of them alone is no reason to keep quiet about it."""
    before, after = _all_live(site, one), _all_live(site, other)
    for name in sorted({*before, *after}):
        yield (
            exhibit(site, before[name]) if name in before else _nothing(f"{name}@{one}", name, one),
            exhibit(site, after[name]) if name in after else _nothing(f"{name}@{other}", name, other),
        )


def _all_live(site: Site, environment: str) -> dict[str, Found]:
    standings = site.ledger.state(environment).notebooks
    live = {name: standing.live for name, standing in sorted(standings.items()) if standing.live}
    if not live:
        raise NotFound(f"nothing is live in {environment}", hint="nbpromote status lists what is live")
    return {name: naming.deployed(site, deployment) for name, deployment in live.items()}


def _in(site: Site, environment: str, other: Found) -> Found:
    """What is live there of the other side's notebook."""
    return naming.find(site, f"{other.evidence.run.notebook}@{environment}")


# -- what it is compared with


def _with_reference(site: Site, found: Found) -> Both:
    """In the order of time: what was there, then what came."""
    before = _reference(site, found)
    if before is None:
        raise NotFound(
            f"{found.name} has nothing to be compared with: nothing was accepted of it, and nothing else is live",
            hint=f"name a second one: nbpromote diff {found.name} OTHER",
        )
    return before, exhibit(site, found)


def _reference(site: Site, found: Found) -> Exhibit | None:
    """A run's in an entry environment is what was accepted; everything else has a rival."""
    run, rival = found.evidence.run, naming.rival(site, found.evidence)
    entry = site.policy(run.environment, "").is_entry
    if rival and (found.deployment or not entry):
        return exhibit(site, naming.deployed(site, rival))
    return _accepted(site, run.notebook, run.environment) if entry else None


def _accepted(site: Site, name: str, environment: str) -> Exhibit | None:
    """The outputs in the committed `.ipynb`, with what is known of the run that they were accepted of."""
    pair = next((pair for pair in site.pairs if pair.name == name), None)
    if pair is None or pair.ipynb is None:
        return None
    node = accepted(pair)
    by, run = notebook.acceptance(node)
    found = naming.run(site, run)
    node = notebook.recalled(node, naming.executed(site, found)) if found else node
    evidence = found.evidence if found else None
    if not any(cell.get("outputs") for cell in node.cells):
        return None
    side = Side(
        name=site.project.relative(pair.ipynb),
        run=run,
        notebook=name,
        environment=environment,
        at=evidence.run.ended if evidence else "",
        by=by,
        commit=evidence.run.commit if evidence else None,
        passed=True,
    )
    return Exhibit(side=side, node=node, evidence=evidence)


def exhibit(site: Site, found: Found) -> Exhibit:
    run, deployment = found.evidence.run, found.deployment
    side = Side(
        name=found.name,
        run=run.id,
        notebook=run.notebook,
        environment=run.environment,
        at=run.ended,
        by=run.actor,
        commit=run.commit,
        release=deployment.alias if deployment else "",
        passed=found.evidence.passed,
    )
    return Exhibit(side=side, node=naming.executed(site, found), evidence=found.evidence)


def _nothing(told: str, name: str, environment: str) -> Exhibit:
    from nbformat.v4 import new_notebook  # a second where JupyterLab is installed

    alone = shown(new_notebook(), told, name, environment)
    return replace(alone, side=replace(alone.side, missing=True))


def shown(node: Any, told: str, name: str, environment: str) -> Exhibit:
    """Outputs of which nothing is known but what they show, and that somebody accepted them or made them live."""
    side = Side(name=told, run="", notebook=name, environment=environment, at="", by="", passed=True)
    return Exhibit(side=side, node=node)
