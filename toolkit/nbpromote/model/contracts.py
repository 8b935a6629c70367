"""What must hold of a notebook's data and scraps, in every environment: the file `X.contract.yaml` beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far two values may lie apart: by `atol + rtol * |accepted|`, figures by the distance that a person sees.

    `unordered`: rows of tables and lines of text may come in any order.
    """

    rtol: float = 1e-6
    atol: float = 1e-9
    figures: float = 0.05  # 0: no difference to be seen; 1: nothing alike
    unordered: bool = False


@dataclass(frozen=True, kw_only=True)
class Sanitizer:
    """What is written in the place of text that a pattern finds, on both sides, before they are compared."""

    regex: str
    replace: str = ""


@dataclass(frozen=True, kw_only=True)
class ScrapRule:
    """What a scrap must be. `kind` is number, integer, text, flag, list, mapping, table or figure; None: any."""

    kind: str | None = None
    min: float | None = None
    max: float | None = None
    tolerance: Tolerance | None = None  # compared with the reference's scrap; None: it is not
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class DataRule:
    """What a declared input or output must be. `schema` is pandera's, from the root: `a/b.yaml`, or `a/b.py:name`."""

    schema: str | None = None
    min_rows: int | None = None
    max_rows: int | None = None
    max_age: float | None = None  # seconds, of an input when the run began
    versus_live: tuple[float, float] | None = None  # rows, as shares of the live deployment's; None: the default range
    may_change: tuple[str, ...] = ()  # columns that may be constant, empty, retyped or gone, though live's are not
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A table that a model is scored on: `on` is a declared output or a glued table. Its features are the model's."""

    on: str
    target: str  # the column that holds the truth
    prediction: str  # the column that holds what the candidate said
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class Contract:
    """`path` is the file's, from the root; empty where there is none, and the defaults hold."""

    path: str = ""
    tolerance: Tolerance = Tolerance()
    sanitizers: tuple[Sanitizer, ...] = ()
    scraps: Mapping[str, ScrapRule] = field(default_factory=dict)
    inputs: Mapping[str, DataRule] = field(default_factory=dict)
    outputs: Mapping[str, DataRule] = field(default_factory=dict)
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
