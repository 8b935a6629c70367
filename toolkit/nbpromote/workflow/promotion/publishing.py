"""The outputs of what goes live, brought to where they are declared."""

from __future__ import annotations

import tempfile
from pathlib import Path

from nbpromote import execute, files
from nbpromote.errors import Unavailable
from nbpromote.model import Deployment, Run
from nbpromote.workflow.evidence.performing import publish
from nbpromote.workflow.site import Site


def publish_outputs(site: Site, deployment: Deployment, *, verb: str) -> None:
    """From the run's folder where it still holds what was validated, else from the store.

    A rollback to what kept neither goes on: the model must not wait for its data, and verification says so.
    """
    if not publishes(deployment, verb=verb):
        return
    run = _run_here(site, deployment)
    if run is not None:
        publish(run)
        return
    kept = {name for name in deployment.outputs if deployment.keeps(f"outputs/{name}/")}
    if kept != set(deployment.outputs) and verb != "rollback":
        raise Unavailable(
            f"the outputs of run {deployment.run} are not on this machine, and the store has not kept them",
            hint="finish it where it was begun, or nbpromote doctor --repair to undo it",
        )
    for name in kept:
        _restore_output(site, deployment, name)


def publishes(deployment: Deployment, *, verb: str) -> bool:
    """A run in an entry environment has published before, and a copied model publishes nothing."""
    return bool(deployment.outputs) and deployment.strategy != "copy" and verb != "release"


def _run_here(site: Site, deployment: Deployment) -> Run | None:
    """The run with all that it wrote, as long as nobody has touched that."""
    folder = site.project.runs / deployment.run
    if not (folder / "outputs").exists():
        return None
    run = execute.load_run(folder)
    if run is None:
        return None
    found = {name: site.seen.measure(str(path)) for name, path in run.candidates.items()}
    whole = all(file and name in run.files and file.sha256 == run.files[name].sha256 for name, file in found.items())
    return run if whole else None


def _restore_output(site: Site, deployment: Deployment, name: str) -> None:
    destination = Path(deployment.outputs[name])
    with tempfile.TemporaryDirectory(prefix="nbpromote-") as place:
        folder = site.store.export(deployment.sealed, f"outputs/{name}/", Path(place))
        files.publish(folder / destination.name, destination)
