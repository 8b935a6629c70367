"""Run a notebook and ask every question of what came out: `run`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbpromote import notebook, release, validate
from nbpromote.errors import NotFound
from nbpromote.model import (
    Code,
    Deployment,
    Environment,
    Evidence,
    Pair,
)
from nbpromote.params import Given
from nbpromote.project import Project
from nbpromote.workflow.performing import Scene, Watch, close_killed, perform, perform_sealed, publish
from nbpromote.workflow.site import Site


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What whoever asked for a run wants different from the configuration."""

    overrides: Mapping[str, Given]
    cell_limit: float | None
    watch: Watch | None
    fresh: bool = False


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
    sealed code with its frozen parameters; where nothing is live, HEAD's code is rehearsed and its outputs stay
    in the run's folder. `fresh` wants a kernel that was not forked from a warm one.
    """
    site = Site(project)
    asked = Asked(overrides=parameters or {}, cell_limit=cell_limit, watch=watch, fresh=fresh)
    close_killed(site)
    environment = site.require(env or site.entry())
    if site.policy(environment, "").is_entry:
        return _run_here(site, site.pair(name), environment, asked)
    live = site.ledger.state(environment)[name].live
    if live is not None:
        return _run_live(site, live, asked)
    return _rehearse(site, site.pair(name), environment, asked)


def _run_here(
    site: Site,
    pair: Pair,
    env: str,
    asked: Asked,
) -> Evidence:
    node = notebook.read(pair)
    code = site.code(pair)
    environment = _limited(
        site.environment(env, pair.name, code.schema, overrides=asked.overrides, schemas=_all(site, pair, code)),
        asked,
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
        fresh=asked.fresh,
    )
    reference = _accepted(pair)
    named = site.relative(pair.ipynb) if pair.ipynb else ""
    evidence = perform(scene, node, reference=reference, reference_name=named, watch=asked.watch)
    if evidence.passed:
        publish(evidence.run)
    return evidence


def _accepted(pair: Pair) -> Any:
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
    configured = site.environment(live.environment, live.notebook, live.schema, overrides=asked.overrides)
    frozen = replace(
        configured,
        parameters={**live.parameters, **{name: configured.parameters[name] for name in asked.overrides}},
        inputs=live.inputs,
        outputs=live.outputs,
        tracking_uri=live.tracking_uri,
        revision=live.revision,
        params_commit=live.params_commit,
        params_dirty=live.params_dirty,
    )
    evidence = perform_sealed(
        site,
        sealed,
        _limited(frozen, asked),
        reference=live,
        watch=asked.watch,
        code_digest=live.code,
        fresh=asked.fresh,
    )
    if evidence.passed:
        publish(evidence.run)
    return evidence


def _rehearse(
    site: Site,
    pair: Pair,
    env: str,
    asked: Asked,
) -> Evidence:
    """HEAD's code with the environment's committed parameters; nothing of it reaches the environment's data."""
    path = site.relative(pair.path)
    code = site.committed_code(path)
    if code is None:
        raise NotFound(
            f"{path} is not committed",
            hint=f"above the entry environment code comes from HEAD: git add {path}",
        )
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
        environment=_limited(environment, asked),
        lock=site.lock_file("HEAD"),
        fresh=asked.fresh,
    )
    return perform(scene, None, reference=None, reference_name="", watch=asked.watch)


def _all(site: Site, pair: Pair, code: Code) -> dict[str, Any]:
    return {**site.schemas, pair.name: code.schema}


def _limited(environment: Environment, asked: Asked) -> Environment:
    if asked.cell_limit is None:
        return environment
    return replace(environment, limits=replace(environment.limits, cell=asked.cell_limit))
