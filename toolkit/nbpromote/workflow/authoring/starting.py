"""Lay out a project: `init`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from nbpromote import files, git, project
from nbpromote.errors import NotFound
from nbpromote.workflow.authoring.hooks import installing

EXAMPLES = ("flights",)


def init(folder: Path, *, example: str | None = None, hooks: bool = False) -> tuple[Path, ...]:
    """Lay out a project, adding only what is not there. Gives the files that were written.

    A new folder joins the repository that it lies in; where there is none, or one that ignores it, it becomes a
    repository of its own. With `hooks`, a configuration of pre-commit that is there gets them added; a project
    that is laid out gets nothing else.
    """
    if example is not None and example not in EXAMPLES:
        raise NotFound(f"no example {example!r}", hint=f"known: {', '.join(EXAMPLES)}")
    fresh = not folder.exists() or not any(folder.iterdir())
    folder.mkdir(parents=True, exist_ok=True)
    if not fresh:
        git.find(folder)
    elif not _is_in_a_repository(folder):
        git.init(folder)
    added = installing.install(folder) if hooks else None  # first, as it may be refused
    laid_out = hooks and not fresh and _is_in_a_project(folder)
    return (*([added] if added else []), *(() if laid_out else _written(folder.resolve(), example)))


def _is_in_a_repository(folder: Path) -> bool:
    try:
        return not git.find(folder).ignored(folder.resolve())
    except NotFound:
        return False


def _is_in_a_project(folder: Path) -> bool:
    try:
        project.find(folder)
    except NotFound:
        return False
    return True


def _written(root: Path, example: str | None) -> Iterator[Path]:
    source = resources("nbpromote") / "templates"
    content = source / "flights" if example == "flights" else source / "empty"
    for place in ("notebooks", "params"):
        if not any((root / place).glob("*")):
            yield from _copied(content / place, root / place)
    yield from _added(root / ".gitignore", (source / "empty" / "gitignore").read_text())
    if installing.configuration(root).parent == root:  # nobody reads one below the top
        yield from _added(root / installing.CONFIG, installing.template())
    yield from _configured(root, (source / "empty" / "tool.toml").read_text())


def _copied(source: Any, target: Path) -> Iterator[Path]:
    for item in sorted(source.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            continue
        yield files.write(target / item.name, item.read_bytes())


def _added(path: Path, text: str) -> Iterator[Path]:
    if not path.exists():
        yield files.write(path, text)


def _configured(root: Path, text: str) -> Iterator[Path]:
    """`[tool.nbpromote]` in a pyproject.toml of its own, or below what is there."""
    path = root / "pyproject.toml"
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", root.name).strip("-._") or "project"
    wanted = text.replace("{project}", name)
    there = path.read_text() if path.exists() else ""
    if "[tool.nbpromote]" in there:
        return
    if "[tool.jupytext]" in there:
        wanted = wanted.split("[tool.jupytext]")[0].rstrip() + "\n"
    yield files.write(path, f"{there.rstrip()}\n\n{wanted}" if there else wanted)


def commit_all(folder: Path, message: str) -> None:
    """Commit everything in a repository; used by the demo, which plays the data scientist."""
    repository = git.find(folder)
    repository.run("add", "--all")
    repository.run("commit", "--quiet", "--message", message)
