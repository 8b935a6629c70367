"""What a plan says of what would change, before anything does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ground import Ground, build
from nbpromote import release, workflow
from nbpromote.model import Outcome
from nbpromote.release import Store

# no kernel here has such packages, so none is found to be another than locked
LOCKS = "small-arrays==2.0.0\nsmall-maths==1.14.0\n", "small-arrays==2.1.0\nsmall-maths==1.14.0\nsmall-new==24.1.0\n"


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """`count` is live in staging, and dev has a better one: other code, another lock, an input that was rewritten."""
    ground = build(tmp_path_factory.mktemp("plan") / "small", empty_store)
    ground.edit("pyproject.toml", 'project = "small"', 'project = "small"\nlock = "requirements.txt"')
    ground.edit("notebooks/count.py", "limit: float", 'source: str = "any.csv"\nlimit: float')
    ground.write("requirements.txt", LOCKS[0])
    for environment in ("dev", "staging", "prod"):
        ground.write(f"data/{environment}/any.csv", "number\n1\n")
        outputs = f"outputs: {{result: data/{environment}/result.csv}}"
        both = f"{outputs}\n    inputs: {{source: data/{environment}/any.csv}}"
        ground.edit(f"params/{environment}.yaml", outputs, both)
    ground.edit("params/staging.yaml", "top: 4", "top: 4, limit: 2.5")
    ground.nbpromote("sync")
    ground.commit("an input and a lock")
    done = ground.released().nbpromote("promote", "count", "--to", "staging")
    assert done.returncode == 0, done.stdout + done.stderr
    ground.write("requirements.txt", LOCKS[1])
    ground.write("data/staging/any.csv", "number\n1\n2\n")
    ground.edit("notebooks/count.py", "10.0 / len", "9.0 / len")
    ground.edit("params/staging.yaml", "limit: 2.5", "limit: 3.5")
    ground.nbpromote("sync")
    ground.commit("better")
    return ground.released()


def test_a_plan_shows_the_code_by_cell(road: Ground) -> None:
    (move,) = workflow.plan(road.project, ["count"]).moves

    (cell,) = move.prospect.cells
    assert cell.source == ('-glue("error", 10.0 / len(numbers))', '+glue("error", 9.0 / len(numbers))')
    assert cell.outputs == ()  # outputs follow the target's own data


def test_a_plan_shows_packages_data_metrics_and_parameters(road: Ground) -> None:
    (move,) = road.json("plan", "count")["moves"]
    seen = move["prospect"]

    assert [(c["name"], c["before"], c["after"]) for c in seen["packages"]] == [
        ("small-arrays", "2.0.0", "2.1.0"),
        ("small-new", None, "24.1.0"),
    ]
    (data,) = seen["data"]
    assert data["after"]["path"] == "data/staging/any.csv"
    assert (data["name"], data["before"]["size"], data["after"]["size"]) == ("source", 9, 11)
    assert {c["name"]: (c["before"], c["after"]) for c in seen["metrics"]} == {"rows": (4, 3), "error": (2.5, 3.0)}
    assert move["changed"]["limit"] == {"live": 2.5, "candidate": 3.5}
    assert (seen["model"], seen["unread"]) == (None, [])


def test_a_plan_names_an_input_that_is_missing(road: Ground) -> None:
    source = road.root / "data/prod/any.csv"
    text = source.read_text()
    source.unlink()

    told = road.nbpromote("plan", "count", "--to", "prod").stdout

    source.write_text(text)
    (row,) = (line for line in told.splitlines() if "nothing is there, and its run will fail on that" in line)
    assert "data/prod/any.csv" in row
    assert "nothing is there" not in road.nbpromote("plan", "count", "--to", "prod").stdout


def test_a_plan_says_where_a_rollback_would_lead(road: Ground) -> None:
    (up,) = workflow.plan(road.project, ["count"]).moves
    live = road.json("status")["environments"][1]["notebooks"][0]["alias"]

    assert (up.prospect.back.outcome, up.prospect.back.summary) == (Outcome.PASSED, f"to {live} would work")
    (first,) = workflow.plan(road.project, ["count"], to="prod").moves
    assert first.prospect.back.outcome is Outcome.SKIPPED
    assert "the first in prod: there would be nothing to go back to" in first.prospect.back.summary


def test_a_plan_says_what_cannot_be_read_and_tells_the_rest(road: Ground) -> None:
    live = road.json("status")["environments"][1]["notebooks"][0]["release"]
    store = Store(str(road.root / ".nbpromote" / "store"))
    lost = release.open_(store, live).files["code/notebooks/count.ipynb"].sha256
    kept = Path(store.url) / "sha256" / lost[:2] / lost[2:]
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1])
    try:
        (move,) = workflow.plan(road.project, ["count"]).moves
        told = road.nbpromote("plan", "count").stdout
    finally:
        kept.write_bytes(whole)

    assert move.prospect.cells == ()
    assert move.prospect.packages
    assert move.prospect.back.outcome is Outcome.FAILED
    assert f"not looked at\n  - cells: {lost[:12]} in the store" in told
    assert "rollback  in danger: " in told


def test_a_plan_fits_into_a_comment_in_which_nothing_is_markup(road: Ground, tmp_path: Path) -> None:
    file = tmp_path / "plan.md"

    done = road.nbpromote("plan", "count", "--format", "markdown", "--output", str(file))

    told = file.read_text()
    assert (done.returncode, done.stdout) == (0, "")
    assert told.startswith("<!-- nbpromote plan staging -->\n### ✅ staging: ready, 1 notebook\n")
    assert '```diff\n-glue("error", 10.0 / len(numbers))\n+glue("error", 9.0 / len(numbers))\n```' in told
    assert "| `small-arrays` | `2.0.0` | `2.1.0` |" in told


def test_markdown_of_much_code_is_cut_and_says_so(road: Ground) -> None:
    from nbpromote.report.plans.markdown import markdown

    told = markdown(workflow.plan(road.project, ["count"]), most=600)

    assert len(told.encode()) <= 600
    assert told.endswith("… and more: `nbpromote plan` tells all of it.\n")


def test_a_stale_plan_is_refused_as_a_digest_and_as_a_file(road: Ground, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    road.nbpromote("plan", "count", "--format", "json", "--output", str(file))
    stale = file.read_text().replace(json.loads(file.read_text())["digest"], "0" * 64)
    file.write_text(stale)
    before = road.refs()

    for given in (str(file), "0" * 64, "0" * 12):
        done = road.nbpromote("promote", "count", "--plan", given)
        assert (done.returncode, road.refs()) == (1, before)
        assert "the plan is stale" in done.stderr
    done = road.nbpromote("promote", "count", "--plan", "plan-of-nobody.json")
    assert done.returncode == 2
    assert "neither the digest of a plan nor a file that holds one" in done.stderr


def test_a_plan_needs_no_mlflow(road: Ground) -> None:
    import subprocess

    from ground import COMMAND

    line = [COMMAND[0], "-X", "importtime", *COMMAND[1:], "-C", str(road.root), "plan", "count"]
    done = subprocess.run(line, capture_output=True, text=True)

    assert done.returncode == 0
    loaded = {row.rsplit("|", 1)[-1].strip() for row in done.stderr.splitlines()}
    assert not loaded & {"mlflow", "pandas", "papermill", "nbconvert"}
    assert sys.executable == COMMAND[0]
