"""What is not as it was, whoever changed it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that happened to an environment.

    `kind` is the verb of an event, or params, policy, lock, input or packages. `read_by` are notebooks that read,
    directly or by way of others, what those it is about write.
    """

    at: str
    kind: str
    environment: str
    what: str
    notebooks: tuple[str, ...] = ()  # none: it is about all of them
    outcome: str = ""  # of a promotion its last step; of an input who has met it
    by: str = ""
    where: str = ""  # attempt, commit or path
    read_by: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
