"""What a policy demands besides its gates: consent by people, time to stand below, hours to go live in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Window:
    """A weekly span in which going live is allowed, or is not. Denials win over what is allowed.

    `days` count from Monday, 0; `start` and `end` are minutes after midnight in the time `zone`, `end` not included and
    at most 1440. A span that goes past midnight is written as two.
    """

    allow: bool
    days: tuple[int, ...]
    start: int = 0
    end: int = 1440
    zone: str = "UTC"
    where: str = ""  # the file and line that asks


@dataclass(frozen=True, kw_only=True)
class Approvals:
    """How many people must consent, from which groups (any of them; none named: anybody), and how long that holds."""

    count: int = 1
    groups: tuple[str, ...] = ()
    expires: float | None = None  # seconds


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who someone is, and how that is known.

    `source` is `signature` (git verified it against the allowed signers), `ci` (the host ran the job for them) or `git`
    (they say so themselves, in git's configuration). `detail` is the key's fingerprint, or the address of the job.
    """

    name: str  # `Ada Lovelace <ada@example.org>`, or a login on the host
    source: str = "git"
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What one person said of a promotion that waits: yes, or that something demanded is passed over.

    `bound` is the digest of what they were shown. `overrides` are kinds of `Wait`, and gates by their words.
    """

    by: Identity
    at: str
    bound: str
    event: str = ""  # the id of the event that says so
    overrides: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Why a promotion does not go live yet: `approval`, `soak`, `window` or `applier`.

    `until` is empty where no clock knows.
    """

    kind: str
    reason: str
    until: str = ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the rules of waiting look at: who asked for a promotion, who wrote its code, since when it stands below.

    `bound` is the digest of everything that consent is given to. `below` maps each notebook to the moment when its
    release was verified where it comes from. `doubt` says why there may be other authors.
    """

    environment: str
    bound: str
    requester: Identity
    authors: tuple[str, ...] = ()
    doubt: str = ""
    below: Mapping[str, str] = field(default_factory=dict)
