"""Back to what was live and verified before: `rollback`, by hand or after a verification that failed; `unhold`."""

from __future__ import annotations

from dataclasses import replace

from nbpromote import release
from nbpromote.errors import NotFound, Refused, nearest
from nbpromote.model import (
    Event,
    Plan,
    Promotion,
)
from nbpromote.project import Project
from nbpromote.workflow import applying
from nbpromote.workflow.planning import changed
from nbpromote.workflow.site import Site


def put_back(site: Site, failed: Promotion) -> Promotion:
    """A verification that said no sends the deployment back at once, where there is something to go back to."""
    if failed.deployment is None or failed.deployment.state != "failed":
        return failed
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
