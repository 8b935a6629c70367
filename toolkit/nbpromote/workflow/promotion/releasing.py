"""Seal a passing run, and make it live in its entry environment."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nbpromote import gate, notebook, track, validate
from nbpromote import release as releases
from nbpromote.errors import Error, Refused
from nbpromote.model import Candidate, Deployment, Evidence, Plan, Promotion, Release, Run, Sealed, Standing
from nbpromote.project import Project
from nbpromote.workflow.evidence import accepting, proof, witnessing
from nbpromote.workflow.promotion import applying, finishing
from nbpromote.workflow.promotion.planning import held, move_to
from nbpromote.workflow.promotion.returning import put_back
from nbpromote.workflow.site import Site


def release(project: Project, name: str, *, run_id: str | None = None, reason: str = "") -> Promotion:
    """Seal a passing run of an entry environment and make it live there.

    Raises `Refused` when the run did not pass, or when the notebook was edited since.
    """
    site = Site(project)
    pair = site.pair(name)
    evidence = (
        accepting.find_evidence(project, run_id)
        if run_id
        else accepting.last_evidence(project, pair.name, site.entry())
    )
    environment = evidence.run.environment
    _refuse_unfit(site, evidence)
    if site.sources.code(pair).digest != evidence.run.code.digest:
        raise Refused(
            f"{pair.name} was edited since its last run {evidence.run.id}; nothing was released",
            hint=f"nbpromote run {pair.name} --env {environment}",
        )
    site.catch_up()
    finishing.resume(site, environment, pair.name)
    standing = site.ledger.state(environment)[pair.name]
    run = evidence.run
    if evidence.model:  # called now, so that it is ready when the model has gone live
        witnessing.witness(run.kernel, run.pass_env)
    return _make_live(site, _seal(site, evidence), evidence, standing, reason=reason)


def _make_live(site: Site, sealed: Release, evidence: Evidence, standing: Standing, *, reason: str) -> Promotion:
    kept = {path: file for path, file in sealed.files.items() if not path.startswith("code/")}
    deployment = deployment_of(sealed, evidence, strategy="release", kept=kept)
    unmet = (held(deployment),) if deployment.release in standing.holds else ()
    gates = site.policy(deployment.environment, deployment.notebook).gates
    move = move_to(deployment, standing.live, strategy="release", gates=gates, unmet=unmet)
    plan = Plan(target=deployment.environment, moves=(move,), unmet=move.unmet)
    if (again := applying.already(site, "release", plan)) is not None:
        return put_back(site, again)
    decision = gate.decide(evidence, move.gates, live=standing.live, environment=deployment.environment)
    candidate = Candidate(move=move, evidence=evidence, decision=decision)
    if not (plan.allowed and decision.allowed):
        return Promotion(plan=plan, candidates=(candidate,))
    track.tag_release(evidence.run, deployment.release, deployment.alias)
    outcome = Promotion(plan=plan, candidates=(replace(candidate, deployment=deployment),))
    done = applying.apply(site, "release", outcome, expected={deployment.notebook: standing}, reason=reason)
    return put_back(site, done)


def _refuse_unfit(site: Site, evidence: Evidence) -> None:
    run = evidence.run
    if run.environment != site.entry():
        raise Refused(f"run {run.id} is of {run.environment}; a release is sealed from an entry environment's run")
    if run.ci is not None and run.ci.fork:
        raise Refused(
            f"run {run.id} is of a fork's code, or may be ({run.ci.told}); nothing was released",
            hint=f"run it again where it was merged: nbpromote run {run.notebook}",
        )
    if unasked := [name for name in validate.CHECKS if evidence.check(name) is None]:
        raise Refused(
            f"nobody asked of run {run.id}: {', '.join(unasked)}; nothing was released",
            hint=f"nbpromote run {run.notebook}",  # an older version of this toolkit made it
        )
    if not evidence.passed:
        reasons = "; ".join(f"{check.name} {check.outcome}: {check.summary}" for check in evidence.unmet)
        accept = any(check.name == "outputs-match" for check in evidence.unmet)
        raise Refused(
            f"run {run.id} did not pass, so nothing was released: {reasons or 'no check was made'}",
            hint=f"nbpromote baseline {run.notebook}" if accept else f"mend it, then nbpromote run {run.notebook}",
        )


def _seal(site: Site, evidence: Evidence) -> Release:
    run = evidence.run
    with tempfile.TemporaryDirectory() as folder:
        model = evidence.model
        return releases.seal(
            site.store,
            evidence,
            executed=proof.executed(evidence),
            compared=proof.compared(evidence),
            code=_code(site, run),
            lock=site.sources.lock(),
            model_folder=track.folder_of(run.tracking_uri, model.uri, Path(folder)) if model else None,
            created=run.ended,  # not now: the same evidence is the same release
            author=site.git.author_of(run.path) or site.actor,
        )


def _code(site: Site, run: Run) -> dict[str, bytes]:
    """What ran, by its path. Raises `Refused` where the run's folder holds something else by now."""
    ran = run.folder / "code"
    code = {path.relative_to(ran).as_posix(): path.read_bytes() for path in ran.rglob("*") if path.is_file()}
    stem = run.path.rpartition(".")[0]
    sides = [side for suffix in notebook.SUFFIXES if (side := f"{stem}{suffix}") in code]
    try:
        digest = site.sources.code_of(sides, code.get, code).digest
    except Error:  # what cannot even be read has not run
        digest = ""
    if digest != run.code.digest:
        raise Refused("this is not the code that ran", where=str(ran), hint=f"nbpromote run {run.notebook}")
    return code


def deployment_of(sealed: Release, evidence: Evidence, *, strategy: str, kept: Mapping[str, Sealed]) -> Deployment:
    """What going live on this evidence leaves."""
    run = evidence.run
    return Deployment(
        notebook=run.notebook,
        environment=run.environment,
        release=sealed.digest,
        alias=releases.alias(sealed.digest),
        code=sealed.code,
        run=run.id,
        evidence=evidence.digest,
        tracking_uri=run.tracking_uri,
        settings=run.settings,
        strategy=strategy,
        parameters=run.parameters,
        revision=run.revision,
        params_commit=run.params_commit,
        params_dirty=run.params_dirty,
        commit=run.commit,
        metrics=evidence.metrics,
        measures=run.measures,
        model=evidence.model,
        inputs=run.inputs,
        outputs=run.outputs,
        sealed=kept,
        schema=sealed.schema,
        kernel=run.kernel,
        pass_env=run.pass_env,
        secrets=run.secrets,
        authors=(sealed.author,),
    )
