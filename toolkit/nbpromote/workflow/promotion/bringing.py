"""Bring a release into its target without touching what is live there: run the sealed code, or carry the model over."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbpromote import execute, files, notebook, track
from nbpromote import release as releases
from nbpromote.model import Candidate, Deployment, Environment, Evidence, Model, Release
from nbpromote.workflow.evidence import contesting, performing, proof
from nbpromote.workflow.evidence.contesting import Ring
from nbpromote.workflow.evidence.performing import Manner, Staged, Watch
from nbpromote.workflow.site import Site


@dataclass
class Brought:
    """What the candidates of one promotion have made so far: those behind them read that, and not what is live."""

    places: dict[str, str] = field(default_factory=dict)  # destination of an output: where it is now
    models: dict[str, Model] = field(default_factory=dict)  # by notebook

    def add(self, candidate: Candidate) -> None:
        evidence = candidate.evidence
        assert evidence is not None
        run = evidence.run
        self.places |= {run.outputs[name]: str(path) for name, path in run.candidates.items() if path.exists()}
        if evidence.model is not None:
            self.models[run.notebook] = evidence.model

    def staged(self) -> Staged:
        return Staged(places=dict(self.places), models=dict(self.models))


def bring(
    site: Site,
    source: Deployment,
    sealed: Release,
    environment: Environment,
    live: Deployment | None,
    *,
    strategy: str,
    brought: Brought,
    watch: Watch | None,
) -> Evidence:
    """What the gates of the target are asked about."""
    if strategy == "copy":
        evidence = _carry(site, source, environment, live)
    else:
        evidence = performing.perform_sealed(
            site, sealed, environment, reference=live, manner=Manner(watch=watch), staged=brought.staged()
        )
    track.tag_release(evidence.run, source.release, source.alias)
    return evidence


# the record goes on saying what the cells were given that trained the model; its metrics are of that
_AS_IT_RAN = ("parameters", "origins", "inputs", "outputs")


def _carry(site: Site, source: Deployment, environment: Environment, live: Deployment | None) -> Evidence:
    """Strategy `copy`: nothing runs; the model verified below comes along, byte for byte, into this store.

    What is live here is scored on the rows that the model was scored on below, where they are on this machine.
    """
    kept = releases.evidence_of(site.store, source.sealed)
    taken = performing.of_environment(site, environment)
    run_id = execute.new_id(source.notebook, environment.name)
    run = replace(
        kept.run,
        id=run_id,
        folder=site.project.runs / run_id,
        notes=(f"copied from {source.environment}: run {source.run}",),
        mlflow_run="",
        **{name: value for name, value in taken.items() if name not in _AS_IT_RAN},
    )
    with execute.tracked(run):
        opened = track.open_run(run, project=site.project.name)
        run = replace(run, mlflow_run=opened.run, experiment=opened.experiment)
        files.write(run.notebook_file, site.store.get(source.sealed["executed.ipynb"].sha256))
        if kept.compared:
            files.write(run.reference_file, site.store.get(source.sealed["reference.ipynb"].sha256))
        execute.save_run(run)
        executed = notebook.parse("executed.ipynb", run.notebook_file.read_bytes())
        evidence = replace(
            kept,
            run=run,
            model=_carried_model(site, source, run.mlflow_run, environment),
            contests=contesting.contests(kept.run, executed, Ring.of(environment, live)),
        )
        proof.keep(evidence)
        track.finish(evidence)
    return evidence


def _carried_model(site: Site, source: Deployment, mlflow_run: str, environment: Environment) -> Model:
    assert source.model is not None
    with tempfile.TemporaryDirectory() as folder:
        model = track.keep_model(
            environment.tracking_uri,
            experiment=f"{site.project.name}/{environment.name}/{source.notebook}",
            folder=site.store.export(source.sealed, "model/", Path(folder)),
            files=source.model.files,
            run=mlflow_run,
        )
    return replace(model, predictions=source.model.predictions)
