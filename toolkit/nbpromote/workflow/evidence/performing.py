"""One run, whoever asked for it: executed, tracked, and every check made of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from nbpromote import clock, execute, files, itself, notebook, params, release, track, validate
from nbpromote.errors import Error, NotFound, Refused, Unavailable, nearest
from nbpromote.model import (
    Code,
    Deployment,
    Ending,
    Environment,
    Evidence,
    Model,
    Outcome,
    Release,
    Run,
    sha256,
)
from nbpromote.secrets import Scanner
from nbpromote.validate import Reference
from nbpromote.workflow.evidence import contesting, contracting, guarding, proof, warming, witnessing
from nbpromote.workflow.evidence.contesting import Ring
from nbpromote.workflow.site import Site, footing, lineage
from nbpromote.workflow.site.lineage import Seen

LIVE = "live:"

# notebook, number of the code cell that starts, how many there are
Watch = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a run is carried out: who watches it, who may stop it, and what its kernel may come from.

    A `fresh` one is forked from none. `together` are modules that a fleet's other notebooks import: one process that
    has imported those of all serves all.
    """

    watch: Watch | None = None
    stop: Event | None = None
    fresh: bool = False
    together: tuple[str, ...] = ()


PLAIN = Manner()


@dataclass(frozen=True, kw_only=True)
class Staged:
    """What other candidates of the same promotion have made, and is not live yet.

    `places` maps the destination of an output to where it is now, `models` a notebook to its new model.
    """

    places: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)


ALONE = Staged()


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything a run needs, resolved. Without a `folder` the code runs from a tree of its own."""

    site: Site
    name: str
    path: str
    code: Code
    files: Mapping[str, bytes]
    environment: Environment
    lock: bytes | None
    folder: Path | None = None
    dirty: bool = False
    manner: Manner = PLAIN
    live: Deployment | None = None  # scored on the same rows, where the policy asks for that
    staged: Staged = ALONE


class Interrupted(KeyboardInterrupt):
    """A run that was ended before its end, and is recorded so."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run


def perform_sealed(
    site: Site,
    sealed: Release,
    environment: Environment,
    *,
    reference: Deployment | None,
    manner: Manner,
    staged: Staged = ALONE,
    code_digest: str = "",
) -> Evidence:
    """Run a release's own code, never the working tree."""
    files_of = {
        path.removeprefix("code/"): site.store.get(file.sha256)
        for path, file in sealed.files.items()
        if path.startswith("code/")
    }
    code = Code(
        digest=code_digest or sealed.code,
        schema=sealed.schema,
        files={path: sha256(data) for path, data in files_of.items()},
    )
    scene = Scene(
        site=site,
        name=sealed.notebook,
        path=sealed.path,
        code=code,
        files=files_of,
        environment=environment,
        lock=site.store.get(sealed.files["lock"].sha256) if "lock" in sealed.files else None,
        manner=manner,
        live=reference,
        staged=staged,
    )
    return perform(scene, None, against=versus(site, reference))


def versus(site: Site, live: Deployment | None) -> Reference:
    """What is live in an environment above the entry one, to compare with."""
    if live is None or "executed.ipynb" not in live.sealed:
        return Reference(versus_live=True)
    shown = notebook.parse("executed.ipynb", site.store.get(live.sealed["executed.ipynb"].sha256))
    named = f"{live.alias} live in {live.environment}"
    return Reference(notebook=shown, name=named, versus_live=True, live=evidence_of(site, live))


def evidence_of(site: Site, live: Deployment | None) -> Evidence | None:
    """What a deployment went live on; None where nothing is live, or its evidence is not kept."""
    if live is None or "evidence.json" not in live.sealed:
        return None
    return release.evidence_of(site.store, live.sealed)


def perform(scene: Scene, node: Any, *, against: Reference) -> Evidence:
    """Execute, track, and make every check. Nothing is published here.

    Raises `Interrupted` after a run that was interrupted has been recorded as such.
    """
    site, environment = scene.site, scene.environment
    track.reach(environment.tracking_uri)  # before a kernel is started for it
    site.keep_out_of_git()
    footing.drop(site, environment.name, scene.name)
    node = node or notebook.parse(scene.path, scene.files[scene.path])
    scanner = guarding.followed(site, environment)
    guarding.refuse_written(scanner, environment, node, scene.files, scene.path)
    draft = _draft(scene)
    with execute.tracked(draft):
        return _answered(scene, draft, node, scanner, against)


