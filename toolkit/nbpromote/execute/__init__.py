"""Notebook x Environment -> Run: papermill's parameters, an engine with its own account, a folder a run.

Judges nothing: a failing cell, a killed kernel and a time limit are values in the record.
"""

from typing import TYPE_CHECKING

from nbpromote import faces

if TYPE_CHECKING:
    from nbpromote.execute.kernels import Warmth, installed, is_taken, shared
    from nbpromote.execute.kernels.installing import command, install
    from nbpromote.execute.kernels.keeping import TOOLKIT, Kept, all_kept, keep, stop
    from nbpromote.execute.parameters import asking
    from nbpromote.execute.records import LOGS, folders_of, is_owned, load_run, new_id, save_run, tracked
    from nbpromote.execute.running import PACKAGES, Job, ask, begin, interruptible, run
    from nbpromote.execute.sweeping import sweep
    from nbpromote.execute.witnesses import Witness, witness
else:
    __getattr__ = faces.lazy(
        __name__,
        {
            "kernels": "Warmth installed is_taken shared",
            "kernels.installing": "command install",
            "kernels.keeping": "TOOLKIT Kept all_kept keep stop",
            "parameters": "asking",
            "records": "LOGS folders_of is_owned load_run new_id save_run tracked",
            "running": "PACKAGES Job ask begin interruptible run",
            "sweeping": "sweep",
            "witnesses": "Witness witness",
        },
    )

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
    "folders_of",
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
