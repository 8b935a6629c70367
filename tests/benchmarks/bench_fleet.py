"""What many notebooks cost beside papermill's command, as whole processes, in turn; medians and ratios are printed.

`make bench` runs this; ROUNDS=1 is a try. Nothing here passes or fails by the clock: machines are shared and noisy.
"""

from __future__ import annotations

import sys
from pathlib import Path

import measure
import pytest
from measure import medians, session, shell, told

from ground import COMMAND, HEADER, Ground, begun

MANY, FEW, SIDE_BY_SIDE = 20, 8, 2

WRITE = """
# %% tags=["parameters"]
out: str = "../data/{name}.txt"  # where to

# %%
from pathlib import Path
Path(out).write_text("{name}")
"""

EMPTY = "\n# %%\n1 + 1\n"

HEAVY = """
# %%
import mlflow
import pandas
import sklearn.linear_model
"""

# the same notebooks as papermill's documentation runs many: its command, here two at a time
PEER = """
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
Path("peer").mkdir(exist_ok=True)

def run(path):
    subprocess.run([sys.executable, "-m", "papermill", "--no-progress-bar", path, f"peer/{path.name}"], check=True)

with ThreadPoolExecutor(int(sys.argv[1])) as pool:
    list(pool.map(run, sorted(Path("notebooks").glob("*.ipynb"))))
"""


def project(root: Path, empty_store: Path, source: str, count: int, declared: str) -> Ground:
    ground = begun(root, empty_store)
    ground.write("pyproject.toml", '[tool.nbpromote]\nproject = "many"\n')
    ground.write(".gitignore", ".nbpromote/\ndata/\npeer/\n")
    ground.write("peer.py", PEER)
    names = [f"n{number}" for number in range(count)]
    for name in names:
        ground.write(f"notebooks/{name}.py", HEADER + source.replace("{name}", name))
    given = "".join(f"  {name}: {declared.replace('{name}', name)}\n" for name in names)
    ground.write("params/base.yaml", f"notebooks:\n{given}")
    ground.write("params/dev.yaml", "limits: {cell: 5m}\n")
    assert ground.nbpromote("sync").returncode == 0
    ground.commit("start")
    return ground


def fleet(ground: Ground, *options: str) -> list[str]:
    return [*COMMAND, "-C", str(ground.root), "run", "--all", *options]


def bench_an_unchanged_fleet(tmp_path: Path, empty_store: Path) -> None:
    declared = "{inputs: {}, outputs: {out: data/{name}.txt}}"
    ground = project(tmp_path / "unchanged", empty_store, WRITE, MANY, declared)
    first = measure.seconds(shell(ground.root, *fleet(ground)))
    (again,) = medians(shell(ground.root, *fleet(ground)))
    told(f"unchanged fleet of {MANY}", again, first, "its first time", goal="<= 1 s")


def bench_an_empty_notebook_in_a_fleet(tmp_path: Path, empty_store: Path) -> None:
    ground = project(tmp_path / "empty", empty_store, EMPTY, MANY, "{inputs: {}, outputs: {}}")
    one = [sys.executable, "-m", "papermill", "--no-progress-bar", "notebooks/n0.ipynb", "out.ipynb"]
    own, peer = medians(shell(ground.root, *fleet(ground, "--force")), shell(ground.root, *one))
    with session(ground.root):
        (warm,) = medians(shell(ground.root, *fleet(ground, "--force")))
    what, goal = f"empty notebook in a fleet of {MANY}, each", "<= 0.4 s, >= 6"
    told(f"{what}, after `kernel warm`", warm / MANY, peer, "papermill's command", goal=goal)
    told(f"{what}, nothing warm", own / MANY, peer, "papermill's command", goal=goal)


def bench_a_fleet_that_imports_much(tmp_path: Path, empty_store: Path) -> None:
    for module in ("mlflow", "pandas", "sklearn"):
        pytest.importorskip(module)
    ground = project(tmp_path / "heavy", empty_store, HEAVY, FEW, "{inputs: {}, outputs: {}}")
    jobs = str(SIDE_BY_SIDE)
    own, peer = medians(
        shell(ground.root, *fleet(ground, "--force", "-j", jobs)),
        shell(ground.root, sys.executable, "peer.py", jobs),
    )
    with session(ground.root):
        (warm,) = medians(shell(ground.root, *fleet(ground, "--force", "-j", jobs)))
    what, against = f"import-heavy fleet of {FEW}, {jobs} at a time", "papermill's command, as many at a time"
    told(f"{what}, after `kernel warm`", warm, peer, against, goal=">= 4")
    told(f"{what}, nothing warm", own, peer, against, goal=">= 4")
