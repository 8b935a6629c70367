"""One pair as the next commit will hold it: what stands in git's index, and how both sides get there together.

The index is the truth here, for it is what will be committed. A side that git ignores is taken from the work tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

from nbpromote import files, notebook
from nbpromote.errors import BadInput, Refused
from nbpromote.git import Entry, Index, Repository
from nbpromote.model import Pair
from nbpromote.notebook import Base, Contents, Settled
from nbpromote.project import Project
from nbpromote.workflow.authoring.hooks import stashed
from nbpromote.workflow.authoring.pairing import Past
from nbpromote.workflow.site import Site

NOTEBOOK, SCRIPT = "notebook", "script"


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A pair by its two paths from the top of the repository, whether there is a file or not."""

    project: Project
    name: str
    notebook: str
    script: str

    @property
    def paths(self) -> dict[str, str]:
        return {NOTEBOOK: self.notebook, SCRIPT: self.script}


@dataclass(frozen=True, kw_only=True)
class Write:
    """One file to write, and the content that the index is to hold: None for a file that git ignores."""

    path: str
    reason: str
    data: bytes
    before: bytes | None
    staged: bytes | None


@dataclass(frozen=True, kw_only=True)
class Step:
    """What brings one pair together, and the agreement to note then."""

    pair: Staged
    writes: tuple[Write, ...]
    settled: Settled


@dataclass(frozen=True)
class Tree:
    """The index of a repository, and the work tree where the index holds nothing."""

    git: Repository

    @property
    def index(self) -> Index:
        return Index(self.git)

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """Without what `git add --intent-to-add` only announced, which has no content yet."""
        announced = {path for path, letter in self.index.unstaged().items() if letter == "A"}
        return {path: entry for path, entry in self.index.staged().items() if path not in announced}

    @cached_property
    def unstaged(self) -> frozenset[str]:
        return stashed.unstaged(self.index)

    @cached_property
    def gone(self) -> dict[str, str | None]:
        """Paths that HEAD has and the index has not, each with the path that it was renamed to."""
        return {change.gone: change.now for change in self.index.taken_out()}

    @cached_property
    def heads(self) -> tuple[str, ...]:
        """HEAD, and the commit whose changes are being brought in, where a merge or a cherry-pick stopped."""
        theirs = ("MERGE_HEAD", "CHERRY_PICK_HEAD")
        return ("HEAD", *(name for name in theirs if self.git.ref(name)))

    @cached_property
    def fork(self) -> str | None:
        """What HEAD and that commit both come from."""
        if "MERGE_HEAD" in self.heads:
            return self.git.ask("merge-base", "HEAD", "MERGE_HEAD")
        return self.git.ref("CHERRY_PICK_HEAD^") if "CHERRY_PICK_HEAD" in self.heads else None

    def is_there(self, path: str) -> bool:
        return path in self.entries or (self.git.root / path).is_file()

    def content(self, path: str) -> bytes:
        """What the index holds at a path, else the work tree; nothing where neither has it."""
        entries = {path: self.entries[path]} if path in self.entries else {}
        return self.index.contents(entries)[path] if entries else self.on_disk(path) or b""

    def on_disk(self, path: str) -> bytes | None:
        file = self.git.root / path
        try:
            return file.read_bytes() if file.is_file() else None
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror}", where=path) from error


@dataclass(frozen=True)
class Scene:
    """All pairs that a hook was asked about, read in a few calls of git."""

    tree: Tree
    pairs: Sequence[Staged]

    @cached_property
    def _tracked(self) -> Mapping[str, bytes]:
        paths = [path for pair in self.pairs for path in pair.paths.values() if path in self.tree.entries]
        return self.tree.index.contents({path: self.tree.entries[path] for path in paths})

    @cached_property
    def _ignored(self) -> frozenset[str]:
        paths = [path for pair in self.pairs for path in pair.paths.values()]
        return frozenset(self.tree.git.ignored_of(path for path in paths if path not in self.tree.entries))

    @cached_property
    def pasts(self) -> dict[Project, Past]:
        return {pair.project: Past(Site(pair.project)) for pair in self.pairs}

    def is_ignored(self, path: str) -> bool:
        return path in self._ignored

    def is_loose(self, path: str) -> bool:
        """Whether there is a file that git neither tracks nor ignores."""
        return path not in self.tree.entries and not self.is_ignored(path) and self.tree.is_there(path)

    def content(self, path: str) -> bytes | None:
        return self._tracked[path] if path in self._tracked else self.tree.on_disk(path)


