"""Which toolkit this is, on which Python and machine, among which packages: another one may answer otherwise."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

from nbpromote.model import Json, Machine, digest


@cache
def toolkit() -> str:
    """Its version, and size and time of its own files: a working copy of it has one version through many edits."""
    home = Path(__file__).parent
    sources = [[path.name, *path.stat()[6:9:2]] for path in sorted(home.rglob("*.py"))]
    return f"{version('nbpromote')} {digest(sources)} {sys.version}"


def installed() -> list[Json]:
    """Where packages are installed and when that last changed: installing touches the folder."""
    homes = sorted({entry for entry in sys.path if entry.endswith("-packages") and os.path.isdir(entry)})
    return [[home, os.stat(home).st_mtime_ns] for home in homes]


def machine() -> Machine:
    """What this runs on; without its name, which is nobody's business who reads a report."""
    system = os.uname()
    return Machine(
        system=f"{system.sysname} {system.release} {system.machine}",
        python=sys.version.split()[0],
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )
