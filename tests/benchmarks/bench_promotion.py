"""What promoting costs beside running the notebook.

The overhead of a promotion is everything between the command and `verified` but the execution of the notebook, from
its kernel's start to its last cell (the run's `seconds`): reading the release, the values, the policies and the
history, the plan, MLflow's run, the checks and the gates, the ledger's events, the copy of a model, its version and its
alias, reading all of it back, and asking the live model. Of strategy `copy`, which runs nothing, it is the whole.

Measured from within a process that has imported everything, and as a whole command: start, imports and all. The peer
is what a team writes by hand: MLflow's client, which copies the version and moves the alias, in such a process too.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from measure import medians_of, seconds, session, told

from ground import COMMAND, Ground, build
from nbpromote import workflow

AGAINST = "MLflow client: copy_model_version, set alias"
GOAL = "< 1 s"

PEER = """
import sys, mlflow
client = mlflow.MlflowClient("sqlite:///.nbpromote/mlflow/dev/mlflow.db")
copied = client.copy_model_version("models:/dev.train/1", "peer.train")
client.set_registered_model_alias("peer.train", "champion", copied.version)
"""


def made(root: Path, empty_store: Path, name: str, *, strategy: str = "retrain") -> Ground:
    """Released in dev, and promoted to staging once: what the first use of a store costs is no promotion's."""
    ground = build(root, empty_store, strategy=strategy)
    ground.edit("params/staging.yaml", "notebooks:\n", "notebooks:\n  train:\n    parameters: {alpha: 1.0}\n")
    ground.commit("set alpha")
    ground.released(name)
    assert ground.nbpromote("promote", name, "--to", "staging").returncode == 0
    return ground


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    return made(tmp_path_factory.mktemp("bench") / "counting", empty_store, "count")


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    return made(tmp_path_factory.mktemp("bench") / "training", empty_store, "train")


@pytest.fixture(scope="module")
def carrying(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    return made(tmp_path_factory.mktemp("bench") / "carrying", empty_store, "train", strategy="copy")


@pytest.fixture(autouse=True)
def warm(request: pytest.FixtureRequest) -> Iterator[None]:
    """Someone at work, who has typed `nbpromote kernel warm`; not where a benchmark is of nothing warm."""
    if "cold" in request.function.__name__:
        yield
        return
    ground = next(request.getfixturevalue(name) for name in request.fixturenames if name.endswith("ing"))
    with session(ground.root):
        yield


def unsettled(ground: Ground) -> None:
    """Other values, committed: the same release is to go live with them."""
    file = ground.root / "params/staging.yaml"
    text = re.sub(r"top: (\d+)", lambda found: f"top: {int(found[1]) + 1}", file.read_text())
    file.write_text(re.sub(r"alpha: ([\d.]+)", lambda found: f"alpha: {float(found[1]) * 0.99:.6f}", text))
    ground.commit("other values")


def within(ground: Ground, name: str) -> Callable[[], float]:
    """Seconds of overhead, in this process, which has imported everything when it has promoted once."""

    def promoted() -> float:
        unsettled(ground)
        began = time.perf_counter()
        done = workflow.promote(ground.project, [name], to="staging")
        took = time.perf_counter() - began
        (candidate,) = done.candidates
        assert done.state == "verified"
        assert candidate.evidence is not None
        return took - (candidate.evidence.run.seconds if candidate.move.strategy == "retrain" else 0.0)

    return promoted


def typed(ground: Ground, name: str, *, runs: bool = True) -> Callable[[], float]:
    """The same of a command that somebody types: the start of Python and its imports are in it."""

    def promoted() -> float:
        unsettled(ground)
        command = [*COMMAND, "promote", name, "--to", "staging", "--json"]
        began = time.perf_counter()
        said = subprocess.run(command, cwd=ground.root, check=True, capture_output=True).stdout
        took = time.perf_counter() - began
        return took - (json.loads(said)["evidence"]["seconds"] if runs else 0.0)

    return promoted


def by_hand(ground: Ground) -> Callable[[], float]:
    """MLflow's client in this process."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{ground.root}/.nbpromote/mlflow/dev/mlflow.db")

    def copied() -> None:
        version = client.copy_model_version("models:/dev.train/1", "peer.train")
        client.set_registered_model_alias("peer.train", "champion", version.version)

    return lambda: seconds(copied)


def script_by_hand(ground: Ground) -> Callable[[], float]:
    return lambda: seconds(
        lambda: subprocess.run([sys.executable, "-c", PEER], cwd=ground.root, check=True, capture_output=True)
    )


def bench_promotion_overhead_without_a_model(counting: Ground, training: Ground) -> None:
    own, peer = medians_of(within(counting, "count"), by_hand(training))
    told("promotion beyond its run: retrain, no model; imports done", own, peer, AGAINST, goal=GOAL)


def bench_promotion_overhead_of_a_model(training: Ground) -> None:
    own, peer = medians_of(within(training, "train"), by_hand(training))
    told("promotion beyond its run: retrain, a model; imports done, `kernel warm`", own, peer, AGAINST, goal=GOAL)


def bench_promotion_overhead_of_a_copy(carrying: Ground) -> None:
    own, peer = medians_of(within(carrying, "train"), by_hand(carrying))
    told("promotion: copy of a model; imports done, `kernel warm`", own, peer, AGAINST, goal=GOAL)


def bench_promotion_overhead_typed(training: Ground) -> None:
    own, peer = medians_of(typed(training, "train"), script_by_hand(training))
    told("nbpromote promote beyond its run: retrain, a model; after `kernel warm`", own, peer, AGAINST)


def bench_promotion_overhead_cold(counting: Ground, training: Ground) -> None:
    empty, model, peer = medians_of(typed(counting, "count"), typed(training, "train"), script_by_hand(training))
    told("nbpromote promote beyond its run: retrain, no model; nothing warm", empty, peer, AGAINST)
    told("nbpromote promote beyond its run: retrain, a model; nothing warm", model, peer, AGAINST)


def bench_promotion_overhead_of_a_copy_cold(carrying: Ground) -> None:
    own, peer = medians_of(typed(carrying, "train", runs=False), script_by_hand(carrying))
    told("nbpromote promote: copy of a model; nothing warm", own, peer, AGAINST)
