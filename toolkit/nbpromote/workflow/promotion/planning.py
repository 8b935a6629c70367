"""What promoting would change, and everything still unmet. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from nbpromote import gate, release
from nbpromote.errors import NotFound, Usage, nearest
from nbpromote.model import Asked, Deployment, Gate, Move, Plan, Policy, Release, State, sha256
from nbpromote.project import Project
from nbpromote.workflow.promotion import authorship, foreseeing, overriding
from nbpromote.workflow.promotion.ordering import in_order
from nbpromote.workflow.site import Site, demanding, people


def plan(project: Project, names: Sequence[str] = (), *, to: str | None = None) -> Plan:
    """What promoting would change, and everything still unmet. Changes nothing.

    A name is a notebook's, which means the release whose code equals HEAD's, or a release's alias or digest. No names:
    every notebook that has something to bring.
    """
    site = Site(project)
    site.fetch()
    sources, target = choose(site, names, to)
    return foreseeing.foreseen(site, plan_of(site, sources, target))


# -- what is meant ----------------------------------------------------------------------------------------------------


def choose(site: Site, names: Sequence[str], to: str | None) -> tuple[tuple[Deployment, ...], str]:
    """What is to be promoted, in the order of who writes what others read, and where to."""
    states = site.ledger.states(site.environments)
    if not names:
        return _everything(site, states, to)
    steps = [_step(site, name, to, states) for name in dict.fromkeys(names)]
    targets = {target for _, target in steps}
    if len(targets) > 1:
        told = ", ".join(f"{source.notebook} to {target}" for source, target in steps)
        raise Usage(f"these would go to different environments: {told}", hint="name one: --to E")
    sources = {source.notebook: source for source, _ in steps}
    if len(sources) < len(steps):
        raise Usage("two of these names are releases of one notebook")
    return in_order(site, tuple(sources.values()), targets.pop()), steps[0][1]


def _everything(site: Site, states: Mapping[str, State], to: str | None) -> tuple[tuple[Deployment, ...], str]:
    """Every release that is verified below and not yet in the target; there may be none."""
    target = site.require(to) if to else _first_above(site)
    sources: dict[str, Deployment] = {}
    for below in site.policy(target, "").promotes_from:
        for notebook, standing in states[below].notebooks.items():
            live, there = standing.live, states[target][notebook].live
            if live and live.state == "verified" and (there is None or there.release != live.release):
                sources.setdefault(notebook, live)
    return in_order(site, tuple(sources.values()), target), target


def _first_above(site: Site) -> str:
    above = [name for name in site.environments if not site.policy(name, "").is_entry]
    if len(above) != 1:
        raise Usage(
            f"which environment is meant: {', '.join(above) or 'none is above the entry'}", hint="name it: --to E"
        )
    return above[0]


def _step(site: Site, name: str, to: str | None, states: Mapping[str, State]) -> tuple[Deployment, str]:
    live = [s.live for state in states.values() for s in state.notebooks.values() if s.live]
    named = [d for d in live if d.notebook == name]
    candidates = [d for d in named if d.code == _head_code(site, d)] if named else _called(live, name)
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


def _head_code(site: Site, deployment: Deployment) -> str:
    sealed = release.open_(site.store, deployment.release)
    code = site.sources.committed(sealed.path)
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


def _next(site: Site, candidates: list[Deployment], states: Mapping[str, State]) -> tuple[Deployment, str]:
    """The one environment that a candidate may enter and has not."""
    notebook = candidates[0].notebook
    steps = [
        (source, target)
        for target in site.environments
        for source in candidates
        if source.environment in site.policy(target, notebook).promotes_from
        and _release_in(states[target], notebook) != source.release
    ]
    targets = {target for _, target in steps}
    if not targets:
        where = ", ".join(d.environment for d in candidates)
        raise Usage(f"{notebook} {candidates[0].alias} is live in {where}, and no environment comes next")
    first = next(target for target in site.environments if target in targets)
    if len(targets) > 1 and not any(first in site.policy(t, notebook).promotes_from for t in targets):
        raise Usage(f"{notebook} could go to {', '.join(sorted(targets))}", hint="name one: --to E")
    return next(step for step in steps if step[1] == first)


def _release_in(state: State, notebook: str) -> str:
    live = state[notebook].live
    return live.release if live else ""


# -- what it would change, and what is unmet ------------------------------------------------------------------------


def plan_of(site: Site, sources: Sequence[Deployment], target: str) -> Plan:
    state = site.ledger.state(target)
    policies = {source.notebook: site.policy(target, source.notebook) for source in sources}
    moves = tuple(_move(site, source, state, policies[source.notebook]) for source in sources)
    planned = Plan(
        target=target,
        moves=moves,
        unmet=(*_closed(site, state), *(reason for move in moves for reason in move.unmet)),
        policies={name: policy.digest for name, policy in policies.items()},
        head=state.head,
    )
    over = tuple(overriding.told(site, planned))
    coming = replace(planned, moves=tuple(move for move in moves if not move.stands))  # what stands waits for nothing
    waits = demanding.waits(site, asked(site, coming), coming.notebooks) if coming.moves else ()
    return replace(planned, waits=waits, overrides=over)


def _move(site: Site, source: Deployment, state: State, policy: Policy) -> Move:
    target = state.environment
    sealed = release.open_(site.store, source.release)
    environment = site.environment(target, source.notebook, sealed.schema)
    live = state[source.notebook].live
    return Move(
        notebook=source.notebook,
        release=source.release,
        alias=source.alias,
        source=source.environment,
        target=target,
        strategy=policy.strategy,
        code=source.code,
        incumbent=live,
        parameters=environment.parameters,
        origins=environment.origins,
        changed=changed(live, environment.parameters),
        gates=policy.gates,
        settings=environment.settings(site.project.root),
        below=source,
        unmet=tuple(_unmet(site, source, sealed, policy, state)),
    )


def _closed(site: Site, state: State) -> Iterable[str]:
    """What keeps everything out of an environment."""
    if site.trusted.doubt:
        yield site.trusted.doubt
    for key in site.unmerged_settings if not site.trusted.doubt else ():
        yield f"pyproject.toml says another {key} here than in {site.trusted.name}"
    if state.frozen:
        because = f": {state.frozen.reason}" if state.frozen.reason else ""
        told = f"{state.environment} was frozen by {state.frozen.by} at {state.frozen.at}{because}"
        yield f"{told}; nbpromote thaw --env {state.environment} lifts that"


def _unmet(site: Site, source: Deployment, sealed: Release, policy: Policy, state: State) -> Iterable[str]:
    """Every reason, so that nobody mends one to be told the next."""
    target, standing = state.environment, state[source.notebook]
    if source.environment not in policy.promotes_from:
        order = " or ".join(policy.promotes_from) or "nowhere (it is an entry environment)"
        yield f"{target} takes releases from {order}, and {source.alias} is live in {source.environment}"
    if source.state != "verified":
        yield f"{source.alias} is {source.state} in {source.environment}"
    if source.release in standing.holds:
        yield held(replace(source, environment=target))
    if standing.held:
        lift = f"nbpromote unhold {source.notebook} --env {target} lifts that"
        yield f"{source.notebook} is held in {target}: {standing.held}; {lift}"
    if source.adopted:
        yield f"{source.alias} was adopted in {source.environment}: no check was made of it, so it goes nowhere else"
        return
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
    """What is not merged, or not committed, as it was sealed. Outputs and other files do not count."""
    trusted = site.trusted
    code = site.sources.committed(sealed.path, trusted.commit)
    if code is None or code.digest != sealed.code:
        do = "merge it" if trusted.is_merged_into else f"commit {sealed.path}, or check it out"
        yield f"{trusted.name} does not hold the code of {release.alias(sealed.digest)}: {do}"
    lock = site.sources.lock(trusted.commit) if trusted.commit else None
    if (sha256(lock) if lock is not None else None) != sealed.lock:
        yield f"{trusted.name}'s lock {site.project.lock} is not the one that was sealed"
    for file in site.values.uncommitted(target):
        yield f"{site.project.params.name}/{file} has edits that are not committed"


def move_to(
    deployment: Deployment,
    live: Deployment | None,
    *,
    strategy: str,
    source: str = "",
    gates: tuple[Gate, ...] = (),
    unmet: tuple[str, ...] = (),
) -> Move:
    """The way to a deployment that is known as a whole: one that was just made, or was live before."""
    return Move(
        notebook=deployment.notebook,
        release=deployment.release,
        alias=deployment.alias,
        source=source,
        target=deployment.environment,
        strategy=strategy,
        code=deployment.code,
        incumbent=live,
        parameters=deployment.parameters,
        origins={},
        changed=changed(live, deployment.parameters),
        gates=gates,
        settings=deployment.settings,
        unmet=unmet,
    )


def held(deployment: Deployment) -> str:
    return (
        f"{deployment.alias} is held in {deployment.environment}: "
        f"nbpromote unhold {deployment.alias} --env {deployment.environment} lifts that"
    )


def changed(live: Deployment | None, parameters: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    """Parameters that differ from what is live: (live, candidate)."""
    before = live.parameters if live else {}
    names = sorted({*before, *parameters})
    alike = {name for name in names if name in before and name in parameters and before[name] == parameters[name]}
    return {name: (before.get(name), parameters.get(name)) for name in names if name not in alike}


# -- what it would wait for -----------------------------------------------------------------------------------------


def asked(site: Site, planned: Plan) -> Asked:
    """What the rules of waiting are asked about, for whoever acts here; there is no evidence to consent to yet."""
    authors = authorship.of_plan(site, planned)
    return Asked(
        environment=planned.target,
        bound=planned.digest,
        requester=people.me_in(site, planned.target),
        authors=authors.names,
        doubt=authors.doubt,
        below={move.notebook: move.below.verified for move in planned.moves if move.below},
    )
