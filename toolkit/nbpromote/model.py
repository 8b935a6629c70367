"""The nouns. Frozen records that every room speaks in; no disk, no network, no clock.

Times are ISO 8601 strings in UTC (`2026-01-31T12:00:00.000Z`), durations are seconds, digests are SHA-256 in hex.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

_Record = TypeVar("_Record")

Json = Any  # null, bool, int, finite float, str, list or dict of these


# -- how records are written down -------------------------------------------------------------------------------


def canonical(value: Json) -> bytes:
    """JSON with one spelling per value: sorted keys, no spaces, UTF-8. Raises `ValueError` for NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest(value: Json) -> str:
    """SHA-256 of the canonical JSON."""
    return sha256(canonical(value))


def dump(record: object) -> dict[str, Json]:
    """A record as plain JSON values."""
    plain: dict[str, Json] = _adapter(cast(Hashable, type(record))).dump_python(record, mode="json")
    return plain


def load(kind: type[_Record], plain: Json) -> _Record:
    """The record that `dump` wrote. Raises pydantic's `ValidationError` where it does not fit."""
    record: _Record = _adapter(cast(Hashable, kind)).validate_python(plain)
    return record


@cache
def _adapter(kind: Hashable) -> Any:
    from pydantic import TypeAdapter  # 0.1 s; --help does not pay it

    return TypeAdapter(cast(Any, kind))


