"""Promotions as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from nbpromote.model import Candidate, Event, Heard, Move, Promotion, Verification
from nbpromote.report import words
from nbpromote.report.layout import Paint
from nbpromote.report.plans.spelling import wait
from nbpromote.report.text import STYLES, decision, ended, evidence, listed, told_checks


def promotion(promotion: Promotion, *, colour: bool = False) -> str:
    """What an attempt to make releases live came to: what is live now, or every reason why it is not."""
    paint, plan = Paint(colour), promotion.plan
    told = {candidate.move.notebook: candidate for candidate in promotion.candidates}
    lines = [_outcome(promotion, move, told.get(move.notebook), paint) for move in plan.moves]
    lines = lines or [f"nothing that is verified below is missing in {words.line(plan.target)}"]
    lines += [words.line(promotion.note)] if promotion.note else []
    lines += listed("unmet", plan.unmet)
    for candidate in promotion.candidates:
        lines += _candidate(candidate, len(plan.moves) > 1, paint)
    lines += listed("it waits", map(wait, promotion.waits))
    lines += listed("overridden", map(words.line, promotion.overrides))
    lines += listed("written to since, and left as it was published before", map(words.line, promotion.written))
    return ended(lines)


def _candidate(candidate: Candidate, named: bool, paint: Paint) -> list[str]:
    lines: list[str] = []
    if candidate.evidence is not None and not candidate.evidence.passed:
        lines += ["", evidence(candidate.evidence, colour=paint.wanted)]
    if candidate.decision is not None:
        lines += ["", decision(candidate.decision, colour=paint.wanted)]
    if candidate.verification:
        of = f" of {words.line(candidate.move.notebook)}" if named else ""
        lines += ["", f"verification{of}", *told_checks(candidate.verification, paint)]
    return lines


_NOT_LIVE = {
    "waiting": ("waiting", "yellow", "waits at the door of {target}; what is live there was not changed"),
    "superseded": ("superseded", "yellow", "will not get into {target}; what is live there was not changed"),
    "errored": ("not live", "red", "could not be judged in {target}; what is live there was not changed"),
    "inconclusive": ("not live", "red", "too little is known for {target}; what is live there was not changed"),
}


def _outcome(promotion: Promotion, move: Move, candidate: Candidate | None, paint: Paint) -> str:
    what = f"{words.line(move.notebook)} {words.release(move.alias, move.release)}"
    target = words.line(move.target)
    live = candidate.deployment if candidate else None
    if promotion.state not in ("verified", "unverified", "failed") or live is None:
        otherwise = ("not live", "red", "did not get into {target}; what is live there was not changed")
        word, style, told = _NOT_LIVE.get(promotion.state, otherwise)
        return f"{paint(word, style)}: {what} {told.format(target=target)}"
    if live.state == "failed":
        return f"{paint('failed', 'red')}: {what} did not pass its verification in {target}"
    state = "live" if live.state == "verified" else "live, and not yet verified"
    model = f", model version {words.line(live.model.version)}" if live.model and live.model.version else ""
    old = move.incumbent
    instead = f", in place of {words.line(old.alias)}" if old and old.release != live.release else ""
    return f"{paint(state, 'green' if live.state == 'verified' else 'yellow')}: {what} in {target}{model}{instead}"


def advanced(promotions: Sequence[Promotion], *, colour: bool = False) -> str:
    """What came of several promotions, one after the other."""
    return ended([line for each in promotions for line in (promotion(each, colour=colour), "")])


def verified(found: Sequence[Verification], *, colour: bool = False) -> str:
    """What each live deployment answered."""
    paint, lines = Paint(colour), list[str]()
    for one in found:
        live, word = one.deployment, paint(one.outcome.value, STYLES[one.outcome])
        what = f"{words.line(live.notebook)} {words.release(live.alias, live.release)}"
        lines += [f"{word}: {what} in {words.line(live.environment)}", *told_checks(one.checks, paint), ""]
    return ended(lines or ["nothing is live"])


_DONE = {
    "hold": "{what} may not go live in {environment}: nbpromote unhold lifts that",
    "unhold": "{what} may go live in {environment} again",
    "freeze": "{environment} is frozen: nothing is promoted to it or run in it; rollbacks go on",
    "thaw": "{environment} is thawed",
    "approve": "approved: {what} in {environment}, by {by}",
    "reject": "rejected: {what} will not get into {environment}; what is live there was not changed",
    "override": "overridden for {what} in {environment}: {over}, by {by}",
    "promote": "you have approved {what} in {environment} already",
}


def said(event: Event) -> str:
    """What one event that stands alone has done."""
    what = " ".join(words.line(part) for part in (*event.notebooks, *event.aliases))
    told = _DONE.get(event.verb, "{what} in {environment}: {verb}")
    return told.format(
        what=what,
        environment=words.line(event.environment),
        verb=event.verb,
        by=words.line(f"{event.actor} ({event.vouched})"),
        over=words.line(", ".join(event.overrides)),
    )


def heard(heard: Heard) -> str:
    """What somebody has said of a promotion, and what it still waits for."""
    event = heard.event
    names = " ".join(map(words.line, event.notebooks))
    if event.verb == "reject":
        return said(event)
    after = listed("it still waits", map(wait, heard.waits))
    return ended([said(event), *(after or ["", _NEXT[heard.asks].format(names=names, env=event.environment)])])


_NEXT = {
    True: "ask for it again: nbpromote promote {names} --to {env}",
    False: "nothing is missing: nbpromote advance --env {env} makes it live",
}
