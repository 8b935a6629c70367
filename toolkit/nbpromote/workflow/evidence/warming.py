"""Whether a run may have a kernel that was forked, and from one that has imported what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from nbpromote import execute, notebook, track
from nbpromote.execute import Warmth
from nbpromote.model import Environment, Pair
from nbpromote.project import Project
from nbpromote.workflow.site import Site


def warmth(
    project: Project,
    node: Any,
    files: Mapping[str, bytes],
    environment: Environment,
    together: tuple[str, ...] = (),
) -> Warmth | None:
    """None where fresh kernels are configured; with a `refusal` where the notebook itself needs one.

    `files` are those of the notebook's code, by path: none of them is imported for anybody else. `together` are what
    a fleet imports at once.
    """
    if environment.policy.fresh or not project.kernel.warm or notebook.language(node) != "python":
        return None
    shared = execute.shared(environment.pass_env)
    names = notebook.sets_variables(node, already=shared.keys())
    return Warmth(
        preload=together or preload(project, node, files),
        env={**shared, **track.QUIET},
        idle=project.kernel.idle,
        patience=environment.limits.start,
        refusal=f"the notebook sets {_listed(names)} before it imports, which those may read" if names else "",
    )


def preload(project: Project, node: Any, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """What is configured, else what the notebook imports, and what that will import in its turn."""
    if project.kernel.preload is not None:
        return project.kernel.preload
    own = {part for path in files for part in PurePosixPath(path).with_suffix("").parts}
    names = notebook.imported(node, own=own)
    source = "\n".join(cell.source for cell in node.cells)
    return tuple(dict.fromkeys((*names, *track.later(names, source))))


def together(site: Site, pairs: Iterable[Pair]) -> tuple[str, ...]:
    """What any of several notebooks would have imported for it."""
    found: dict[str, None] = {}
    for pair in pairs:
        files = site.sources.files(pair, site.sources.code(pair))
        found |= dict.fromkeys(preload(site.project, notebook.read(pair), files))
    return tuple(found)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join("variables" if name == "*" else name for name in names)
