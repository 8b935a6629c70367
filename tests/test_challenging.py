"""MLflow's readers are told by an alias which model is about to become the champion."""

from __future__ import annotations

from pathlib import Path

import pytest

from ground import HEADER, Ground, build
from nbpromote import track
from nbpromote.errors import Unavailable
from nbpromote.model import Model

# what it answers needs nothing imported
ECHO = """
# %%
import mlflow
import pandas as pd

class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input):
        return model_input

# %%
with mlflow.start_run():
    mlflow.log_metric("mae", 1.0)
    example = pd.DataFrame({"a": [1.0]})
    mlflow.pyfunc.log_model(name="model", python_model=Echo(), input_example=example, pip_requirements=[])
"""

POLICY = """\
promotes_from: [dev]
groups: {all: [ada@example.org]}
override: [all]
approvals: 1
notebooks:
  train: {strategy: copy, gates: [{metric: mae, max: 60}]}
"""


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """A model is live in dev; staging wants somebody's approval."""
    ground = build(tmp_path_factory.mktemp("challenging") / "small", empty_store)
    ground.write("notebooks/train.py", HEADER + ECHO)
    ground.write("params/staging.policy.yaml", POLICY)
    ground.nbpromote("sync", "train")
    ground.commit("an echo")
    return ground.released("train")


def uri(ground: Ground) -> str:
    return f"sqlite:///{ground.root}/.nbpromote/mlflow/staging/mlflow.db"


def aliases(ground: Ground) -> tuple[str | None, str | None]:
    """What champion and challenger lead to."""
    return track.pointed(uri(ground), "staging.train"), track.pointed(uri(ground), "staging.train", track.CHALLENGER)


def done(ground: Ground, code: int, *line: str) -> str:
    done = ground.nbpromote(*line)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_a_model_that_waits_is_the_challenger_until_it_is_rejected(road: Ground) -> None:
    done(road, 4, "promote", "train", "--to", "staging")
    waiting = aliases(road)
    done(road, 0, "reject", "train", "--env", "staging", "--reason", "not today")

    assert waiting == (None, "1")
    assert aliases(road) == (None, None)


def test_no_promotion_fails_for_the_lack_of_it_and_doctor_mends(road: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise Unavailable("nobody there")

    with monkeypatch.context() as patch:
        patch.setattr(track, "set_alias", silent)
        done(road, 4, "promote", "train", "--to", "staging")

    assert "staging.train@challenger is missing, and " in done(road, 0, "doctor")
    assert "mended: staging.train@challenger is missing" in done(road, 0, "doctor", "--repair")
    assert aliases(road) == (None, "2")


def test_asked_for_again_the_newer_one_is_the_challenger(road: Ground) -> None:
    done(road, 4, "promote", "train", "--to", "staging")

    assert aliases(road) == (None, "3")
    assert "challenger" not in done(road, 0, "doctor")


def test_what_goes_live_is_the_champion_and_nothing_else(road: Ground) -> None:
    done(road, 0, "override", "train", "--env", "staging", "--approvals", "--reason", "alone here")
    done(road, 0, "advance", "--env", "staging")

    assert aliases(road) == ("3", None)


def test_doctor_takes_away_what_somebody_else_has_named_so(road: Ground) -> None:
    track.set_alias(uri(road), Model(uri="", files={}, name="staging.train", version="2"), track.CHALLENGER)

    assert "staging.train@challenger leads to what nobody promotes" in done(road, 1, "doctor")
    done(road, 0, "doctor", "--repair")

    assert aliases(road) == ("3", None)
