"""What a data scientist does every day: `init`, `sync`, `check`, `params show`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from nbpromote import files, git, notebook, params, validate
from nbpromote.errors import Conflict, NotFound
from nbpromote.model import Environment, Finding
from nbpromote.notebook import Synced
from nbpromote.project import Project
from nbpromote.workflow.site import Site

EXAMPLES = ("flights",)


def init(folder: Path, *, example: str | None = None) -> tuple[Path, ...]:
    """Lay out a project, adding only what is not there. Gives the files that were written.

    A new folder becomes a git repository of its own, also inside another one.
    """
    if example is not None and example not in EXAMPLES:
        raise NotFound(f"no example {example!r}", hint=f"known: {', '.join(EXAMPLES)}")
    fresh = not folder.exists() or not any(folder.iterdir())
    folder.mkdir(parents=True, exist_ok=True)
    if fresh:
        git.init(folder)
    else:
        git.find(folder)
    return tuple(_written(folder.resolve(), example))


def _written(root: Path, example: str | None) -> Iterator[Path]:
    source = resources("nbpromote") / "templates"
    content = source / "flights" if example == "flights" else source / "empty"
    for place in ("notebooks", "params"):
        if not any((root / place).glob("*")):
            yield from _copied(content / place, root / place)
    for name in ("gitignore", "pre-commit-config.yaml"):
        yield from _added(root / f".{name}", (source / "empty" / name).read_text())
    yield from _configured(root, (source / "empty" / "pyproject.toml").read_text())


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


def sync(project: Project, names: Sequence[str] = ()) -> tuple[Synced, ...]:
    """Pair every notebook both ways. All pairs that can be settled are; a `Conflict` then names the others."""
    site = Site(project)
    agreed = site.git.folder / "nbpromote" / "agreed"
    pairs = [site.pair(name) for name in names] or list(site.pairs)
    done, conflicts = [], []
    for pair in pairs:
        try:
            done.append(notebook.sync(pair, agreed=agreed, committed=_committed(site)))
        except Conflict as conflict:
            conflicts.append(conflict)
    if len(conflicts) == 1:
        raise conflicts[0]
    if conflicts:
        raise Conflict("\n".join(str(conflict) for conflict in conflicts), hint=conflicts[0].hint)
    return tuple(done)


def _committed(site: Site) -> Any:
    head = site.git.head()
    return lambda path: site.git.read("HEAD", site.relative(path)) if head else None


def check(project: Project, names: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Everything that can be said without running: pairs, parameters cells, params and policy files."""
    site = Site(project)
    pairs = [site.pair(name) for name in names] or list(site.pairs)
    found = [finding for pair in pairs for finding in notebook.check(pair, project.root)]
    listed = [path.name for path in project.params.glob("*")]
    wrong = params.findings(
        site.params_file, listed, site.schemas, project.params.name, root=project.root, checks=validate.CHECKS
    )
    return (*found, *(wrong or _entries(site)))


def _entries(site: Site) -> Iterator[Finding]:
    """Work starts in one environment; another that promotes from nowhere would let releases in without a gate."""
    folder = site.project.params.name
    if not site.environments:
        yield Finding(path=folder, message="no environment is configured", hint=f"{folder}/dev.yaml makes one")
        return
    entries = [name for name in site.environments if site.policy(name, "").is_entry]
    if len(entries) > 1:
        message = f"{', '.join(entries)} all promote from nowhere, and only one can be the entry"
        yield Finding(path=folder, message=message, hint="write promotes_from: [E] into the policy of the others")


def show_params(
    project: Project, name: str, *, env: str | None = None, parameters: Mapping[str, str] | None = None
) -> Environment:
    """The resolved values of one notebook in one environment, each with the place it comes from."""
    site = Site(project)
    pair = site.pair(name)
    code = site.code(pair)
    schemas = {**site.schemas, pair.name: code.schema}
    return site.environment(env or site.entry(), pair.name, code.schema, overrides=parameters, schemas=schemas)


def commit_all(folder: Path, message: str) -> None:
    """Commit everything in a repository; used by the demo, which plays the data scientist."""
    repository = git.find(folder)
    repository.run("add", "--all")
    repository.run("commit", "--quiet", "--message", message)
