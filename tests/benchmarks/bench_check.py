"""What `check` costs on a project of 200 notebooks: the first time, and when nothing or one of them changed.

`make bench` runs this. Nothing here passes or fails by the clock: machines are shared and noisy.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from pathlib import Path

import pytest

from ground import COMMAND, COUNT, HEADER, Ground, build

NOTEBOOKS = 200
ROUNDS = 5
TRAIN_POLICY = "  train:\n    strategy: retrain\n    gates: [{metric: mae, max: 60}]\n"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    ground = build(tmp_path_factory.mktemp("bench") / "many", empty_store)
    (ground.root / "notebooks/train.py").unlink()
    (ground.root / "notebooks/train.ipynb").unlink()
    ground.edit("params/staging.policy.yaml", TRAIN_POLICY, "")
    ground.edit("params/prod.policy.yaml", TRAIN_POLICY, "")
    both = (ground.root / "notebooks/count.py", ground.root / "notebooks/count.ipynb")
    for number in range(NOTEBOOKS - 1):
        for side in both:
            shutil.copy(side, side.with_stem(f"count_{number}"))
    ground.commit("many")
    return ground


def checked(ground: Ground) -> float:
    """Seconds of the whole process."""
    started = time.perf_counter()
    done = subprocess.run([*COMMAND, "-C", str(ground.root), "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.perf_counter() - started


def bench_check(ground: Ground) -> None:
    shutil.rmtree(ground.root / ".nbpromote/check", ignore_errors=True)
    cold = checked(ground)
    warm = statistics.median(checked(ground) for _ in range(ROUNDS))
    ground.write("notebooks/count_7.py", HEADER + COUNT.replace("number > -limit", "number > -2 * limit"))
    ground.nbpromote("sync", "count_7")
    one = checked(ground)
    print(f"\nnbpromote check of {NOTEBOOKS} notebooks: {cold:.2f} s the first time, {warm:.2f} s when nothing changed")
    print(f"{one:.2f} s when one of them changed")
