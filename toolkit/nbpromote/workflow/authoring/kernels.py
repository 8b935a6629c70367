"""Warm kernels by hand: installed for Jupyter's tools, or kept for a working session."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nbpromote import execute, track
from nbpromote.errors import NotFound
from nbpromote.execute import Kept, Warmth
from nbpromote.project import Project
from nbpromote.workflow.evidence import warming
from nbpromote.workflow.site import Site


def install(
    *, name: str, of: str, preload: tuple[str, ...], idle: float, shown: str = "", prefix: Path | None = None
) -> Path:
    """The folder of a kernel that JupyterLab, papermill, nbclient and nbval can pick."""
    return execute.install(name, of=of, preload=preload, idle=idle, shown=shown, prefix=prefix)


def warm(project: Project, *, env: str | None, preload: tuple[str, ...], idle: float) -> tuple[Kept, Kept]:
    """Keep two zygotes for the runs to come: one for kernels, one for the toolkit's own commands.

    Without a `preload` that for kernels has imported what the project's notebooks import.
    """
    site = Site(project)
    environment = site.require(env or site.entry())
    pairs = site.pairs
    first = site.pair(pairs[0].name) if pairs else None
    if first is None:
        raise NotFound("there is no notebook to keep a kernel warm for")
    found = site.environment(environment, first.name, site.sources.code(first).schema)
    warmth = Warmth(
        preload=preload or warming.together(site, pairs),
        env={**execute.shared(found.pass_env), **track.QUIET},
        idle=idle,
        patience=found.limits.start,
    )
    own = Warmth(preload=TOOLKIT, env=dict(os.environ), idle=idle, patience=found.limits.start)
    with ThreadPoolExecutor() as pool:  # both import for seconds
        kernels = pool.submit(execute.keep, execute.command(found.kernel or "python3"), warmth)
        commands = pool.submit(execute.keep, execute.TOOLKIT, own)
        return kernels.result(), commands.result()


# what the verbs import that take longest to start; an engine is loaded by papermill, which must come first
TOOLKIT = (
    "papermill",
    "nbpromote.cli",
    "nbpromote.execute.engine",
    "nbpromote.execute.kernels.provisioning",
    "nbpromote.execute.sweeping",
    "nbpromote.execute.witnesses",
    "nbpromote.gate.deciding",
    "nbpromote.gate.waiting",
    "nbpromote.notebook.accepted",
    "nbpromote.notebook.findings",
    "nbpromote.notebook.pairing",
    "nbpromote.notebook.pairs",
    "nbpromote.notebook.preloading",
    "nbpromote.notebook.version",
    "nbpromote.report.collected",
    "nbpromote.report.plans",
    "nbpromote.report.promoted",
    "nbpromote.report.standing",
    "nbpromote.secrets.references",
    "nbpromote.validate.accepting",
    "nbpromote.validate.answering",
    "nbpromote.validate.values",
    "nbpromote.workflow.evidence.accepting",
    "nbpromote.workflow.care.doctoring",
    "nbpromote.workflow.fleet",
    "nbpromote.workflow.promotion.promoting",
    "nbpromote.workflow.promotion.releasing",
    "nbpromote.workflow.telling.reporting",
    "nbpromote.workflow.promotion.returning",
    "nbpromote.workflow.evidence.running",
    "mlflow",
    "mlflow.store.tracking.sqlalchemy_store",
    "nbval.plugin",
    "jupytext",
    "jinja2",
    "rich.progress",
    "ruamel.yaml",
)


def kept() -> tuple[Kept, ...]:
    return execute.all_kept()


def stop(pid: int | None = None) -> tuple[Kept, ...]:
    """End one, or all. Raises `NotFound` for a process that is none."""
    ended = tuple(one for one in execute.all_kept() if pid in (None, one.pid))
    if pid is not None and not ended:
        raise NotFound(f"process {pid} keeps no kernel warm", hint="nbpromote kernel list")
    for one in ended:
        execute.stop(one)
    return ended
