"""Which job of which CI host this is, and what a job for a fork's pull request may not do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ground import Ground
from nbpromote import ci

OURS, THEIRS = {"full_name": "ada/flights"}, {"full_name": "eve/flights"}


def github(event: str, payload: object, folder: Path) -> dict[str, str]:
    """What GitHub sets in a job that `event` started."""
    file = folder / "event.json"
    file.write_text(payload if isinstance(payload, str) else json.dumps(payload))
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_ACTOR": "ada",
        "GITHUB_TRIGGERING_ACTOR": "bob",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "ada/flights",
        "GITHUB_RUN_ID": "77",
        "GITHUB_REF": "refs/pull/12/merge",
        "GITHUB_SHA": "c" * 40,
    }


def asked(head: object, base: object = OURS) -> dict[str, object]:
    return {"pull_request": {"number": 12, "head": {"repo": head}, "base": {"repo": base}}}


def test_a_machine_without_ci_is_no_job():
    assert ci.here({}) is None


def test_a_job_of_github_says_who_started_it_for_which_pull_request(tmp_path):
    found = ci.here(github("pull_request", asked(OURS), tmp_path))

    assert found is not None
    assert (found.host, found.actor, found.pull_request, found.fork) == ("github", "bob", 12, False)
    assert found.url == "https://github.example/ada/flights/actions/runs/77"
    assert found.told == f"pull_request for pull request 12, {found.url}"


@pytest.mark.parametrize(
    ("event", "payload", "fork"),
    [
        ("push", {}, False),
        ("push", "not JSON", False),
        ("schedule", {}, False),
        ("workflow_dispatch", {}, False),
        ("merge_group", {}, False),
        ("pull_request", asked(OURS), False),
        ("pull_request", asked(THEIRS), True),
        ("pull_request", asked(None), True),  # the fork was deleted
        ("pull_request", asked(OURS, None), True),
        ("pull_request", "{", True),
        ("pull_request", "[]", True),
        ("pull_request_target", asked(THEIRS), True),
        ("pull_request_review", asked(OURS), False),
        ("workflow_run", {"workflow_run": {"head_repository": OURS}, "repository": OURS}, False),
        ("workflow_run", {"workflow_run": {"head_repository": THEIRS}, "repository": OURS}, True),
        ("issue_comment", {"issue": {"number": 12}}, True),  # whose code its job checked out is not said
        ("", {}, True),
    ],
)
def test_code_of_a_fork_is_known_by_the_event(tmp_path, event, payload, fork):
    found = ci.here(github(event, payload, tmp_path))

    assert found is not None
    assert found.fork is fork


def test_an_event_file_that_is_not_there_counts_as_a_fork(tmp_path):
    found = ci.here({**github("pull_request", {}, tmp_path), "GITHUB_EVENT_PATH": str(tmp_path / "none")})

    assert found is not None
    assert found.fork


@pytest.mark.parametrize(
    ("said", "fork"),
    [
        ({"CI_PIPELINE_SOURCE": "push"}, False),
        ({"CI_PIPELINE_SOURCE": "schedule"}, False),
        ({"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1", "CI_MERGE_REQUEST_PROJECT_ID": "1"}, False),
        ({"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2", "CI_MERGE_REQUEST_PROJECT_ID": "1"}, True),
        ({"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2", "CI_MERGE_REQUEST_PROJECT_ID": "1", "CI_PROJECT_ID": "2"}, True),
        ({"CI_MERGE_REQUEST_PROJECT_ID": "1"}, True),
        ({}, True),
    ],
)
def test_a_job_of_gitlab_tells_the_project_that_the_code_is_from(said, fork):
    request = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "9"}
    base = {"GITLAB_CI": "true", "CI_PROJECT_ID": "1", "GITLAB_USER_LOGIN": "ada", "CI_JOB_URL": "https://ci.example/5"}
    found = ci.here({**base, **({} if "CI_PIPELINE_SOURCE" in said else request), **said})

    assert found is not None
    assert (found.host, found.actor, found.fork) == ("gitlab", "ada", fork)


def test_a_run_for_a_fork_is_never_released_not_even_by_a_later_job(ground: Ground, tmp_path, monkeypatch):
    ground.nbpromote("sync", "count")
    with monkeypatch.context() as job:
        for name, value in github("pull_request", asked(THEIRS), tmp_path).items():
            job.setenv(name, value)
        assert ground.nbpromote("run", "count").returncode in (0, 1)
        ground.nbpromote("baseline", "count", "--yes")
        run = ground.json("run", "count")
        there = ground.nbpromote("release", "count")
    clone = tmp_path / "clone"
    shutil.copytree(ground.root, clone)  # its run folders handed on, as by an artifact
    later = Ground(clone, ground.empty_store).nbpromote("release", "count", "--run", run["run"])

    assert run["passed"]
    assert run["ci"]["pull_request"] == 12
    for done in (there, later):
        assert done.returncode == 1
        assert "is of a fork's code, or may be (pull_request for pull request 12, " in done.stderr
    assert not ground.refs()
