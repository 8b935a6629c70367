"""What a kernel and its descendants used, from /proc. Where there is none, nothing is known."""

from __future__ import annotations

import os
from contextlib import suppress

from nbpromote.execute.birth import system

_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_RESET_PEAK = b"5"  # proc(5), clear_refs


class Usage:
    """Measured from one `lap` to the next: CPU seconds, and the most memory the kernel itself held, in kB."""

    def __init__(self, kernel: int | None) -> None:
        self._kernel = kernel or 0
        parent = system.parent(self._kernel) if kernel else 0
        # what lost its parent is the supervisor's child; without one the kernel is ours, among others
        self._root = self._kernel if parent in (0, os.getpid()) else parent
        self.before = 0.0
        self.lap()

    def lap(self) -> tuple[float | None, int | None]:
        """None for a kernel that is gone."""
        try:
            now, peak = self._seconds(), self._peak()
        except (OSError, ValueError, IndexError):
            return None, None
        used, self.before = max(0.0, now - self.before), now
        return round(used, 2), peak

    def _seconds(self) -> float:
        ticks, below = _ticks(self._kernel), system.children(self._root)
        while below:
            pid = below.pop()
            with suppress(OSError, IndexError):  # it has just ended
                ticks += _ticks(pid) if pid != self._kernel else 0
                below += system.children(pid)
        return ticks / _TICK

    def _peak(self) -> int | None:
        status = system.read(f"/proc/{self._kernel}/status")
        found = status.partition(b"VmHWM:")[2].split(None, 1)
        with suppress(OSError):
            handle = os.open(f"/proc/{self._kernel}/clear_refs", os.O_WRONLY)
            try:
                os.write(handle, _RESET_PEAK)
            finally:
                os.close(handle)
        return int(found[0]) if found else None


def _ticks(pid: int) -> int:
    """User and system time, its own and that of children it waited for."""
    return sum(map(int, system.read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[11:15]))
