"""Run a notebook and ask every question of what came out: `run` and `baseline`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbpromote import clock, execute, files, notebook, release, track, validate
from nbpromote.errors import Error, NotFound, Refused, Unavailable, nearest
from nbpromote.execute import Witness
from nbpromote.model import (
    Code,
    Deployment,
    Ending,
    Environment,
    Evidence,
    Model,
    Pair,
    Release,
    Run,
    dump,
    load,
    sha256,
)
from nbpromote.project import Project
from nbpromote.workflow.site import Site

LIVE = "live:"

# notebook, number of the code cell that starts, how many there are
Watch = Callable[[str, int, int], None]


def run(
    project: Project,
    name: str,
    *,
    env: str | None = None,
    parameters: Mapping[str, str] | None = None,
    cell_limit: float | None = None,
    watch: Watch | None = None,
) -> Evidence:
    """Run a notebook in an environment and make every check of what came out.

    In an entry environment that is the notebook as it stands. Above it, the live deployment runs again: its
    sealed code with its frozen parameters; where nothing is live, HEAD's code is rehearsed and its outputs stay
    in the run's folder.
    """
    site = Site(project)
    close_killed(site)
    environment = site.require(env or site.entry())
    if site.policy(environment, "").is_entry:
        return _run_here(site, site.pair(name), environment, parameters or {}, cell_limit, watch)
    live = site.ledger.state(environment)[name].live
    if live is not None:
        return _run_live(site, live, parameters or {}, cell_limit, watch)
    return _rehearse(site, site.pair(name), environment, parameters or {}, cell_limit, watch)


def _run_here(
    site: Site,
    pair: Pair,
    env: str,
    overrides: Mapping[str, str],
    cell_limit: float | None,
    watch: Watch | None,
) -> Evidence:
    node = notebook.read(pair)
    code = site.code(pair)
    environment = _limited(
        site.environment(env, pair.name, code.schema, overrides=overrides, schemas=_all(site, pair, code)),
        cell_limit,
    )
    scene = Scene(
        site=site,
        name=pair.name,
        path=site.relative(pair.path),
        code=code,
        files=site.code_files(pair, code),
        environment=environment,
        lock=site.lock_file(),
        folder=pair.folder,
        dirty=site.git.is_dirty(),
    )
    reference = notebook.parse(str(pair.ipynb), pair.ipynb.read_bytes()) if pair.ipynb else None
    named = site.relative(pair.ipynb) if pair.ipynb else ""
    evidence = perform(scene, node, reference=reference, reference_name=named, watch=watch)
    if evidence.passed:
        publish(evidence.run)
    return evidence


def _run_live(
    site: Site,
    live: Deployment,
    overrides: Mapping[str, str],
    cell_limit: float | None,
    watch: Watch | None,
) -> Evidence:
    """Once more what is live: scheduled scoring, for instance."""
    sealed = release.open_(site.store, live.release)
    configured = site.environment(live.environment, live.notebook, live.schema, overrides=overrides)
    frozen = replace(
        configured,
        parameters={**live.parameters, **{name: configured.parameters[name] for name in overrides}},
        inputs=live.inputs,
        outputs=live.outputs,
        tracking_uri=live.tracking_uri,
    )
    evidence = perform_sealed(
        site, sealed, _limited(frozen, cell_limit), reference=live, watch=watch, code_digest=live.code
    )
    if evidence.passed:
        publish(evidence.run)
    return evidence


def _rehearse(
    site: Site,
    pair: Pair,
    env: str,
    overrides: Mapping[str, str],
    cell_limit: float | None,
    watch: Watch | None,
) -> Evidence:
    """HEAD's code with the environment's committed parameters; nothing of it reaches the environment's data."""
    path = site.relative(pair.path)
    code = site.committed_code(path)
    if code is None:
        raise NotFound(
            f"{path} is not committed",
            hint=f"above the entry environment code comes from HEAD: git add {path}",
        )
    environment = site.environment(env, pair.name, code.schema, overrides=overrides)
    stem = path.rsplit(".", 1)[0]
    tracked = site.git.tracked("HEAD")
    wanted = [side for side in (f"{stem}.ipynb", f"{stem}.py") if side in tracked] + list(code.files)
    found = {file: site.git.read("HEAD", file) or b"" for file in wanted}
    scene = Scene(
        site=site,
        name=pair.name,
        path=wanted[0],
        code=code,
        files=found,
        environment=_limited(environment, cell_limit),
        lock=site.lock_file("HEAD"),
    )
    return perform(scene, None, reference=None, reference_name="", watch=watch)


