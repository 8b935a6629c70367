"""From one environment to the next: run or carry the release there, ask the gates, make it live."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from nbpromote import execute, files, gate, notebook, release, track
from nbpromote.model import (
    Decision,
    Deployment,
    Environment,
    Evidence,
    Model,
    Plan,
    Promotion,
    Release,
    Sealed,
    Standing,
)
from nbpromote.project import Project
from nbpromote.workflow import applying, contesting, performing, proof, witnessing
from nbpromote.workflow.contesting import Ring
from nbpromote.workflow.performing import Manner, Watch
from nbpromote.workflow.planning import choose, plan_of
from nbpromote.workflow.releasing import deployment_of
from nbpromote.workflow.returning import put_back
from nbpromote.workflow.site import Site


def promote(
    project: Project, name: str, *, to: str | None = None, reason: str = "", watch: Watch | None = None
) -> Promotion:
    """Bring a release into an environment: run or copy it there, ask the gates, make it live, verify it.

    A refusal is a value, and is written into the ledger. Raises `LostRace` when somebody else moved the same
    notebook meanwhile.
    """
    site = Site(project)
    performing.close_killed(site)
    site.ledger.fetch()
    source, target = choose(site, name, to)
    finished = applying.resume(site, target, source.notebook)
    if finished is not None and finished.release == source.release:
        planned = replace(plan_of(site, source, target), unmet=())
        return Promotion(plan=planned, deployment=finished, note="finished what an earlier command had begun")
    planned = plan_of(site, source, target)
    if not planned.allowed:
        return Promotion(plan=planned)
    sealed = release.open_(site.store, source.release)
    environment = site.environment(target, source.notebook, sealed.schema)
    standing = site.ledger.state(target)[source.notebook]
    again = applying.already(site, "promote", planned, environment.settings(project.root), standing)
    if again is not None:
        return again
    if source.model:  # called now, so that it is ready when the model has gone live
        witnessing.witness(source.kernel, environment.pass_env)
    return _promote(site, planned, source, sealed, environment, standing, reason=reason, watch=watch)


def _promote(
    site: Site,
    planned: Plan,
    source: Deployment,
    sealed: Release,
    environment: Environment,
    standing: Standing,
    *,
    reason: str,
    watch: Watch | None,
) -> Promotion:
    if planned.strategy == "copy":
        evidence = _carry(site, source, environment, standing.live)
    else:
        evidence = performing.perform_sealed(
            site, sealed, environment, reference=standing.live, manner=Manner(watch=watch)
        )
    track.tag_release(evidence.run, source.release, source.alias)
    decision = gate.decide(evidence, planned.gates, live=standing.live, environment=planned.target)
    deployment = deployment_of(sealed, evidence, strategy=planned.strategy, kept={})
    outcome = Promotion(plan=planned, evidence=evidence, decision=decision)
    if not decision.allowed:
        _write_refusal(site, deployment, decision)
        return outcome
    deployment = replace(deployment, sealed=_keep(site, evidence))
    done = applying.apply(site, "promote", deployment, outcome, expected=standing, reason=reason)
    return put_back(site, done)


def _write_refusal(site: Site, deployment: Deployment, decision: Decision) -> None:
    """With all that was seen: the run is on this machine alone, and others may ask why."""
    attempt, reason = applying.new_attempt(), "; ".join(decision.unmet)
    event = applying.event_of(site, "promote", "refused", deployment, attempt=attempt, reason=reason, decision=decision)
    site.ledger.append(event, expect=lambda _state: None)


def _keep(site: Site, evidence: Evidence) -> dict[str, Sealed]:
    """Evidence and model bytes outside MLflow, so that a rollback does not depend on what is kept there."""
    sealed = release.seal_evidence(site.store, evidence, proof.executed(evidence))
    if evidence.model is not None:
        with tempfile.TemporaryDirectory() as folder:
            model = track.folder_of(evidence.run.tracking_uri, evidence.model.uri, Path(folder))
            sealed |= release.seal_model(site.store, evidence.model, model)
    return sealed


def _carry(site: Site, source: Deployment, environment: Environment, live: Deployment | None) -> Evidence:
    """Strategy `copy`: nothing runs; the model verified below comes along, byte for byte, into this store.

    What is live here is scored on the rows that the model was scored on below, where they are on this machine.
    """
    kept = release.evidence_of(site.store, source.sealed)
    run_id = execute.new_id(source.notebook, environment.name)
    run = replace(
        kept.run,
        id=run_id,
        folder=site.project.runs / run_id,
        notes=(f"copied from {source.environment}: run {source.run}",),
        **performing.of_environment(site, environment),
    )
    opened = track.open_run(run, project=site.project.name)
    run = replace(run, mlflow_run=opened.run, experiment=opened.experiment)
    files.write(run.notebook_file, site.store.get(source.sealed["executed.ipynb"].sha256))
    execute.save_run(run)
    executed = notebook.parse("executed.ipynb", run.notebook_file.read_bytes())
    ring = Ring.of(environment, live)
    evidence = replace(
        kept,
        run=run,
        model=_carried_model(site, source, run.mlflow_run, environment),
        contests=contesting.contests(kept.run, executed, ring),
    )
    proof.keep(evidence)
    track.finish(evidence)
    return evidence


def _carried_model(site: Site, source: Deployment, mlflow_run: str, environment: Environment) -> Model:
    assert source.model is not None
    with tempfile.TemporaryDirectory() as folder:
        model = track.keep_model(
            environment.tracking_uri,
            experiment=f"{site.project.name}/{environment.name}/{source.notebook}",
            folder=site.store.export(source.sealed, "model/", Path(folder)),
            files=source.model.files,
            run=mlflow_run,
        )
    return replace(model, predictions=source.model.predictions)
