"""A run and what is asked of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from nbpromote.model.ci import CiContext
from nbpromote.model.contests import Contest
from nbpromote.model.contracts import Contract
from nbpromote.model.notebooks import Code
from nbpromote.model.tables import Judged, Profile
from nbpromote.model.written import Json, digest, dump


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
    started: str = ""
    ended: str = ""
    seconds: float | None = None
    cpu: float | None = None  # seconds of the kernel and of what it started
    memory: int | None = None  # kB at its peak, of the kernel
    output: int = 0  # bytes that it gave out, also those that were cut off
    cut: str = ""  # where all of that is, from the run's folder, when the notebook has only the beginning
    replaced: int = 0  # characters that stand for bytes which are no text
    error: str = ""  # ValueError
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class File:
    """A declared input or output as the run met it; a folder counts with all that is in it.

    `modified` is the newest time of its files, and no part of what makes it the same file.
    """

    path: str
    size: int
    sha256: str
    modified: str = field(default="", compare=False)


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
class Machine:
    """What a run was carried out on. `python` is the toolkit's own; a kernel may have another."""

    system: str  # Linux 6.8.0 x86_64
    python: str
    cores: int

    @property
    def told(self) -> str:
        return f"{self.system}, Python {self.python}, {self.cores} core{'' if self.cores == 1 else 's'}"


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
    machine: Machine | None = None
    ci: CiContext | None = None  # the job that made it, where one did
    path: str = ""  # the notebook's, from the root
    commit: str | None = None
    dirty: bool = False
    parameters: Mapping[str, Json] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)  # of each parameter: file and line, or -p
    resolved: Mapping[str, str] = field(default_factory=dict)  # what `live:NAME` stood for
    inputs: Mapping[str, str] = field(default_factory=dict)
    staged: Mapping[str, str] = field(default_factory=dict)  # inputs that another candidate has made: where they are
    outputs: Mapping[str, str] = field(default_factory=dict)
    revision: Mapping[str, str] = field(default_factory=dict)
    params_commit: str | None = None  # of the repository that holds the params folder, which may be another
    params_dirty: bool = False
    settings: str = ""
    pass_env: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)  # references, never values
    leaks: tuple[str, ...] = ()  # where a secret was found in what the run left; its name, never its value
    lock: str | None = None
    locked: Mapping[str, str] = field(default_factory=dict)  # the versions that the lock pins
    packages: Mapping[str, str] = field(default_factory=dict)  # the kernel's, where there is a lock
    left: Mapping[str, str] = field(default_factory=dict)  # JSON of what a Python kernel's parameters held at the end
    kernel: str = ""
    start: str = ""  # how the kernel came to be: fresh or warm, and why it was not warm
    isolation: str = ""  # enforce, warn or off, as it was carried out on this machine
    refused: tuple[str, ...] = ()  # writes outside of what the run may write to
    files: Mapping[str, File] = field(default_factory=dict)  # declared inputs and published outputs, by parameter
    profiles: Mapping[str, Profile] = field(default_factory=dict)  # of those that are tables
    judged: Mapping[str, Judged] = field(default_factory=dict)  # of those that the contract names a schema for
    contract: Contract = field(default_factory=Contract)  # as it was when the run began
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
    def measures(self) -> Mapping[str, float]:
        """What it took: seconds, bytes of memory at the peak of the worst cell, bytes that the cells gave out."""
        held = [cell.memory for cell in self.cells if cell.memory is not None]
        output = sum(cell.output for cell in self.cells)
        return {"time": self.seconds, "output": output} | ({"memory": max(held) * 1024} if held else {})

    @property
    def notebook_file(self) -> Path:
        return self.folder / "notebook.ipynb"

    @property
    def reference_file(self) -> Path:
        """The notebook whose outputs it was compared with; not there where nothing was accepted yet."""
        return self.folder / "reference.ipynb"

    @property
    def values(self) -> Mapping[str, Json]:
        """The parameters as the kernel gets them: declared outputs point into the run's own folder."""
        own = {name: str(path) for name, path in self.candidates.items()}
        return {**self.parameters, **self.resolved, **self.staged, **own}

    @property
    def reads(self) -> Mapping[str, str]:
        """Where each declared input is, for this run."""
        return {**self.inputs, **self.staged}

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
    contests: tuple[Contest, ...] = ()  # with what was live
    executed: str = ""  # SHA-256 of the notebook as the run left it, which the checks looked at
    compared: str = ""  # SHA-256 of the one whose outputs it was compared with; empty where there was none
    reference: str = ""  # what people call what outputs were compared with
    accepted_by: str = ""

    @property
    def passed(self) -> bool:
        """Positive proof: something was asked, nothing blocks, and every cell ran to the end."""
        proof = any(c.name == "ran-to-the-end" and c.outcome is Outcome.PASSED for c in self.checks)
        return proof and self.run.failure is None and not any(check.outcome.blocks for check in self.checks)

    @property
    def unmet(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.outcome.blocks)

    @property
    def comparisons(self) -> int:
        """How many cells, scraps and figures were held against the reference."""
        check = self.check("outputs-match")
        return check.count if check is not None else 0

    @property
    def digest(self) -> str:
        return digest(dump(self))

    def check(self, name: str) -> Check | None:
        return next((check for check in self.checks if check.name == name), None)


def is_metric(value: object) -> bool:
    """A finite number; booleans are not numbers here."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
