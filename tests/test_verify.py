"""What has been live for a while is asked again whether it is what was validated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ground import Ground, build
from nbpromote.model import Model
from nbpromote.workflow.promotion.verifying import beyond
from nbpromote.workflow.site import Site


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """`count` is live in dev and in staging; each of its runs writes something else."""
    ground = build(tmp_path_factory.mktemp("verify") / "small", empty_store)
    ground.edit("notebooks/count.py", '"number\\n"', '"number\\n" + str(__import__("time").time_ns()) + "\\n"')
    ground.nbpromote("sync")
    ground.commit("as the time is")
    done = ground.released().nbpromote("promote", "count", "--to", "staging")
    assert done.returncode == 0, done.stdout + done.stderr
    return ground


@pytest.fixture
def result(road: Ground) -> Iterator[Path]:
    """What is live in staging has written it."""
    file = road.root / "data" / "staging" / "result.csv"
    whole = file.read_bytes()
    yield file
    file.write_bytes(whole)


def asked(ground: Ground) -> tuple[dict[str, Any], dict[str, str]]:
    (one,) = ground.json("verify", "count", "--env", "staging")["deployments"]
    return one, {check["name"]: check["outcome"] for check in one["checks"]}


def test_what_is_as_it_was_passes_in_every_environment_and_that_is_written_down(road: Ground) -> None:
    done = road.nbpromote("verify")

    assert (done.returncode, done.stdout.count("passed: count")) == (0, 2), done.stdout
    newest = road.json("history", "--env", "staging")["events"][-1]
    assert (newest["verb"], newest["step"], newest["notebooks"]) == ("verify", "verified", ["count"])
    assert "verify" in road.nbpromote("history", "--env", "staging").stdout


def test_an_output_that_nobody_known_has_written_fails_and_is_named(road: Ground, result: Path) -> None:
    result.write_text("number\n7\n")

    done = road.nbpromote("verify", "count", "--env", "staging")
    one, checks = asked(road)

    assert done.returncode == 1
    assert f"{result} was written at " in done.stdout
    assert (one["outcome"], one["state"], checks["outputs-unchanged"]) == ("failed", "failed", "failed")
    assert "failed" in road.nbpromote("status").stdout  # and nothing went back by itself
    result.unlink()
    assert f"{result} is gone" in road.nbpromote("verify", "--env", "staging").stdout


def test_what_a_later_run_of_the_same_deployment_wrote_passes(road: Ground, result: Path) -> None:
    before = result.read_bytes()
    ran = road.nbpromote("run", "count", "--env", "staging")
    assert (ran.returncode, result.read_bytes() == before) == (0, False), ran.stdout + ran.stderr

    one, checks = asked(road)

    assert (one["state"], checks["outputs-unchanged"]) == ("verified", "passed")


def test_a_sealed_file_that_was_changed_fails(road: Ground) -> None:
    kept = max((road.root / ".nbpromote" / "store" / "sha256").rglob("*"), key=lambda path: path.stat().st_size)
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + b"!")
    try:
        done = road.nbpromote("verify", "count")
    finally:
        kept.write_bytes(whole)

    assert done.returncode == 1
    assert "release-kept" in done.stdout
    assert "was changed" in done.stdout
    assert road.nbpromote("verify").returncode == 0


def test_nothing_of_that_name_is_a_plain_error(road: Ground) -> None:
    assert road.nbpromote("verify", "cuont").returncode == 2
    assert "did you mean 'count'" in road.nbpromote("verify", "cuont").stderr


def test_what_another_clone_alone_has_is_not_judged_here_and_nothing_is_written_down(
    road: Ground, tmp_path: Path
) -> None:
    road.git("clone", "--quiet", str(road.root), str(tmp_path / "clone"))
    clone, before = Ground(tmp_path / "clone", road.empty_store), road.refs()
    clone.git("config", "user.name", "Bob")
    clone.git("config", "user.email", "bob@example.org")

    done = clone.nbpromote("verify", "--env", "staging")

    assert (done.returncode, road.refs()) == (3, before), done.stdout + done.stderr
    assert "data/staging/result.csv was published in another clone; nothing was asked" in done.stdout


def test_a_model_in_the_file_of_another_clone_has_not_been_moved(road: Ground, tmp_path: Path) -> None:
    road.git("clone", "--quiet", str(road.root), str(tmp_path / "clone"))
    here, there = Site(road.project), Site(Ground(tmp_path / "clone", road.empty_store).project)
    live = there.ledger.state("staging")["count"].live
    assert live is not None
    model = Model(uri="models:/m-0", files={}, name="staging.count", version="3")

    told = beyond(there, replace(live, model=model))

    assert told.endswith("is a file of each clone, and version 3 of staging.count is not in this one's")
    assert beyond(here, replace(live, model=model)) == ""  # nobody shares its history, so nobody else has it
