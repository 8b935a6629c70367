"""The life of what is live: due, renewed, or over."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ground import Ground, build
from nbpromote import clock


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """`count` is live in dev, to be looked at after ten days, and over after thirty."""
    ground = build(tmp_path_factory.mktemp("renewing") / "small", empty_store)
    ground.write("params/dev.policy.yaml", "review_by: 10d\nexpires: 30d\n")
    ground.commit("lives end")
    return ground.released("count")


@pytest.fixture
def road(original: Ground, tmp_path: Path) -> Ground:
    shutil.copytree(original.root, tmp_path / "small", symlinks=True)
    return Ground(tmp_path / "small", original.empty_store)


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Any:
    """So many days from now."""

    def passed(count: int) -> None:
        monkeypatch.setattr(clock, "now", lambda: clock.spelled(datetime.now(UTC) + timedelta(days=count)))

    return passed


def row(ground: Ground) -> dict[str, Any]:
    environment = ground.json("status")["environments"][0]
    return {**environment["notebooks"][0], "due": environment["due"].get("count")}


LINE = ("renew", "count", "--env", "dev", "--reason", "still right")


def test_what_is_renewed_counts_anew(road: Ground, days: Any) -> None:
    days(11)
    due = row(road)
    done = road.nbpromote(*LINE)
    renewed = row(road)
    days(35)  # later than the first life could last
    road.nbpromote("advance")
    again = row(road)
    days(42)
    road.nbpromote("advance")

    assert (due["due"] is not None, due["renewed"]) == (True, None)
    assert (done.returncode, "renewed: count " in done.stdout) == (0, True), done.stdout + done.stderr
    assert (renewed["due"], renewed["renewed"] > renewed["since"]) == (None, True)
    assert (again["state"], again["due"] is not None) == ("verified", True)
    assert row(road)["state"] == "expired"
    steps = [(event["verb"], event["step"], event["reason"]) for event in road.json("history", "count")["events"]][3:]
    assert steps[:2] == [("verify", "verified", ""), ("renew", "renewed", "still right")]
    assert steps[2][:2] == ("expire", "expired")
    assert steps[2][2].startswith(f"it was renewed {renewed['renewed']}")


def test_what_does_not_pass_is_not_renewed(road: Ground, days: Any) -> None:
    days(11)
    (road.root / "data/dev/result.csv").write_text("number\n7\n")

    done = road.nbpromote(*LINE)

    assert (done.returncode, "not renewed: count " in done.stdout) == (1, True), done.stdout + done.stderr
    assert (row(road)["renewed"], row(road)["state"]) == (None, "failed")


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (("freeze", "--env", "dev"), "nbpromote thaw --env dev lifts that"),
        (("hold", "count", "--env", "dev"), "nbpromote unhold count --env dev lifts that"),
    ],
)
def test_what_is_barred_is_not_renewed(road: Ground, before: tuple[str, ...], told: str) -> None:
    road.nbpromote(*before)

    done = road.nbpromote(*LINE)

    assert (done.returncode, told in done.stderr) == (1, True), done.stderr
    assert row(road)["renewed"] is None


@pytest.mark.parametrize("advanced", [True, False])
def test_a_life_that_is_over_is_begun_again_by_a_promotion_only(road: Ground, days: Any, advanced: bool) -> None:
    days(31)
    if advanced:
        road.nbpromote("advance")

    done = road.nbpromote(*LINE)

    assert (done.returncode, "its time in dev is over: nbpromote release count begins" in done.stderr) == (1, True), (
        done.stderr
    )


def test_where_nothing_ends_or_nothing_is_live_that_is_said(road: Ground) -> None:
    unknown = road.nbpromote("renew", "cuont", "--env", "dev")
    (road.root / "params/dev.policy.yaml").unlink()
    road.commit("for ever")

    done = road.nbpromote(*LINE)

    assert (unknown.returncode, "did you mean 'count'?" in unknown.stderr) == (2, True)
    assert (done.returncode, "nothing ends or reviews count in dev" in done.stderr) == (2, True), done.stderr
