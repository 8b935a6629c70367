"""What stands where, and how it came to be: the status table and the history, as text. No heavy import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from nbpromote.model import Board, Collection, Deployment, Event, Status
from nbpromote.report import words
from nbpromote.report.layout import Paint, columns, grid

_STATES = {"verified": "green", "unverified": "yellow", "failed": "red", "expired": "red"}
_STEPS = {
    "refused": "red",
    "failed": "red",
    "aborted": "yellow",
    "intent": "yellow",
    "running": "yellow",
    "unverified": "yellow",
}


def board(board: Board, *, colour: bool = False) -> str:
    """The status, and by when that is so: what a remote has not said yet cannot be shown."""
    paint, at = Paint(colour), board.as_of
    heard = f"{words.line(at[:19].replace('T', ' '))}Z" if at else "never, in this clone"
    told = f"as of {heard}"
    if board.stale:
        told = paint(f"STALE: {told} ({words.line(board.silent)})", "red")
    return f"{status(board.rows, colour=colour)}\n\n{told}"


def status(rows: Sequence[Status], *, colour: bool = False) -> str:
    """Notebooks by environments; holds and promotions left half-way stand below. Times are UTC."""
    paint = Paint(colour)
    live = {(row.environment, d.notebook): d for row in rows for d in row.deployments}
    names = sorted({notebook for _, notebook in live})
    pending = {(row.environment, notebook) for row in rows for notebook in row.pending}
    if not names:
        lines = _nothing(rows)
    else:
        table = [
            [[paint(words.line(name), "bold")]]
            + [_deployed(live.get((r.environment, name)), (r.environment, name) in pending, paint) for r in rows]
            for name in names
        ]
        header = ["notebook", *(words.line(row.environment) for row in rows)]
        lines = [*grid(header, table, paint), "", "times are UTC"]
    extra = columns(_extra(rows, paint))
    return "\n".join([*lines, *([""] if extra else []), *extra])


def _nothing(rows: Sequence[Status]) -> list[str]:
    where = ", ".join(words.line(row.environment) for row in rows)
    if not where:
        return ["no environment is configured", "the first: params/dev.yaml"]
    return [f"nothing is live yet in {where}", "the first: nbpromote release NAME"]


def _deployed(deployment: Deployment | None, pending: bool, paint: Paint) -> list[str]:
    if deployment is None:
        return ["-"]
    alias = words.line(deployment.alias) or words.short(deployment.release)
    state = words.line(deployment.state)
    how = ", adopted" if deployment.adopted else ""
    metric = words.key_metric(deployment.metrics)
    facts = [
        f"v{words.line(deployment.model.version)}" if deployment.model and deployment.model.version else "",
        f"{words.line(metric[0])} {words.number(metric[1])}" if metric else "",
    ]
    lines = [
        f"{paint(alias, 'bold')}{''.join(f' · {fact}' for fact in facts if fact)}",
        f"{words.moment(deployment.since)} {paint(state, _STATES.get(state, 'bold'))}{how}".strip(),
    ]
    return [*lines, *([paint("config pending", "yellow")] if pending else [])]


def _extra(rows: Sequence[Status], paint: Paint) -> list[list[str]]:
    """What needs somebody, a line each."""
    lines = []
    for row in rows:
        environment = words.line(row.environment)
        for notebook, digests in sorted(row.held.items()):
            which = words.line(digests[-1]) if len(digests) > 1 else words.line(notebook)
            lift = f"may not go live until `nbpromote unhold {which} --env {environment}`"
            held = f"{', '.join(map(words.line, digests))}: {lift}"
            lines += [[paint("held", "yellow"), environment, words.line(notebook), held]] if digests else []
        for live in row.deployments:
            if live.overrides:
                told = f"{live.alias} is live with this passed over: {', '.join(live.overrides)}"
                lines.append([paint("overridden", "yellow"), environment, words.line(live.notebook), words.line(told)])
        for notebook, since in row.due.items():
            told = f"to be looked at again since {words.moment(since)}, as the policy has it"
            lines.append([paint("due", "yellow"), environment, words.line(notebook), told])
        if row.frozen:
            why = f": {row.frozen.reason}" if row.frozen.reason else ""
            told = f"by {row.frozen.by} since {words.moment(row.frozen.at)}{why}"
            told = f"{told}; nbpromote thaw --env {environment} lifts that"
            lines.append([paint("frozen", "yellow"), environment, "", words.line(told)])
        for attempt in row.running:
            event = attempt.event
            told = f"{', '.join(event.aliases)} since {words.moment(event.at)}, by {event.actor}"
            lines.append([paint("running", "yellow"), environment, ", ".join(event.notebooks), words.line(told)])
        for attempt in row.waiting:
            event = attempt.event
            told = f"{', '.join(event.aliases)} since {words.moment(event.at)}, asked for by {event.actor}"
            lines.append([paint("waiting", "yellow"), environment, ", ".join(event.notebooks), words.line(told)])
            lines += [
                ["", "", "", words.line(f"{wait.kind}: {wait.reason}")] for wait in row.waits.get(event.attempt, ())
            ]
        if row.alone:
            told = "the remote has nothing of this history: `nbpromote doctor --repair` takes it there"
            lines.append([paint("unshared", "yellow"), environment, "", told])
        for notebook in row.open:
            told = "a promotion was left half-way: run it again, or `nbpromote doctor --repair`"
            lines.append([paint("half-way", "red"), environment, words.line(notebook), told])
    return lines


def history(events: Iterable[Event], *, colour: bool = False) -> str:
    """One line an attempt, newest first: when it began to go live, how it ended, who, what and why. Times are UTC.

    What was asked for waits, and may be applied by somebody else: that is told among the reasons.
    """
    # what was deployed and decided is most of an event, and none of its line
    told = tuple(replace(event, deployments=(), decisions=()) for event in events)
    if not told:
        return "nothing has happened yet"
    paint = Paint(colour)
    header = ["when", "where", "notebook", "what", "outcome", "release", "who", "why"]
    groups = sorted(words.attempts(told), key=lambda group: _begun(group).at, reverse=True)
    attempts = [_attempt(group, paint) for group in groups]
    return "\n".join(columns([[paint(name, "bold") for name in header], *attempts]))


def _attempt(group: Sequence[Event], paint: Paint) -> list[str]:
    first, begun, last = group[0], _begun(group), group[-1]
    aliases = next((event.aliases for event in reversed(group) if event.aliases), ())
    asked = [] if begun is first else [f"asked for by {first.actor} {words.moment(first.at)}"]
    reasons = dict.fromkeys(words.line(told) for told in (*asked, *map(_said, group)) if told)
    step = words.line(last.step)
    return [
        words.moment(begun.at),
        words.line(first.environment),
        words.line(", ".join(first.notebooks)),
        words.line(first.verb),
        paint("half-way" if step == "intent" else step, _STEPS.get(step, "green")),
        words.line(", ".join(aliases)),
        words.line(begun.actor),
        "; ".join(reasons),
    ]


def _begun(group: Sequence[Event]) -> Event:
    """What began to move something: of what has waited and went on, not the asking."""
    return next((event for event in group if event.step == "intent"), group[0])


def _said(event: Event) -> str:
    """The reason, and where people were asked for their consent, whose it is."""
    told, said = words.event(event), _CONSENTS.get(event.verb)
    return f"{said} by {event.actor}{f': {told}' if told else ''}" if said else told


_CONSENTS = {"approve": "approved", "reject": "rejected", "override": "passed over"}


def collection(found: Collection) -> str:
    """What was taken away, or would be; the largest first."""
    verb = "removed" if found.done else "would remove"
    kinds = Counter(one.kind for one in found.litter)
    told = " and ".join(words.counted(kinds[kind], _KINDS[kind]) for kind in _KINDS if kinds[kind]) or "nothing"
    stays = " and ".join(words.counted(count, _KINDS[kind]) for kind, count in found.kept.items())
    litter = sorted(found.litter, key=lambda one: -one.size)
    names = (words.line(one.name) if one.kind == "run" else words.short(one.name) for one in litter)
    rows = [
        [one.kind, name, words.size(one.size), words.moment(one.at)] for one, name in zip(litter, names, strict=True)
    ]
    notes = [words.line(note) for note in found.notes]
    lines = [*columns(rows), *([""] if rows else []), f"{verb} {told}, {words.size(found.size)}; {stays} stay"]
    return "\n".join([*lines, *notes])


_KINDS = {"run": "run", "blob": "sealed file"}
