"""Gates that somebody passes over before a promotion is asked for again: for one release, under one policy, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from nbpromote import clock, gate, report
from nbpromote.errors import NotFound, Refused, nearest
from nbpromote.model import Asked, Consent, Decision, Gate, Mode, Move, Plan, Policy
from nbpromote.workflow.site import Site, people


def bound(planned: Plan, move: Move) -> str:
    """Digest of what an override of gates is given to: one notebook's part of a plan."""
    return replace(planned, moves=(move,), policies={move.notebook: planned.policies[move.notebook]}).digest


def passed_over(site: Site, planned: Plan, move: Move) -> dict[Gate, str]:
    """The gates of a move that somebody passes over, each with who and why."""
    policy, about = site.policy(planned.target, move.notebook), bound(planned, move)
    gates = {report.gate(each): each for each in _enforced(move)}
    found = {}
    for event in site.ledger.state(planned.target).overrides:
        if event.bound == about:
            said = people.overriding(site, event)
            if said.bound == about and not discounts(policy, planned.target, said):
                told = f"overridden by {said.by.name}: {said.reason}"
                found.update({gates[words]: told for words in said.overrides if words in gates})
    return found


def discounts(policy: Policy, environment: str, consent: Consent) -> str:
    """Why an override of gates does not count; empty where it does."""
    asked = Asked(environment=environment, bound=consent.bound, requester=consent.by)
    return gate.discounts(policy, asked, consent, now=clock.now())


def told(site: Site, planned: Plan) -> Iterator[str]:
    """What is passed over in a plan."""
    for move in planned.moves:
        yield from (f"{report.gate(each)}: {by}" for each, by in passed_over(site, planned, move).items())


def used(decisions: Iterable[Decision]) -> tuple[str, ...]:
    """The gates that would have refused, by their words."""
    verdicts = (verdict for decision in decisions for verdict in decision.verdicts)
    return tuple(dict.fromkeys(report.gate(verdict.gate) for verdict in verdicts if verdict.overridden))


def meant(move: Move, said: str) -> str:
    """The words of the one gate that is called so: as `plan` spells it, or by what it asks about where that is one.

    Raises `NotFound` for none, and `Refused` for one that nobody may pass over.
    """
    known = {report.gate(each): each for each in _enforced(move)}
    fitting = [words for words, each in known.items() if said in (words, each.metric, each.check, each.budget)]
    if len(fitting) != 1:
        count = f"{len(fitting)} gates are" if fitting else "no gate is"
        hint = f"gates: {', '.join(known) or 'none'}"
        raise NotFound(f"{count} called {said!r} for {move.notebook} in {move.target}{nearest(said, known)}", hint=hint)
    if not gate.may_be_overridden(known[fitting[0]]):
        raise Refused(f"{fitting[0]} is passed over by nobody; nothing was changed")
    return fitting[0]


def _enforced(move: Move) -> Iterator[Gate]:
    return (each for each in move.gates if each.mode is Mode.ENFORCE)
