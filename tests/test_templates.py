"""The files that `init --ci` writes: what they may do, what they leave alone, and what they ask of a person."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ground import Ground
from hosts.expressions import Expression, filled


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """A new project with the workflows of both hosts."""
    ground = Ground(tmp_path_factory.mktemp("new") / "small", Path("/none"))
    ground.root.mkdir()
    ground.git("init", "--quiet", "--initial-branch=main")
    for host in ("github", "gitlab"):
        done = ground.nbpromote("init", str(ground.root), "--ci", host)
        assert done.returncode == 0, done.stderr
    return ground


def workflows(ground: Ground) -> dict[str, Any]:
    files = sorted((ground.root / ".github/workflows").glob("*.yml"))
    return {file.stem: YAML(typ="safe").load(file.read_text()) for file in files}


def test_every_job_says_what_it_may_and_no_more(written):
    asked = {
        (name, job): {**table["permissions"], **table["jobs"][job].get("permissions", {})}
        for name, table in workflows(written).items()
        for job in table["jobs"]
    }

    assert asked["nbpromote-check", "check"] == {"contents": "read"}
    assert asked["nbpromote-comment", "comment"] == {"actions": "read", "pull-requests": "write"}
    others = [rights for (name, _), rights in asked.items() if name not in ("nbpromote-check", "nbpromote-comment")]
    assert all(rights == {"contents": "write"} for rights in others)


def test_code_of_a_pull_request_never_meets_a_token_that_may_write(written):
    tables = workflows(written)

    assert not any("pull_request_target" in table["on"] for table in tables.values())
    (job,) = tables["nbpromote-comment"]["jobs"].values()
    assert not any("checkout" in step.get("uses", "") for step in job["steps"])


def test_no_text_that_somebody_typed_becomes_code(written):
    files = [*(written.root / ".github").rglob("*.yml")]
    scripts = [
        step["run"] for file in files for step in _steps(YAML(typ="safe").load(file.read_text())) if "run" in step
    ]

    assert scripts
    assert not any("${{" in script for script in scripts)


def test_actions_are_pinned_and_their_versions_told(written):
    for file in (written.root / ".github").rglob("*.yml"):
        for line in file.read_text().splitlines():
            if "uses: " in line and "./" not in line:
                assert re.search(r"uses: actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_jobs_that_may_be_dropped_for_a_newer_one_queue_and_what_people_press_does_not(written):
    groups = {
        (name, job): table["jobs"][job].get("concurrency")
        for name, table in workflows(written).items()
        for job in table["jobs"]
        if "environment" in table["jobs"][job]
    }

    assert groups["nbpromote-release", "promote"] == "nbpromote-staging"
    assert groups["nbpromote-advance", "prod"] == "nbpromote-advance-prod"
    pressed = ("nbpromote-act", "nbpromote-rollback")
    assert {name for (name, _), group in groups.items() if group is None} == {*pressed}
    queued = [group for group in groups.values() if group]
    assert len(queued) == len(set(queued))


def _steps(table: dict[str, Any]) -> list[dict[str, Any]]:
    jobs = [table["runs"]] if "runs" in table else table["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def test_what_is_there_stays_as_it_is(written):
    file = written.root / ".github/workflows/nbpromote-check.yml"
    text = file.read_text()
    file.write_text("# ours\n")

    done = written.nbpromote("init", str(written.root), "--ci", "github")

    assert "wrote" not in done.stdout
    assert file.read_text() == "# ours\n"
    file.write_text(text)


def test_it_says_what_only_a_person_can_set(written):
    done = written.nbpromote("init", str(written.root), "--ci", "gitlab")

    assert 'remote = "origin"' in done.stdout
    assert "NBPROMOTE_TOKEN" in done.stdout
    assert "Protected environments: prod" in done.stdout


def test_secrets_that_an_environment_refers_to_are_in_its_own_jobs_alone(tmp_path):
    ground = Ground(tmp_path / "small", Path("/none"))
    ground.root.mkdir()
    ground.git("init", "--quiet", "--initial-branch=main")
    ground.nbpromote("init", str(ground.root))
    text = (ground.root / "params/prod.yaml").read_text()
    ground.write("params/prod.yaml", f'{text}\nsecrets: {{warehouse: "env:WAREHOUSE_PASSWORD"}}\n')

    done = ground.nbpromote("init", str(ground.root), "--ci", "github")

    assert "secrets of the environment prod: WAREHOUSE_PASSWORD" in done.stdout
    holders = {
        job.get("environment")
        for table in workflows(ground).values()
        for job in table["jobs"].values()
        if "WAREHOUSE_PASSWORD" in str(job)
    }
    assert holders == {"prod"}


def test_a_host_that_is_not_known_is_told(written):
    done = written.nbpromote("init", str(written.root), "--ci", "githb")

    assert done.returncode == 2
    assert "no CI host 'githb'; did you mean 'github'?" in done.stderr


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b == 'x' && !c", True),
        ("a.b != 'x' || a.none == ''", True),
        ("(c || a.b) == 'x'", True),
        ("cancelled()", False),
    ],
)
def test_the_tests_own_reading_of_expressions(text, value):
    context = {"a": {"b": "x"}, "c": ""}

    assert Expression(text, context, None).value() == value
    assert filled("is ${{ a.b }}", context) == "is x"


@pytest.mark.parametrize("text", ["unknown.thing", "fromJSON('1')", "a.b ~ 'x'"])
def test_an_expression_that_is_not_known_is_never_passed_over(text):
    with pytest.raises((AssertionError, KeyError)):
        Expression(text, {"a": {"b": "x"}}, None).value()