def step(scene: Scene, pair: Staged) -> Step | None:
    """What brings a pair together as it is staged; None where both sides agree.

    Raises `Refused` where that would touch what is not staged, `Conflict` and `BadInput` as `settle` does.
    """
    contents = Contents(notebook=scene.content(pair.notebook), script=scene.content(pair.script))
    sides, past = _sides(scene, pair, contents), scene.pasts[pair.project]
    if past.is_unchanged(sides, contents, note=False):
        return None
    settled = notebook.settle(sides, contents, bases=_bases(scene, pair, contents))
    if contents.script is None and settled.script_suffix != PurePosixPath(pair.script).suffix:
        pair = replace(pair, script=str(PurePosixPath(pair.script).with_suffix(settled.script_suffix)))
        scene = replace(scene, pairs=(pair,))
    writes = tuple(_write(scene, pair, side, settled) for side in settled.changed)
    return Step(pair=pair, writes=writes, settled=settled) if writes else None


def carry_out(scene: Scene, steps: Sequence[Step], *, stage: bool) -> None:
    """Write the files, then the index, then what was agreed on. Killed in between, the same hook does the rest."""
    tree, writes = scene.tree, [write for step in steps for write in step.writes]
    for write in writes:
        if tree.on_disk(write.path) != write.before:
            raise Refused(f"{write.path} was saved while the hook ran; nothing was written", hint="commit again")
    for write in writes:
        files.write(tree.git.root / write.path, write.data)
    if stage:
        modes = {write.path: tree.entries[write.path].mode for write in writes if write.path in tree.entries}
        tree.index.stage({write.path: write.staged for write in writes if write.staged is not None}, modes=modes)
    for step in steps:
        sides = _sides(scene, step.pair, step.settled.contents)
        scene.pasts[step.pair.project].agree(sides, step.settled.contents, step.settled.base)


def _sides(scene: Scene, pair: Staged, contents: Contents) -> Pair:
    root = scene.tree.git.root
    return Pair(
        name=pair.name,
        ipynb=root / pair.notebook if contents.notebook is not None else None,
        script=root / pair.script if contents.script is not None else None,
    )


def _bases(scene: Scene, pair: Staged, contents: Contents) -> Iterator[Base]:
    """States that both sides had in common, the likeliest first.

    A side of which nothing is staged says what the commit below says, and the other one is ahead of it. So it is
    after a merge with a side that was resolved to ours or to theirs; else both sides come from the fork.
    """
    tree = scene.tree
    known: list[Base | None] = []
    if all(path in tree.entries for path in pair.paths.values()):
        still = [commit for commit in tree.heads if _has_a_side_of(tree, pair, commit)]
        source = still[0] if len(still) == 1 else tree.fork
        known = [_at(scene, pair, source)] if source else []
    if known and known[0]:
        yield known[0]
        return
    yield from scene.pasts[pair.project].bases(_sides(scene, pair, contents), contents)


def _has_a_side_of(tree: Tree, pair: Staged, commit: str) -> bool:
    return any(tree.entries[path].blob == tree.git.blob(commit, path) for path in pair.paths.values())


def _at(scene: Scene, pair: Staged, commit: str) -> Base | None:
    names = [f"{commit}:./{path}" for path in (pair.notebook, pair.script)]
    contents = Contents(**dict(zip((NOTEBOOK, SCRIPT), scene.tree.git.blobs(names), strict=True)))
    return notebook.base(_sides(scene, pair, contents), contents) if contents != Contents() else None


def _write(scene: Scene, pair: Staged, side: str, settled: Settled) -> Write:
    path, data = pair.paths[side], getattr(settled.contents, side)
    if scene.tree.index.is_partial and not scene.is_ignored(path):
        raise Refused(
            f"{path} must go with it, and `git commit FILE` would leave it behind",
            hint="git add what is to be committed, and git commit without names",
        )
    if path in scene.tree.unstaged:
        raise Refused(f"{path} has edits that are not staged", hint="git add it, or stash them")
    before = scene.tree.on_disk(path)
    return Write(
        path=path,
        reason=settled.reason,
        data=data if before in (None, scene.content(path)) else _kept(scene, pair, side, settled),
        before=before,
        staged=None if scene.is_ignored(path) else data,
    )


def _kept(scene: Scene, pair: Staged, side: str, settled: Settled) -> bytes:
    """The content for a file that has more in it than git is given, such as outputs that a filter strips."""
    contents = replace(settled.contents, **{side: scene.tree.on_disk(pair.paths[side])})
    other = SCRIPT if side == NOTEBOOK else NOTEBOOK
    again = notebook.settle(_sides(scene, pair, contents), contents, ours=other)
    kept: bytes = getattr(again.contents, side)
    return kept
