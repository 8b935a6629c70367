"""Models on the road: registered, pointed at, verified where they went live, carried, and brought back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ground import HEADER, Ground, build
from nbpromote import clock, git, track
from nbpromote.ledger import Ledger
from nbpromote.model import Model

SCORE = """
# %% tags=["parameters"]
model: str = "live:train"  # the model to score with

# %%
import mlflow
from sklearn.datasets import load_diabetes

X, y = load_diabetes(return_X_y=True, as_frame=True)
scores = mlflow.pyfunc.load_model(model).predict(X.tail(5))
mlflow.log_metric("scored", len(scores))
"""

# answers with its process: what is verified is never what was validated
FICKLE = """
# %%
import mlflow

class Fickle(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input):
        import os
        return [float(os.getpid())] * len(model_input)

import pandas as pd
with mlflow.start_run():
    mlflow.log_metric("mae", 1.0)
    mlflow.pyfunc.log_model(name="model", python_model=Fickle(), input_example=pd.DataFrame({"a": [1.0]}),
                            pip_requirements=["mlflow"])
"""


def live(ground: Ground, environment: str, notebook: str = "train") -> dict[str, object]:
    rows = {e["name"]: e["notebooks"] for e in ground.json("status")["environments"]}
    return next(row for row in rows[environment] if row["notebook"] == notebook)


def predicts(folder: Path, uri: str, name: str) -> bool:
    """Whether plain MLflow, in a process of its own, loads a model by its alias and predicts."""
    source = (
        f"import mlflow; mlflow.set_tracking_uri({uri!r}); m = mlflow.pyfunc.load_model('models:/{name}@champion'); "
        "assert len(m.predict(m.input_example)) == 3"
    )
    done = subprocess.run([sys.executable, "-c", source], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return True


@pytest.fixture(scope="module", params=["retrain", "copy"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """`train` live in all environments, by both strategies."""
    ground = build(tmp_path_factory.mktemp("models") / "small", empty_store, strategy=request.param)
    ground.edit("notebooks/train.py", "# of the ridge\n", '# of the ridge\nlabel: str = "dev"\n')
    ground.edit("params/prod.yaml", "notebooks:\n", "notebooks:\n  train: {parameters: {label: prod}}\n")
    ground.released("train")
    for target in ("staging", "prod"):
        done = ground.nbpromote("promote", "train", "--to", target)
        assert done.returncode == 0, done.stdout + done.stderr
    return ground


def test_each_environment_has_a_registered_model_of_its_own_with_the_validated_bytes(trained: Ground) -> None:
    rows = {name: live(trained, name) for name in ("dev", "staging", "prod")}

    assert [row["model"]["name"] for row in rows.values()] == ["dev.train", "staging.train", "prod.train"]
    for name, row in rows.items():
        uri = f"sqlite:///{trained.root}/.nbpromote/mlflow/{name}/mlflow.db"
        assert track.pointed(uri, row["model"]["name"]) == row["model"]["version"]
    copied = len({row["model"]["sha256"] for row in rows.values()}) == 1
    ran = len({row["run"] for row in rows.values()}) == 3
    assert ran
    assert copied or live(trained, "prod")["metrics"]["mae"] == live(trained, "dev")["metrics"]["mae"]


def test_the_record_of_a_copied_model_says_what_it_was_trained_with(trained: Ground) -> None:
    deployment = Ledger(git.find(trained.root)).state("prod")["train"].live
    assert deployment is not None
    run = json.loads((trained.project.runs / deployment.run / "run.json").read_text())

    assert run["parameters"]["label"] == ("dev" if deployment.strategy == "copy" else "prod")
    assert deployment.parameters["label"] == "prod"  # what it gets when it runs there


def test_a_model_is_logged_and_scored_by_runs_that_the_system_holds(trained: Ground) -> None:
    records = [json.loads(path.read_text()) for path in trained.project.runs.glob("*/run.json")]

    held = {record["environment"]: (record["isolation"], record["refused"]) for record in records}
    assert held.pop("dev") == ("warn", [])
    assert all(found in (("enforce", []), NOTHING_RAN) for found in held.values())


NOTHING_RAN = ("warn", [])  # the model was carried over, with the record of the run that made it


def test_the_live_model_of_prod_loads_after_everything_of_dev_is_gone(trained: Ground, tmp_path: Path) -> None:
    kept = trained.root / ".nbpromote/mlflow"
    shutil.move(kept / "dev", tmp_path / "dev")
    try:
        uri = f"sqlite:///{kept}/prod/mlflow.db"

        assert predicts(tmp_path, uri, "prod.train")
    finally:
        shutil.move(tmp_path / "dev", kept / "dev")


def test_doctor_names_an_alias_moved_from_outside_and_puts_it_back(trained: Ground) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{trained.root}/.nbpromote/mlflow/staging/mlflow.db"
    MlflowClient(uri, uri).delete_registered_model_alias("staging.train", "champion")

    found = trained.nbpromote("doctor")
    mended = trained.nbpromote("doctor", "--repair")

    assert found.returncode == 1
    assert "moved from outside" in found.stdout
    assert mended.returncode == 0, mended.stdout
    assert track.pointed(uri, "staging.train") == live(trained, "staging")["model"]["version"]


def test_doctor_brings_changed_model_files_back_from_the_store(trained: Ground, tmp_path: Path) -> None:
    row = live(trained, "prod")
    uri = f"sqlite:///{trained.root}/.nbpromote/mlflow/prod/mlflow.db"
    folder = track.folder_of(uri, f"models:/{row['model']['name']}/{row['model']['version']}", tmp_path)
    (folder / "MLmodel").write_text((folder / "MLmodel").read_text() + "\n# changed\n")

    found = trained.nbpromote("doctor")
    mended = trained.nbpromote("doctor", "--repair")

    assert found.returncode == 1
    assert "MLmodel" in found.stdout
    assert mended.returncode == 0, mended.stdout
    assert live(trained, "prod")["model"]["sha256"] == row["model"]["sha256"]
    assert predicts(tmp_path, uri, "prod.train")


def test_scoring_gets_the_exact_version_that_is_live(trained: Ground) -> None:
    trained.write("notebooks/score.py", HEADER + SCORE)

    done = trained.nbpromote("run", "score")

    assert done.returncode == 0, done.stdout + done.stderr
    folder = max((trained.root / ".nbpromote/runs").glob("*-score-dev-*"))
    version = live(trained, "dev")["model"]["version"]
    assert f"models:/dev.train/{version}" in (folder / "notebook.ipynb").read_text()


def test_a_model_whose_time_is_over_serves_nobody_whoever_was_killed_meanwhile(
    trained: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{trained.root}/.nbpromote/mlflow/dev/mlflow.db"
    version = live(trained, "dev")["model"]["version"]
    trained.write("params/dev.policy.yaml", "expires: 1h\n")
    trained.write("notebooks/score.py", HEADER + SCORE)
    trained.commit("lives end")
    two_hours_later = clock.after(clock.now(), 7200)
    monkeypatch.setattr(clock, "now", lambda: two_hours_later)

    with monkeypatch.context() as patched:  # as if killed right after its event
        patched.setattr(track, "drop_alias", killed)
        assert trained.nbpromote("advance", "--env", "dev").returncode == 130
    still = track.pointed(uri, "dev.train")
    found, mended = trained.nbpromote("doctor", "--env", "dev"), trained.nbpromote("doctor", "--env", "dev", "--repair")
    repaired = track.pointed(uri, "dev.train")
    track.set_alias(uri, Model(uri="", files={}, name="dev.train", version=version))
    again = trained.nbpromote("advance", "--env", "dev")
    refused = trained.nbpromote("run", "score", "--env", "dev")

    assert live(trained, "dev")["state"] == "expired"
    told = f"alias dev.train@champion points at version {version}, and the time of {live(trained, 'dev')['alias']} is"
    assert (still, told in found.stdout, told in mended.stdout, repaired) == (version, True, False, None)
    assert (again.returncode, track.pointed(uri, "dev.train")) == (0, None)
    assert (refused.returncode, "whose time in dev is over" in refused.stderr) == (1, True)


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_scoring_without_a_live_model_says_what_is_missing(ground: Ground) -> None:
    ground.write("notebooks/score.py", HEADER + SCORE)

    done = ground.nbpromote("run", "score")

    assert done.returncode == 2
    assert "live model of 'train'" in done.stderr
    assert not (ground.root / ".nbpromote/runs").exists() or not list((ground.root / ".nbpromote/runs").iterdir())


def test_a_failed_verification_puts_the_last_stable_deployment_back(ground: Ground) -> None:
    first = live(ground.released("train"), "dev")
    ground.write("notebooks/train.py", HEADER + FICKLE)
    ground.git("rm", "--quiet", "--cached", "notebooks/train.ipynb")
    (ground.root / "notebooks/train.ipynb").unlink()
    for verb in ("sync", "run"):
        assert ground.nbpromote(verb, "train").returncode == 0

    done = ground.nbpromote("release", "train")

    assert done.returncode == 1
    assert "put back" in done.stdout
    now = live(ground, "dev")
    assert now["alias"] == first["alias"]
    assert now["state"] == "verified"
    steps = [(event["verb"], event["step"]) for event in ground.json("history", "--env", "dev")["events"]]
    assert ("release", "failed") in steps
    assert steps[-1] == ("rollback", "verified")
    uri = f"sqlite:///{ground.root}/.nbpromote/mlflow/dev/mlflow.db"
    assert track.pointed(uri, "dev.train") == now["model"]["version"]


def test_a_rollback_brings_back_a_model_whose_version_was_deleted(ground: Ground) -> None:
    from mlflow import MlflowClient

    first = live(ground.released("train"), "dev")
    ground.edit("notebooks/train.py", "X[:300], y[:300]", "X[:200], y[:200]")
    second = live(ground.released("train"), "dev")
    assert first["model"]["version"] != second["model"]["version"]
    uri = f"sqlite:///{ground.root}/.nbpromote/mlflow/dev/mlflow.db"
    MlflowClient(uri, uri).delete_model_version("dev.train", first["model"]["version"])

    done = ground.nbpromote("rollback", "train", "--env", "dev")

    assert done.returncode == 0, done.stdout + done.stderr
    now = live(ground, "dev")
    assert now["alias"] == first["alias"]
    assert now["model"]["sha256"] == first["model"]["sha256"]
    assert now["model"]["version"] not in (first["model"]["version"], second["model"]["version"])
    assert predicts(ground.root, uri, "dev.train")
