"""Notebook x Environment -> Run: papermill's parameters, an engine with its own account, a folder a run.

Judges nothing: a failing cell, a killed kernel and a time limit are values in the record.
"""

from nbpromote.execute.kernels import installed, is_taken
from nbpromote.execute.parameters import asking
from nbpromote.execute.records import load_run, save_run, sweep
from nbpromote.execute.running import PACKAGES, Job, ask, interruptible, new_id, run
from nbpromote.execute.witness import Witness, present

__all__ = [
    "PACKAGES",
    "Job",
    "Witness",
    "ask",
    "asking",
    "installed",
    "interruptible",
    "is_taken",
    "load_run",
    "new_id",
    "present",
    "run",
    "save_run",
    "sweep",
]
