"""Notebooks that exist only as `.py`: every verb takes them; an `.ipynb` is made where outputs need a home."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ground import Ground, build, git

BARE = """\
# %% tags=["parameters"]
top = 3  # how far

# %%
print(top)
"""


@pytest.fixture(params=["", "*.ipynb\n"], ids=["tracked", "git-ignored"])
def scripts(tmp_path: Path, empty_store: Path, request: pytest.FixtureRequest) -> Ground:
    """Scripts alone are committed, and nothing was ever synced; where asked, git ignores every notebook."""
    ground = build(tmp_path / "scripts", empty_store)
    ground.git("rm", "--quiet", "notebooks/count.ipynb", "notebooks/train.ipynb")
    shutil.rmtree(ground.root / ".git" / "nbpromote")
    ground.write("notebooks/bare.py", BARE)
    with (ground.root / "params/staging.policy.yaml").open("a") as policy:
        policy.write("  bare:\n    gates: [{check: ran-to-the-end}]\n")
    ground.write(".gitignore", f".nbpromote/\ndata/\n{request.param}")
    ground.commit("scripts alone")
    return ground


def notebooks(ground: Ground) -> set[str]:
    return {path.name for path in (ground.root / "notebooks").glob("*.ipynb")}


def test_what_only_reads_makes_no_notebook(scripts: Ground) -> None:
    for verb in (("check",), ("params", "show", "count"), ("params", "show", "bare")):
        assert scripts.nbpromote(*verb).returncode == 0

    assert notebooks(scripts) == set()


def test_the_whole_road_from_a_script(scripts: Ground) -> None:
    first = scripts.json("run", "count")
    accepted = scripts.json("baseline", "notebooks/count.py", "--yes")
    again = scripts.json("run", "count")
    if scripts.git("status", "--porcelain"):
        scripts.commit("accept the outputs")
    roads = [
        scripts.nbpromote("release", "count"),
        scripts.nbpromote("promote", "count", "--to", "staging"),
        scripts.nbpromote("report", "count", "--env", "staging"),
        scripts.nbpromote("doctor"),
    ]

    asked = {check["name"]: check["outcome"] for check in first["checks"]}
    assert asked["outputs-match"] == "inconclusive"  # nothing was accepted yet, and that is no pass
    assert accepted["passed"]
    assert again["passed"]
    assert [road.returncode for road in roads] == [0, 0, 0, 0], [road.stdout + road.stderr for road in roads]
    assert notebooks(scripts) == {"count.ipynb"}


def test_a_script_without_a_header_runs_and_is_released(scripts: Ground) -> None:
    evidence = scripts.json("run", "bare", "-p", "top", "9")
    release = scripts.nbpromote("release", "bare")

    assert evidence["passed"]
    assert evidence["parameters"] == {"top": 9}
    assert release.returncode == 0, release.stdout + release.stderr
    assert notebooks(scripts) == set()


def test_a_clone_promotes_what_another_clone_released(scripts: Ground, tmp_path: Path) -> None:
    """Sealed code is all that a promotion needs: the clone never had a notebook."""
    git(tmp_path, "init", "--quiet", "--bare", "shared.git")
    scripts.git("remote", "add", "origin", str(tmp_path / "shared.git"))
    scripts.write(
        "pyproject.toml", f'[tool.nbpromote]\nproject = "small"\nremote = "origin"\nstore = "{tmp_path}/store"\n'
    )
    scripts.commit("share")
    scripts.git("push", "--quiet", "origin", "main")
    assert scripts.json("run", "bare")["passed"]
    assert scripts.nbpromote("release", "bare").returncode == 0
    git(tmp_path, "clone", "--quiet", "--branch", "main", str(tmp_path / "shared.git"), "clone")
    clone = Ground(tmp_path / "clone", scripts.empty_store)
    clone.git("config", "user.name", "Bob Test")
    clone.git("config", "user.email", "bob@example.org")
    shutil.copytree(scripts.root / ".nbpromote" / "mlflow", clone.root / ".nbpromote" / "mlflow")

    done = clone.nbpromote("promote", "bare", "--to", "staging")

    assert done.returncode == 0, done.stdout + done.stderr
    assert notebooks(clone) == set()
