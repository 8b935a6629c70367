"""Releases, decisions about them, and what they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nbpromote.model.comparison import CellChange, ValueChange
from nbpromote.model.consent import Wait
from nbpromote.model.contests import Contest
from nbpromote.model.environments import Gate, Mode
from nbpromote.model.notebooks import Schema
from nbpromote.model.runs import Check, Evidence, Model, Outcome
from nbpromote.model.written import Json, digest, dump


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """One file of a release: its content in the store, and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Release:
    """An immutable unit; the manifest is this record, and its digest names it."""

    notebook: str
    path: str  # the notebook's, within `code/`
    code: str
    schema: Schema
    created: str
    author: str
    commit: str | None
    lock: str | None
    evidence: str  # digest of the evidence it was sealed on
    metrics: Mapping[str, float]
    files: Mapping[str, Sealed]
    format: int = 1

    @property
    def digest(self) -> str:
        return digest(dump(self))


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """A registered version as MLflow had it before it was adopted: all that is known of how it came to be."""

    uri: str  # of the tracking server
    address: str  # models:/delay/7
    asked: str  # what led to it: models:/delay@champion
    location: str  # where its files were
    created: str
    run: str = ""  # MLflow's id of it; empty where the version has none, or none that is left
    author: str = ""
    commit: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)  # as MLflow holds them: text


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one gate said. `seen` and `live` are the numbers it looked at, `contest` where they come from."""

    gate: Gate
    outcome: Outcome
    reason: str
    seen: float | None = None
    live: float | None = None
    contest: Contest | None = None
    overridden: str = ""  # by whom, and why: it refuses no more

    @property
    def refuses(self) -> bool:
        return self.outcome.blocks and self.gate.mode is Mode.ENFORCE and not self.overridden


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the gates say of evidence at the door of an environment.

    `checks` are what every run is asked, without their details; `reference` is what its outputs were compared with.
    """

    environment: str
    verdicts: tuple[Verdict, ...]
    unmet: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    reference: str = ""

    @property
    def allowed(self) -> bool:
        return not self.unmet