def _all(site: Site, pair: Pair, code: Code) -> dict[str, Any]:
    return {**site.schemas, pair.name: code.schema}


def _limited(environment: Environment, cell_limit: float | None) -> Environment:
    limits = environment.limits
    return replace(environment, limits=replace(limits, cell=cell_limit)) if cell_limit else environment


# -- one run, whoever asked for it --------------------------------------------------------------------------------


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


def perform_sealed(
    site: Site,
    sealed: Release,
    environment: Environment,
    *,
    reference: Deployment | None,
    watch: Watch | None,
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
    )
    executed, named = None, ""
    if reference is not None and "executed.ipynb" in reference.sealed:
        data = site.store.get(reference.sealed["executed.ipynb"].sha256)
        executed, named = (
            notebook.parse("executed.ipynb", data),
            f"{reference.alias} live in {environment.name}",
        )
    return perform(scene, None, reference=executed, reference_name=named, watch=watch)


def perform(scene: Scene, node: Any, *, reference: Any, reference_name: str, watch: Watch | None) -> Evidence:
    """Execute, track, and make every check. Nothing is published here.

    Raises `KeyboardInterrupt` after a run that was interrupted has been recorded as such.
    """
    site, environment = scene.site, scene.environment
    draft = _draft(scene)
    folder = scene.folder or (draft.folder / "code" / scene.path).parent
    node = node or notebook.parse(scene.path, scene.files[scene.path])
    draft = replace(draft, resolved=_live_models(site, environment))
    opened = track.open_run(draft, project=site.project.name)
    draft = replace(draft, mlflow_run=opened.run, experiment=opened.experiment)
    _lay_out(draft.folder / "code", scene.files)
    opening, closing = _around(draft) if notebook.language(node) == "python" else ("", "")
    job = execute.Job(
        draft=draft,
        node=node,
        folder=folder,
        environment=environment,
        opening=opening,
        closing=closing,
        variables=opened.variables,
        watch=(lambda number, of: watch(scene.name, number, of)) if watch else None,
    )
    try:
        done = execute.run(job)
    except Error:
        with suppress(Unavailable):
            track.close(draft, "FAILED")
        raise
    if any(cell.ending is Ending.INTERRUPTED for cell in done.cells):
        track.close(done, "KILLED")
        raise KeyboardInterrupt
    done = track.collect(done)
    execute.save_run(done)
    executed = notebook.parse("notebook.ipynb", done.notebook_file.read_bytes())
    evidence = validate.evidence(
        done,
        executed=executed,
        reference=reference,
        reference_name=reference_name,
        versus_live=not environment.policy.is_entry,
    )
    keep(evidence)
    track.finish(evidence)
    return evidence


def _around(draft: Run) -> tuple[str, str]:
    """What a Python kernel runs before the first cell and after the last, without a trace in the notebook."""
    opening, closing = track.inside()
    return opening, closing + (f"\n{execute.PACKAGES}" if draft.locked else "")


def _draft(scene: Scene) -> Run:
    site, environment = scene.site, scene.environment
    run_id = execute.new_id(scene.name, environment.name)
    return Run(
        id=run_id,
        notebook=scene.name,
        environment=environment.name,
        code=scene.code,
        folder=site.project.runs / run_id,
        started=clock.now(),
        ended="",
        seconds=0,
        actor=site.actor,
        cells=(),
        path=scene.path,
        commit=site.git.head(),
        dirty=scene.dirty,
        parameters=environment.parameters,
        inputs=environment.inputs,
        outputs=environment.outputs,
        revision=environment.revision,
        settings=environment.settings(site.project.root),
        pass_env=environment.pass_env,
        lock=sha256(scene.lock) if scene.lock is not None else None,
        locked=validate.pins(scene.lock),
        tracking_uri=environment.tracking_uri,
    )


def _lay_out(folder: Path, code: Mapping[str, bytes]) -> None:
    """What runs is kept beside its record: a release is sealed from it, and the sealed code runs in it."""
    for path, data in code.items():
        files.write(folder / path, data)


def _live_models(site: Site, environment: Environment) -> dict[str, str]:
    """`live:NAME` stands for the exact version that is live in the same environment; its bytes are looked at first."""
    return {
        name: _live_model(site, environment, name, value.removeprefix(LIVE))
        for name, value in environment.parameters.items()
        if isinstance(value, str) and value.startswith(LIVE)
    }


