"""What `sync` costs beside `jupytext --sync` on the same pairs, in one run, as whole processes; ratios are printed.

`make bench` runs this.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

import pytest
from measure import medians, shell, told

from ground import COMMAND, git

PAIRS = 100
CHANGED = 20
EXAMPLE = Path(__file__).parents[2] / "notebooks/train_delay.ipynb"
SETTINGS = """\
[tool.nbpromote]
project = "many"

[tool.jupytext]
formats = "ipynb,py:percent"
notebook_metadata_filter = "-jupytext.text_representation.jupytext_version"
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many(tmp_path_factory.mktemp("own") / "many")


@pytest.fixture(scope="module")
def peer_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same again for jupytext, where both edit: neither is to find what the other one synced."""
    return many(tmp_path_factory.mktemp("peer") / "many")


def many(root: Path) -> Path:
    """A repository with a hundred pairs, committed, with outputs."""
    (root / "notebooks").mkdir(parents=True)
    (root / "pyproject.toml").write_text(SETTINGS)
    for number in range(PAIRS):
        for suffix in (".ipynb", ".py"):
            shutil.copy(EXAMPLE.with_suffix(suffix), root / f"notebooks/n{number}{suffix}")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "--quiet", "--message", "start")
    return root


def bench_a_hundred_pairs_that_agree(root: Path) -> None:
    own, peer = medians(shell(root, *COMMAND, "sync"), shell(root, *jupytext(range(PAIRS))))
    told(f"nbpromote sync, {PAIRS} pairs unchanged", own, peer, "jupytext --sync")


def bench_a_changed_pair(root: Path, peer_root: Path) -> None:
    own, peer = medians(edited(root, [0], *COMMAND, "sync", "n0"), edited(peer_root, [0], *jupytext([0])))
    told("nbpromote sync, 1 pair changed", own, peer, "jupytext --sync")


def bench_changed_pairs(root: Path, peer_root: Path) -> None:
    some = range(CHANGED)
    own, peer = medians(edited(root, some, *COMMAND, "sync"), edited(peer_root, some, *jupytext(some)))
    told(f"nbpromote sync, {CHANGED} pairs changed, each", own / CHANGED, peer / CHANGED, "jupytext --sync")


def jupytext(numbers: Iterable[int]) -> list[str]:
    return [sys.executable, "-m", "jupytext", "--sync", *(f"notebooks/n{number}.py" for number in numbers)]


_EDITS = count()


def edited(root: Path, numbers: Iterable[int], *command: str) -> Callable[[], object]:
    """A new line in each script, and then the command."""

    def work() -> None:
        for number in numbers:
            script = root / f"notebooks/n{number}.py"
            script.write_text(f"{script.read_text()}edit_{next(_EDITS)} = 1\n")
        shell(root, *command)()

    return work
