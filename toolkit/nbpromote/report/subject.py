"""What a report is about: one run and its evidence, what it is held against, and what was decided of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from nbpromote.model import Cell, CellChange, Comparison, Decision, Deployment, Event, Evidence, Json, Release, Verdict


class Kind(StrEnum):
    RUN = "run"
    RELEASE = "release"  # what is live, or was
    PROMOTION = "promotion"  # an attempt, as it ended
    DIFF = "difference"  # of any two


@dataclass(frozen=True, kw_only=True)
class Rival:
    """What the candidate is held against: what is live, or the first side of a diff.

    `told` says it in a sentence. Its `evidence` is missing where it is no longer kept.
    """

    name: str
    told: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Json] = field(default_factory=dict)
    evidence: Evidence | None = None

    @classmethod
    def of_live(cls, live: Deployment, evidence: Evidence | None = None) -> Rival:
        return cls(
            name=live.alias,
            told=f"{live.alias}, live in {live.environment} since {live.since[:16].replace('T', ' ')}",
            metrics=live.metrics,
            parameters={**live.parameters, **live.inputs, **live.outputs},
            evidence=evidence,
        )


@dataclass(frozen=True, kw_only=True)
class Subject:
    """`executed` is the text of the executed notebook; `name` is what people call this: an alias, or a run.

    `attempt` are the events of the promotion that this is, or that made it live.
    """

    evidence: Evidence
    executed: str = ""
    kind: Kind = Kind.RUN
    name: str = ""
    is_live: bool = False  # now
    rival: Rival | None = None
    decision: Decision | None = None
    comparison: Comparison | None = None
    release: Release | None = None
    attempt: tuple[Event, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Of the evidence; a run that handed out much takes seconds to digest."""
        return self.evidence.digest

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Refusals first, then warnings, then the rest as the policy has them."""
        asked = self.decision.verdicts if self.decision else ()
        return tuple(sorted(asked, key=lambda verdict: (not verdict.refuses, not verdict.outcome.blocks)))

    @property
    def changes(self) -> tuple[CellChange, ...]:
        return self.comparison.cells if self.comparison else ()

    @property
    def before(self) -> Mapping[int, Cell]:
        """The rival's cells by the number that they have here."""
        if self.rival is None or self.rival.evidence is None:
            return {}
        cells = {cell.number: cell for cell in self.rival.evidence.run.cells}
        return {c.after: cells[c.before] for c in self.changes if c.after and c.before in cells}
