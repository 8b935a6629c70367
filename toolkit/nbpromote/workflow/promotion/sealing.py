"""What a deployment is made of, kept outside MLflow and outside of the machine that it ran on."""

from __future__ import annotations

import tempfile
from pathlib import Path

from nbpromote import release, track
from nbpromote.errors import Refused
from nbpromote.model import Evidence, Sealed
from nbpromote.workflow.evidence import proof
from nbpromote.workflow.site import Site


def keep(site: Site, evidence: Evidence, *, strategy: str) -> dict[str, Sealed]:
    """Evidence, model and outputs: neither a rollback nor a later application depends on what is kept elsewhere.

    What is copied publishes no outputs. Raises `Refused` for an output that is not what the checks looked at.
    """
    sealed = keep_evidence(site, evidence)
    if evidence.model is not None:
        with tempfile.TemporaryDirectory() as folder:
            model = track.folder_of(evidence.run.tracking_uri, evidence.model.uri, Path(folder))
            sealed |= release.seal_model(site.store, evidence.model, model)
    return sealed if strategy == "copy" else sealed | _outputs(site, evidence)


def keep_evidence(site: Site, evidence: Evidence) -> dict[str, Sealed]:
    """Of what the gates refused, too: whoever asks why may sit at another machine."""
    return release.seal_evidence(site.store, evidence, proof.executed(evidence), proof.compared(evidence))


def _outputs(site: Site, evidence: Evidence) -> dict[str, Sealed]:
    run = evidence.run
    sealed: dict[str, Sealed] = {}
    for name, candidate in run.candidates.items():
        if name not in run.files:
            continue
        found = site.seen.measure(str(candidate))
        if found is None or found.sha256 != run.files[name].sha256:
            raise Refused(
                f"output {name} of {run.notebook} is not what its run wrote; nothing was changed",
                where=str(candidate),
                hint="promote again",
            )
        sealed |= release.seal_output(site.store, name, candidate)
    return sealed
