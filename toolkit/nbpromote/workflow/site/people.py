"""Who acts, and who acted: by a signature where the policy demands one, else by the CI host, else by git's settings."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbpromote import persons
from nbpromote.errors import Unavailable, Usage
from nbpromote.git import Repository, Signature
from nbpromote.model import Attempt, CiContext, Consent, Event, Identity, Policy

if TYPE_CHECKING:
    from nbpromote.workflow.site import Site


def me(repository: Repository, job: CiContext | None) -> Identity:
    """Who acts here, as far as that needs no key."""
    if job and job.actor:
        return Identity(name=job.actor, source="ci", detail=job.url)
    return Identity(name=repository.identity())


def me_in(site: Site, environment: str) -> Identity:
    """Who acts here, for an environment that may want a signature: whoever git says, as the ledger wants theirs."""
    if site.policy(environment, "").signatures:
        return Identity(name=site.git.identity(), source="signature")
    return site.me


# -- signing ---------------------------------------------------------------------------------------------------------


def wants_signature(policy: Policy, verb: str, step: str) -> bool:
    """What consent rests on is signed: who asks, who says yes or no, and who makes live where only some may."""
    if not policy.signatures:
        return False
    applies = step == "intent" and verb in ("promote", "adopt")
    return verb in _CONSENT or step == "waiting" or (policy.apply == "ci" and applies)


_CONSENT = ("approve", "reject", "override", "renew")


def vouching(site: Site, event: Event) -> Callable[[str], None] | None:
    """What the ledger asks of the signed commit of an event before anybody sees it; None where it needs no signature.

    It raises `Usage` where the signature proves nothing, or somebody else.
    """
    environment, policy = event.environment, site.policy(event.environment, "")
    if not wants_signature(policy, event.verb, event.step):
        return None

    def must_be_theirs(commit: str) -> None:
        signer = identity_of(site.git, replace(event, commit=commit), signers(site, environment))
        if signer.source != "signature":
            raise Usage(
                f"{environment} counts signatures alone, and yours does not: {signer.detail}; nothing was changed",
                hint=f"the keys that count are in {site.project.params.name}/{policy.allowed_signers}",
            )
        if persons.names(event.actor).isdisjoint(persons.names(signer.name)):
            raise Usage(
                f"git says that you are {event.actor}, and the key is {signer.name}'s; nothing was changed",
                hint="git config user.email, or git config user.signingkey",
            )

    return must_be_theirs


def signers(site: Site, environment: str) -> str:
    """Whose keys count in an environment, from the commit that holds its policy; empty where none do."""
    named = site.policy(environment, "").allowed_signers
    return (site.values.committed(named) or "") if named else ""


# -- reading ---------------------------------------------------------------------------------------------------------


def requester(site: Site, event: Event) -> Identity:
    """Who asked for a promotion that waits."""
    written = _written(site, event.environment, event.id)
    return _who(site, written) if written else said(event)


def consents(site: Site, attempt: Attempt) -> tuple[Consent, ...]:
    """What people said of a promotion that waits, and who they are, in the way in which the policy wants that known."""
    return tuple(_as_written(site, attempt, one) for one in attempt.consents)


def _as_written(site: Site, attempt: Attempt, consent: Consent) -> Consent:
    """A consent by the event itself, and none without: the folded state beside it can be written by others."""
    event = _written(site, attempt.event.environment, consent.event)
    if event is None or event.verb not in ("approve", "override") or event.attempt != attempt.event.attempt:
        nobody = replace(_unsigned(consent.by), detail="the ledger has no such event")
        return replace(consent, by=nobody, bound="")
    return _consent(event, _who(site, event))


def _who(site: Site, event: Event) -> Identity:
    """Whose an event of the ledger is: by its signature where the policy wants one, else by what it says."""
    if site.policy(event.environment, "").signatures:
        return identity_of(site.git, event, signers(site, event.environment))
    return said(event)


def overriding(site: Site, event: Event) -> Consent:
    """An override that stands alone, by the ledger's own commit of it where the policy wants signatures."""
    if not site.policy(event.environment, "").signatures:
        return _consent(event, said(event))
    written = _written(site, event.environment, event.id)
    if written is None or written.verb != "override":
        return _consent(event, replace(said(event), source="git", detail="the ledger has no such event"))
    return _consent(written, identity_of(site.git, written, signers(site, event.environment)))


def _consent(event: Event, by: Identity) -> Consent:
    return Consent(
        by=by, at=event.at, bound=event.bound, event=event.id, overrides=event.overrides, reason=event.reason
    )


def _written(site: Site, environment: str, event_id: str) -> Event | None:
    """An event by its id, as the ledger's own commit has it."""
    number = event_id.removeprefix(f"{environment}-")
    events = site.ledger.events(environment)
    return events[int(number) - 1] if number.isdecimal() and 0 < int(number) <= len(events) else None


def said(event: Event) -> Identity:
    """Who an event says that it is by: text that whoever wrote it chose, and so never a signature."""
    source, _, detail = event.vouched.partition(" ")
    return _unsigned(Identity(name=event.actor, source=source or "git", detail=detail))


def _unsigned(who: Identity) -> Identity:
    return who if who.source in ("git", "ci") else Identity(name=who.name)


def identity_of(repository: Repository, event: Event, allowed: str) -> Identity:
    """Who signed an event, where the key is allowed; else who it says, with why that is not proven in `detail`.

    `allowed` is what ssh-keygen takes for allowed signers; lines of the form `NAME gpg FINGERPRINT` are for GPG keys.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="nbpromote-") as folder:
            file = Path(folder) / "allowed_signers"
            file.write_text("".join(f"{line}\n" for line in _lines(allowed) if not _of_gpg(line)))
            signature = repository.signature(event.commit, file)
    except Unavailable as error:
        return replace(said(event), source="git", detail=error.message)
    signer, fault = _signer(signature, allowed)
    if fault or signature is None:
        return replace(said(event), source="git", detail=fault)
    return Identity(name=signer, source="signature", detail=signature.fingerprint)


def _signer(signature: Signature | None, allowed: str) -> tuple[str, str]:
    """Whose signature it is, and why that proves nothing."""
    if signature is None:
        return "", "nobody signed it"
    if signature.verdict in ("bad", "revoked", "expired", "unchecked"):
        return "", _FAULTS[signature.verdict]
    # a GPG key is known by the policy alone: whom this machine trusts is no matter of the team's
    is_ssh = signature.fingerprint.startswith("SHA256:")
    listed = [line.split()[0] for line in _lines(allowed) if _of_gpg(line) == signature.fingerprint]
    signer = (signature.signer if signature.good else "") if is_ssh else next(iter(listed), "")
    if not signer:
        return "", f"its key {signature.fingerprint} is none of the allowed signers'"
    if any(letter in signer for letter in "*?!"):
        return "", f"its key is allowed for {signer}, which is nobody's name"
    return signer, ""


_FAULTS = {
    "bad": "its signature does not hold",
    "revoked": "its key was revoked",
    "expired": "its key or its signature has expired",
    "unchecked": "its signature cannot be checked here: the key or the program for it is missing",
}


def _lines(allowed: str) -> Iterator[str]:
    return (line for line in allowed.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def _of_gpg(line: str) -> str:
    """The fingerprint of a line for a GPG key; empty for any other."""
    words = line.split()
    return words[2].upper() if len(words) == 3 and words[1] == "gpg" else ""
