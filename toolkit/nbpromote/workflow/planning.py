"""What promoting would change, and everything still unmet. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from nbpromote import gate, release
from nbpromote.errors import NotFound, Usage, nearest
from nbpromote.model import (
    Deployment,
    Plan,
    Policy,
    Release,
    Standing,
    State,
    sha256,
)
from nbpromote.project import Project
from nbpromote.workflow.site import Site


def plan(project: Project, name: str, *, to: str | None = None) -> Plan:
    """What promoting would change, and everything still unmet. Changes nothing.

    `name` is a notebook's, which means the release whose code equals HEAD's, or a release's alias or digest.
    """
    site = Site(project)
    site.ledger.fetch()
    source, target = choose(site, name, to)
    return plan_of(site, source, target)


def choose(site: Site, name: str, to: str | None) -> tuple[Deployment, str]:
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


def plan_of(site: Site, source: Deployment, target: str) -> Plan:
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
    if policy.fresh and release.evidence_of(site.store, sealed.files).run.start == "warm":
        yield (
            f"{target} counts fresh kernels only, and the run of {source.alias} had a warm one: "
            f"nbpromote run {source.notebook} --fresh, then nbpromote release {source.notebook}"
        )
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


def held(deployment: Deployment) -> str:
    return (
        f"{deployment.alias} is held in {deployment.environment}, because it was rolled back there: "
        f"nbpromote unhold {deployment.alias} --env {deployment.environment} lifts that"
    )


def changed(live: Deployment | None, parameters: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    """Parameters that differ from what is live: (live, candidate)."""
    before = live.parameters if live else {}
    names = sorted({*before, *parameters})
    return {n: (before.get(n), parameters.get(n)) for n in names if before.get(n) != parameters.get(n)}
