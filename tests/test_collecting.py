"""`gc` on a project with a past: what may be rolled back to stays, and so does every record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ground import Ground, build
from nbpromote import clock
from nbpromote.ledger import Ledger
from nbpromote.model import Event
from nbpromote.workflow.site import Site

MONTHS = 90 * 86400.0


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """Two releases promoted to staging, and a third that dev gave up again."""
    ground = build(tmp_path_factory.mktemp("past") / "small", empty_store).released()
    assert ground.nbpromote("run", "count").returncode == 0  # for nothing
    for number in range(3):
        if number:
            ground.edit("notebooks/count.py", 'glue("rows"', f'glue("extra_{number}", {number})\nglue("rows"')
            ground.commit(f"more {number}")
            ground.released()
        if number < 2:
            done = ground.nbpromote("promote", "count", "--to", "staging")
            assert done.returncode == 0, done.stdout + done.stderr
    done = ground.nbpromote("rollback", "count", "--env", "dev", "-m", "no")
    assert done.returncode == 0, done.stdout + done.stderr
    return ground


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three months after all that."""
    ago = clock.ago
    monkeypatch.setattr(clock, "ago", lambda seconds: ago(seconds - MONTHS))


def events(ground: Ground) -> list[Event]:
    return [e for name in ("dev", "staging") for e in Site(ground.project).ledger.events(name)]


def test_what_is_young_stays(past: Ground) -> None:
    assert past.json("gc", "--dry-run")["would_remove"] == []
    assert past.nbpromote("gc", "--older-than", "59m").returncode == 2
    assert past.nbpromote("gc", "--older-than", "soon").returncode == 2


def test_a_dry_run_names_what_would_go_and_changes_nothing(past: Ground, later: None) -> None:
    before = sorted(path for path in past.project.state.rglob("*"))

    told = past.json("gc", "--dry-run", "--keep", "1")
    text = past.nbpromote("gc", "--dry-run", "--keep", "1").stdout

    assert {litter["kind"] for litter in told["would_remove"]} == {"run", "blob"}
    assert told["bytes"] == sum(litter["size"] for litter in told["would_remove"]) > 0
    assert "would remove" in text.splitlines()[-1]
    assert sorted(path for path in past.project.state.rglob("*")) == before


def test_after_a_kill_in_the_middle_the_next_one_finishes_and_rollback_works(past: Ground, later: None) -> None:
    wanted = past.json("gc", "--dry-run", "--keep", "1")["would_remove"]
    killed = subprocess.run([sys.executable, "-c", KILLED, str(past.root), str(MONTHS)], capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    left = past.json("gc", "--dry-run", "--keep", "1")["would_remove"]
    assert 0 < len(left) < len(wanted)

    done = past.json("gc", "--keep", "1")

    assert {one["name"] for one in done["removed"]} == {one["name"] for one in left}
    assert past.json("gc", "--dry-run", "--keep", "1")["would_remove"] == []
    assert list(past.project.runs.glob(".*")) == []
    store = Site(past.project).store
    for event in events(past):
        for deployment in event.deployments:
            store.check(deployment.release)
            store.check(deployment.sealed["evidence.json"].sha256)
    assert past.nbpromote("doctor").returncode == 0
    given_up = next(e for e in reversed(events(past)) if e.environment == "dev" and e.verb == "release").aliases[0]
    assert past.nbpromote("unhold", given_up, "--env", "dev").returncode == 0
    for line in (("--env", "staging"), ("--env", "dev", "--to", given_up)):
        back = past.nbpromote("rollback", "count", *line)
        assert back.returncode == 0, back.stdout + back.stderr


# a real kill, when the third thing is about to go
KILLED = """
import os, sys
from pathlib import Path
from nbpromote import clock, files, find
from nbpromote.release import Store
from nbpromote.workflow.care import collecting

ago, left = clock.ago, [3]
clock.ago = lambda seconds: ago(seconds - float(sys.argv[2]))

def counted(take):
    def taken(*args):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), 9)
        return take(*args)
    return taken

files.remove, Store.drop = counted(files.remove), counted(Store.drop)
collecting.gc(find(Path(sys.argv[1])), keep=1)
"""


def test_a_run_that_somebody_writes_or_stands_on_stays(ground: Ground, later: None) -> None:
    for name in ("20200101T000000-count-dev-aaaa", "20200102T000000-count-dev-bbbb", "20200103T000000-count-dev-cccc"):
        record = {"notebook": "count", "environment": "dev", "started": "2020-01-01T00:00:00.000Z"}
        ground.write(f".nbpromote/runs/{name}/run.json", json.dumps(record))
        ground.write(f".nbpromote/runs/{name}/evidence-001.json", "{}")
    ground.write(".nbpromote/runs/20200101T000000-count-dev-aaaa/owner", "1")
    ground.write(".nbpromote/footing/dev/count.json", '{"run": "20200102T000000-count-dev-bbbb", "passed": true}')

    assert ground.json("gc", "--keep", "1")["removed"] == []
    (ground.root / ".nbpromote/footing/dev/count.json").unlink()
    assert [one["name"] for one in ground.json("gc", "--keep", "1")["removed"]] == ["20200102T000000-count-dev-bbbb"]


def test_where_what_is_needed_cannot_be_known_nothing_goes(past: Ground, later: None, tmp_path: Path) -> None:
    ledger = Ledger(Site(past.project).git)
    tip = ledger.state("staging").head
    forged = ledger.git.commit({"README": b"x"}, "by hand", parent=tip)
    ledger.git.move("refs/heads/nbpromote/staging", forged, old=tip)

    refused = past.nbpromote("gc")

    assert refused.returncode == 1
    assert "nothing was removed" in refused.stderr
    past.git("update-ref", "refs/heads/nbpromote/staging", tip)
    past.git("remote", "add", "origin", str(tmp_path / "away.git"))
    past.edit("pyproject.toml", "[tool.nbpromote]\n", '[tool.nbpromote]\nremote = "origin"\n')
    unreached = past.nbpromote("gc")
    assert unreached.returncode == 3
    assert "others may have promoted, so nothing was removed: the remote" in unreached.stderr


def test_a_store_that_others_may_share_is_left_alone_unless_it_is_ours(
    ground: Ground, later: None, tmp_path: Path
) -> None:
    ground.edit("pyproject.toml", "[tool.nbpromote]\n", f'[tool.nbpromote]\nstore = "{tmp_path}/shared"\n')
    Site(ground.project).store.put(b"of another project")

    told = ground.json("gc")
    assert told["removed"] == []
    assert "--store-is-ours" in told["notes"][0]
    assert [one["kind"] for one in ground.json("gc", "--store-is-ours")["removed"]] == ["blob"]


def test_bytes_that_are_put_again_are_young_again(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Site(ground.project).store
    digest = store.put(b"sealed once").sha256
    (file,) = (path for path in (ground.project.state / "store" / "sha256").rglob("*") if path.is_file())
    os.utime(file, (1, 1))
    assert [one["name"] for one in ground.json("gc", "--dry-run")["would_remove"]] == [digest]

    store.put(b"sealed once")

    assert ground.json("gc", "--dry-run")["would_remove"] == []
