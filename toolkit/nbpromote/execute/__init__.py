"""Notebook x Environment -> Run: papermill's parameters, an engine with its own account, a folder a run.

Judges nothing: a failing cell, a killed kernel and a time limit are values in the record.
"""

from nbpromote import lean  # noqa: F401  # before nbclient is imported
from nbpromote.execute.kernels import Warmth, installed, is_taken, shared
from nbpromote.execute.kernels.installing import command, install
from nbpromote.execute.kernels.keeping import TOOLKIT, Kept, all_kept, keep, stop
from nbpromote.execute.parameters import asking
from nbpromote.execute.records import LOGS, is_owned, load_run, save_run, tracked
from nbpromote.execute.running import PACKAGES, Job, ask, begin, interruptible, new_id, run
from nbpromote.execute.sweeping import sweep
from nbpromote.execute.witness import Witness, witness

__all__ = [
    "LOGS",
    "PACKAGES",
    "TOOLKIT",
    "Job",
    "Kept",
    "Warmth",
    "Witness",
    "all_kept",
    "ask",
    "asking",
    "begin",
    "command",
    "install",
    "installed",
    "interruptible",
    "is_owned",
    "is_taken",
    "keep",
    "load_run",
    "new_id",
    "run",
    "save_run",
    "shared",
    "stop",
    "sweep",
    "tracked",
    "witness",
]
