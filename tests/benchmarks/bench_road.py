"""What the toolkit costs beside its peers, in one run, interleaved; medians and ratios are printed.

`make bench` runs this. Nothing here passes or fails by the clock: machines are shared and noisy.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from measure import medians, shell, told

from ground import COMMAND, Ground, build

# what a team writes without nbpromote: papermill, nbval and the MLflow client, as their documentation teaches
PEER = """
import subprocess, sys, mlflow, papermill
mlflow.set_tracking_uri("sqlite:///peer.db")
mlflow.set_experiment("peer")
papermill.execute_notebook("notebooks/count.ipynb", "peer.ipynb", parameters={"result": "peer.csv"},
                           cwd="notebooks", progress_bar=False)
subprocess.run([sys.executable, "-m", "pytest", "-q", "--nbval-lax", "-p", "no:cacheprovider", "notebooks/count.ipynb"],
               check=True, stdout=subprocess.DEVNULL)
with mlflow.start_run():
    mlflow.log_param("top", 3)
    mlflow.log_metric("rows", 3)
    mlflow.log_artifact("peer.ipynb")
"""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    ground = build(tmp_path_factory.mktemp("bench") / "small", empty_store).released()
    for target in ("staging", "prod"):
        assert ground.nbpromote("promote", "count", "--to", target).returncode == 0
    return ground


def bench_help_and_status(ground: Ground) -> None:
    own_help, own_status, peer = medians(
        shell(ground.root, *COMMAND, "--help"),
        shell(ground.root, *COMMAND, "status"),
        shell(ground.root, sys.executable, "-m", "mlflow", "--version"),
    )
    told("nbpromote --help", own_help, peer, "mlflow --version")
    told("nbpromote status", own_status, peer, "mlflow --version")


def bench_a_run_with_its_checks(ground: Ground) -> None:
    ground.write("peer.py", PEER)
    own, peer = medians(shell(ground.root, *COMMAND, "run", "count"), shell(ground.root, sys.executable, "peer.py"))
    told("nbpromote run", own, peer, "papermill, pytest --nbval-lax and the MLflow client")


def bench_validation_against_a_second_execution(ground: Ground) -> None:
    from nbpromote import notebook, validate
    from nbpromote.workflow import accepting

    evidence = accepting.last_evidence(ground.project, "count", "dev")
    path = evidence.run.notebook_file
    executed = notebook.parse(path.name, path.read_bytes())
    accepted = notebook.parse("count.ipynb", (ground.root / "notebooks/count.ipynb").read_bytes())
    nbval = [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "-p", "no:cacheprovider", "notebooks/count.ipynb"]
    own, peer = medians(
        lambda: validate.evidence(evidence.run, executed=executed, reference=accepted), shell(ground.root, *nbval)
    )
    told("checks of a recorded run", own, peer, "pytest --nbval-lax")