# -- a notebook and what it asks for ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A notebook as it stands in a folder: `X.ipynb`, `X.py`, or both."""

    name: str
    ipynb: Path | None = None
    script: Path | None = None

    @property
    def path(self) -> Path:
        """The side that holds outputs where there is one."""
        path = self.ipynb or self.script
        assert path is not None
        return path

    @property
    def folder(self) -> Path:
        return self.path.parent


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One line of the parameters cell. `type` is spelled as in Python: `int`, `list[int]`, `str | None`."""

    name: str
    type: str
    default: Json = None
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What the parameters cell declares; no cell means no parameters."""

    parameters: tuple[Parameter, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        return next(parameter for parameter in self.parameters if parameter.name == name)


@dataclass(frozen=True, kw_only=True)
class Code:
    """What decides a result. `files` maps every file that is part of it to its SHA-256, by path from the root."""

    digest: str
    schema: Schema
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong with a file, with its place and what to do."""

    path: str
    message: str
    line: int | None = None
    cell: int | None = None
    cell_id: str | None = None
    hint: str = ""

    @property
    def place(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        if self.cell is None:
            return where
        return f"{where} cell {self.cell}" + (f" ({self.cell_id})" if self.cell_id else "")


# -- environments and their demands -----------------------------------------------------------------------------


class Mode(StrEnum):
    ENFORCE = "enforce"
    WARN = "warn"
    OFF = "off"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One rule over a metric or a check. Changes are candidate minus live; relative ones are divided by |live|."""

    metric: str | None = None
    check: str | None = None
    versus: str | None = None
    max: float | None = None
    min: float | None = None
    max_increase: float | None = None
    max_decrease: float | None = None
    max_relative_increase: float | None = None
    max_relative_decrease: float | None = None
    mode: Mode = Mode.ENFORCE
    where: str = ""  # the file and line that asks

    @property
    def relative(self) -> bool:
        return self.versus is not None


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What an environment demands of one notebook. An environment that promotes from nowhere is an entry."""

    promotes_from: tuple[str, ...] = ()
    strategy: str = "retrain"  # or "copy"
    gates: tuple[Gate, ...] = ()

    @property
    def is_entry(self) -> bool:
        return not self.promotes_from


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds after which a start, a cell or a whole notebook is ended."""

    start: float = 60
    cell: float = 3600
    notebook: float = 4 * 3600


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A named target, with everything one notebook gets there. `origins` says which file and line gave each value.

    `inputs` and `outputs` name those parameters that are paths: absolute, for outputs the destination.
    `revision` maps the files that the values came from to their git blob ids.
    """

    name: str
    tracking_uri: str
    policy: Policy
    parameters: Mapping[str, Json] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    kernel: str | None = None
    limits: Limits = Limits()
    pass_env: tuple[str, ...] = ()
    revision: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None  # None: read from the working tree

    def settings(self, root: Path) -> str:
        """Digest of what a deployment freezes, so that a later edit shows as `config pending`.

        Paths count from the project's root, so that another clone of it sees no difference.
        """
        frozen = {
            "parameters": dict(self.parameters),
            "inputs": dict(self.inputs),
            "outputs": dict(self.outputs),
            "tracking_uri": self.tracking_uri,
        }
        return sha256(canonical(frozen).replace(f"{root}/".encode(), b""))


# -- a run and what is asked of it ------------------------------------------------------------------------------


class Ending(StrEnum):
    """How a cell ended."""

    OK = "ok"
    ERROR = "error"
    EXPECTED_ERROR = "expected-error"  # tagged raises-exception, and it did
    STOPPED = "stopped-itself"  # sys.exit and its kin
    DIED = "died"
    TIMED_OUT = "timed-out"
    INTERRUPTED = "interrupted"
    NOT_REACHED = "not-reached"

    @property
    def good(self) -> bool:
        return self in (Ending.OK, Ending.EXPECTED_ERROR)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The account of one code cell. `number` counts code cells of the user's notebook from 1."""

    number: int
    id: str
    ending: Ending = Ending.NOT_REACHED
    seconds: float | None = None
    error: str = ""  # ValueError
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model by its bytes: `files` maps each file of the MLflow model folder to its SHA-256.

    `uri` is where this environment's MLflow keeps it; `name` and `version` are set once it is registered.
    `predictions` are what it answered on its own input example, taken in the run that made it.
    """

    uri: str
    files: Mapping[str, str]
    name: str | None = None
    version: str | None = None
    predictions: Json = None

    @property
    def sha256(self) -> str:
        return digest(dict(self.files))


@dataclass(frozen=True, kw_only=True)
class Run:
    """One execution of one notebook in one environment.

    `folder` holds the executed notebook, candidate outputs and the code that ran.
    """

    id: str
    notebook: str
    environment: str
    code: Code
    folder: Path
    started: str
    ended: str
    seconds: float
    actor: str
    cells: tuple[Cell, ...]
    path: str = ""  # the notebook's, from the root
    commit: str | None = None
    dirty: bool = False
    parameters: Mapping[str, Json] = field(default_factory=dict)
    resolved: Mapping[str, str] = field(default_factory=dict)  # what `live:NAME` stood for
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    revision: Mapping[str, str] = field(default_factory=dict)
    settings: str = ""
    pass_env: tuple[str, ...] = ()
    lock: str | None = None
    kernel: str = ""
    tracking_uri: str = ""
    experiment: str = ""
    mlflow_run: str = ""
    models: tuple[Model, ...] = ()
    tracked: Mapping[str, float | str] = field(default_factory=dict)  # what mlflow.log_metric was given
    withheld: tuple[str, ...] = ()  # variables that the kernel did not get
    notes: tuple[str, ...] = ()

    @property
    def failure(self) -> Cell | None:
        """The first cell that did not end well; None when every one did."""
        return next((cell for cell in self.cells if not cell.ending.good), None)

    @property
    def notebook_file(self) -> Path:
        return self.folder / "notebook.ipynb"

    @property
    def values(self) -> Mapping[str, Json]:
        """The parameters as the kernel gets them: declared outputs point into the run's own folder."""
        return {**self.parameters, **self.resolved, **{n: str(path) for n, path in self.candidates.items()}}

    @property
    def candidates(self) -> Mapping[str, Path]:
        """Where the run was told to write each declared output."""
        return {
            name: self.folder / "outputs" / name / Path(destination).name for name, destination in self.outputs.items()
        }


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERRORED = "errored"
    INCONCLUSIVE = "inconclusive"

    @property
    def blocks(self) -> bool:
        return self in (Outcome.FAILED, Outcome.ERRORED, Outcome.INCONCLUSIVE)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question and its answer. `count` is how many things were compared."""

    name: str
    outcome: Outcome
    summary: str
    details: tuple[str, ...] = ()
    count: int = 0


@dataclass(frozen=True, kw_only=True)
class Scrap:
    """A named value that a notebook handed out with `scrapbook.glue`.

    `kind` is `value` (JSON in `value`), `table` (rows as a list of dicts in `value`) or `figure` (`value` is None;
    `cell` shows it).
    """

    name: str
    kind: str
    value: Json = None
    cell: int = 0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A run with every check made of it. Frozen: asking again makes new evidence of the same run."""

    run: Run
    checks: tuple[Check, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)
    scraps: tuple[Scrap, ...] = ()
    model: Model | None = None
    reference: str = ""  # what outputs were compared with
    accepted_by: str = ""

    @property
    def passed(self) -> bool:
        """Positive proof: something was asked, nothing blocks, and every cell ran to the end."""
        proof = any(c.name == "ran-to-the-end" and c.outcome is Outcome.PASSED for c in self.checks)
        return proof and not any(check.outcome.blocks for check in self.checks)

    @property
    def unmet(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.outcome.blocks)

    @property
    def digest(self) -> str:
        return digest(dump(self))

    def check(self, name: str) -> Check | None:
        return next((check for check in self.checks if check.name == name), None)


# -- releases and decisions -------------------------------------------------------------------------------------


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
class Verdict:
    """What one gate said. `seen` and `live` are the numbers it looked at."""

    gate: Gate
    outcome: Outcome
    reason: str
    seen: float | None = None
    live: float | None = None

    @property
    def refuses(self) -> bool:
        return self.outcome.blocks and self.gate.mode is Mode.ENFORCE


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the gates say of evidence at the door of an environment."""

    environment: str
    verdicts: tuple[Verdict, ...]
    unmet: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.unmet


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What a promotion leaves: everything that is needed to say what is live, and to put it back."""

    notebook: str
    environment: str
    release: str
    alias: str
    code: str
    run: str
    evidence: str
    tracking_uri: str
    settings: str
    strategy: str = "release"  # retrain, copy, or release in an entry environment
    parameters: Mapping[str, Json] = field(default_factory=dict)
    revision: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    model: Model | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    sealed: Mapping[str, Sealed] = field(default_factory=dict)  # evidence, executed notebook, model
    schema: Schema = Schema()
    kernel: str = ""
    pass_env: tuple[str, ...] = ()
    since: str = ""
    state: str = "unverified"  # verified, unverified, failed

    def with_state(self, state: str) -> Deployment:
        return replace(self, state=state)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a promotion would change, and everything still unmet. Changes nothing."""

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
    unmet: tuple[str, ...] = ()
    head: str | None = None  # the ledger commit this stands on

    @property
    def allowed(self) -> bool:
        return not self.unmet


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What an attempt to make a release live came to.

    `decision` is None where the gates were not asked; `deployment` is None where nothing went live.
    """

    plan: Plan
    evidence: Evidence | None = None
    decision: Decision | None = None
    deployment: Deployment | None = None
    verification: tuple[Check, ...] = ()
    note: str = ""

    @property
    def done(self) -> bool:
        return self.deployment is not None and self.deployment.state == "verified"


# -- the ledger -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of history.

    `verb` is release, promote, rollback or unhold; `step` is where in it: intent, live, verified, unverified,
    failed, refused, abandoned or done. The events of one attempt share `attempt`.
    """

    id: str
    at: str
    actor: str
    verb: str
    step: str
    environment: str
    notebooks: tuple[str, ...]
    attempt: str
    release: str = ""
    alias: str = ""
    reason: str = ""
    deployment: Deployment | None = None
    hold: str = ""  # a digest that may not come back until it is released
    commit: str = ""  # of the ledger; filled in when read, never written


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where one notebook stands in one environment.

    `stable` are verified deployments, oldest first, without the live one; `open` is an intent that has not ended.
    """

    live: Deployment | None = None
    stable: tuple[Deployment, ...] = ()
    holds: tuple[str, ...] = ()
    open: Event | None = None

    @property
    def back(self) -> Deployment | None:
        """The rollback target: the newest verified deployment before the live one that is not held."""
        live = self.live.release if self.live else ""
        candidates = (d for d in reversed(self.stable) if d.release not in self.holds and d.release != live)
        return next(candidates, None)


@dataclass(frozen=True, kw_only=True)
class State:
    """The fold of an environment's events. `head` is the ledger commit it stands on."""

    environment: str
    notebooks: Mapping[str, Standing] = field(default_factory=dict)
    count: int = 0
    head: str | None = None
    at: str = ""

    def __getitem__(self, notebook: str) -> Standing:
        return self.notebooks.get(notebook, Standing())


@dataclass(frozen=True, kw_only=True)
class Status:
    """One cell of the status table."""

    environment: str
    tracking_uri: str
    deployments: tuple[Deployment, ...]
    pending: tuple[str, ...] = ()  # notebooks whose configuration was edited since
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    open: tuple[str, ...] = ()  # notebooks with a promotion left half-way


def is_metric(value: object) -> bool:
    """A finite number; booleans are not numbers here."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
