"""Why something was let in, or was not: `why`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from nbpromote import gate
from nbpromote.errors import NotFound
from nbpromote.model import Decision, Deployment, Event, Evidence, Explanation
from nbpromote.project import Project
from nbpromote.workflow.evidence import naming
from nbpromote.workflow.site import Site


def why(project: Project, what: str, *, env: str | None = None, last: bool = False) -> tuple[Explanation, ...]:
    """The newest decision about a run, a release, a notebook or an attempt, as it was taken and written down.

    An attempt that carried several notebooks has one decision for each.
    What nobody decided on is decided now: by the policy of its environment, against what is live there. With `last`, a
    notebook's name means its last run and not the last decision. Raises `NotFound` for an attempt that asked no gate.
    """
    site = Site(project)
    site.fetch()
    if last:
        what = naming.find(site, what, env, last=True).evidence.run.id
    what, env = naming.parted(what, env)
    environments = [site.require(env)] if env else site.every_environment
    written = [told for environment in environments for told in _written(site, environment, what)]
    if not written:
        _refuse_unasked(site, environments, what)
        return (_now(site, what, env),)
    newest = max(written, key=lambda told: told.at)
    return tuple(told for told in written if (told.attempt, told.at) == (newest.attempt, newest.at))


def decided(site: Site, evidence: Evidence, rival: Deployment | None) -> Decision:
    """What the gates of its environment say of evidence today."""
    run = evidence.run
    gates = site.policy(run.environment, run.notebook).gates if run.environment in site.environments else ()
    return gate.decide(evidence, gates, live=rival, environment=run.environment)


def _written(site: Site, environment: str, what: str) -> Iterator[Explanation]:
    events = site.ledger.events(environment)
    ends, heard = dict[str, str](), defaultdict[str, list[str]](list)
    for event in events:
        if event.verb in _SAID:
            heard[event.attempt].append(_told(event))
        else:
            ends[event.attempt] = event.step
    for event in events:
        pairs = _decided(event) if _is_about(event, what) else []
        named = [pair for pair in pairs if _is_called(pair[0], what)]
        for deployment, decision in named or pairs:
            yield Explanation(
                notebook=deployment.notebook,
                run=deployment.run,
                decision=decision,
                alias=deployment.alias,
                release=deployment.release,
                verb=event.verb,
                attempt=event.attempt,
                ended=ends[event.attempt],
                said=tuple(heard[event.attempt]),
                at=event.at,
                by=event.actor,
            )


def _decided(event: Event) -> list[tuple[Deployment, Decision]]:
    """Nobody is asked of what was live already: that is told in the place of a decision."""
    if (event.verb, event.step) == ("adopt", "intent"):
        return [(each, Decision(environment=event.environment, verdicts=())) for each in event.deployments]
    return list(zip(event.deployments, event.decisions, strict=False))


_SAID = {"approve": "approved", "reject": "rejected", "override": "overridden"}


def _told(event: Event) -> str:
    """`overridden by Ada at 2026-11-23 06:10 (soak): the fix cannot wait`."""
    over = f" ({', '.join(event.overrides)})" if event.overrides else ""
    because = f": {event.reason}" if event.reason else ""
    return f"{_SAID[event.verb]} by {event.actor} at {event.at[:16].replace('T', ' ')}{over}{because}"


def _is_called(deployment: Deployment, what: str) -> bool:
    is_digest = len(what) >= 8 and deployment.release.startswith(what)
    return is_digest or what in (deployment.alias, deployment.run, deployment.notebook)


def _is_about(event: Event, what: str) -> bool:
    return what in (event.attempt, event.id) or any(_is_called(deployment, what) for deployment in event.deployments)


def _refuse_unasked(site: Site, environments: Sequence[str], what: str) -> None:
    """A rollback, for instance: it goes back to what gates have let in before."""
    events = (event for environment in environments for event in site.ledger.events(environment))
    event = next((event for event in events if what in (event.attempt, event.id)), None)
    if event is not None:
        because = f": {event.reason}" if event.reason else ""
        aliases = ", ".join(event.aliases)
        told = f"{what} is a {event.verb} to {aliases} in {event.environment} by {event.actor}"
        raise NotFound(
            f"{told}, which no gate is asked of{because}",
            hint=f"nbpromote why {aliases} --env {event.environment}",
        )


def _now(site: Site, what: str, env: str | None) -> Explanation:
    found = naming.find(site, what, env)
    run, deployment = found.evidence.run, found.deployment
    return Explanation(
        notebook=run.notebook,
        run=run.id,
        decision=decided(site, found.evidence, naming.rival(site, found.evidence)),
        alias=deployment.alias if deployment else "",
        release=deployment.release if deployment else "",
        at=run.ended,
        by=run.actor,
    )
