"""Why something was let in, or was not: `why`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbpromote import gate
from nbpromote.errors import NotFound
from nbpromote.model import Decision, Deployment, Event, Evidence, Explanation
from nbpromote.project import Project
from nbpromote.workflow import naming
from nbpromote.workflow.site import Site
from nbpromote.workflow.watching import known


def why(project: Project, what: str, *, env: str | None = None, last: bool = False) -> Explanation:
    """The newest decision about a run, a release, a notebook or an attempt, as it was taken and written down.

    What nobody decided on is decided now: by the policy of its environment, against what is live there. With `last`, a
    notebook's name means its last run and not the last decision. Raises `NotFound` for an attempt that asked no gate.
    """
    site = Site(project)
    site.fetch()
    if last:
        what = naming.find(site, what, env, last=True).evidence.run.id
    what, env = naming.parted(what, env)
    environments = [site.require(env)] if env else known(site)
    written = [told for environment in environments for told in _written(site, environment, what)]
    if not written:
        _refuse_unasked(site, environments, what)
        return _now(site, what, env)
    return max(written, key=lambda told: told.at)


def decided(site: Site, evidence: Evidence, rival: Deployment | None) -> Decision:
    """What the gates of its environment say of evidence today."""
    run = evidence.run
    gates = site.policy(run.environment, run.notebook).gates if run.environment in site.environments else ()
    return gate.decide(evidence, gates, live=rival, environment=run.environment)


def _written(site: Site, environment: str, what: str) -> Iterator[Explanation]:
    events = site.ledger.events(environment)
    ends = {event.attempt: event.step for event in events}
    for event in events:
        pairs = zip(event.deployments, event.decisions, strict=False)
        for deployment, decision in pairs if _is_about(event, what) else ():
            if what in event.notebooks and what != deployment.notebook:
                continue
            yield Explanation(
                notebook=deployment.notebook,
                run=deployment.run,
                decision=decision,
                alias=deployment.alias,
                release=deployment.release,
                verb=event.verb,
                attempt=event.attempt,
                ended=ends[event.attempt],
                at=event.at,
                by=event.actor,
            )


def _is_about(event: Event, what: str) -> bool:
    is_digest = len(what) >= 8 and any(release.startswith(what) for release in event.digests)
    runs = [deployment.run for deployment in event.deployments]
    return is_digest or what in (event.attempt, event.id, *event.aliases, *runs, *event.notebooks)


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
