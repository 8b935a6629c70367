"""How benchmarks measure and tell: whole processes in turn, medians, ratios. Nothing passes or fails by the clock."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path

from ground import COMMAND

ROUNDS = int(os.environ.get("ROUNDS", "5"))
RESULTS = Path(__file__).with_name("RESULTS.md")

_HEAD = """\
# What `make bench` measured

Whole processes, side by side in one run, medians of rounds in turn. The machines are shared and noisy: ratios hold,
seconds less so.

| work | nbpromote | against | peer | ratio | goal | measured |
|---|---|---|---|---|---|---|
"""


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def medians(*works: Callable[[], object]) -> list[float]:
    """One warm-up each (none for a single round), then in turn: a slow moment of the machine meets all of them."""
    return medians_of(*(partial(seconds, work) for work in works))


def medians_of(*takes: Callable[[], float]) -> list[float]:
    """The same of works that say themselves how many seconds count."""
    for take in takes if ROUNDS > 1 else ():
        take()
    rounds = [[take() for take in takes] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def shell(folder: Path, *command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, cwd=folder, check=True, capture_output=True)


@contextmanager
def session(folder: Path) -> Iterator[None]:
    """Someone at work: `nbpromote kernel warm` once, before anything is measured."""
    shell(folder, *COMMAND, "kernel", "warm")()
    try:
        yield
    finally:
        shell(folder, *COMMAND, "kernel", "stop")()


def told(what: str, own: float, peer: float, against: str, *, goal: str = "", unit: str = "s") -> None:
    """Print a row, and keep it in RESULTS.md in place of the one of the same work."""
    ratio = peer / own
    wanted = f" (goal {goal})" if goal else ""
    print(f"\n{what}: {own:.2f} {unit}; {against}: {peer:.2f} {unit}; ratio {ratio:.1f}{wanted}")
    where = f"{date.today()}, {os.cpu_count()} cores, Python {platform.python_version()}, {ROUNDS} rounds"
    cells = (what, f"{own:.2f} {unit}", against, f"{peer:.2f} {unit}", f"{ratio:.1f}", goal, where)
    _keep(f"| {' | '.join(cells)} |", what)


def _keep(row: str, what: str) -> None:
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| work |")]
    names = [line.split(" | ")[0].removeprefix("| ") for line in rows]
    if what in names:
        rows[names.index(what)] = row
    else:
        rows.append(row)
    RESULTS.write_text(_HEAD + "\n".join(rows) + "\n")
