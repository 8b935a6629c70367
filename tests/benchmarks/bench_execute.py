"""What running cells costs beside papermill's own engine: whole processes, in turn, medians and ratios.

Nothing here passes or fails by the clock: machines are shared and noisy.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from measure import medians, session, shell, told

from ground import COMMAND, Ground, build
from runs import book

LINE = "'y' * 99 + '\\n'"
BOOKS = {
    "trivial400": [f"x = {n}\nprint(x)" for n in range(400)],
    "trivial800": [f"x = {n}\nprint(x)" for n in range(800)],
    "large60": [f"print(({LINE}) * 10_000)"] * 60,
    "loud": ["for _ in range(1_250_000): print('z' * 79)"],
    "silent": ["1"],
}
PAPERMILL = (sys.executable, "-m", "papermill", "--no-progress-bar")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    ground = build(tmp_path_factory.mktemp("bench") / "small", empty_store)
    for name, sources in BOOKS.items():
        nbformat.write(book(*sources), ground.root / "notebooks" / f"{name}.ipynb")
    ground.commit("notebooks to measure")
    return ground


def own(ground: Ground, name: str) -> Callable[[], object]:
    return shell(ground.root, *COMMAND, "run", name)


def peer(ground: Ground, name: str, *options: str) -> Callable[[], object]:
    return shell(ground.root, *PAPERMILL, *options, f"notebooks/{name}.ipynb", "peer.ipynb")


def bench_400_trivial_cells_and_800(ground: Ground) -> None:
    ours, engine, papermill = medians(
        own(ground, "trivial400"),
        peer(ground, "trivial400", "--engine", "nbpromote"),
        peer(ground, "trivial400"),
    )
    with session(ground.root):
        warm, double = medians(own(ground, "trivial400"), own(ground, "trivial800"))
    told("400 trivial cells: nbpromote run, after `kernel warm`", warm, papermill, "papermill", goal=">= 8")
    told("400 trivial cells: nbpromote run, nothing warm", ours, papermill, "papermill", goal=">= 8")
    told("400 trivial cells: papermill --engine nbpromote", engine, papermill, "papermill")
    told(
        "800 trivial cells, after `kernel warm`",
        double,
        warm,
        "400 trivial cells",
        goal="<= 2.2 times the seconds: >= 0.45",
    )


def bench_60_cells_of_1_mb(ground: Ground) -> None:
    ours, engine, papermill = medians(
        own(ground, "large60"), peer(ground, "large60", "--engine", "nbpromote"), peer(ground, "large60")
    )
    with session(ground.root):
        (warm,) = medians(own(ground, "large60"))
    told("60 cells of 1 MB: nbpromote run, after `kernel warm`", warm, papermill, "papermill", goal=">= 8")
    told("60 cells of 1 MB: nbpromote run, nothing warm", ours, papermill, "papermill", goal=">= 8")
    told("60 cells of 1 MB: papermill --engine nbpromote", engine, papermill, "papermill")


def bench_100_mb_of_stdout_in_the_runner(ground: Ground) -> float:
    loud, silent, papermill = (
        resident(ground, *COMMAND, "run", "loud"),
        resident(ground, *COMMAND, "run", "silent"),
        resident(ground, *PAPERMILL, "notebooks/loud.ipynb", "peer.ipynb"),
    )
    told("100 MB of stdout, resident", loud, papermill, "papermill", unit="MB")
    told("a silent run, resident", silent, loud, "100 MB of stdout", goal="<= 60 MB more", unit="MB")
    return loud - silent


# a small process in between: what one is started from counts for its peak until it is another program
SMALL = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def resident(ground: Ground, *command: str) -> float:
    """MB at the peak of the largest process: the runner, since these kernels import nothing."""
    small = [sys.executable, "-I", "-S", "-c", SMALL, *command]
    return int(subprocess.run(small, cwd=ground.root, check=True, capture_output=True, text=True).stdout) / 1000
