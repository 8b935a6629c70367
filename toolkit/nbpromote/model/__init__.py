"""The nouns. Frozen records that every room speaks in; no disk, no network, no clock.

Times are ISO 8601 strings in UTC (`2026-01-31T12:00:00.000Z`), durations are seconds, digests are SHA-256 in hex.
"""

from nbpromote.model.care import Collection, Litter
from nbpromote.model.changes import Change
from nbpromote.model.ci import CiContext
from nbpromote.model.comparison import CellChange, Comparison, Likeness, Shown, Side, ValueChange
from nbpromote.model.consent import Approvals, Asked, Consent, Identity, Wait, Window
from nbpromote.model.contests import FEWEST_ROWS, Contest
from nbpromote.model.contracts import Contract, DataRule, Evaluation, Sanitizer, ScrapRule, Tolerance
from nbpromote.model.environments import (
    SIZES,
    Difference,
    Environment,
    Gate,
    Isolation,
    Limits,
    Mode,
    Policy,
    size_told,
)
from nbpromote.model.fleet import Fate, Fleet, Member
from nbpromote.model.history import Attempt, Board, Event, Explanation, Freeze, Heard, Standing, State, Status
from nbpromote.model.metrics import SCORES, WITHOUT_INTERVAL, greater_is_better
from nbpromote.model.notebooks import Code, Finding, Pair, Parameter, Schema, Severity
from nbpromote.model.releases import (
    Adopted,
    Candidate,
    Decision,
    Deployment,
    Move,
    Plan,
    Promotion,
    Prospect,
    Release,
    Sealed,
    Verdict,
    Verification,
)
from nbpromote.model.runs import Cell, Check, Ending, Evidence, File, Machine, Model, Outcome, Run, Scrap, is_metric
from nbpromote.model.tables import Breach, Column, Judged, Profile
from nbpromote.model.written import Json, canonical, digest, dump, load, sha256

__all__ = [
    "FEWEST_ROWS",
    "SCORES",
    "SIZES",
    "WITHOUT_INTERVAL",
    "Adopted",
    "Approvals",
    "Asked",
    "Attempt",
    "Board",
    "Breach",
    "Candidate",
    "Cell",
    "CellChange",
    "Change",
    "Check",
    "CiContext",
    "Code",
    "Collection",
    "Column",
    "Comparison",
    "Consent",
    "Contest",
    "Contract",
    "DataRule",
    "Decision",
    "Deployment",
    "Difference",
    "Ending",
    "Environment",
    "Evaluation",
    "Event",
    "Evidence",
    "Explanation",
    "Fate",
    "File",
    "Finding",
    "Fleet",
    "Freeze",
    "Gate",
    "Heard",
    "Identity",
    "Isolation",
    "Json",
    "Judged",
    "Likeness",
    "Limits",
    "Litter",
    "Machine",
    "Member",
    "Mode",
    "Model",
    "Move",
    "Outcome",
    "Pair",
    "Parameter",
    "Plan",
    "Policy",
    "Profile",
    "Promotion",
    "Prospect",
    "Release",
    "Run",
    "Sanitizer",
    "Schema",
    "Scrap",
    "ScrapRule",
    "Sealed",
    "Severity",
    "Shown",
    "Side",
    "Standing",
    "State",
    "Status",
    "Tolerance",
    "ValueChange",
    "Verdict",
    "Verification",
    "Wait",
    "Window",
    "canonical",
    "digest",
    "dump",
    "greater_is_better",
    "is_metric",
    "load",
    "sha256",
    "size_told",
]
