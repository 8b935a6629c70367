"""Back to what was live and verified before: `rollback`, by hand or after a verification that failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from nbpromote import clock
from nbpromote.errors import NotFound, Refused, Usage, nearest
from nbpromote.model import Candidate, Check, Deployment, Event, Plan, Promotion, Standing, State
from nbpromote.project import Project
from nbpromote.workflow.promotion import applying, finishing
from nbpromote.workflow.promotion.planning import move_to
from nbpromote.workflow.promotion.verifying import verify
from nbpromote.workflow.site import Site


def put_back(site: Site, failed: Promotion) -> Promotion:
    """A verification that said no sends the deployments back at once, where there is something to go back to.

    What is put back and fails as well stays: a rollback never triggers another.
    """
    if failed.state != "failed":
        return failed
    target = failed.plan.target
    state = site.ledger.state(target)
    names = [name for name in failed.plan.notebooks if state[name].back is not None]
    if not names:
        return replace(failed, note="there is no stable deployment to put back")
    asked = [check for candidate in failed.candidates for check in candidate.verification]
    said = "; ".join(check.summary for check in asked if check.outcome.blocks)
    back = _back(
        site,
        target,
        {name: _stable(state[name], name, target) for name in names},
        reason=f"verification failed: {said}",
    )
    stood = ", ".join(deployment.alias for deployment in back.deployments)
    left = ", ".join(move.alias for move in failed.plan.moves if move.notebook in names)
    return replace(failed, note=f"{stood} was put back, and {left} is held")


def rollback(project: Project, names: Sequence[str], *, env: str, to: str | None = None, reason: str = "") -> Promotion:
    """Put the last stable deployments back together: code, parameters, model and outputs. Holds the releases it left.

    What went live in one promotion goes back in one. `to` names another release that was verified here before. Windows
    and approvals are not asked: what comes back was let in once, and every minute of what fails counts.
    Raises `Refused` when nothing verified and not held came before.
    """
    site = Site(project)
    site.require(env)
    site.catch_up()
    if (done := _finished(site, env, names, to)) is not None:
        return done
    state = site.ledger.state(env)
    together = tuple(dict.fromkeys(other for name in names for other in _together(site, state, name)))
    if to is not None:
        if len(together) > 1:
            raise Usage(f"--to goes with one notebook, and these went live together: {', '.join(together)}")
        targets = {names[0]: _named(site, state, names[0], to)}
    else:
        targets = {name: _stable(state[name], name, env, known=state) for name in together}
    return _back(site, env, targets, reason=reason)


def _finished(site: Site, env: str, names: Sequence[str], to: str | None) -> Promotion | None:
    """The rollback that a killed command had begun, ended now: to go back once more is not what was asked."""
    claims = [event for name in names if (event := finishing.resume(site, env, name)) and event.verb == "rollback"]
    begun = claims or [event for name in names if (event := _unasked(site, env, name))]
    found = next((event for event in begun if {*names} <= {*event.notebooks}), None)
    if found is None or not (to is None or any(_is_called(to, d) for d in found.deployments)):
        return None
    live, checks = found.deployments, dict[str, tuple[Check, ...]]()
    if not claims:
        live, checks = verify(site, live, verb="rollback", attempt=found.attempt)
    moves = tuple(move_to(deployment, None, source=env, strategy="rollback") for deployment in live)
    plan = Plan(target=env, moves=moves)
    note = "finished what an earlier command had begun"
    return applying.ended(Promotion(plan=plan), live, checks, attempt=found.attempt, note=note)


def _unasked(site: Site, env: str, name: str) -> Event | None:
    """A rollback that was killed between going live and being verified."""
    live = site.ledger.state(env)[name].live
    if live is None or live.state != "unverified":
        return None
    event = _went_live(site, env, live)
    if event is None or event.verb != "rollback":
        return None
    asked = any(other.attempt == event.attempt and other.step == "unverified" for other in site.ledger.events(env))
    return None if asked else event


def _together(site: Site, state: State, name: str) -> tuple[str, ...]:
    """The notebooks that went live in one promotion with this one, and are still live as that left them."""
    live = state[name].live
    if live is None:
        return (name,)
    event = _went_live(site, state.environment, live)
    if event is None or event.verb != "promote":
        return (name,)
    runs = {d.notebook: d.run for d in event.deployments}
    still = (other for other, run in runs.items() if (now := state[other].live) and now.run == run)
    return tuple(other for other in still if other == name or state[other].back is not None)


def _went_live(site: Site, environment: str, live: Deployment) -> Event | None:
    events = reversed(site.ledger.events(environment))
    return next((e for e in events if e.step == "live" and any(d.run == live.run for d in e.deployments)), None)


def _stable(standing: Standing, name: str, env: str, *, known: State | None = None) -> Deployment:
    if standing.live is None:
        names = sorted(known.notebooks) if known else []
        raise NotFound(f"{name} is not live in {env}{nearest(name, names)}", hint="nbpromote status")
    if standing.back is None:
        left = standing.live.alias
        raise Refused(
            f"nothing that was verified and is not held came before {left} in {env}; nothing was changed",
            hint=f"nbpromote history {name} --env {env}",
        )
    return standing.back


def _named(site: Site, state: State, name: str, to: str) -> Deployment:
    """A release that was verified here before, as it was live last."""
    standing = state[name]
    events = site.ledger.events(state.environment)
    verified = (d for e in reversed(events) if e.step == "verified" for d in e.deployments if d.notebook == name)
    known: dict[str, Deployment] = {}
    for deployment in (*reversed(standing.stable), *verified):
        known.setdefault(deployment.release, deployment)
    found = [deployment for deployment in known.values() if _is_called(to, deployment)]
    if not found:
        aliases = [d.alias for d in known.values()]
        told = f"{to!r} was never verified as {name} in {state.environment}{nearest(to, aliases)}"
        raise NotFound(told, hint=f"verified there: {', '.join(aliases) or 'nothing'}")
    if standing.live and found[0].run == standing.live.run:
        raise Usage(f"{found[0].alias} is live in {state.environment} already")
    if found[0].release in standing.holds:
        raise Refused(
            f"{found[0].alias} is held in {state.environment}; nothing was changed",
            hint=f"nbpromote unhold {found[0].alias} --env {state.environment}",
        )
    return found[0]


def _is_called(name: str, deployment: Deployment) -> bool:
    return name in (deployment.alias, deployment.run) or (len(name) >= 8 and deployment.release.startswith(name))


def _back(site: Site, env: str, targets: dict[str, Deployment], *, reason: str) -> Promotion:
    state = site.ledger.state(env)
    expected = {name: state[name] for name in targets}
    left = [live for standing in expected.values() if (live := standing.live)]
    written = tuple(_written_since(left))
    moves = tuple(
        move_to(target, expected[name].live, source=env, strategy="rollback") for name, target in targets.items()
    )
    candidates = tuple(
        Candidate(move=move, deployment=target.with_state("unverified"))
        for move, target in zip(moves, targets.values(), strict=True)
    )
    holds = tuple(live.release for live in left)
    promotion = Promotion(
        plan=Plan(target=env, moves=moves, head=state.head),
        candidates=candidates,
        written=written,
        note=f"{', '.join(live.alias for live in left)} may not come back until nbpromote unhold; {_UNASKED}",
    )
    return applying.apply(site, "rollback", promotion, expected=expected, reason=reason, holds=holds)


_UNASKED = "no approval, soak or window was asked: what comes back was let in before, and every minute counts"


def _written_since(left: Iterable[Deployment]) -> Iterable[str]:
    """Outputs that somebody wrote to after they were published: going back does not know whose that is."""
    for deployment in left:
        for path in deployment.outputs.values():
            file = Path(path)
            if deployment.since and file.exists():
                modified = clock.at(file.stat().st_mtime_ns)
                if modified > deployment.since:
                    yield f"{path} (written {modified}, after {deployment.alias} went live)"
