"""How many processors and how much memory this process may use, whatever the machine has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
MODEST = 256 * 2**20  # bytes for a notebook of which no run is known


def cores() -> int:
    """Those that this process may run on, and no more than its control group gets time of."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for folder in _groups():
        with suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text().split()
            count = min(count, max(1, int(quota) // int(period)))  # `max` is no number: no limit here
    return count


def available() -> int:
    """Bytes that can be taken now without swapping, or being killed for it."""
    import psutil

    rooms = [psutil.virtual_memory().available]
    for folder in _groups():
        with suppress(OSError, ValueError, KeyError):
            limit, used = (int((folder / file).read_text()) for file in ("memory.max", "memory.current"))
            lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
            rooms.append(limit - used + int(dict(lines)["inactive_file"]))  # cached files make room when asked
    return int(min(rooms))


def _groups() -> Iterator[Path]:
    """This process's control group of version 2 and those above it, which all set limits."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::"):
                own = _CGROUPS / line.removeprefix("0::").strip("/")
                yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(_CGROUPS))


class Room:
    """Whether one more notebook fits, each counted with the most that its last run took."""

    def __init__(self, needs: Mapping[str, int], free: Callable[[], int] = available) -> None:
        self._needs = needs
        self._free = free

    def __call__(self, name: str, running: Sequence[str]) -> bool:
        """What runs already may not have grown to its size yet, so its need counts against what was free before it."""
        if not running:
            return True
        taken = sum(self._need(one) for one in running)
        return self._need(name) <= min(self._free(), self._before - taken)

    def _need(self, name: str) -> int:
        return self._needs.get(name) or MODEST

    @cached_property
    def _before(self) -> int:
        return self._free()
