"""Hooks: what `sync` and `check` do before a commit is made, for the pairs that it touches."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from nbpromote import git, notebook, project
from nbpromote.errors import BadInput, NotFound, Refused, Usage
from nbpromote.params import contracts
from nbpromote.project import Project
from nbpromote.workflow.authoring import checking
from nbpromote.workflow.authoring.checking import Checked
from nbpromote.workflow.authoring.hooks import staging
from nbpromote.workflow.authoring.hooks.staging import Scene, Staged, Step, Tree, Write


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What a hook did. `add` is the line to type, where the commit lacks something; with refusals nothing is written.

    `writes` were not made where `changed` is false, and are in the index already where `staged` is true.
    """

    writes: tuple[Write, ...] = ()
    refusals: tuple[str, ...] = ()
    add: str = ""
    changed: bool = False
    staged: bool = False

    @property
    def passed(self) -> bool:
        return not self.refusals and not self.add and (self.changed or not self.writes)


def sync_staged(folder: Path, names: Sequence[str] = (), *, stage: bool = False, change: bool = True) -> Brought:
    """Bring together the pairs of the files named, or of all that are staged, as they are staged.

    Either side may be named, also one that is renamed; a side that is deleted need not be. All pairs are brought
    together or, where one is refused, none. `stage` stages what was brought along. Without `change`, git-ignored
    sides do not count, as nobody but their owner has them.
    """
    tree = Tree(git.committing(folder))
    scene = Scene(tree, _pairs(tree, _meant(tree, names, every=not change)))
    steps, refusals, loose = _planned(scene, ignored=change)
    writes = tuple(write for step in steps for write in step.writes)
    if refusals or not change:
        return Brought(writes=writes, refusals=tuple(refusals), add=_typed(tree, "git add", loose))
    staging.carry_out(scene, steps, stage=stage)
    asked = [write.path for write in writes if write.staged is not None and not stage]
    return Brought(writes=writes, add=_typed(tree, "git add", asked), changed=True, staged=stage)


def _planned(scene: Scene, *, ignored: bool) -> tuple[list[Step], list[str], list[str]]:
    """The steps, every refusal, and the files that the commit lacks."""
    steps, refusals, loose = [], [], []
    for pair in scene.pairs:
        paths = pair.paths.values()
        is_tracked = any(path in scene.tree.entries for path in paths)
        if is_tracked and (beside := [path for path in paths if scene.is_loose(path)]):
            loose += beside
            refusals.append(f"{beside[0]} is not tracked: git add it, or let git ignore it")
            continue
        try:
            _stays_whole(scene, pair)
            counts = is_tracked and (ignored or not any(map(scene.is_ignored, paths)))
            step = staging.step(scene, pair) if counts else None
        except (Refused, BadInput) as error:
            refusals.append(_told(pair, error))
        else:
            steps += [step] if step else []
    return steps, refusals, loose


def _told(pair: Staged, error: Refused | BadInput) -> str:
    """The error with paths from the top: it knows the files' names only."""
    folder = PurePosixPath(pair.notebook).parent
    problems = [f"  {folder / problem}" for problem in getattr(error, "problems", ())]
    message = f"{folder / error.where}: {error.message}" if error.where else error.message
    return "\n".join([message, *problems, *([f"  next: {error.hint}"] if error.hint else [])])


def _stays_whole(scene: Scene, pair: Staged) -> None:
    """A side that is deleted or renamed would come back, without its outputs, from the one that stays."""
    tree = scene.tree
    for gone, stays in ((pair.notebook, pair.script), (pair.script, pair.notebook)):
        if gone not in tree.gone or tree.is_there(gone) or not tree.is_there(stays):
            continue
        move, remove = ("git mv", "git rm") if stays in tree.entries else ("mv", "rm")
        target = str(PurePosixPath(tree.gone[gone] or gone).with_suffix(PurePosixPath(stays).suffix))
        if target != stays and not tree.is_there(target):
            raise Refused(
                f"{gone} was renamed to {tree.gone[gone]}, and {stays} was not; both are untouched",
                hint=_typed(tree, move, [stays, target]),
            )
        raise Refused(
            f"{gone} is deleted and {stays} stays; nothing was written",
            hint=f"`{_typed(tree, remove, [stays])}` deletes the notebook, "
            f"`{_typed(tree, 'git restore --staged --worktree', [gone])}` keeps both, "
            f"a line /{gone} in .gitignore keeps only {stays} in git",
        )


# -- which pairs are meant -------------------------------------------------------------------------------------


def _meant(tree: Tree, names: Sequence[str], *, every: bool) -> Iterator[str]:
    """Paths from the top: those named, else all that are staged. pre-commit names no file that is deleted."""
    named = [_from_top(tree, name) for name in names]
    for name, path in zip(names, named, strict=True):
        if not tree.is_there(path) and path not in tree.gone:
            raise NotFound(f"{name} is neither staged nor in the work tree")
    yield from named or tree.index.put_in() or (tree.entries if every else ())
    yield from (path for change in tree.gone.items() for path in change if path)