def _live_model(site: Site, environment: Environment, parameter: str, wanted: str) -> str:
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
    with tempfile.TemporaryDirectory() as folder:
        fault = track.check_model(live.tracking_uri, live.model, Path(folder))
    if fault:
        raise Refused(f"the live model of {wanted} is not what was validated: {fault}", hint="nbpromote doctor")
    return f"models:/{live.model.name}/{live.model.version}"


def publish(run: Run) -> None:
    """Move the run's outputs to their destinations, each whole or not at all."""
    for name, candidate in run.candidates.items():
        if candidate.exists():
            files.publish(candidate, Path(run.outputs[name]))


def close_killed(site: Site) -> None:
    """Close what a killed runner left open, in its record and in MLflow."""
    for dead in execute.sweep(site.project.runs):
        with suppress(Unavailable):  # a server that is down now must not keep other environments from working
            track.close(dead, "KILLED")


# -- evidence in the run's folder ---------------------------------------------------------------------------------


def keep(evidence: Evidence) -> None:
    """Evidence is never overwritten: asking again makes another file."""
    folder = evidence.run.folder
    number = len(list(folder.glob("evidence-*.json"))) + 1
    text = json.dumps(dump(evidence), indent=1, ensure_ascii=False) + "\n"
    files.write(folder / f"evidence-{number:03d}.json", text)


def evidence_in(folder: Path) -> Evidence | None:
    """The newest evidence of a run; None where the run never came to it."""
    found = sorted(folder.glob("evidence-*.json"))
    return load(Evidence, json.loads(found[-1].read_text())) if found else None


def find_evidence(project: Project, run_id: str) -> Evidence:
    """Raises `NotFound` for a run that is not here."""
    evidence = evidence_in(project.runs / run_id) if "/" not in run_id else None
    if evidence is None:
        known = [path.name for path in project.runs.glob("*")]
        raise NotFound(f"no run {run_id!r} here{nearest(run_id, known)}", hint="runs are in .nbpromote/runs")
    return evidence


def last_evidence(project: Project, name: str, environment: str) -> Evidence:
    """The newest run of a notebook in an environment that was judged."""
    for folder in sorted(project.runs.glob(f"*-{name.replace('/', '.')}-{environment}-*"), reverse=True):
        evidence = evidence_in(folder)
        if evidence and evidence.run.notebook == name and evidence.run.environment == environment:
            return evidence
    raise NotFound(f"{name} has no run in {environment}", hint=f"nbpromote run {name} --env {environment}")


def baseline(project: Project, name: str, *, run_id: str | None = None) -> Evidence:
    """Accept a run's outputs as what later runs are compared with.

    In the entry environment they go into the committed `.ipynb`; either way new evidence of that run says who
    accepted them, and its outputs are published. Raises `Refused` where another check blocks, or where the
    notebook was edited since the run.
    """
    site = Site(project)
    pair = site.pair(name)
    evidence = find_evidence(project, run_id) if run_id else last_evidence(project, pair.name, site.entry())
    executed = notebook.parse("notebook.ipynb", evidence.run.notebook_file.read_bytes())
    entry = site.policy(evidence.run.environment, "").is_entry
    if entry and site.code(pair).digest != evidence.run.code.digest:
        raise Refused(
            f"{pair.name} was edited since run {evidence.run.id}; nothing was changed",
            hint=f"nbpromote run {pair.name} --env {evidence.run.environment}",
        )
    accepted = validate.accepted(evidence, site.actor, executed=executed)
    if entry:
        target = pair.ipynb or pair.path.with_suffix(".ipynb")
        notebook.write(notebook.accept(notebook.read(pair), executed), target)
        publish(accepted.run)
    keep(accepted)
    track.judge(accepted)
    return accepted


@contextmanager
def witness(kernel: str, pass_env: tuple[str, ...]) -> Iterator[Witness]:
    """A kernel that will be asked what live models predict; the earlier it is called, the less its start costs."""
    with execute.present(kernel, pass_env, warming=track.WARMING) as present:
        yield present


def ask_model(model: Model, *, uri: str, kernel: str, pass_env: tuple[str, ...]) -> Any:
    """What a registered model, loaded through its alias, says to its own input example: not in the run's kernel."""
    question = track.question(f"models:/{model.name}@{track.CHAMPION}")
    with witness(kernel, pass_env) as present:
        return track.predictions(present.ask(question, {"MLFLOW_TRACKING_URI": uri, "MLFLOW_REGISTRY_URI": uri}))