def _answered(scene: Scene, draft: Run, node: Any, scanner: Scanner, against: Reference) -> Evidence:
    """What the run, open in MLflow by now, is asked when its cells have run."""
    ring = Ring.of(scene.environment, scene.live, redact=scanner.redact)
    ring.warm()
    done = _executed(_job(scene, draft, node, scanner), scanner, scene.site.seen)
    shown = done.notebook_file.read_bytes()
    executed = notebook.parse("notebook.ipynb", shown)
    with _closing(done):
        contests = contesting.contests(done, executed, ring)
    evidence = validate.evidence(done, executed=executed, against=against, contests=contests)
    before = notebook.write(against.notebook, done.reference_file) if against.notebook is not None else None
    evidence = replace(evidence, executed=sha256(shown), compared=files.sha256(before) if before else "")
    _draw_differences(evidence, executed, against)
    proof.keep(evidence)
    track.finish(evidence)
    return evidence


@contextmanager
def _closing(run: Run) -> Iterator[None]:
    """MLflow's run does not stay open when somebody ends what is asked after the notebook."""
    try:
        yield
    except BaseException:
        with suppress(Unavailable):
            track.close(run, "KILLED")
        raise


def _draw_differences(evidence: Evidence, executed: Any, against: Reference) -> None:
    """Pictures of where figures differ from what the run was compared with: pages are made of them later."""
    run, check = evidence.run, evidence.check("outputs-match")
    if check is not None and check.outcome is Outcome.FAILED:
        for path, picture in validate.differences(run, executed=executed, against=against).items():
            files.write(run.folder / path, picture)


def _job(scene: Scene, draft: Run, node: Any, scanner: Scanner) -> execute.Job:
    """The run that is about to happen: open in MLflow, its code laid out in its folder."""
    site, environment, manner = scene.site, scene.environment, scene.manner
    warmth = None if manner.fresh else warming.warmth(site.project, node, scene.files, environment, manner.together)
    execute.begin(environment, node, warmth)  # while MLflow is imported here
    draft = replace(draft, resolved=_live_models(site, environment, scene.staged), staged=_staged(draft, scene.staged))
    draft = lineage.with_inputs(draft, site.seen)
    opened = track.open_run(draft, project=site.project.name)
    draft = replace(draft, mlflow_run=opened.run, experiment=opened.experiment)
    _lay_out(draft.folder / "code", scene.files)
    opening, closing = _around(draft) if notebook.language(node) == "python" else ("", "")
    return execute.Job(
        draft=draft,
        node=node,
        folder=scene.folder or (draft.folder / "code" / scene.path).parent,
        environment=environment,
        opening=opening,
        closing=closing,
        variables={**opened.variables, **guarding.variables(scanner)},
        warmth=warmth,
        scanner=scanner,
        places=track.places(environment.tracking_uri),
        watch=partial(manner.watch, scene.name) if manner.watch else None,
        stop=manner.stop,
    )


def _executed(job: execute.Job, scanner: Scanner, seen: Seen) -> Run:
    """What came of it, with the files that it wrote and what MLflow was given, and rid of secrets."""
    looking, witness = lineage.look_ahead(job.draft, seen), contracting.begin(job)
    try:
        done = execute.run(job)
    except Error:
        with suppress(Unavailable):
            track.close(job.draft, "FAILED")
        raise
    if done.failure is None:
        looking.join()
    done = lineage.with_outputs(guarding.without_leaking_files(done, scanner), seen)
    if any(cell.ending is Ending.INTERRUPTED for cell in done.cells):
        execute.save_run(done)
        track.close(done, "KILLED")
        raise Interrupted(done)
    done = guarding.searched(track.collect(contracting.judged(done, witness, scanner)), scanner)
    execute.save_run(done)
    return done


def _around(draft: Run) -> tuple[str, str]:
    """What a Python kernel runs before the first cell and after the last, without a trace in the notebook."""
    opening, closing = track.inside()
    asked = execute.asking(draft.values, draft.folder)
    return opening, "\n".join([asked, closing, execute.PACKAGES if draft.locked else ""])


