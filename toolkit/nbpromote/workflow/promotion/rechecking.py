"""Ask again what has been live for a while whether it is what was validated: `verify`. Moves and mends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nbpromote import execute, release
from nbpromote.errors import Error, NotFound, nearest
from nbpromote.model import Check, Deployment, Outcome, Run, Verification
from nbpromote.project import Project
from nbpromote.workflow.evidence import proof
from nbpromote.workflow.promotion import keeping
from nbpromote.workflow.promotion.claiming import new_attempt
from nbpromote.workflow.promotion.verifying import beyond, misplaced, model_answers, noted
from nbpromote.workflow.site import Site


def verify(project: Project, name: str | None = None, *, env: str | None = None) -> tuple[Verification, ...]:
    """Everything that is live, or one notebook, in one environment or in all; each answer is written into its history.

    Nothing goes back by itself: what was sound for weeks may be needed until somebody has looked. Raises `NotFound`
    where nothing of that name is live.
    """
    site = Site(project)
    environments = [site.require(env)] if env else list(site.every_environment)
    site.catch_up()
    states = [site.ledger.state(environment) for environment in environments]
    live = [standing.live for state in states for standing in state.notebooks.values() if standing.live]
    wanted = [deployment for deployment in live if name in (None, deployment.notebook)]
    if name and not wanted:
        told = f"{name} is not live in {env or 'any environment'}"
        raise NotFound(told + nearest(name, sorted({each.notebook for each in live})), hint="nbpromote status")
    return tuple(verification(site, deployment) for deployment in wanted)


def verification(site: Site, live: Deployment) -> Verification:
    """Nothing is written down of what this machine alone cannot see: others read the same history."""
    unseen = _unseen(site, live)
    if unseen is not None:
        return Verification(deployment=live, checks=(unseen,))
    checks = (_release_kept(site, live), _alias_points(live), _outputs_unchanged(site, live), model_answers(live))
    (now,) = noted(site, (live,), {live.notebook: checks}, verb="verify", attempt=new_attempt())
    return Verification(deployment=now, checks=checks)


def _unseen(site: Site, live: Deployment) -> Check | None:
    """What of it only the machine has on which it went live; None where all of it can be asked here."""
    name = "within-reach"
    try:
        told = beyond(site, live) or _unpublished(site, live)
    except Error as error:
        return Check(name=name, outcome=Outcome.ERRORED, summary=f"could not be asked: {error}")
    if not told:
        return None
    asked = "nothing was asked and nothing written down: ask where it went live"
    return Check(name=name, outcome=Outcome.INCONCLUSIVE, summary=f"{told}; {asked}")


def _unpublished(site: Site, live: Deployment) -> str:
    """Outputs in a clone's own folder that no run of this clone has written."""
    if site.ledger.remote is None or live.strategy == "copy" or (site.project.runs / live.run).is_dir():
        return ""
    own = [path for path in live.outputs.values() if Path(path).is_relative_to(site.project.root)]
    missing = ", ".join(site.project.relative(Path(path)) for path in own if not Path(path).exists())
    return f"{missing} was published in another clone" if missing else ""


def _release_kept(site: Site, live: Deployment) -> Check:
    """The store gives, byte for byte, what it is made of."""
    lost = keeping.fault(site, live)
    if lost:
        return Check(name="release-kept", outcome=Outcome.FAILED, summary=lost)
    count = len(live.sealed)
    return Check(name="release-kept", outcome=Outcome.PASSED, summary=f"{count} files as sealed", count=count)


def _alias_points(live: Deployment) -> Check:
    """MLflow's alias leads to the version that the ledger says is live."""
    name = "alias-points"
    if live.model is None:
        return Check(name=name, outcome=Outcome.SKIPPED, summary="no model")
    try:
        fault = misplaced(live)
    except Error as error:
        return Check(name=name, outcome=Outcome.ERRORED, summary=f"could not be asked: {error}")
    if fault:
        return Check(name=name, outcome=Outcome.FAILED, summary=fault)
    return Check(name=name, outcome=Outcome.PASSED, summary=f"{live.model.name} version {live.model.version}")


# -- outputs ----------------------------------------------------------------------------------------------------------


def _outputs_unchanged(site: Site, live: Deployment) -> Check:
    """What stands at each destination is what was published, or what a later run of the same code has published."""
    name = "outputs-unchanged"
    if not live.outputs or live.strategy == "copy":
        said = "a copied model publishes none" if live.outputs else "no outputs are declared"
        return Check(name=name, outcome=Outcome.SKIPPED, summary=said)
    try:
        published = _published(release.evidence_of(site.store, live.sealed).run)
    except Error as error:
        return Check(name=name, outcome=Outcome.ERRORED, summary=f"what was published is not known: {error}")
    answers = [_output(site, live, output, published.get(output, "")) for output in live.outputs]
    faults = tuple(told for sound, told in answers if not sound)
    if faults:
        return Check(name=name, outcome=Outcome.FAILED, summary="; ".join(faults), count=len(answers))
    later = [told for _, told in answers if told]
    summary = "; ".join([f"{len(answers)} as published", *later])
    return Check(name=name, outcome=Outcome.PASSED, summary=summary, count=len(answers))


def _output(site: Site, live: Deployment, output: str, published: str) -> tuple[bool, str]:
    """Whether it is sound, and what there is to tell of it."""
    place = live.outputs[output]
    found = site.seen.measure(place)
    if found is None:
        is_address = "://" in place
        return is_address, f"{output} is an address, and was not read" if is_address else f"{place} is gone"
    if found.sha256 == published:
        return True, ""
    for run in _later(site, live):
        if _published(run).get(output) == found.sha256:
            return True, f"{output} by run {run.id}"
    return False, f"{place} was written at {found.modified}, by no run of {live.alias} that is known here"


def _published(run: Run) -> dict[str, str]:
    return {name: file.sha256 for name, file in run.files.items() if name in run.outputs}


def _later(site: Site, live: Deployment) -> Iterator[Run]:
    """Passing runs of the deployment's own code in its environment, newest first, as far as they are here."""
    for folder in execute.folders_of(site.project.runs, live.notebook, live.environment):
        run = execute.load_run(folder)
        same = run and (run.notebook, run.environment, run.code.digest) == (live.notebook, live.environment, live.code)
        evidence = proof.evidence_in(folder) if same else None
        if evidence and evidence.passed:
            yield evidence.run
