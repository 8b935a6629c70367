"""A live model whose life is looked at goes on: `renew`. Verified first, it counts anew from then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nbpromote import clock
from nbpromote.errors import LostRace, NotFound, Refused, Usage, nearest
from nbpromote.model import Deployment, Outcome, State, Verification
from nbpromote.project import Project
from nbpromote.workflow.promotion import claiming
from nbpromote.workflow.promotion.rechecking import verification
from nbpromote.workflow.site import Site


def renew(project: Project, name: str, *, env: str, reason: str = "") -> Verification:
    """Ask what is live whether it is what was validated, as `verify` does; where all of it passes, its life goes on.

    Raises `Refused` where the life is over, or something bars it, `Usage` where no policy ends or reviews it.
    """
    site = Site(project)
    site.require(env)
    site.catch_up()
    live = _live(site, name, env)
    _refuse_barred(site, live, name)
    found = verification(site, live)
    if found.outcome is not Outcome.PASSED:
        return found
    renewed, attempt = (found.deployment,), claiming.new_attempt()
    event = site.event("renew", "renewed", env, attempt=attempt, deployments=renewed, reason=reason)

    def still(state: State) -> None:
        now = state[name].live
        if now is None or now.run != live.run or any(_barred(site, state, now)):
            raise LostRace(
                f"{name} in {env} moved meanwhile; {live.alias} was verified, and not renewed",
                hint="look at nbpromote status",
            )

    state = site.ledger.append(event, expect=still)
    return replace(found, deployment=state[name].live or found.deployment)


def _live(site: Site, name: str, env: str) -> Deployment:
    notebooks = site.ledger.state(env).notebooks
    live = standing.live if (standing := notebooks.get(name)) else None
    if live is None:
        raise NotFound(f"{name} is not live in {env}{nearest(name, sorted(notebooks))}", hint="nbpromote status")
    policy = site.policy(env, name)
    if policy.review_by is None and policy.expires is None:
        raise Usage(
            f"nothing ends or reviews {name} in {env}, so there is nothing to renew",
            hint=f"{site.project.params.name}/{env}.policy.yaml may say `review_by` or `expires`",
        )
    return live


def _refuse_barred(site: Site, live: Deployment, name: str) -> None:
    barred = tuple(_barred(site, site.ledger.state(live.environment), live))
    if barred:
        raise Refused(f"{name} {live.alias} was not renewed, and nothing was changed: {'; '.join(barred)}")


def _barred(site: Site, state: State, live: Deployment) -> Iterator[str]:
    """Every reason, with what to do about it."""
    env, name, standing = state.environment, live.notebook, state[live.notebook]
    policy = site.policy(env, name)
    if live.state == "expired" or (policy.expires and clock.after(live.living, policy.expires) <= clock.now()):
        again = f"release {name}" if policy.is_entry else f"promote {name} --to {env}"
        yield f"its time in {env} is over: nbpromote {again} begins a new life"
    if live.release in standing.holds:
        yield f"{live.alias} is held in {env}: nbpromote unhold {live.alias} --env {env} lifts that"
    if state.applying(name):
        yield f"a promotion of {name} is half-way: nbpromote advance --env {env} ends it"
    yield from claiming.bars(site, state, name)
