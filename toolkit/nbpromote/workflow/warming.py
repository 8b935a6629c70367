"""Whether a run may have a kernel that was forked, and from one that has imported what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from nbpromote import execute, notebook, track
from nbpromote.execute import Warmth
from nbpromote.model import Environment
from nbpromote.project import Project


def warmth(
    project: Project, node: Any, files: Mapping[str, bytes], environment: Environment, *, fresh: bool = False
) -> Warmth | None:
    """None where a fresh kernel is asked for; with a `refusal` where the notebook itself needs one.

    `files` are those of the notebook's code, by path: none of them is imported for anybody else.
    """
    if fresh or environment.policy.fresh or not project.kernel.warm or notebook.language(node) != "python":
        return None
    shared = execute.shared(environment.pass_env)
    names = notebook.sets_variables(node, already=shared.keys())
    return Warmth(
        preload=_preload(project, node, files),
        env={**shared, **track.QUIET},
        idle=project.kernel.idle,
        patience=environment.limits.start,
        refusal=f"the notebook sets {_listed(names)} before it imports, which those may read" if names else "",
    )


def _preload(project: Project, node: Any, files: Mapping[str, bytes]) -> tuple[str, ...]:
    if project.kernel.preload is not None:
        return project.kernel.preload
    own = {part for path in files for part in PurePosixPath(path).with_suffix("").parts}
    return notebook.imported(node, own=own)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join("variables" if name == "*" else name for name in names)
