"""The example project on the whole road: what `make demo` leaves, asked as its users would ask it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ground import COMMAND, Ground

ENVIRONMENTS = ("dev", "staging", "prod")


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> tuple[Ground, str]:
    """The demo as a user without a git identity runs it, and what it printed."""
    root = tmp_path_factory.mktemp("demo") / "flights"
    nobody = {"HOME": str(root.parent), "XDG_CONFIG_HOME": str(root.parent), "GIT_CONFIG_NOSYSTEM": "1"}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "MLFLOW_"))}
    done = subprocess.run([*COMMAND, "demo", str(root)], capture_output=True, text=True, env={**clean, **nobody})
    assert done.returncode == 0, done.stdout + done.stderr
    return Ground(root, empty_store), done.stdout


def rows(ground: Ground) -> dict[str, dict[str, dict[str, object]]]:
    found = ground.json("status")["environments"]
    return {e["name"]: {row["notebook"]: row for row in e["notebooks"]} for e in found}


def test_the_model_is_live_in_three_environments_by_the_same_code(walked: tuple[Ground, str]) -> None:
    live = {name: found["train_delay"] for name, found in rows(walked[0]).items()}

    assert tuple(live) == ENVIRONMENTS
    assert len({row["code"] for row in live.values()}) == 1
    assert len({row["release"] for row in live.values()}) == 1
    assert len({row["run"] for row in live.values()}) == 3
    assert {row["state"] for row in live.values()} == {"verified"}
    assert all(set(row) >= {"notebook", "release", "alias", "code", "state", "since", "model", "run", "metrics"}
               for row in live.values())  # fmt: skip


def test_notebooks_without_a_model_are_promoted_too(walked: tuple[Ground, str]) -> None:
    found = rows(walked[0])

    assert found["prod"].keys() == {"prepare_flights", "train_delay"}
    assert found["staging"].keys() == {"prepare_flights", "train_delay", "score_flights", "delay_report"}
    assert found["prod"]["prepare_flights"]["model"] is None
    assert found["prod"]["prepare_flights"]["metrics"]["rows_in"] == 166158


def test_the_model_beats_both_honest_baselines_on_full_data(walked: tuple[Ground, str]) -> None:
    for name in ("staging", "prod"):
        metrics = rows(walked[0])[name]["train_delay"]["metrics"]
        assert metrics["mae"] < metrics["baseline_mae_departure"] < metrics["baseline_mae"]


def test_the_worse_edit_was_refused_with_every_reason_and_dev_is_as_before(walked: tuple[Ground, str]) -> None:
    ground, printed = walked
    events = ground.json("history", "train_delay")["events"]

    refused = [event for event in events if event["step"] == "refused"]
    assert [event["environment"] for event in refused] == ["staging"]
    assert "mae" in refused[0]["reason"]
    assert "r2" in refused[0]["reason"]
    assert "live" in refused[0]["reason"]
    assert refused[0]["reason"].split(" [")[0] in printed
    assert [e["verb"] for e in events if e["environment"] == "dev"][-1] == "rollback"


def test_every_step_is_told_with_its_time_and_the_end_names_status_and_report(walked: tuple[Ground, str]) -> None:
    _, printed = walked

    steps = re.findall(r"^(\w+) +.* \d+\.\d s$", printed, flags=re.MULTILINE)
    assert {"init", "sync", "run", "baseline", "release", "promote", "refused", "rollback"} == set(steps)
    page = Path(re.search(r"^report +(.+)$", printed, flags=re.MULTILINE)[1])
    assert page.read_text().startswith("<!doctype html>") or page.read_text().startswith("<!DOCTYPE html>")


def test_scores_and_landing_areas_differ_by_environment(walked: tuple[Ground, str]) -> None:
    data = walked[0].root / "data"

    assert {path.name for path in (data / "dev").iterdir()} == {
        "flights.parquet",
        "residuals.parquet",
        "scores.parquet",
    }
    assert (data / "prod/flights.parquet").stat().st_size > (data / "staging/flights.parquet").stat().st_size


def test_mlflow_shows_runs_models_aliases_and_artifacts_as_its_users_expect(walked: tuple[Ground, str]) -> None:
    from mlflow import MlflowClient

    ground, _ = walked
    client = MlflowClient(f"sqlite:///{ground.root}/.nbpromote/mlflow/prod/mlflow.db")
    live = rows(ground)["prod"]["train_delay"]

    version = client.get_model_version_by_alias("prod.train_delay", "champion")
    run = client.get_run(version.run_id)

    assert version.version == int(live["model"]["version"]) or str(version.version) == live["model"]["version"]
    assert version.tags["nbpromote.release"] == live["release"]
    assert client.get_experiment(run.info.experiment_id).name == "flights/prod/train_delay"
    assert run.info.status == "FINISHED"
    assert run.data.metrics["mae"] == live["metrics"]["mae"]
    assert run.data.params["months"] == "[1, 2, 3, 4, 5, 6]"
    assert run.data.tags["mlflow.source.name"] == "notebooks/train_delay.ipynb"
    assert run.data.tags["nbpromote.code"] == live["code"]
    names = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"notebook.ipynb", "record.json", "tables", "figures"} <= names
    assert [item.path for item in client.list_artifacts(run.info.run_id, "tables")] == ["tables/mae_by_month.csv"]
    assert [item.path for item in client.list_artifacts(run.info.run_id, "figures")] == ["figures/residual_plot.png"]


def test_the_folder_is_left_clean_and_nothing_of_the_work_tree_was_touched(walked: tuple[Ground, str]) -> None:
    root = walked[0].root

    assert not list(root.rglob("mlruns"))
    assert not list((root / "notebooks").rglob("mlflow.db"))
    assert walked[0].git("status", "--porcelain") == ""
    assert walked[0].nbpromote("doctor").returncode == 0


def test_plain_nbval_passes_on_the_committed_notebooks(walked: tuple[Ground, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval-lax", "-p", "no:cacheprovider", "-q", "notebooks/"],
        cwd=walked[0].root,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout
    assert walked[0].git("status", "--porcelain") == ""


def test_the_live_model_predicts_in_plain_mlflow_after_everything_of_dev_is_deleted(walked: tuple[Ground, str]) -> None:
    """The last test of this file: it deletes."""
    import shutil

    state = walked[0].root / ".nbpromote"
    shutil.rmtree(state / "mlflow/dev")
    shutil.rmtree(walked[0].root / "data/dev")
    for folder in (state / "runs").glob("*-dev-*"):
        shutil.rmtree(folder)
    source = (
        f"import mlflow; mlflow.set_tracking_uri('sqlite:///{state}/mlflow/prod/mlflow.db'); "
        "model = mlflow.pyfunc.load_model('models:/prod.train_delay@champion'); "
        "print(len(model.predict(model.input_example)))"
    )

    done = subprocess.run([sys.executable, "-c", source], cwd=state, capture_output=True, text=True)

    assert done.stdout.strip() == "5", done.stderr
