"""Kernels: which there are, what they are given, and the one that a run gets. None outlives whoever asked for it."""

from typing import TYPE_CHECKING, Any

from nbpromote.execute.kernels.environ import is_taken, own, shared, withheld
from nbpromote.execute.kernels.private import private_folder, sweep
from nbpromote.execute.kernels.specs import installed, language, require
from nbpromote.execute.kernels.warm import begin
from nbpromote.execute.kernels.zygotes import Warmth

if TYPE_CHECKING:
    from nbpromote.execute.kernels.provisioning import manager, process_of

__all__ = [
    "Warmth",
    "begin",
    "installed",
    "is_taken",
    "language",
    "manager",
    "own",
    "private_folder",
    "process_of",
    "require",
    "shared",
    "sweep",
    "withheld",
]


def __getattr__(name: str) -> Any:
    if name in ("manager", "process_of"):
        from nbpromote.execute.kernels import provisioning  # jupyter_client, 0.3 s

        return getattr(provisioning, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
