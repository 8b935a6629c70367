"""What registered models say when somebody else than their own run asks: in kernels of their own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from nbpromote import execute, track
from nbpromote.errors import Unavailable
from nbpromote.execute import Witness
from nbpromote.model import Deployment, Model
from nbpromote.secrets import Scanner


def address(model: Model) -> str:
    """Where a registered model is, as MLflow takes it."""
    return f"models:/{model.name}/{model.version}"


def witness(kernel: str, pass_env: tuple[str, ...]) -> Witness:
    """Who will be asked what live models predict; the earlier it is called, the less its start costs."""
    return execute.witness(kernel, pass_env, preload=track.WARMING, given=track.QUIET)


def ask_model(model: Model, *, uri: str, kernel: str, pass_env: tuple[str, ...]) -> Any:
    """What a registered model, loaded through its alias, says to its own input example: not in the run's kernel."""
    return said_at(f"models:/{model.name}@{track.CHAMPION}", uri=uri, kernel=kernel, pass_env=pass_env)


def said_at(address: str, *, uri: str, kernel: str, pass_env: tuple[str, ...]) -> Any:
    """The same of the model at any address that MLflow takes."""
    said = witness(kernel, pass_env).ask(track.question(address), _store(uri))
    return track.answer(_clean(said, uri))


def said_of_rows(live: Deployment, table: Path, *, pass_env: tuple[str, ...]) -> Any:
    """What the live model says of each row of a table, as a numpy array.

    The exact version is asked, and its bytes are looked at first. Raises `Unavailable` where there is no answer.
    """
    import numpy as np

    model = live.model
    if model is None:
        raise Unavailable(f"what is live has no model: {live.alias} in {live.environment}")
    with tempfile.TemporaryDirectory(prefix="nbpromote-rows-") as place:
        folder = Path(place)
        fault = track.check_model(live.tracking_uri, model, folder / "seen")
        if fault:
            raise Unavailable(f"the live model is not what was validated: {fault}", hint="nbpromote doctor")
        question = track.question_of_rows(address(model), table, answers=folder / "answers.npy")
        said = witness(live.kernel, pass_env).ask(question, _store(live.tracking_uri), folder=folder)
        answer = track.answer(_clean(said, live.tracking_uri))
        if "error" in answer:
            raise Unavailable(f"the live model does not say: {answer['error']}")
        return np.load(folder / "answers.npy", allow_pickle=False)


def _store(uri: str) -> dict[str, str]:
    return {**track.variables(uri), "MLFLOW_TRACKING_URI": uri, "MLFLOW_REGISTRY_URI": uri}


def _clean(said: str, uri: str) -> str:
    """What a model says is kept: the password that it was fetched with must not be in there."""
    return Scanner(track.secrets(uri)).redact(said)
