"""From one environment to the next, and back: `plan`, `promote`, `rollback`, `unhold`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from nbpromote import execute, files, gate, release, track
from nbpromote.errors import NotFound, Refused, Usage, nearest
from nbpromote.model import (
    Deployment,
    Environment,
    Event,
    Evidence,
    Model,
    Plan,
    Policy,
    Promotion,
    Release,
    Sealed,
    Standing,
    State,
    sha256,
)
from nbpromote.project import Project
from nbpromote.workflow import applying, running
from nbpromote.workflow.releasing import changed, deployment_of, held
from nbpromote.workflow.running import Watch
from nbpromote.workflow.site import Site

# -- plan ---------------------------------------------------------------------------------------------------------


def plan(project: Project, name: str, *, to: str | None = None) -> Plan:
    """What promoting would change, and everything still unmet. Changes nothing.

    `name` is a notebook's, which means the release whose code equals HEAD's, or a release's alias or digest.
    """
    site = Site(project)
    site.ledger.fetch()
    source, target = _choose(site, name, to)
    return _plan(site, source, target)


def _choose(site: Site, name: str, to: str | None) -> tuple[Deployment, str]:
    states = {environment: site.ledger.state(environment) for environment in site.environments}
    live = [s.live for state in states.values() for s in state.notebooks.values() if s.live]
    named = [d for d in live if d.notebook == name]
    candidates = [d for d in named if d.code == _head_code(site, name, d)] if named else _called(live, name)
    if not candidates:
        raise _no_candidate(site, name, named, live)
    if to is not None:
        site.require(to)
        wanted = site.policy(to, candidates[0].notebook).promotes_from
        best = next((d for d in candidates if d.environment in wanted), candidates[-1])
        return best, to
    return _next(site, candidates, states)


def _called(live: Iterable[Deployment], name: str) -> list[Deployment]:
    """By alias, or by the beginning of a digest."""
    return [d for d in live if d.alias == name or (len(name) >= 8 and d.release.startswith(name))]


def _head_code(site: Site, notebook: str, deployment: Deployment) -> str:
    sealed = release.open_(site.store, deployment.release)
    code = site.committed_code(sealed.path)
    return code.digest if code else ""


def _no_candidate(site: Site, name: str, named: list[Deployment], live: list[Deployment]) -> Usage:
    if named:
        known = ", ".join(f"{d.alias} (live in {d.environment})" for d in named)
        return Usage(
            f"HEAD's code of {name} is in no release that is live somewhere; nothing was changed",
            hint=f"commit and nbpromote release {name}, or name one of: {known}",
        )
    if any(pair.name == name for pair in site.pairs):
        return NotFound(f"{name} has no release", hint=f"nbpromote run {name}, then nbpromote release {name}")
    known_names = sorted({d.notebook for d in live} | {pair.name for pair in site.pairs})
    raise NotFound(
        f"no notebook and no release {name!r}{nearest(name, known_names)}",
        hint=f"notebooks: {', '.join(known_names) or 'none'}",
    )


def _next(site: Site, candidates: list[Deployment], states: dict[str, State]) -> tuple[Deployment, str]:
    """The one environment that a candidate may enter and has not."""
    notebook = candidates[0].notebook
    steps = [
        (source, target)
        for target in site.environments
        for source in candidates
        if source.environment in site.policy(target, notebook).promotes_from
        and _release_in(states[target][notebook]) != source.release
    ]
    targets = {target for _, target in steps}
    if not targets:
        where = ", ".join(d.environment for d in candidates)
        raise Usage(f"{notebook} {candidates[0].alias} is live in {where}, and no environment comes next")
    first = next(target for target in site.environments if target in targets)
    if len(targets) > 1 and not any(first in site.policy(t, notebook).promotes_from for t in targets):
        raise Usage(f"{notebook} could go to {', '.join(sorted(targets))}", hint="name one: --to E")
    return next(step for step in steps if step[1] == first)


def _release_in(standing: Standing) -> str:
    return standing.live.release if standing.live else ""


def _plan(site: Site, source: Deployment, target: str) -> Plan:
    state = site.ledger.state(target)
    standing = state[source.notebook]
    policy = site.policy(target, source.notebook)
    sealed = release.open_(site.store, source.release)
    environment = site.environment(target, source.notebook, sealed.schema)
    return Plan(
        notebook=source.notebook,
        release=source.release,
        alias=source.alias,
        source=source.environment,
        target=target,
        strategy=policy.strategy,
        code=source.code,
        incumbent=standing.live,
        parameters=environment.parameters,
        origins=environment.origins,
        changed=changed(standing.live, environment.parameters),
        gates=policy.gates,
        unmet=tuple(_unmet(site, source, sealed, policy, standing, target)),
        head=state.head,
    )


def _unmet(
    site: Site, source: Deployment, sealed: Release, policy: Policy, standing: Standing, target: str
) -> Iterable[str]:
    """Every reason, so that nobody mends one to be told the next."""
    if source.environment not in policy.promotes_from:
        order = " or ".join(policy.promotes_from) or "nowhere (it is an entry environment)"
        yield f"{target} takes releases from {order}, and {source.alias} is live in {source.environment}"
    if source.state != "verified":
        yield f"{source.alias} is {source.state} in {source.environment}"
    if source.release in standing.holds:
        yield held(replace(source, environment=target))
    yield from _unclean(site, sealed, target)
    if standing.live is None:
        proof = gate.lacks_proof(policy.gates, environment=target)
        yield from [proof] if proof else []
    if policy.strategy == "copy" and source.model is None:
        yield f"strategy copy carries a model, and {source.alias} has none"


def _unclean(site: Site, sealed: Release, target: str) -> Iterable[str]:
    """What HEAD does not hold as it was sealed. Outputs and other files do not count."""
    code = site.committed_code(sealed.path)
    if code is None or code.digest != sealed.code:
        yield f"HEAD does not hold the code of {release.alias(sealed.digest)}: commit {sealed.path}, or check it out"
    lock = site.lock_file("HEAD") if site.git.head() else None
    if (sha256(lock) if lock is not None else None) != sealed.lock:
        yield f"HEAD's lock {site.project.lock} is not the one that was sealed"
    for file in site.uncommitted(target):
        yield f"{site.project.params.name}/{file} has edits that are not committed"


# -- promote ------------------------------------------------------------------------------------------------------


def promote(
    project: Project, name: str, *, to: str | None = None, reason: str = "", watch: Watch | None = None
) -> Promotion:
    """Bring a release into an environment: run or copy it there, ask the gates, make it live, verify it.

    A refusal is a value, and is written into the ledger. Raises `LostRace` when somebody else moved the same
    notebook meanwhile.
    """
    site = Site(project)
    running.close_killed(site)
    site.ledger.fetch()
    source, target = _choose(site, name, to)
    finished = applying.resume(site, target, source.notebook)
    if finished is not None and finished.release == source.release:
        planned = replace(_plan(site, source, target), unmet=())
        return Promotion(plan=planned, deployment=finished, note="finished what an earlier command had begun")
    planned = _plan(site, source, target)
    if not planned.allowed:
        return Promotion(plan=planned)
    sealed = release.open_(site.store, source.release)
    environment = site.environment(target, source.notebook, sealed.schema)
    standing = site.ledger.state(target)[source.notebook]
    again = applying.already(site, "promote", planned, environment.settings(project.root), standing)
    return again or _promote(site, planned, source, sealed, environment, standing, reason=reason, watch=watch)


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
        evidence = _carry(site, source, environment)
    else:
        evidence = running.perform_sealed(site, sealed, environment, reference=standing.live, watch=watch)
    track.tag_release(evidence.run, source.release, source.alias)
    live = standing.live.metrics if standing.live else None
    decision = gate.decide(evidence, planned.gates, live=live, environment=planned.target)
    deployment = deployment_of(sealed, evidence, strategy=planned.strategy, kept={})
    outcome = Promotion(plan=planned, evidence=evidence, decision=decision)
    if not decision.allowed:
        _write_refusal(site, deployment, decision.unmet)
        return outcome
    deployment = replace(deployment, sealed=_keep(site, evidence))
    done = applying.apply(site, "promote", deployment, outcome, expected=standing, reason=reason)
    if done.deployment is not None and done.deployment.state == "failed":
        return _put_back(site, done)
    return done


def _write_refusal(site: Site, deployment: Deployment, reasons: tuple[str, ...]) -> None:
    event = applying.event_of(
        site, "promote", "refused", deployment, attempt=applying.new_attempt(), reason="; ".join(reasons)
    )
    site.ledger.append(event, expect=lambda _state: None)


def _keep(site: Site, evidence: Evidence) -> dict[str, Sealed]:
    """Evidence and model bytes outside MLflow, so that a rollback does not depend on what is kept there."""
    sealed = release.seal_evidence(site.store, evidence)
    if evidence.model is not None:
        with tempfile.TemporaryDirectory() as folder:
            model = track.folder_of(evidence.run.tracking_uri, evidence.model.uri, Path(folder))
            sealed |= release.seal_model(site.store, evidence.model, model)
    return sealed


def _carry(site: Site, source: Deployment, environment: Environment) -> Evidence:
    """Strategy `copy`: nothing runs; the model verified below comes along, byte for byte, into this store."""
    kept = release.evidence_of(site.store, source.sealed)
    run_id = execute.new_id(source.notebook, environment.name)
    run = replace(
        kept.run,
        id=run_id,
        environment=environment.name,
        folder=site.project.runs / run_id,
        tracking_uri=environment.tracking_uri,
        parameters=environment.parameters,
        inputs=environment.inputs,
        outputs=environment.outputs,
        revision=environment.revision,
        settings=environment.settings(site.project.root),
        actor=site.actor,
        notes=(f"copied from {source.environment}: run {source.run}",),
    )
    opened = track.open_run(run, project=site.project.name)
    run = replace(run, mlflow_run=opened.run, experiment=opened.experiment)
    files.write(run.notebook_file, site.store.get(source.sealed["executed.ipynb"].sha256))
    execute.save_run(run)
    evidence = replace(kept, run=run, model=_carried_model(site, source, run.mlflow_run, environment))
    running.keep(evidence)
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


# -- back ---------------------------------------------------------------------------------------------------------


def _put_back(site: Site, failed: Promotion) -> Promotion:
    """A verification that said no sends the deployment back at once, where there is something to go back to."""
    target, notebook = failed.plan.target, failed.plan.notebook
    if site.ledger.state(target)[notebook].back is None:
        return replace(failed, note="there is no stable deployment to put back")
    said = "; ".join(check.summary for check in failed.verification if check.outcome.blocks)
    back = _back(site, target, notebook, reason=f"verification failed: {said}")
    stood = back.deployment.alias if back.deployment else "nothing"
    return replace(failed, note=f"{stood} was put back, and {failed.plan.alias} is held")


def rollback(project: Project, name: str, *, env: str, reason: str = "") -> Promotion:
    """Put the last stable deployment back: code, parameters and model together. Holds the release that it left.

    Raises `Refused` when nothing verified and not held came before.
    """
    site = Site(project)
    site.require(env)
    site.ledger.fetch()
    applying.resume(site, env, name)
    return _back(site, env, name, reason=reason)


def _back(site: Site, env: str, name: str, *, reason: str) -> Promotion:
    standing = site.ledger.state(env)[name]
    left, target = standing.live, standing.back
    if left is None:
        known = sorted(site.ledger.state(env).notebooks)
        raise NotFound(f"{name} is not live in {env}{nearest(name, known)}", hint="nbpromote status")
    if target is None:
        raise Refused(
            f"nothing that was verified and is not held came before {left.alias} in {env}; nothing was changed",
            hint=f"nbpromote history {name} --env {env}",
        )
    planned = Plan(
        notebook=name,
        release=target.release,
        alias=target.alias,
        source=env,
        target=env,
        strategy="rollback",
        code=target.code,
        incumbent=left,
        parameters=target.parameters,
        origins={},
        changed=changed(left, target.parameters),
        gates=(),
    )
    return applying.apply(
        site,
        "rollback",
        target.with_state("unverified"),
        Promotion(plan=planned),
        expected=standing,
        reason=reason,
        hold=left.release,
    )


def unhold(project: Project, name: str, *, env: str, reason: str = "") -> Event:
    """Lift the hold on a release: by its alias or digest, or by the notebook's name where it holds just one."""
    site = Site(project)
    site.require(env)
    site.ledger.fetch()
    state = site.ledger.state(env)
    holds = [(notebook, held_) for notebook, s in state.notebooks.items() for held_ in s.holds]
    found = [
        (n, h) for n, h in holds if name == n or release.alias(h) == name or (len(name) >= 8 and h.startswith(name))
    ]
    if len(found) != 1:
        known = ", ".join(f"{n} {release.alias(h)}" for n, h in holds) or "none"
        raise NotFound(f"{len(found)} holds in {env} fit {name!r}", hint=f"held there: {known}")
    notebook, digest = found[0]
    event = Event(
        id="", at="", actor=site.actor, verb="unhold", step="done", environment=env, notebooks=(notebook,),
        attempt=applying.new_attempt(), release=digest, alias=release.alias(digest), reason=reason, hold=digest,
    )  # fmt: skip
    site.ledger.append(event, expect=lambda _state: None)
    return event
