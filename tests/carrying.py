"""What a promotion writes to MLflow, verb by verb and no kernel needed, and what a server then holds of it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from nbformat.v4 import new_notebook

import runs
from nbpromote import track
from nbpromote.model import Cell, Ending, Evidence, Model, sha256

# each kind of request that changes something
WRITES = {
    "experiment": ("POST", "/experiments/create$"),
    "run": ("POST", "/runs/create$"),
    "batch": ("POST", "/runs/log-batch$"),
    "artifact": ("PUT", "/mlflow-artifacts/artifacts/.*notebook.ipynb$"),
    "model": ("POST", "/logged-models$"),
    "model file": ("PUT", "/mlflow-artifacts/artifacts/.*weights$"),
    "model ready": ("PATCH", "/logged-models/[^/]+$"),
    "output": ("POST", "/runs/outputs$"),
    "end": ("POST", "/runs/update$"),
    "registered": ("POST", "/registered-models/create$"),
    "version": ("POST", "/model-versions/create$"),
    "alias": ("POST", "/registered-models/alias$"),
}


@dataclass(frozen=True)
class Carried:
    """One promotion of a model of two files; its token stays when it is begun again, as the ledger keeps it."""

    folder: Path
    token: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def name(self) -> str:
        return f"prod.{self.token}"

    def go(self, uri: str) -> Model:
        """Everything between the plan and the alias, as the workflow asks for it."""
        run = self._opened(uri)
        model = track.keep_model(
            uri,
            experiment=f"flights/prod/{self.token}",
            folder=self._model(),
            files={path.name: sha256(path.read_bytes()) for path in self._model().iterdir()},
            run=run.mlflow_run,
            token=self.token,
        )
        track.finish(Evidence(run=run, checks=(), metrics={"mae": 1.0}, model=model))
        track.tag_release(run, "0" * 64, "brisk-otter")
        model = track.register(uri, model, self.name, token=self.token, tags={"nbpromote.release": "0" * 64})
        track.set_alias(uri, model)
        return model

    def _opened(self, uri: str) -> Any:
        run_id = secrets.token_hex(4)
        cells = (Cell(number=1, id="a", ending=Ending.OK),)
        run = runs.record(
            self.folder / run_id, id=run_id, notebook=self.token, environment="prod", tracking_uri=uri, cells=cells
        )
        opened = track.open_run(run, project="flights")
        run.folder.mkdir(parents=True)
        run.notebook_file.write_text(json.dumps(new_notebook()))
        return replace(run, mlflow_run=opened.run, experiment=opened.experiment)

    def _model(self) -> Path:
        model = self.folder / "model"
        if not model.exists():
            model.mkdir(parents=True)
            (model / "MLmodel").write_text("flavors: {}\n")
            (model / "weights").write_bytes(b"\0" * 1000)
        return model

    # -- what the server holds, asked past every proxy

    def versions(self, uri: str) -> list[str]:
        return [version.version for version in MlflowClient(uri).search_model_versions(f"name = '{self.name}'")]

    def champion(self, uri: str) -> str | None:
        return track.pointed(uri, self.name)

    def runs(self, uri: str) -> list[str]:
        """The name of each run of MLflow's that is there."""
        mlflow = MlflowClient(uri)
        experiment = mlflow.get_experiment_by_name(f"flights/prod/{self.token}")
        found = mlflow.search_runs([experiment.experiment_id]) if experiment else []
        return [run.info.run_name for run in found]

    def models(self, uri: str) -> int:
        mlflow = MlflowClient(uri)
        experiment = mlflow.get_experiment_by_name(f"flights/prod/{self.token}")
        return len(mlflow.search_logged_models([experiment.experiment_id])) if experiment else 0
