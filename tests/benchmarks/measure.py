"""How benchmarks measure and tell: whole processes in turn, medians, ratios. Nothing passes or fails by the clock."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = int(os.environ.get("ROUNDS", "5"))  # fewer for trying


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def medians(*works: Callable[[], object]) -> list[float]:
    """One warm-up each, then in turn, so that a slow moment of the machine meets all of them."""
    for work in works:
        work()
    rounds = [[seconds(work) for work in works] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def shell(folder: Path, *command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, cwd=folder, check=True, capture_output=True)


def told(what: str, own: float, peer: float, against: str) -> None:
    print(f"\n{what}: {own:.2f} s; {against}: {peer:.2f} s; ratio {peer / own:.1f}")
