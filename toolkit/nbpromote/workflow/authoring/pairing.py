"""Keep notebooks and scripts together: `sync`, and what it knows of their past."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from nbpromote import files, notebook
from nbpromote.errors import BadInput, Conflict, Error
from nbpromote.model import Pair
from nbpromote.notebook import Agreed, Base, Contents, Dropped, Settled
from nbpromote.project import Project
from nbpromote.workflow.site import Site
from nbpromote.workflow.site.values import blob_id

_COMMITS = 50  # looked through for one in which both sides agreed


@dataclass(frozen=True, kw_only=True)
class Synced:
    """What a sync did with a pair, or, asked only to check, would do. `error` says why it could not."""

    pair: Pair
    wrote: tuple[Path, ...] = ()
    winner: str = ""  # "notebook", "script", "both"
    reason: str = ""
    dropped: tuple[Dropped, ...] = ()
    error: Error | None = None


def sync(
    project: Project, names: Sequence[str] = (), *, ours: str | None = None, check: bool = False
) -> tuple[Synced, ...]:
    """Bring both sides of every pair together. All pairs that can be settled are; the others say why they are not.

    `ours` is the side to go by in cells that both changed. `check` writes nothing.
    """
    site = Site(project)
    pairs = [site.pair(name) for name in names] or list(site.pairs)
    past = Past(site)
    return tuple(_synced(pair, past, ours=ours, check=check) for pair in pairs)


def refusal(done: Sequence[Synced]) -> Error | None:
    """One error for all pairs that were not settled; None where all were."""
    errors = [one.error for one in done if one.error]
    if len(errors) < 2:
        return errors[0] if errors else None
    kind = Conflict if all(isinstance(error, Conflict) for error in errors) else BadInput
    return kind("\n".join(str(error) for error in errors), hint=errors[0].hint)


def record_agreement(project: Project, path: Path) -> Pair | None:
    """Note that both sides of the pair that `path` belongs to agree; None where they do not, or there is no pair."""
    site = Site(project)
    pair = site.pair(str(path))
    contents = _contents(pair)
    base = notebook.base(pair, contents)
    if base is None:
        return None
    Past(site).agree(pair, contents, base)
    return pair


def _synced(pair: Pair, past: Past, *, ours: str | None, check: bool) -> Synced:
    try:
        contents = _contents(pair)
        if past.is_unchanged(pair, contents, note=not check):
            return Synced(pair=pair, reason="both sides agree")
        _stays_whole(pair, past)
        settled = notebook.settle(pair, contents, bases=past.bases(pair, contents), ours=ours)
        whole = _whole(pair, settled)
        if not check:
            _write(whole, contents, settled)
            past.agree(whole, settled.contents, settled.base)
    except (Conflict, BadInput) as error:
        return Synced(pair=pair, error=error)
    wrote = tuple(path for side, path in _files(whole) if side in settled.changed)
    return Synced(pair=whole, wrote=wrote, winner=settled.winner, reason=settled.reason, dropped=settled.dropped)


def _stays_whole(pair: Pair, past: Past) -> None:
    """One side renamed alone would make two notebooks of one, neither with the other's outputs or history."""
    if pair.ipynb and pair.script:
        return
    for old, new in past.renamed.items():
        if past.site.project.relative(pair.folder / pair.path.stem) in (_stem(old), _stem(new)):
            stayed = _beside(old, past.site.project.root)[0]
            target = f"{_stem(new)}{PurePosixPath(stayed).suffix}"
            raise Conflict(
                f"{old} was renamed to {new}, and {stayed} was not; nothing was written",
                hint=f"git mv {shlex.quote(stayed)} {shlex.quote(target)}",
            )


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def _beside(path: str, root: Path) -> list[str]:
    """The other sides that are there of the pair that a path belongs to."""
    suffixes = notebook.SUFFIXES[1:] if path.endswith(".ipynb") else notebook.SUFFIXES[:1]
    places = (f"{_stem(path)}{suffix}" for suffix in suffixes if path.endswith(notebook.SUFFIXES))
    return [place for place in places if (root / place).exists()]


def _contents(pair: Pair) -> Contents:
    found = {}
    for side, path in _files(pair):
        try:
            found[side] = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror}", where=str(path)) from error
    return Contents(**found)


def _files(pair: Pair) -> list[tuple[str, Path]]:
    return [(side, path) for side, path in (("notebook", pair.ipynb), ("script", pair.script)) if path]


def _whole(pair: Pair, settled: Settled) -> Pair:
    """The pair with the side that it lacked."""
    stem = pair.folder / pair.path.stem
    if settled.contents.notebook is not None and pair.ipynb is None:
        return replace(pair, ipynb=stem.with_name(f"{stem.name}.ipynb"))
    if settled.contents.script is not None and pair.script is None:
        return replace(pair, script=stem.with_name(f"{stem.name}{settled.script_suffix}"))
    return pair


def _write(pair: Pair, before: Contents, settled: Settled) -> None:
    """Killed between the two, the next sync finds one side ahead in every cell, and the other follows."""
    if _contents(pair) != before:
        raise Conflict(
            f"{pair.name} was saved while it was read; nothing was written", hint=f"nbpromote sync {pair.name}"
        )
    for side, path in _files(pair):
        data = getattr(settled.contents, side)
        if side in settled.changed and data is not None:
            files.write(path, data)


