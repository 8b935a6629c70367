"""Who may begin: one attempt at a time, and only while what it stands on has not moved."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from nbpromote import gate
from nbpromote.errors import LostRace, Refused
from nbpromote.model import Deployment, Event, Standing, State
from nbpromote.workflow.site import Site, people


def new_attempt() -> str:
    """The client token of one attempt: everything it writes can be found again by it."""
    return secrets.token_hex(6)


def refuse_moved(seen: State, expected: Mapping[str, Standing], intent: Event) -> None:
    """Whether what a promotion stands on is still so. The reasons are those of one notebook, the first."""
    if seen.frozen and intent.verb != "rollback":
        raise Refused(
            f"{seen.environment} was frozen by {seen.frozen.by} at {seen.frozen.at}; nothing was changed",
            hint=f"nbpromote thaw --env {seen.environment} lifts that",
        )
    for deployment in intent.deployments:
        claim = seen.applying(deployment.notebook)
        if claim is not None:
            raise LostRace(
                f"{claim.actor} began to {claim.verb} {', '.join(claim.aliases)} in {seen.environment} at {claim.at}",
                hint="wait for it; if it was killed, nbpromote doctor --repair finishes it",
            )
        _refuse_other(seen[deployment.notebook], expected[deployment.notebook], deployment)


def bars(site: Site, state: State, notebook: str) -> Iterator[str]:
    """What keeps somebody from making a notebook's deployment other than it is, each with what to do about it."""
    env, standing = state.environment, state[notebook]
    if state.frozen:
        yield f"{env} was frozen by {state.frozen.by} at {state.frozen.at}: nbpromote thaw --env {env} lifts that"
    if standing.held:
        yield f"{notebook} is held in {env}: {standing.held}: nbpromote unhold {notebook} --env {env} lifts that"
    if why := gate.may_apply(site.policy(env, notebook), people.me_in(site, env)):
        yield why


def _refuse_other(seen: Standing, expected: Standing, wanted: Deployment) -> None:
    stands = (seen.live and seen.live.run, seen.holds, seen.held)
    if stands == (expected.live and expected.live.run, expected.holds, expected.held):
        return
    moved = (seen.live and seen.live.run) != (expected.live and expected.live.run)
    now = f"{seen.live.alias} is live since {seen.live.since}" if seen.live and moved else "its holds changed"
    raise LostRace(
        f"{wanted.notebook} in {wanted.environment} moved meanwhile: {now}; {wanted.alias} changed nothing",
        hint="look at nbpromote status, and plan again",
    )


@contextmanager
def alone(site: Site, event: Event) -> Iterator[None]:
    """One application of a notebook at a time on this machine; between machines the intent decides."""
    from filelock import FileLock

    folder = site.project.state / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as locks:
        for notebook in sorted(event.notebooks):  # in one order, so that nobody waits for each other
            locks.enter_context(FileLock(folder / f"{event.environment}.{notebook.replace('/', '.')}.lock"))
        yield