def _from_top(tree: Tree, name: str) -> str:
    path = Path(os.path.abspath(name))
    if not path.is_relative_to(tree.git.root):
        raise Usage(f"{name} is not in the repository {tree.git.root}")
    return path.relative_to(tree.git.root).as_posix()


def _pairs(tree: Tree, paths: Iterable[str]) -> tuple[Staged, ...]:
    """Raises `NotFound` where the repository holds no project, for a hook that looks at nothing passes everything."""
    wanted = (PurePosixPath(path) for path in paths)
    stems = {path.with_suffix("") for path in wanted if path.suffix in notebook.SUFFIXES}
    homes = {folder: _project(tree.git.root / folder) for folder in {stem.parent for stem in stems}}
    found = [_pair(tree, stem, home) for stem in sorted(stems) if (home := homes[stem.parent])]
    pairs = tuple(pair for pair in found if pair)
    if not pairs and not tree.index.mentions("nbpromote", "*pyproject.toml"):
        project.find(tree.git.root)
    return pairs


def _pair(tree: Tree, stem: PurePosixPath, home: Project) -> Staged | None:
    place = tree.git.root / stem
    if not place.is_relative_to(home.notebooks):
        return None
    name = place.relative_to(home.notebooks).as_posix()
    ipynb, *scripts = (f"{stem}{suffix}" for suffix in notebook.SUFFIXES)
    known = [path for path in (ipynb, *scripts) if tree.is_there(path) or path in tree.gone]
    entries = [tree.entries[path] for path in known if path in tree.entries]
    there = [path for path in scripts if path in known]
    if ipynb not in known or len(there) > 1:
        there = [path for path in there if notebook.has_cells(tree.content(path))]
    if not notebook.is_name(name) or not all(entry.is_file for entry in entries) or not (there or ipynb in known):
        return None
    return Staged(project=home, name=name, notebook=ipynb, script=there[0] if there else f"{stem}.py")


def _project(folder: Path) -> Project | None:
    try:
        return project.find(folder)
    except NotFound:
        return None


# -- check -----------------------------------------------------------------------------------------------------


def check_staged(
    folder: Path,
    names: Sequence[str] = (),
    *,
    params: bool = False,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Checked:
    """What `check` says of the pairs that the files named belong to; with `params`, of params, policies and
    contracts only.

    Paths are from the folder that the command runs in, for there may be several projects below it.
    """
    paths = [Path(os.path.abspath(name)) for name in names]
    folders = {path.parent for path in paths}
    homes = {home for place in folders if (home := _project(place))} if names else {project.find(folder)}
    told = []
    for home in sorted(homes, key=lambda home: home.root):
        pairs = _asked(home, paths, params=params)
        if pairs is not None:
            one = checking.check(home, pairs, select=select, ignore=ignore)
            told.append(_from_here(home, one, of=home.params.name if params else None))
    return Checked(
        findings=tuple(finding for one in told for finding in one.findings),
        looked_at=tuple(path for one in told for path in one.looked_at),
    )


def _asked(home: Project, paths: Sequence[Path], *, params: bool) -> list[str] | None:
    """Names of the pairs to look at, none for all; None where the files are no business of this project's check."""
    if params:
        return [] if not paths or any(_gives(home, path) for path in paths) else None
    stems = {path.with_suffix("") for path in paths}
    pairs = [pair.name for pair in notebook.find_all(home.notebooks) if pair.path.with_suffix("") in stems]
    return pairs if pairs or not paths else None


def _gives(home: Project, path: Path) -> bool:
    return path.is_relative_to(home.params) or contracts.is_contract(path.name)


def _from_here(home: Project, told: Checked, *, of: str | None) -> Checked:
    """Paths from where the user stands; `of` leaves only what lies in that folder of the project, and contracts."""
    wanted = [one for one in told.findings if of is None or _is_of(one.path, of)]
    return Checked(
        findings=tuple(replace(one, path=os.path.relpath(home.root / one.path)) for one in wanted),
        looked_at=tuple(os.path.relpath(home.root / path) for path in (() if of else told.looked_at)),
    )


def _is_of(path: str, folder: str) -> bool:
    return PurePosixPath(path).parts[:1] == (folder,) or contracts.is_contract(path)


# -- lines to type -----------------------------------------------------------------------------------------------


def _typed(tree: Tree, command: str, paths: Sequence[str]) -> str:
    """A command for the folder that the user stands in: git moves to the top, and tells its hooks where that was."""
    here = Path.cwd() / os.environ.get("GIT_PREFIX", "")
    typed = shlex.join(os.path.relpath(tree.git.root / path, here) for path in paths)
    return f"{command} {typed}" if paths else ""
