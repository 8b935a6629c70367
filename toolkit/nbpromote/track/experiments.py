"""An environment's experiments by their names."""

from __future__ import annotations

from typing import Any

from nbpromote.track.asking import once
from nbpromote.track.store import artifact_root


def experiment_of(uri: str, name: str) -> str:
    """The id of the experiment of this name, which is made where there is none."""
    root = artifact_root(uri)

    def look(mlflow: Any) -> str | None:
        found = mlflow.get_experiment_by_name(name)
        return str(found.experiment_id) if found else None

    def make(mlflow: Any) -> None:  # another process that is first makes it fail, and is seen
        mlflow.create_experiment(name, artifact_location=(root / name).as_uri() if root else None)

    return once(uri, look=look, make=make, done=f"the experiment {name} was made")