@dataclass(frozen=True)
class Past:
    """What is known of the states that both sides of a pair had in common.

    Records lie in git's folder of this worktree: two worktrees of a repository have two agreements, and none of
    them is anybody else's. No file time is asked: after a clone, a checkout or a rebase they mean nothing.
    """

    site: Site

    @cached_property
    def _head(self) -> dict[str, str]:
        """Blob id by path of everything in HEAD."""
        return self.site.git.tracked("HEAD") if self.site.git.head() else {}

    @cached_property
    def renamed(self) -> dict[str, str]:
        """Sides that HEAD has under a name that is gone, each with the one that it has now, byte for byte.

        Only those whose other side is still there, under the old name.
        """
        root = self.site.project.root
        gone = {blob: path for path, blob in self._head.items() if _beside(path, root) and not (root / path).exists()}
        alone = [pair.path for pair in self.site.pairs if not (pair.ipynb and pair.script)] if gone else []
        found = {gone.get(blob_id(path.read_bytes())): self.site.project.relative(path) for path in alone}
        return {old: new for old, new in found.items() if old and new not in self._head}

    def is_unchanged(self, pair: Pair, contents: Contents, *, note: bool) -> bool:
        """Whether both files still are, byte for byte, what was agreed on; then nothing needs to be read in them."""
        agreed = self._agreed(pair)
        if agreed is None or not agreed.holds(contents):
            return False
        if note and agreed.committed != self._committed(pair):
            self._note(pair, replace(agreed, committed=self._committed(pair)))
        return True

    def agree(self, pair: Pair, contents: Contents, base: Base) -> None:
        self._note(pair, notebook.agreed(base, contents, committed=self._committed(pair)))

    def bases(self, pair: Pair, contents: Contents) -> Iterator[Base]:
        """States that both sides had in common, the likeliest first.

        The record, as long as HEAD says of the pair what it said then: nothing but edits came in between, stashed
        and popped ones among them; or else HEAD went away and came back, and neither side keeps to the record.
        Once HEAD moved (pull, checkout, rebase, merge, cherry-pick, commit), git has put HEAD's copies under the
        edits, so HEAD is what they have in common; the record, which is older, is asked whether it tells the
        opposite. Where HEAD's own sides differ, somebody committed one of them alone: the newest commit that holds
        both in agreement is what both came from. A clone has no record, a renamed pair one under its old name, and
        where git holds only one side only the record is left.
        """
        agreed = self._agreed(pair)
        if agreed and agreed.committed == self._committed(pair):
            yield replace(agreed.base, certain=True)
        if committed := self._at_head(pair, contents) or self._in_history(pair):
            yield committed
        if agreed:
            yield agreed.base
        else:
            yield from self._under_old_names(pair, contents)

    def _at_head(self, pair: Pair, contents: Contents) -> Base | None:
        ids = [self._head.get(path) for path in self._paths(pair)]
        blobs = iter(self.site.git.blobs([name for name in ids if name]))
        notebook_blob, script_blob = (next(blobs) if name else None for name in ids)
        if notebook_blob is None and script_blob is None:
            return None
        # with one side in git, it is what both had in common only if the other, untouched, still says the same
        both = Contents(notebook=notebook_blob or contents.notebook, script=script_blob or contents.script)
        return notebook.base(pair, both)

    def _in_history(self, pair: Pair) -> Base | None:
        paths = self._paths(pair)
        if not all(path in self._head for path in paths):
            return None
        for commit in self.site.git.commits_of(paths, most=_COMMITS):
            one, other = self.site.git.blobs([f"{commit}:./{path}" for path in paths])
            if found := notebook.base(pair, Contents(notebook=one, script=other)):
                return found
        return None

    # -- the record

    def _agreed(self, pair: Pair) -> Agreed | None:
        try:
            return notebook.read_agreed(self._record(pair).read_bytes())
        except OSError:
            return None

    def _under_old_names(self, pair: Pair, contents: Contents) -> Iterator[Base]:
        """What was agreed of pairs whose files are gone, where one side here still says it."""
        top = self.site.project.root.joinpath(*[".."] * self.site.git.prefix.count("/")).resolve()
        for file in sorted(self._records.rglob("*.json")):
            stem = top / file.relative_to(self._records).with_suffix("")
            is_there = stem.parent.is_dir() and any(path.stem == stem.name for path in stem.parent.iterdir())
            agreed = None if is_there else notebook.read_agreed(file.read_bytes())
            if agreed and notebook.keeps_to(agreed.base, pair, contents):
                yield agreed.base

    def _note(self, pair: Pair, agreed: Agreed) -> None:
        files.write(self._record(pair), notebook.write_agreed(agreed))

    def _record(self, pair: Pair) -> Path:
        """By the pair's place in the repository, which may hold other projects with notebooks of the same name."""
        git = self.site.git
        place = f"{git.prefix}{self.site.project.relative(pair.path)}".rsplit(".", 1)[0]
        return self._records / f"{place}.json"

    @property
    def _records(self) -> Path:
        return self.site.git.own_folder / "nbpromote" / "agreed"

    def _committed(self, pair: Pair) -> str:
        return " ".join(self._head.get(path, "-") for path in self._paths(pair))

    def _paths(self, pair: Pair) -> tuple[str, str]:
        """Both sides from the project's root, there or not."""
        stem = self.site.project.relative(pair.path).rsplit(".", 1)[0]
        return f"{stem}.ipynb", f"{stem}{pair.script.suffix if pair.script else '.py'}"
