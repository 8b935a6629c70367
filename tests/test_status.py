"""What is live, by when that was so, and what keeps the rest out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ground import Ground, build, git
from nbpromote import clock


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """`count` and what reads it are verified in dev; staging wants somebody's approval; `origin` shares the history."""
    folder = tmp_path_factory.mktemp("status")
    ground = build(folder / "small", empty_store)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    ground.git("remote", "add", "origin", str(folder / "origin.git"))
    ground.edit(
        "pyproject.toml", 'project = "small"', f'project = "small"\nremote = "origin"\nstore = "{folder}/store"'
    )
    source = (ground.root / "notebooks/count.py").read_text()
    ground.write("notebooks/again.py", source.replace("../data/dev/result.csv", "../data/dev/again.csv"))
    for environment in ("dev", "staging"):
        values = f"  again:\n    outputs: {{result: data/{environment}/again.csv}}\n"
        ground.edit(f"params/{environment}.yaml", "notebooks:\n", f"notebooks:\n{values}")
    again = "notebooks:\n  again:\n    gates: [{metric: rows, min: 2}]\n"
    ground.edit("params/staging.policy.yaml", "notebooks:\n", again)
    ground.edit("params/staging.policy.yaml", "promotes_from", "approvals: 1\npromotes_from")
    ground.nbpromote("sync")
    ground.commit("ask somebody")
    ground.released("count").released("again").git("push", "--quiet", "origin", "main")
    ground.git("remote", "set-head", "origin", "main")
    done = ground.nbpromote("promote", "count", "again", "--to", "staging")
    assert done.returncode == 4, done.stdout + done.stderr
    return ground


def test_status_says_what_a_promotion_waits_for(road: Ground) -> None:
    told = road.nbpromote("status").stdout
    (waiting,) = road.json("status")["environments"][1]["waiting"]

    assert "waiting  staging  again, count  " in told
    assert "approval: 1 of 1 approval missing, of anybody but who wrote the code or asked" in told
    assert [wait["kind"] for wait in waiting["waits"]] == ["approval"]


def test_status_says_by_when_that_was_so(road: Ground) -> None:
    before = clock.now()

    seen = road.json("status")

    assert (seen["stale"], before <= seen["as_of"] <= clock.now()) == (False, True)
    assert f"\nas of {seen['as_of'][:10]} " in road.nbpromote("status").stdout


def test_where_the_remote_is_silent_status_says_when_it_was_heard_last(road: Ground) -> None:
    heard = road.json("status")["as_of"]
    origin = road.root.parent / "origin.git"
    shutil.move(origin, f"{origin}.away")
    try:
        seen, told = road.json("status"), road.nbpromote("status").stdout
    finally:
        shutil.move(f"{origin}.away", origin)

    assert (seen["stale"], seen["as_of"][:16]) == (True, heard[:16])
    assert seen["as_of"] <= heard
    assert "STALE: as of " in told
    assert "(the remote 'origin' cannot be reached: " in told
    assert road.json("status")["stale"] is False


def test_a_history_that_the_remote_has_not_is_told_and_taken_there(road: Ground) -> None:
    road.git("push", "--quiet", "origin", "--delete", "nbpromote/staging")  # as if the remote were a new one

    told, doctor = road.nbpromote("status").stdout, road.nbpromote("doctor")
    road.nbpromote("doctor", "--repair")

    assert "unshared  staging    " in told
    assert "no history of staging was seen at the remote 'origin'" in doctor.stdout
    assert doctor.returncode == 1
    assert "unshared" not in road.nbpromote("status").stdout
    assert road.git("ls-remote", "origin", "nbpromote/staging").split()[0] == road.git("rev-parse", "nbpromote/staging")


def test_why_tells_of_each_notebook_that_went_together(road: Ground) -> None:
    (waiting,) = road.json("status")["environments"][1]["waiting"]

    told = road.nbpromote("why", waiting["attempt"]).stdout
    decisions = road.json("why", waiting["attempt"])["decisions"]

    assert [one["notebook"] for one in decisions] == ["again", "count"]
    assert {one["ended"] for one in decisions} == {"waiting"}
    assert told.count(" at the door of staging\n") == 2
    alone = road.json("why", decisions[1]["alias"], "--env", "staging")
    assert (alone["notebook"], len(alone["decisions"])) == ("count", 1)


def test_status_loads_nothing_heavy_for_it(road: Ground) -> None:
    import subprocess

    from ground import COMMAND

    line = [COMMAND[0], "-X", "importtime", *COMMAND[1:], "-C", str(road.root), "status"]
    done = subprocess.run(line, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    loaded = {row.rsplit("|", 1)[-1].strip() for row in done.stderr.splitlines()}
    assert not loaded & {"mlflow", "pandas", "papermill", "nbformat", "jupytext", "jinja2", "numpy"}
