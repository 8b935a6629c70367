"""What the toolkit costs beside its peers, in one run, interleaved; medians and ratios are printed.

`make bench` runs this. Nothing here passes or fails by the clock: machines are shared and noisy.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from measure import medians, session, shell, told

from ground import COMMAND, Ground, build, git

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


# -- a model, from the notebook to the alias ----------------------------------------------------------------------

OWN_ROAD = """
from pathlib import Path
from nbpromote import find, workflow
project = find(Path("."))
assert workflow.run(project, "train_delay").passed
done = workflow.release(project, "train_delay")
assert done.state == "verified" and not done.note
"""

# the same with the defaults of each: run, validate, register, move the alias
PEER_ROAD = """
import subprocess, sys, mlflow, papermill
papermill.execute_notebook("notebooks/train_delay.ipynb", "peer.ipynb", cwd="notebooks", progress_bar=False)
subprocess.run([sys.executable, "-m", "pytest", "-q", "--nbval-lax", "-p", "no:cacheprovider",
                "notebooks/train_delay.ipynb"], check=True)
client = mlflow.MlflowClient()
(run,) = client.search_runs(["0"], order_by=["attributes.start_time DESC"], max_results=1)
model = client.get_run(run.info.run_id).outputs.model_outputs[0].model_id
version = mlflow.register_model(f"models:/{model}", "train_delay")
client.set_registered_model_alias("train_delay", "champion", version.version)
"""


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example project with its table made and the outputs of train_delay accepted."""
    root = tmp_path_factory.mktemp("bench") / "flights"
    subprocess.run([*COMMAND, "init", str(root), "--example", "flights"], check=True, capture_output=True)
    git(root, "init", "--quiet")
    git(root, "config", "user.name", "Ada Bench")
    git(root, "config", "user.email", "ada@example.org")
    for verb in (("sync",), ("run", "prepare_flights"), ("run", "train_delay"), ("baseline", "train_delay", "--yes")):
        subprocess.run([*COMMAND, *verb], cwd=root, capture_output=True)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "start")
    (root / "own.py").write_text(OWN_ROAD)
    (root / "peer.py").write_text(PEER_ROAD)
    return root


def peer_road(flights: Path) -> None:
    environ = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{flights}/peer.db", "PYTHONHASHSEED": "0"}
    subprocess.run([sys.executable, "peer.py"], cwd=flights, check=True, capture_output=True, env=environ)


def bench_a_model_from_notebook_to_alias(flights: Path) -> None:
    typed = " && ".join(f"{' '.join(COMMAND)} {verb} train_delay" for verb in ("run", "release"))
    with session(flights):
        own, peer = medians(shell(flights, "sh", "-c", typed), lambda: peer_road(flights))
    against = "papermill, pytest --nbval-lax, the MLflow client"
    told("train_delay: run, validate, log, register, alias; after `kernel warm`", own, peer, against, goal=">= 6")


def bench_a_model_from_notebook_to_alias_cold(flights: Path) -> None:
    own, peer = medians(shell(flights, sys.executable, "own.py"), lambda: peer_road(flights))
    against = "papermill, pytest --nbval-lax, the MLflow client"
    told("train_delay: run, validate, log, register, alias; nothing warm", own, peer, against)


def bench_validation_against_a_second_execution(flights: Path) -> None:
    """Every check of a run that is there, read from disk, as `nbpromote run` makes them after the last cell."""
    from nbpromote import find, notebook, validate
    from nbpromote.workflow.evidence import accepting

    run = accepting.last_evidence(find(flights), "train_delay", "dev").run
    committed = flights / "notebooks/train_delay.ipynb"

    def judged() -> None:
        executed, accepted = (notebook.parse(path.name, path.read_bytes()) for path in (run.notebook_file, committed))
        assert validate.evidence(run, executed=executed, against=validate.Reference(notebook=accepted)).passed

    nbval = "-m", "pytest", "-q", "--nbval-lax", "-p", "no:cacheprovider", "notebooks/train_delay.ipynb"
    own, peer = medians(judged, shell(flights, sys.executable, *nbval))
    told("validation of train_delay's run", own, peer, "pytest --nbval-lax", goal="<= 0.3 s, >= 20")
