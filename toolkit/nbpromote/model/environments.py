"""Environments and what they demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from nbpromote.model.consent import Approvals, Window
from nbpromote.model.metrics import greater_is_better
from nbpromote.model.written import Json, canonical, digest, dump, sha256


class Isolation(StrEnum):
    """What keeps a run from writing elsewhere than to its own places."""

    ENFORCE = "enforce"
    WARN = "warn"
    OFF = "off"


class Mode(StrEnum):
    ENFORCE = "enforce"
    WARN = "warn"
    OFF = "off"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One rule over a metric, a check or a budget. Changes are candidate minus live, relative ones divided by |live|.

    `on` names a table of the contract that the models are scored on, `by` one of its columns: the worst slice counts.
    """

    metric: str | None = None
    check: str | None = None
    budget: str | None = None  # time (seconds), memory or output (bytes): what the run itself took
    versus: str | None = None
    on: str | None = None
    by: str | None = None
    confidence: float | None = None  # of the interval that the change must stand in as a whole
    greater_is_better: bool | None = None  # None: what the metric is known for
    min_absolute_change: float | None = None  # better than live by so much
    min_relative_change: float | None = None
    min_count: int | None = None  # comparisons that a check must have made
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

    @property
    def upwards(self) -> bool | None:
        """Whether more is better: as the gate says, else as the metric is known."""
        if self.greater_is_better is not None or self.metric is None:
            return self.greater_is_better
        return greater_is_better(self.metric)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What an environment demands of one notebook. An environment that promotes from nowhere is an entry."""

    promotes_from: tuple[str, ...] = ()
    protects: tuple[str, ...] = ()  # globs that no other environment may write to or name
    strategy: str = "retrain"  # or "copy"
    isolation: Isolation | None = None  # None: what the environment's place on the road asks for
    fresh: bool = False  # kernels that were forked from a warm one do not count
    gates: tuple[Gate, ...] = ()
    approvals: Approvals | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of people, by mail, `Name <mail>` or login
    signatures: bool = False  # only a verified signature says who someone is
    allowed_signers: str = ""  # the file that says which keys are whose, in the params folder
    soak: float = 0  # seconds to stand verified below
    windows: tuple[Window, ...] = ()
    auto: bool = False  # what is verified below is promoted unasked
    apply: str = "anyone"  # or "ci": anyone asks, and only the appliers make live
    appliers: tuple[str, ...] = ()
    override: tuple[str, ...] = ()  # groups that may pass over what is demanded; none: nobody
    review_by: float | None = None  # seconds after which a live model wants to be looked at
    expires: float | None = None  # seconds after which it is none any more

    @property
    def is_entry(self) -> bool:
        return not self.promotes_from

    @property
    def digest(self) -> str:
        """Of what is demanded, wherever in the files that stands."""
        placeless = replace(
            self,
            gates=tuple(replace(gate, where="") for gate in self.gates),
            windows=tuple(replace(window, where="") for window in self.windows),
        )
        return digest(dump(placeless))

    @property
    def keeps(self) -> Isolation:
        """Where work starts, writes elsewhere are told, so that they are known before they are refused above."""
        return self.isolation or (Isolation.WARN if self.is_entry else Isolation.ENFORCE)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds after which a start, a cell or a whole notebook is ended, and bytes of output that are kept of each."""

    start: float = 60
    cell: float = 3600
    notebook: float = 4 * 3600
    cell_output: float = 6e6
    notebook_output: float = 100e6


def size_told(size: float) -> str:
    """`10 MB`: decimal, as limits are written."""
    name, unit = next(((name, unit) for name, unit in SIZES.items() if size >= unit), ("B", 1))
    return f"{size / unit:.3g} {name}"


SIZES = {"GB": 1e9, "MB": 1e6, "kB": 1e3}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What two environments give or demand differently, in order; `notebook` is empty for what is of all of them."""

    notebook: str
    what: str  # parameter, input, output, setting or policy
    name: str
    values: tuple[Json, Json]
    origins: tuple[str, str] = ("", "")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A named target, with everything one notebook gets there. `origins` says which file and line gave each value.

    `inputs` and `outputs` name those parameters that are paths: absolute, for outputs the destination; `declares` says
    that the files name both, and so all that there are.
    `secrets` maps names to references such as `env:WAREHOUSE_PASSWORD`; no record holds a value.
    `revision` maps the files that the values came from to their git blob ids; `params_commit` is what their own
    repository has checked out, and `params_dirty` says that the values are not all from it.
    """

    name: str
    tracking_uri: str
    policy: Policy
    parameters: Mapping[str, Json] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    declares: bool = False
    origins: Mapping[str, str] = field(default_factory=dict)
    kernel: str | None = None
    limits: Limits = Limits()
    pass_env: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    secret_origins: Mapping[str, str] = field(default_factory=dict)
    revision: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None  # None: read from the working tree
    params_commit: str | None = None
    params_dirty: bool = False

    def settings(self, root: Path) -> str:
        """Digest of what a deployment freezes, so that a later edit shows as `config pending`.

        Paths count from the project's root, so that another clone of it sees no difference.
        """
        frozen = {
            "parameters": dict(self.parameters),
            "inputs": dict(self.inputs),
            "outputs": dict(self.outputs),
            "tracking_uri": self.tracking_uri,
            **({"secrets": dict(self.secrets)} if self.secrets else {}),
        }
        return sha256(canonical(frozen).replace(f"{root}/".encode(), b""))