def _draft(scene: Scene) -> Run:
    """Raises `BadInput` for a contract that does not fit."""
    site, environment, run_id = scene.site, scene.environment, execute.new_id(scene.name, scene.environment.name)
    asked = params.contracts.contract(
        scene.path, scene.files.get, inputs=environment.inputs, outputs=environment.outputs
    )
    return Run(
        id=run_id,
        notebook=scene.name,
        code=scene.code,
        folder=site.project.runs / run_id,
        started=clock.now(),
        ended="",
        seconds=0,
        cells=(),
        machine=itself.machine(),
        path=scene.path,
        commit=site.git.head(),
        dirty=scene.dirty,
        lock=sha256(scene.lock) if scene.lock is not None else None,
        locked=validate.pins(scene.lock),
        contract=asked,
        **of_environment(site, environment),
    )


def of_environment(site: Site, environment: Environment) -> dict[str, Any]:
    """What a run's record takes over from the environment that it is made in."""
    return {
        "environment": environment.name,
        "actor": site.actor,
        "ci": site.ci,
        "tracking_uri": environment.tracking_uri,
        "parameters": environment.parameters,
        "origins": environment.origins,
        "inputs": environment.inputs,
        "outputs": environment.outputs,
        "secrets": environment.secrets,
        "pass_env": environment.pass_env,
        "revision": environment.revision,
        "params_commit": environment.params_commit,
        "params_dirty": environment.params_dirty,
        "settings": environment.settings(site.project.root),
    }


def _lay_out(folder: Path, code: Mapping[str, bytes]) -> None:
    """What runs is kept beside its record: a release is sealed from it, and the sealed code runs in it."""
    for path, data in code.items():
        files.write(folder / path, data)


def _staged(draft: Run, staged: Staged) -> dict[str, str]:
    """Declared inputs that are another candidate's outputs, and where those are."""
    return {name: staged.places[path] for name, path in draft.inputs.items() if path in staged.places}


def _live_models(site: Site, environment: Environment, staged: Staged) -> dict[str, str]:
    """`live:NAME` stands for the exact version that is live in the same environment; its bytes are looked at first.

    A model that goes live together with this notebook is not registered yet, and is named by its bytes.
    """
    asked = {name: value for name, value in environment.parameters.items() if isinstance(value, str)}
    wanted = {name: value.removeprefix(LIVE) for name, value in asked.items() if value.startswith(LIVE)}
    found = {name: staged.models[other].uri for name, other in wanted.items() if other in staged.models}
    environment = replace(
        environment, parameters={name: value for name, value in environment.parameters.items() if name not in found}
    )
    for name, (live, model) in live_models(site, environment).items():
        with tempfile.TemporaryDirectory() as folder:
            fault = track.check_model(live.tracking_uri, model, Path(folder))
        if fault:
            told = f"the live model of {live.notebook} is not what was validated: {fault}"
            raise Refused(told, hint="nbpromote doctor")
        found[name] = witnessing.address(model)
    return found


def live_models(site: Site, environment: Environment) -> dict[str, tuple[Deployment, Model]]:
    """What each parameter `live:NAME` stands for, by the ledger; no bytes are looked at.

    Raises `NotFound` where nothing is live.
    """
    asked = {name: value for name, value in environment.parameters.items() if isinstance(value, str)}
    return {
        name: _live_model(site, environment, name, value.removeprefix(LIVE))
        for name, value in asked.items()
        if value.startswith(LIVE)
    }


def _live_model(site: Site, environment: Environment, parameter: str, wanted: str) -> tuple[Deployment, Model]:
    state = site.ledger.state(environment.name)
    live = state[wanted].live
    where = environment.origins.get(parameter, "")
    if live is None or live.model is None:
        known = sorted(name for name, s in state.notebooks.items() if s.live and s.live.model)
        raise NotFound(
            f"parameter {parameter!r} wants the live model of {wanted!r}, and {environment.name} has none"
            + nearest(wanted, known),
            where=where,
            hint=f"release or promote {wanted} to {environment.name} first",
        )
    if live.state == "expired":
        raise Refused(
            f"parameter {parameter!r} wants the live model of {wanted!r}, whose time in {environment.name} is over",
            where=where,
            hint=f"promote {wanted} to {environment.name} again",
        )
    return live, live.model


def publish(run: Run) -> None:
    """Move the run's outputs to their destinations, each whole or not at all."""
    for name, candidate in run.candidates.items():
        if candidate.exists():
            files.publish(candidate, Path(run.outputs[name]))


def close_killed(site: Site) -> None:
    """Close what a killed runner left open, in its record and in MLflow."""
    for dead in execute.sweep(site.project.runs):
        with suppress(Unavailable):  # a server that is down now must not keep other environments from working
            track.close(dead, "KILLED", project=site.project.name)
