"""What the policies of an environment would have a promotion wait for. Loads nothing that `status` does not need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nbpromote import clock, gate
from nbpromote.model import Asked, Consent, Policy, Wait
from nbpromote.workflow.site import Site


def policies(site: Site, environment: str, notebooks: Iterable[str]) -> tuple[Policy, ...]:
    """What is demanded of each notebook."""
    return tuple(site.policy(environment, notebook) for notebook in notebooks)


def waits(site: Site, about: Asked, notebooks: Iterable[str], consents: Sequence[Consent] = ()) -> tuple[Wait, ...]:
    """What every policy concerned waits for at this moment, each reason once."""
    now = clock.now()
    asked = policies(site, about.environment, notebooks)
    return tuple(dict.fromkeys(wait for policy in asked for wait in gate.waits(policy, about, consents, now=now)))