# the last one alone, until 23 November 2026
_AUTHORS = field(default=(), metadata={"was": {"author": lambda name: (name,) if name else ()}})


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What a promotion leaves: everything that is needed to say what is live, and to put it back."""

    notebook: str
    environment: str
    release: str
    alias: str
    code: str
    run: str  # what was adopted has none: the address that its version had
    evidence: str  # digest; empty where it was adopted
    tracking_uri: str
    settings: str
    strategy: str = "release"  # retrain, copy, release in an entry environment, or adopt
    parameters: Mapping[str, Json] = field(default_factory=dict)
    revision: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)  # what its run took
    model: Model | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    sealed: Mapping[str, Sealed] = field(default_factory=dict)  # evidence, executed notebook, model
    schema: Schema = field(default_factory=Schema)
    kernel: str = ""
    pass_env: tuple[str, ...] = ()
    params_commit: str | None = None
    params_dirty: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)  # references; a later run follows the environment's own
    authors: tuple[str, ...] = _AUTHORS  # of the code, since what it replaced was let in
    trusted: str | None = None  # the commit that held the code when it was let in
    incumbent: str = ""  # the run whose deployment it replaced; empty: the first one
    since: str = ""
    verified: str = ""  # when; empty while it is not
    renewed: str = ""  # when somebody has looked at it again
    state: str = "unverified"  # verified, unverified, failed
    overrides: tuple[str, ...] = ()  # what was passed over for it to go live

    @property
    def adopted(self) -> bool:
        """Whether it was live before nbpromote came: a model without code, and no check was made of its run."""
        return self.strategy == "adopt"

    @property
    def living(self) -> str:
        """Since when its life counts; empty where it is not verified."""
        return max(self.verified, self.renewed) if self.verified else ""

    def keeps(self, prefix: str) -> bool:
        """Whether the store has files of it whose path starts so."""
        return any(path.startswith(prefix) for path in self.sealed)

    def with_state(self, state: str) -> Deployment:
        return replace(self, state=state)


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """What a move would change of what is live in its target, and whether that could be put back.

    Cells are compared by their code alone, since outputs follow the target's own data. `unread` says what could not be
    looked at, and why: that nothing is listed proves nothing then.
    """

    back: Check
    cells: tuple[CellChange, ...] = ()
    modules: tuple[ValueChange, ...] = ()  # files that the cells import, or that the settings include
    packages: tuple[ValueChange, ...] = ()  # by the sealed locks
    metrics: tuple[ValueChange, ...] = ()  # live's in the target; the release's where it comes from
    data: tuple[ValueChange, ...] = ()  # inputs: what live has read; what this would read
    tables: tuple[ValueChange, ...] = ()  # shape of the inputs, live's and that where the release comes from
    model: ValueChange | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Move:
    """One notebook's part of a plan."""

    notebook: str
    release: str
    alias: str
    source: str
    target: str
    strategy: str
    code: str
    incumbent: Deployment | None
    parameters: Mapping[str, Json]
    origins: Mapping[str, str]
    changed: Mapping[str, tuple[Json, Json]]  # parameter: (live, candidate)
    gates: tuple[Gate, ...]
    settings: str = ""  # digest of what the target gives it
    below: Deployment | None = None  # as it stands where it comes from
    unmet: tuple[str, ...] = ()
    prospect: Prospect | None = None  # None where nobody asked what it would change

    @property
    def stands(self) -> bool:
        """Whether the target has exactly this already."""
        live = self.incumbent
        if live is None or live.state == "expired":
            return False
        return live.release == self.release and live.settings == self.settings


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a promotion would change, and everything still unmet. Changes nothing.

    `moves` are in the order of who writes what others read. `waits` is what would keep it from going live at once.
    """

    target: str
    moves: tuple[Move, ...]
    unmet: tuple[str, ...] = ()
    waits: tuple[Wait, ...] = ()
    policies: Mapping[str, str] = field(default_factory=dict)  # digest of what is demanded of each notebook
    overrides: tuple[str, ...] = ()  # gates that somebody passes over, with who and why
    head: str | None = None  # the ledger commit this stands on

    @property
    def allowed(self) -> bool:
        return not self.unmet

    @property
    def notebooks(self) -> tuple[str, ...]:
        return tuple(move.notebook for move in self.moves)

    @property
    def digest(self) -> str:
        """Of what would be done to what: a plan whose digest is another one by now is stale."""
        return self.bound({})

    def bound(self, evidence: Mapping[str, str]) -> str:
        """Digest of everything that consent is given to; `evidence` maps notebooks to the digests of theirs."""
        moves = [
            {
                "release": move.release,
                "settings": move.settings,
                "incumbent": move.incumbent.run if move.incumbent else "",
                "strategy": move.strategy,
                "evidence": evidence.get(move.notebook, ""),
            }
            for move in self.moves
        ]
        return digest({"environment": self.target, "policies": dict(self.policies), "moves": moves})


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What came of one move: its run in the target, what the gates said of that, and what it left.

    `decision` is None where the gates were not asked; `deployment` is None where nothing could go live.
    """

    move: Move
    evidence: Evidence | None = None
    decision: Decision | None = None
    deployment: Deployment | None = None
    verification: tuple[Check, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was asked of a deployment that is live, and what it answered."""

    deployment: Deployment
    checks: tuple[Check, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of its answers; `passed` where nothing blocks."""
        found = {check.outcome for check in self.checks}
        return next(
            (bad for bad in (Outcome.FAILED, Outcome.ERRORED, Outcome.INCONCLUSIVE) if bad in found), Outcome.PASSED
        )


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What an attempt to make releases live came to.

    `state` is `refused`, `errored`, `inconclusive`, `waiting`, `verified`, `unverified`, `failed` or `superseded`.
    `written` are outputs that were written to after what a rollback left went live.
    """

    plan: Plan
    candidates: tuple[Candidate, ...] = ()
    state: str = "refused"
    attempt: str = ""
    waits: tuple[Wait, ...] = ()
    overrides: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    note: str = ""

    @property
    def done(self) -> bool:
        return self.state == "verified"

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        return tuple(c.deployment for c in self.candidates if c.deployment is not None)
