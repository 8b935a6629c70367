"""What changed since a commit, as one comment on a pull request: how it ran, and what the road will ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nbpromote.model import Gate, Policy
from nbpromote.report import summary, verdict, words
from nbpromote.report.marked import COMMENT, code, fitting, plain, table
from nbpromote.report.subject import Subject

# first in the comment, so that the next one replaces it
STICKY = "<!-- nbpromote -->"
_HOURS, _DAYS = 3600, 86400


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one environment will ask of one notebook, by the files as they are proposed."""

    notebook: str
    environment: str
    policy: Policy


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """`subjects` are the last runs of what changed since `base`; `not_run` changed and has no run here."""

    base: str
    subjects: tuple[Subject, ...]
    not_run: tuple[str, ...] = ()
    files: tuple[str, ...] = ()  # params, policies, lock and settings that differ
    road: tuple[Step, ...] = ()


def proposal(proposal: Proposal, *, most: int = COMMENT) -> str:
    closing = f"\n\n… and more: `nbpromote report --changed {words.line(proposal.base)}` tells all of it.\n"
    return fitting(_paragraphs(proposal, most), most=most, closing=closing)


def _paragraphs(proposal: Proposal, most: int) -> Iterator[str]:
    yield f"{STICKY}\n## {_headline(proposal)}"
    if proposal.files:
        yield "Once this is merged, these count: " + ", ".join(code(words.line(file)) for file in proposal.files)
    if proposal.not_run:
        yield "Not run here: " + ", ".join(code(words.line(name)) for name in proposal.not_run)
    yield from _road(proposal)
    room = most // (2 * max(len(proposal.subjects), 1))  # a long one must not push the others out
    yield from (summary.markdown(subject, most=room).rstrip() for subject in _worst_first(proposal))


def _headline(proposal: Proposal) -> str:
    count = len(proposal.subjects) + len(proposal.not_run)
    if not count:
        return f"nbpromote: no notebook differs from {plain(words.line(proposal.base))}"
    bad = sum(verdict.headline(subject).level == "no" for subject in proposal.subjects) + len(proposal.not_run)
    said = f"❌ nbpromote: {bad} of {words.counted(count, 'notebook')}" if bad else "✅ nbpromote: all"
    told = "not as it should be" if bad else f"{words.counted(count, 'notebook')} as it should be"
    return f"{said} {told}, against {plain(words.line(proposal.base))}"


def _worst_first(proposal: Proposal) -> list[Subject]:
    return sorted(proposal.subjects, key=lambda subject: verdict.headline(subject).level != "no")


def _road(proposal: Proposal) -> Iterator[str]:
    rows = [
        [
            code(words.line(step.notebook)),
            code(words.line(step.environment)),
            step.policy.strategy,
            "<br>".join(map(_gate, step.policy.gates)) or "none",
            "<br>".join(_waits(step.policy)) or "nothing",
        ]
        for step in proposal.road
    ]
    if rows:
        header = ["notebook", "environment", "how", "its gates", "then it waits for"]
        yield "**What the road asks once this is merged**\n\n" + table(header, rows)


def _gate(gate: Gate) -> str:
    return plain(words.line(words.gate(gate)))


def _waits(policy: Policy) -> Iterator[str]:
    if policy.approvals:
        groups = f" of {' or '.join(policy.approvals.groups)}" if policy.approvals.groups else ""
        yield plain(words.line(f"{words.counted(policy.approvals.count, 'approval')}{groups}"))
    if policy.soak:
        span = f"{policy.soak / _DAYS:g} d" if policy.soak >= 2 * _DAYS else f"{policy.soak / _HOURS:g} h"
        yield f"{span} verified below"
    if policy.windows:
        yield f"{words.counted(len(policy.windows), 'window')} of time"
    if policy.apply == "ci":
        yield plain(words.line(f"{', '.join(policy.appliers)} to apply it"))
