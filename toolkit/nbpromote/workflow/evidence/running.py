"""Run a notebook and ask every question of what came out: `run`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nbpromote import notebook, release, validate
from nbpromote.errors import NotFound, Refused
from nbpromote.model import (
    Code,
    Deployment,
    Environment,
    Evidence,
    Pair,
    Schema,
)
from nbpromote.params import Given
from nbpromote.project import Project
from nbpromote.validate import Reference
from nbpromote.workflow.evidence.performing import (
    PLAIN,
    Manner,
    Scene,
    Watch,
    close_killed,
    evidence_of,
    perform,
    perform_sealed,
    publish,
)
from nbpromote.workflow.site import Site, footing


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What whoever asked for a run wants different from the configuration, and how it is carried out."""

    overrides: Mapping[str, Given] = field(default_factory=dict)
    cell_limit: float | None = None
    manner: Manner = PLAIN


def run(
    project: Project,
    name: str,
    *,
    env: str | None = None,
    parameters: Mapping[str, Given] | None = None,
    cell_limit: float | None = None,
    watch: Watch | None = None,
    fresh: bool = False,
) -> Evidence:
    """Run a notebook in an environment and make every check of what came out.

    In an entry environment that is the notebook as it stands. Above it, the live deployment runs again: its
    sealed code with its frozen parameters; where nothing is live, or a model that was adopted, HEAD's code is
    rehearsed and its outputs stay in the run's folder. `fresh` wants a kernel that was not forked from a warm one.
    """
    site = Site(project)
    asked = Asked(overrides=parameters or {}, cell_limit=cell_limit, manner=Manner(watch=watch, fresh=fresh))
    close_killed(site)
    return run_at(site, name, site.require(env or site.entry()), asked)


def run_at(site: Site, name: str, environment: str, asked: Asked) -> Evidence:
    """One of the runs of a site, which several threads may share."""
    frozen = site.ledger.state(environment).frozen
    if frozen:
        because = f": {frozen.reason}" if frozen.reason else ""
        raise Refused(
            f"{environment} was frozen by {frozen.by} at {frozen.at}{because}; nothing was run",
            hint=f"nbpromote thaw --env {environment} lifts that",
        )
    if site.policy(environment, "").is_entry:
        return _run_here(site, site.pair(name), environment, asked)
    live = site.ledger.state(environment)[name].live
    if live is not None and not live.adopted:
        return _run_live(site, live, asked)
    return _rehearse(site, site.pair(name), environment, asked)


def _run_here(
    site: Site,
    pair: Pair,
    env: str,
    asked: Asked,
) -> Evidence:
    node = notebook.read(pair)
    code = site.sources.code(pair)
    environment = limited(
        site.environment(env, pair.name, code.schema, overrides=asked.overrides, schemas=_all(site, pair, code)),
        asked.cell_limit,
    )
    scene = Scene(
        site=site,
        name=pair.name,
        path=site.project.relative(pair.path),
        code=code,
        files=site.sources.files(pair, code),
        environment=environment,
        lock=site.sources.lock(),
        folder=pair.folder,
        dirty=site.git.is_dirty() or not site.sources.is_committed(pair, code),
        manner=asked.manner,
        live=site.ledger.state(env)[pair.name].live,
    )
    reference = accepted(pair)
    named = site.project.relative(pair.ipynb) if pair.ipynb else ""
    rests = footing.rests(
        site,
        environment,
        code=code.digest,
        kernel=notebook.kernel(node),
        baseline=notebook.accepted_digest(reference, validate.is_marked),
        lock=scene.lock,
    )
    live = evidence_of(site, scene.live)
    evidence = perform(scene, node, against=Reference(notebook=reference, name=named, live=live))
    return _settled(site, evidence, rests)


def _settled(site: Site, evidence: Evidence, rests: Mapping[str, str]) -> Evidence:
    """A run that passed has its outputs in their places, and others may be skipped for it."""
    if evidence.passed:
        publish(evidence.run)
    footing.leave(site, evidence, rests)
    return evidence


def accepted(pair: Pair) -> Any:
    """The stored outputs, but for those that JupyterLab saved over what somebody had accepted."""
    if pair.ipynb is None:
        return None
    return notebook.without_changed(notebook.parse(str(pair.ipynb), pair.ipynb.read_bytes()), validate.is_marked)


def _run_live(
    site: Site,
    live: Deployment,
    asked: Asked,
) -> Evidence:
    """Once more what is live: scheduled scoring, for instance."""
    sealed = release.open_(site.store, live.release)
    environment = limited(frozen(site, live, asked.overrides), asked.cell_limit)
    rests = rests_live(site, live, environment)
    evidence = perform_sealed(site, sealed, environment, reference=live, manner=asked.manner, code_digest=live.code)
    return _settled(site, evidence, rests)


def frozen(
    site: Site,
    live: Deployment,
    overrides: Mapping[str, Given],
    *,
    schemas: Mapping[str, Schema | None] | None = None,
) -> Environment:
    """What a live deployment gets when it runs again."""
    configured = site.environment(live.environment, live.notebook, live.schema, overrides=overrides, schemas=schemas)
    as_live = dict.fromkeys(live.parameters, f"{live.alias}, live in {live.environment}")
    return replace(
        configured,
        parameters={**live.parameters, **{name: configured.parameters[name] for name in overrides}},
        origins={**as_live, **{name: configured.origins[name] for name in overrides}},
        inputs=live.inputs,
        outputs=live.outputs,
        tracking_uri=live.tracking_uri,
        revision=live.revision,
        params_commit=live.params_commit,
        params_dirty=live.params_dirty,
    )


def rests_live(site: Site, live: Deployment, environment: Environment) -> dict[str, str]:
    """The release names code, lock and kernel; runs are compared with the deployment's own outputs."""
    reference = live.sealed.get("executed.ipynb")
    return footing.rests(
        site, environment, code=live.release, kernel="", baseline=reference.sha256 if reference else "", lock=None
    )


def _rehearse(
    site: Site,
    pair: Pair,
    env: str,
    asked: Asked,
) -> Evidence:
    """HEAD's code with the environment's committed parameters; nothing of it reaches the environment's data."""
    path = site.project.relative(pair.path)
    code = rehearsed(site, path)
    environment = site.environment(env, pair.name, code.schema, overrides=asked.overrides)
    stem = path.rsplit(".", 1)[0]
    tracked = site.git.tracked("HEAD")
    wanted = [side for suffix in notebook.SUFFIXES if (side := f"{stem}{suffix}") in tracked] + list(code.files)
    found = {file: site.git.read("HEAD", file) or b"" for file in wanted}
    scene = Scene(
        site=site,
        name=pair.name,
        path=wanted[0],
        code=code,
        files=found,
        environment=limited(environment, asked.cell_limit),
        lock=site.sources.lock("HEAD"),
        manner=asked.manner,
    )
    evidence = perform(scene, None, against=Reference(versus_live=True))
    footing.leave(site, evidence, rests={})
    return evidence


def rehearsed(site: Site, path: str) -> Code:
    """HEAD's code of a notebook that nothing is live of."""
    code = site.sources.committed(path)
    if code is None:
        raise NotFound(
            f"{path} is not committed",
            hint=f"above the entry environment code comes from HEAD: git add {path}",
        )
    return code


def _all(site: Site, pair: Pair, code: Code) -> dict[str, Any]:
    return {**site.schemas, pair.name: code.schema}


def limited(environment: Environment, cell: float | None) -> Environment:
    return environment if cell is None else replace(environment, limits=replace(environment.limits, cell=cell))
