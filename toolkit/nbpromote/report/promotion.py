"""Plans and promotions as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from nbpromote.model import Candidate, Event, Gate, Heard, Move, Plan, Promotion, Wait
from nbpromote.report import words
from nbpromote.report.layout import Paint, columns
from nbpromote.report.text import block, decision, ended, evidence, listed, told_checks


def plan(plan: Plan, *, colour: bool = False) -> str:
    """What a promotion would change, and everything still unmet."""
    paint = Paint(colour)
    nothing = f"nothing is verified below {words.line(plan.target)} that is not live there already"
    lines: list[str] = [] if plan.moves else [nothing]
    for move in plan.moves:
        lines += [*_move(move, plan, paint), ""]
    own = [reason for move in plan.moves for reason in move.unmet]
    lines += listed("still unmet", [*(r for r in plan.unmet if r not in own), *own])
    lines += listed("overridden", map(words.line, plan.overrides))
    lines += listed("then it waits", map(_wait, plan.waits))
    return ended([*lines, "", f"plan {words.short(plan.digest)}; nothing was changed"])


def _move(move: Move, plan: Plan, paint: Paint) -> list[str]:
    ready = paint("ready", "green") if not (move.unmet or plan.unmet) else paint("not ready", "red")
    lines = [f"{ready}: {words.line(move.notebook)} from {words.line(move.source)} to {words.line(move.target)}", ""]
    lines += columns(
        [
            ["release", f"{words.release(move.alias, move.release)} from {words.line(move.source)}"],
            ["replaces", _incumbent(move)],
            ["strategy", _strategy(move)],
        ]
    )
    lines += block("parameters that change", (_changed(move, name) for name in sorted(move.changed)))
    lines += block("gates", (_asked(gate, move) for gate in move.gates))
    return lines


def _incumbent(move: Move) -> str:
    live = move.incumbent
    if live is None:
        return f"nothing: the first in {words.line(move.target)}"
    same = ", the same code" if live.code == move.code else ""
    since = f"live since {words.moment(live.since)}, {words.line(live.state)}"
    return f"{words.release(live.alias, live.release)}, {since}{same}"


def _strategy(move: Move) -> str:
    target, source = words.line(move.target), words.line(move.source)
    told = {
        "retrain": f"retrain: it runs in {target} with {target}'s parameters",
        "copy": f"copy: nothing runs; the model verified in {source} is carried over",
    }
    return told.get(move.strategy, words.line(move.strategy))


def _changed(move: Move, name: str) -> list[str]:
    before, after = move.changed[name]
    change = f"{words.value(before)} -> {words.value(after)}"
    return [words.line(name), change, words.line(move.origins.get(name, ""))]


def _asked(gate: Gate, move: Move) -> list[str]:
    unasked = "not asked: nothing is live" if gate.relative and move.incumbent is None else ""
    return [words.gate(gate), unasked or words.line(gate.where)]


def _wait(wait: Wait) -> str:
    until = f", until {words.moment(wait.until)}" if wait.until else ""
    return f"{words.line(wait.kind)}: {words.line(wait.reason)}{until}"


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
    lines += listed("it waits", map(_wait, promotion.waits))
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
    after = listed("it still waits", map(_wait, heard.waits))
    return ended([said(event), *(after or ["", _NEXT[heard.asks].format(names=names, env=event.environment)])])


_NEXT = {
    True: "ask for it again: nbpromote promote {names} --to {env}",
    False: "nothing is missing: nbpromote advance --env {env} makes it live",
}
