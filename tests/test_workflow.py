"""The road: release, promote, refuse, roll back; and what must not happen on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ground import COMMAND, Ground, build, command, git
from nbpromote import find, workflow


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """`count` live in all three environments."""
    ground = build(tmp_path_factory.mktemp("road") / "small", empty_store).released()
    for target in ("staging", "prod"):
        done = ground.nbpromote("promote", "count", "--to", target, "--reason", f"on to {target}")
        assert done.returncode == 0, done.stdout + done.stderr
    return ground


def test_the_same_code_is_live_in_every_environment_with_its_own_parameters(road: Ground) -> None:
    environments = road.json("status")["environments"]

    live = {environment["name"]: environment["notebooks"][0] for environment in environments}
    assert list(live) == ["dev", "staging", "prod"]
    assert len({row["code"] for row in live.values()}) == 1
    assert len({row["release"] for row in live.values()}) == 1
    assert [row["metrics"]["rows"] for row in live.values()] == [3, 4, 5]
    assert {row["state"] for row in live.values()} == {"verified"}


def test_outputs_stand_where_each_environment_wants_them(road: Ground) -> None:
    lines = {name: (road.root / f"data/{name}/result.csv").read_text() for name in ("dev", "staging", "prod")}

    assert {name: text.count("\n") - 1 for name, text in lines.items()} == {"dev": 3, "staging": 4, "prod": 5}


def test_git_log_of_an_environment_reads_as_its_history(road: Ground) -> None:
    alias = road.json("status")["environments"][0]["notebooks"][0]["alias"]

    subjects = road.git("log", "--format=%s", "nbpromote/prod").splitlines()

    assert len(subjects) == 4
    assert all(alias in subject and "prod" in subject for subject in subjects)
    assert "on to prod" in road.git("log", "--format=%b", "nbpromote/prod")


def test_history_says_who_what_when_and_why(road: Ground) -> None:
    events = road.json("history", "--env", "prod")["events"]

    assert [event["step"] for event in events] == ["running", "intent", "live", "verified"]
    assert {event["actor"] for event in events} == {"Ada Test <ada@example.org>"}
    assert {event["verb"] for event in events} == {"promote"}
    assert events[0]["reason"] == "on to prod"
    assert len({event["id"] for event in events}) == 4


def test_history_tells_what_was_live_at_any_moment(road: Ground) -> None:
    events = road.json("history")["events"]
    first_in_prod = next(e["at"] for e in events if e["environment"] == "prod" and e["step"] == "live")
    before = next(e["at"] for e in events if e["environment"] == "staging" and e["step"] == "verified")

    then = {e["name"]: e["notebooks"] for e in road.json("history", "--at", before)["environments"]}
    later = {e["name"]: e["notebooks"] for e in road.json("history", "--at", first_in_prod)["environments"]}

    assert [len(then[name]) for name in ("dev", "staging", "prod")] == [1, 1, 0]
    assert [len(later[name]) for name in ("dev", "staging", "prod")] == [1, 1, 1]


def test_promoting_again_changes_nothing(road: Ground) -> None:
    before = road.refs()

    plan = road.nbpromote("plan", "count", "--to", "prod")
    done = road.nbpromote("promote", "count", "--to", "prod")

    assert (plan.returncode, done.returncode) == (0, 0)
    assert " is live in prod already: nothing would be done\n" in plan.stdout
    assert "next:" not in plan.stdout
    assert "already live" in done.stdout
    assert road.refs() == before


def test_a_plan_changes_nothing_and_is_what_a_dry_run_prints(road: Ground) -> None:
    before = road.refs()

    plan, dry = (road.nbpromote(*args) for args in (("plan", "count", "--to", "prod"),
                                                    ("promote", "count", "--to", "prod", "--dry-run")))  # fmt: skip

    assert plan.stdout == dry.stdout
    assert plan.returncode == 0
    assert road.refs() == before


def test_the_ledger_leaves_the_work_tree_alone(road: Ground) -> None:
    assert road.git("status", "--porcelain") == ""
    assert road.git("branch", "--show-current") == "main"


def test_doctor_finds_nothing_wrong(road: Ground) -> None:
    done = road.nbpromote("doctor")

    assert done.returncode == 0, done.stdout


def test_a_fresh_clone_of_a_shared_remote_shows_the_same_status(road: Ground, tmp_path: Path) -> None:
    bare, clone = tmp_path / "bare.git", tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--bare", str(road.root), str(bare))
    git(tmp_path, "clone", "--quiet", str(bare), str(clone))

    here, there = (json.loads(command("-C", str(root), "status", "--json").stdout) for root in (road.root, clone))

    for document in (here, there):
        assert document.pop("as_of")  # each asked in its own moment
        for environment in document["environments"]:
            environment.pop("tracking_uri")  # each clone's own folder
    assert there == here
    assert there["environments"][2]["notebooks"]


def test_a_page_is_written_for_a_run_and_for_a_release(road: Ground) -> None:
    row = road.json("status")["environments"][2]["notebooks"][0]

    pages = [road.nbpromote("report", what).stdout.strip() for what in (row["run"], row["alias"])]

    texts = [Path(page).read_text() for page in pages]
    last = road.nbpromote("report", "count", "--last", "--format", "markdown").stdout
    assert row["alias"] in texts[1]
    assert "dev" in last.splitlines()[0]  # where work is done; what is live is told of prod
    assert all("counted to 5" in text for text in texts)


# -- one road each ------------------------------------------------------------------------------------------------


def test_a_refused_release_leaves_live_data_alone_and_all_reasons_are_told(ground: Ground) -> None:
    ground.released().nbpromote("promote", "count", "--to", "staging")
    live = (ground.root / "data/staging/result.csv").read_text()
    ground.edit("notebooks/count.py", 'glue("error", 10.0 / len(numbers))', 'glue("error", 99.0)')
    ground.edit("notebooks/count.py", "numbers = list(range(top))", "numbers = list(range(1 if top > 3 else 3))")
    ground.released()

    done = ground.nbpromote("promote", "count", "--to", "staging")

    assert done.returncode == 1
    assert "below the limit of 2" in done.stdout
    assert "against 2.5 live" in done.stdout
    assert "params/staging.policy.yaml:5" in done.stdout
    assert (ground.root / "data/staging/result.csv").read_text() == live
    events = ground.json("history", "--env", "staging")["events"]
    assert events[-1]["step"] == "refused"
    assert "99" in events[-1]["reason"]


def test_rollback_puts_the_last_stable_deployment_back_and_holds_what_it_left(ground: Ground) -> None:
    first = ground.released().json("status")["environments"][0]["notebooks"][0]["alias"]
    written = (ground.root / "data/dev/result.csv").read_text()
    ground.edit("notebooks/count.py", "list(range(top))", "list(range(top + 1))")
    second = ground.released().json("status")["environments"][0]["notebooks"][0]["alias"]
    assert first != second

    done = ground.nbpromote("rollback", "count", "--env", "dev", "--reason", "too many rows")

    assert done.returncode == 0, done.stdout + done.stderr
    assert (ground.root / "data/dev/result.csv").read_text() == written
    dev = ground.json("status")["environments"][0]
    assert dev["notebooks"][0]["alias"] == first
    assert dev["notebooks"][0]["state"] == "verified"
    assert dev["held"] == {"count": [second]}
    refused = ground.nbpromote("release", "count")
    assert refused.returncode == 1
    assert "held" in refused.stdout
    assert ground.nbpromote("unhold", second, "--env", "dev").returncode == 0
    assert ground.nbpromote("release", "count").returncode == 0
    assert ground.json("status")["environments"][0]["notebooks"][0]["alias"] == second


def test_nothing_to_roll_back_to_is_a_plain_no(ground: Ground) -> None:
    before = ground.released().refs()

    done = ground.nbpromote("rollback", "count", "--env", "dev")

    assert done.returncode == 1
    assert "nothing that was verified" in done.stderr
    assert ground.refs() == before


def test_an_edit_of_the_params_shows_as_pending_and_goes_live_by_a_promotion(ground: Ground) -> None:
    ground.released().nbpromote("promote", "count", "--to", "staging")
    ground.edit("params/staging.yaml", "top: 4", "top: 7")
    uncommitted = ground.nbpromote("promote", "count", "--to", "staging")
    ground.commit("count to seven")

    pending = ground.json("status")["environments"][1]["notebooks"][0]["config_pending"]
    text = ground.nbpromote("status").stdout
    done = ground.nbpromote("promote", "count", "--to", "staging")

    assert uncommitted.returncode == 1
    assert "not committed" in uncommitted.stdout
    assert pending is True
    assert "config pending" in text
    assert done.returncode == 0, done.stdout + done.stderr
    row = ground.json("status")["environments"][1]["notebooks"][0]
    assert row["metrics"]["rows"] == 7
    assert row["config_pending"] is False


def test_only_what_head_holds_is_promoted(ground: Ground) -> None:
    ground.released()
    ground.edit("notebooks/count.py", "counted to", "counted up to")
    ground.nbpromote("sync")
    ground.commit("another word")

    done = ground.nbpromote("promote", "count", "--to", "staging")

    assert done.returncode == 2
    assert "in no release" in done.stderr
    assert ground.json("status")["environments"][1]["notebooks"] == []


def test_an_environment_cannot_be_skipped(ground: Ground) -> None:
    ground.released()

    done = ground.nbpromote("promote", "count", "--to", "prod")

    assert done.returncode == 1
    assert "prod takes releases from staging" in done.stdout


def test_an_edit_after_the_run_is_not_released(ground: Ground) -> None:
    ground.released()
    before = ground.refs()
    ground.edit("notebooks/count.py", "counted to", "counted up to")
    ground.nbpromote("sync")

    done = ground.nbpromote("release", "count")

    assert done.returncode == 1
    assert "was edited since" in done.stderr
    assert ground.refs() == before


def test_a_run_above_the_entry_is_what_is_live_there(ground: Ground) -> None:
    ground.released().nbpromote("promote", "count", "--to", "staging")
    (ground.root / "data/staging/result.csv").unlink()
    ground.edit("notebooks/count.py", "range(top)", "range(top + 100)")

    evidence = workflow.run(ground.project, "count", env="staging")

    assert evidence.passed
    assert evidence.metrics["rows"] == 4
    assert (ground.root / "data/staging/result.csv").read_text().count("\n") == 5


def test_a_rehearsal_above_the_entry_publishes_nothing(ground: Ground) -> None:
    evidence = workflow.run(ground.project, "count", env="prod")

    assert evidence.metrics["rows"] == 5
    assert not (ground.root / "data/prod").exists()


def test_any_notebook_runs_without_configuration(ground: Ground) -> None:
    ground.write("trials/first.py", "# %%\nprint('hello')\n")

    done = ground.nbpromote("run", "trials/first.py")

    assert done.returncode == 0, done.stdout + done.stderr


def test_plain_nbval_passes_on_an_accepted_notebook(ground: Ground) -> None:
    ground.released()

    done = subprocess.run(
        [COMMAND[0], "-m", "pytest", "--nbval-lax", "-p", "no:cacheprovider", "-q", "notebooks/count.ipynb"],
        cwd=ground.root,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout
    node = json.loads((ground.root / "notebooks/count.ipynb").read_text())
    code = [cell for cell in node["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == [1, 2, 3, 4]
    assert not any("injected-parameters" in cell["metadata"].get("tags", []) for cell in code)


# -- faults -------------------------------------------------------------------------------------------------------


def _wait_for(ground: Ground, ref: str, started: subprocess.Popen[str]) -> None:
    while started.poll() is None:
        if (
            subprocess.run(
                ["git", "-C", str(ground.root), "rev-parse", "-q", "--verify", ref], capture_output=True
            ).returncode
            == 0
        ):
            return
        time.sleep(0.002)


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.15, 0.3])
def test_a_promotion_killed_after_its_intent_is_finished_once_by_the_same_command(ground: Ground, pause: float) -> None:
    ground.released()
    started = ground.start("promote", "count", "--to", "staging")
    _wait_for(ground, "refs/heads/nbpromote/staging", started)
    time.sleep(pause)
    os.kill(started.pid, signal.SIGKILL)
    started.wait()

    done = ground.nbpromote("promote", "count", "--to", "staging")

    assert done.returncode == 0, done.stdout + done.stderr
    events = ground.json("history", "--env", "staging")["events"]
    assert [event["step"] for event in events].count("live") == 1
    assert events[-1]["step"] == "verified"
    row = ground.json("status")["environments"][1]
    assert row["notebooks"][0]["state"] == "verified"
    assert row["open"] == []
    assert ground.nbpromote("doctor").returncode == 0


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told_who(ground: Ground) -> None:
    ground.released()
    both = [ground.start("promote", "count", "--to", "staging") for _ in range(2)]
    said = [process.communicate()[0] for process in both]

    codes = sorted(process.returncode for process in both)
    events = ground.json("history", "--env", "staging")["events"]
    assert [event["step"] for event in events].count("live") == 1, said
    assert codes in ([0, 1], [0, 0]), said
    if codes == [0, 1]:
        loser = next(text for process, text in zip(both, said, strict=True) if process.returncode == 1)
        assert "live since" in loser or "Ada Test" in loser
    else:  # the second came so late that it found the release live
        assert any("already live" in text for text in said)


def test_a_notebook_of_its_own_is_not_disturbed_by_anothers_promotion(ground: Ground) -> None:
    ground.write("notebooks/second.py", (ground.root / "notebooks/count.py").read_text())
    ground.edit(
        "params/staging.yaml", "  count:", "  second:\n    outputs: {result: data/staging/second.csv}\n  count:"
    )
    ground.edit("params/dev.yaml", "  count:", "  second:\n    outputs: {result: data/dev/second.csv}\n  count:")
    ground.edit("params/staging.policy.yaml", "  train:", "  second:\n    gates: [{metric: rows, min: 1}]\n  train:")
    ground.commit("a second notebook")
    ground.released("count").released("second")
    both = [ground.start("promote", name, "--to", "staging") for name in ("count", "second")]
    said = [process.communicate()[0] for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert len(ground.json("status")["environments"][1]["notebooks"]) == 2


def test_an_outside_move_of_the_ledger_is_named_by_doctor(ground: Ground) -> None:
    ground.released()
    blob = subprocess.run(["git", "-C", str(ground.root), "cat-file", "blob", "nbpromote/dev:state.json"],
                          capture_output=True, text=True).stdout  # fmt: skip
    forged = blob.replace('"state": "verified"', '"state": "failed"')
    assert forged != blob
    from nbpromote import git as plumbing

    repository = plumbing.find(ground.root)
    tip = repository.ref("refs/heads/nbpromote/dev")
    commit = repository.commit({"state.json": forged.encode()}, "nothing happened", parent=tip)
    repository.move("refs/heads/nbpromote/dev", commit, old=tip)

    done = ground.nbpromote("doctor")

    assert done.returncode == 1
    assert "dev: history" in done.stdout


def test_the_python_face_has_the_same_verbs(ground: Ground) -> None:
    project = find(ground.root)

    evidence = workflow.run(project, "count", parameters={"top": "6"})

    assert evidence.metrics["rows"] == 6
    assert evidence.run.parameters["top"] == 6


# -- the lock -----------------------------------------------------------------------------------------------------


def test_the_kernels_packages_are_held_against_the_lock(ground: Ground) -> None:
    from importlib.metadata import version

    ground.edit("pyproject.toml", 'project = "small"', 'project = "small"\nlock = "requirements.txt"')
    ground.write(
        "requirements.txt",
        f'ipykernel=={version("ipykernel")} \\\n    --hash=sha256:00\nclick==0.1; python_version<"3"\n',
    )
    ground.commit("a lock")
    ground.released()
    ground.write("requirements.txt", "ipykernel==1.0\n")

    refused, ran = ground.nbpromote("promote", "count", "--to", "staging"), ground.nbpromote("run", "count")

    assert refused.returncode == 0, refused.stdout  # HEAD still holds what was sealed
    assert ran.returncode == 1
    assert "packages-match" in ran.stdout
    assert "locked 1.0" in ran.stdout
    ground.commit("another lock")
    unmet = ground.nbpromote("promote", "count", "--to", "prod")
    assert unmet.returncode == 1
    assert "is not the one that was sealed" in unmet.stdout


# -- clones and moves ---------------------------------------------------------------------------------------------


def test_a_project_that_was_moved_is_the_same_project(ground: Ground) -> None:
    ground.released().nbpromote("promote", "count", "--to", "staging")
    moved = Ground(ground.root.with_name("moved here"), ground.empty_store)
    ground.root.rename(moved.root)

    plan, doctor = moved.json("plan", "count", "--to", "staging"), moved.nbpromote("doctor")

    assert plan["changed"] == {}
    assert doctor.returncode == 0, doctor.stdout
    assert "already live" in moved.nbpromote("promote", "count", "--to", "staging").stdout


def test_a_second_clone_without_the_store_is_told_by_doctor(ground: Ground, tmp_path: Path) -> None:
    ground.released()
    bare, clone = tmp_path / "bare.git", tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--bare", str(ground.root), str(bare))
    git(tmp_path, "clone", "--quiet", str(bare), str(clone))

    done = command("-C", str(clone), "doctor")

    assert done.returncode == 1
    assert "store of releases is not" in done.stdout
    assert "cannot be put back" in done.stdout


def test_a_store_that_lost_a_release_is_named_by_doctor(ground: Ground) -> None:
    ground.released()
    ground.root.joinpath(".nbpromote/store").rename(ground.root / "elsewhere")

    done = ground.nbpromote("doctor")

    assert done.returncode == 1
    assert "gone from the store" in done.stdout


def test_state_is_never_committed_whatever_the_projects_gitignore_says(ground: Ground) -> None:
    ground.write(".gitignore", "*.log\n")

    ground.nbpromote("run", "count")
    ground.commit("all")

    assert ground.git("ls-files", ".nbpromote") == ""


def test_two_entry_environments_are_a_finding_and_cannot_be_released_into(ground: Ground) -> None:
    ground.released()
    (ground.root / "params/prod.policy.yaml").unlink()
    ground.commit("prod demands nothing any more")

    checked, released = ground.nbpromote("check"), ground.nbpromote("release", "count")

    assert checked.returncode == 1
    assert "only one can be the entry" in checked.stdout
    assert released.returncode == 2
    assert "several entry environments" in released.stderr


def test_an_error_is_json_too_where_json_was_asked_for(ground: Ground) -> None:
    done = ground.nbpromote("run", "cuont", "--json")

    assert done.returncode == 2
    assert json.loads(done.stdout)["exit_code"] == 2


def test_what_is_protected_counts_before_it_is_committed(ground: Ground) -> None:
    ground.edit("params/prod.policy.yaml", "promotes_from", "protects: ['data/prod/**']\npromotes_from")
    ground.edit("params/dev.yaml", "data/dev/result.csv", "data/prod/result.csv")

    done = ground.nbpromote("run", "count")

    assert done.returncode == 2
    assert "params/dev.yaml:4" in done.stderr
    assert "which prod protects: data/prod/**" in done.stderr
    assert not (ground.root / "data").exists()
