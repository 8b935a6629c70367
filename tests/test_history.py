"""`history` on a project that has one: stretches of it, and what auditors are given."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ground import Ground, build
from histories import grow
from nbpromote import git
from nbpromote.ledger import Ledger
from nbpromote.ledger.records import place


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """A project whose prod has 270 events; 90 of each of three notebooks."""
    ground = build(tmp_path_factory.mktemp("old") / "small", empty_store)
    grow(Ledger(git.find(ground.root)), 270)
    return ground


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_an_export_is_every_event_with_the_commit_that_holds_it(old: Ground) -> None:
    done = old.nbpromote("history", "--env", "prod", "--format", "csv")

    told = rows(done.stdout)
    commits = old.git("rev-list", "--reverse", "nbpromote/prod").split()
    assert [row["commit"] for row in told] == commits
    assert [row["after"] for row in told] == ["", *commits[:-1]]
    assert [row["id"] for row in told] == [f"prod-{number:06d}" for number in range(1, 271)]
    assert (told[1]["notebooks"], told[1]["step"], told[1]["runs"]) == ("train", "live", "otter")


def test_an_export_goes_to_a_file_whole_or_not_at_all(old: Ground, tmp_path: Path) -> None:
    done = old.nbpromote("history", "train", "--format", "json", "-o", str(tmp_path / "audit.json"))

    assert (done.returncode, done.stdout) == (0, "")
    events = json.loads((tmp_path / "audit.json").read_text())["events"]
    assert {tuple(event["notebooks"]) for event in events} == {("train",)}
    assert events == old.json("history", "train")["events"]
    assert len(events) == 90
    refused = old.nbpromote("history", "--format", "csv", "-o", str(tmp_path / "nowhere" / "audit.csv"))
    assert (refused.returncode, refused.stdout) == (2, "")


@pytest.mark.parametrize("name", [None, "score"])
def test_the_newest_are_those_that_happened_last(old: Ground, name: str | None) -> None:
    of = [name] if name else []
    every = old.json("history", *of)["events"]

    assert old.json("history", *of, "--newest", "7")["events"] == every[-7:]
    then = [event for event in every if event["at"] <= every[50]["at"]]
    assert old.json("history", *of, "--newest", "7", "--at", every[50]["at"])["events"] == then[-7:]
    assert old.nbpromote("history", *of, "--newest", "7", "--all").returncode == 2


def test_text_is_an_attempt_a_line_newest_first(old: Ground) -> None:
    every = old.nbpromote("history", "--all").stdout.splitlines()

    assert len(every) == 1 + 90
    assert old.nbpromote("history").stdout.splitlines()[-1] == "of the newest 200 events; --all shows every one"
    assert old.nbpromote("history", "--newest", "6").stdout.splitlines()[1:] != every[1:]
    assert [line.split()[3:6] for line in every[1:4]] == [
        ["report", "rollback", "verified"],
        ["report", "promote", "verified"],
        ["report", "promote", "verified"],
    ]


def test_a_history_with_a_hole_is_an_error_and_no_half_of_an_export(ground: Ground) -> None:
    book = Ledger(git.find(ground.root))
    grow(book, 9)
    broken = place(4)
    ground.git("read-tree", "nbpromote/prod")
    ground.git("rm", "--quiet", "--cached", broken)
    tree = ground.git("write-tree")
    commit = ground.git("commit-tree", tree, "-p", "nbpromote/prod", "-m", "cut")
    ground.git("update-ref", "refs/heads/nbpromote/prod", commit)

    for form in ("text", "csv", "json"):
        done = ground.nbpromote("history", "--format", form)
        assert done.returncode == 3
        assert "hole" in done.stderr
        assert done.stdout == ""


def test_doctor_names_the_first_bad_record_and_repairs_nothing_on_top_of_it(ground: Ground) -> None:
    book = Ledger(git.find(ground.root))
    grow(book, 7)  # the last one is a claim that has not ended
    tip = book.state("prod").head
    forged = book.git.commit({"README": b"x"}, "by hand", parent=tip)
    book.git.move("refs/heads/nbpromote/prod", forged, old=tip)

    done = ground.nbpromote("doctor", "--repair")

    assert done.returncode == 1
    assert f"prod-000008 (commit {forged[:10]}) leaves a hole" in done.stdout
    assert book.git.ref("refs/heads/nbpromote/prod") == forged
