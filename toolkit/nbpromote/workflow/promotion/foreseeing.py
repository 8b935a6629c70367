"""What each move of a plan would change of what is live: its code by cell, packages, metrics, data and model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nbpromote import clock, notebook, validate
from nbpromote import release as releases
from nbpromote.errors import Error, Refused
from nbpromote.model import (
    CellChange,
    Check,
    Deployment,
    Environment,
    Evidence,
    File,
    Json,
    Likeness,
    Move,
    Outcome,
    Plan,
    Profile,
    Prospect,
    Release,
    ValueChange,
)
from nbpromote.workflow.promotion import keeping
from nbpromote.workflow.site import Site


def foreseen(site: Site, planned: Plan) -> Plan:
    """The plan with a prospect of each move. Reads the store and the target's inputs; runs and changes nothing."""
    written: dict[str, str] = {}
    moves = []
    for move in planned.moves:
        sides = _Sides(site, move, dict(written))
        moves.append(replace(move, prospect=_prospect(sides)))
        written |= dict.fromkeys(sides.environment.outputs.values(), move.notebook)
    return replace(planned, moves=tuple(moves))


@dataclass(frozen=True)
class _Sides:
    """A release that would come, and what is live. `written` says who of the same promotion writes a place first."""

    site: Site
    move: Move
    written: Mapping[str, str]

    @property
    def live(self) -> Deployment | None:
        return self.move.incumbent

    @cached_property
    def coming(self) -> Release:
        return releases.open_(self.site.store, self.move.release)

    @cached_property
    def standing(self) -> Release | None:
        """The release that is live. Raises `Refused` where a model alone was adopted, since nobody knows the rest."""
        if self.live and self.live.adopted:
            raise Refused(f"{self.live.alias} was adopted from {self.live.run}, and has neither code nor lock")
        return releases.open_(self.site.store, self.live.release) if self.live else None

    @cached_property
    def environment(self) -> Environment:
        return self.site.environment(self.move.target, self.move.notebook, self.coming.schema)

    @cached_property
    def evidence(self) -> tuple[Evidence | None, Evidence | None]:
        """Of what is live in the target, and of the release where it comes from."""
        return self._evidence(self.live), self._evidence(self.move.below)

    def _evidence(self, deployment: Deployment | None) -> Evidence | None:
        if deployment is None or "evidence.json" not in deployment.sealed:
            return None
        return releases.evidence_of(self.site.store, deployment.sealed)


def _prospect(sides: _Sides) -> Prospect:
    """Part by part: what is damaged or gone keeps nobody from seeing the rest."""
    found: dict[str, Any] = {}
    unread: dict[str, list[str]] = {}
    for part, look in _PARTS.items():
        try:
            found[part] = look(sides)
        except Error as error:
            unread.setdefault(str(error), []).append(part)
    told = tuple(f"{', '.join(parts)}: {why}" for why, parts in unread.items())
    return Prospect(back=_back(sides), unread=told, **found)


def _back(sides: _Sides) -> Check:
    """Of a rollback of this very promotion."""
    state = sides.site.ledger.state(sides.move.target)
    target = keeping.after(state[sides.move.notebook], sides.move.release).back
    if target is not None:
        return keeping.from_elsewhere(sides.site, target)
    told = "nothing verified and not held stands there" if sides.live else f"the first in {sides.move.target}"
    return Check(name="rollback", outcome=Outcome.SKIPPED, summary=f"{told}: there would be nothing to go back to")


# -- part by part: nothing is listed where nothing is live ------------------------------------------------------------


def _cells(sides: _Sides) -> tuple[CellChange, ...]:
    """Code cells that differ in their text, are new or are gone."""
    before, after = sides.standing, sides.coming
    if before is None or before.code == after.code:
        return ()
    one, other = (notebook.without_outputs(_sealed(sides.site, side)) for side in (before, after))
    return tuple(cell for cell in validate.changes(one, other) if cell.likeness is not Likeness.SAME)


def _sealed(site: Site, sealed: Release) -> Any:
    """The side that a promotion would run; of a pair the `.ipynb`, which costs the least to read."""
    stem = sealed.path.rpartition(".")[0]
    paths = [sealed.path, *(f"{stem}{suffix}" for suffix in notebook.SUFFIXES)]
    path = next(path for path in sorted(paths) if f"code/{path}" in sealed.files)
    return notebook.parse(path, site.store.get(sealed.files[f"code/{path}"].sha256))


def _modules(sides: _Sides) -> tuple[ValueChange, ...]:
    before = sides.standing
    return validate.value_changes(_files(before), _files(sides.coming)) if before else ()


def _files(sealed: Release) -> dict[str, Json]:
    """Sealed files of the code but the notebook's own, by path."""
    own = {f"code/{sealed.path.rpartition('.')[0]}{suffix}" for suffix in notebook.SUFFIXES}
    return {
        path.removeprefix("code/"): {"path": path.removeprefix("code/"), "size": file.size, "sha256": file.sha256}
        for path, file in sealed.files.items()
        if path.startswith("code/") and path not in own
    }


def _packages(sides: _Sides) -> tuple[ValueChange, ...]:
    before, after = sides.standing, sides.coming
    if before is None or before.lock == after.lock:
        return ()
    return validate.value_changes(_pins(sides.site, before), _pins(sides.site, after))


def _pins(site: Site, sealed: Release) -> dict[str, str]:
    return validate.pins(site.store.get(sealed.files["lock"].sha256)) if "lock" in sealed.files else {}


def _metrics(sides: _Sides) -> tuple[ValueChange, ...]:
    """Every one, also what stays: a reader looks for it."""
    before = sides.live.metrics if sides.live else {}
    after = (sides.move.below or sides.coming).metrics
    differing = {change.name: change for change in validate.value_changes(before, after)}
    names = [*after, *(name for name in before if name not in after)]
    return tuple(differing.get(name) or _same(name, after[name]) for name in names)


def _same(name: str, value: Json) -> ValueChange:
    return ValueChange(name=name, before=value, after=value, likeness=Likeness.SAME)


def _data(sides: _Sides) -> tuple[ValueChange, ...]:
    """Inputs that are not, byte for byte, what live has read. A copied model brings those that it was trained on."""
    there, below = sides.evidence
    if sides.move.strategy == "copy":
        before, after = (dict(_read(evidence)) for evidence in (there, below))
        return validate.value_changes(before, after) if there and below else ()
    before = dict(_read(there)) if there else {}
    root, seen, inputs = sides.site.project.root, sides.site.seen, sides.environment.inputs
    found = {name: _told(seen.measure(path), path, root) for name, path in inputs.items()}
    if there is None:  # nothing to compare with, and what its run will look for in vain is told all the same
        found = {name: told for name, told in found.items() if _is_missing(inputs[name])}
    changes = validate.value_changes(before, found)
    return tuple(_by_whom(sides, change, inputs.get(change.name, "")) for change in changes)


def _is_missing(path: str) -> bool:
    """Whether it should be on this machine, and is not."""
    return bool(path) and "://" not in path and not Path(path).exists()


def _read(evidence: Evidence | None) -> Iterator[tuple[str, Json]]:
    run = evidence.run if evidence else None
    root = run.folder.parent.parent.parent if run else Path()  # of the clone that it ran in
    for name, path in run.inputs.items() if run else ():
        yield name, _told(run.files.get(name) if run else None, path, root)


def _told(file: File | None, path: str, root: Path) -> dict[str, Json]:
    """An address is known by its name alone."""
    place = path.removeprefix(f"{root}/")
    return {"path": place, "size": file.size, "sha256": file.sha256} if file else {"path": place}


def _by_whom(sides: _Sides, change: ValueChange, path: str) -> ValueChange:
    writer = sides.written.get(path)
    if writer:
        return replace(change, origin=f"and {writer} writes it anew in this promotion")
    if _is_missing(path):
        return replace(change, origin="nothing is there, and its run will fail on that")
    written = clock.at(Path(path).stat().st_mtime_ns) if path and Path(path).exists() else ""
    return replace(change, origin=f"written {written[:16].replace('T', ' ')}") if written else change


def _tables(sides: _Sides) -> tuple[ValueChange, ...]:
    """Rows and columns of the inputs that are tables, as both runs have met them."""
    there, below = sides.evidence
    if there is None or below is None:
        return ()
    one, other = there.run.profiles, below.run.profiles
    names = [name for name in below.run.inputs if name in one and name in other]
    return tuple(change for name in names for change in _shape(name, one[name], other[name]))


def _shape(name: str, before: Profile, after: Profile) -> tuple[ValueChange, ...]:
    shapes = ({f"{name}.{column.name}": column.kind for column in side.columns} for side in (before, after))
    columns = validate.value_changes(*shapes)
    return (*validate.value_changes({f"rows of {name}": before.rows}, {f"rows of {name}": after.rows}), *columns)


def _model(sides: _Sides) -> ValueChange | None:
    """A model that is carried over is known by its bytes; one that would be trained is not born yet."""
    before, below = (side.model if side else None for side in (sides.live, sides.move.below))
    if before is None and below is None:
        return None
    old = f"version {before.version}, bytes {before.sha256[:12]}" if before else None
    new, origin = None, ""
    if below is not None and sides.move.strategy == "copy":
        new, origin = f"bytes {below.sha256[:12]}", f"as verified in {sides.move.source}"
    elif below is not None:
        new = f"a new one, trained in {sides.move.target}"
    likeness = Likeness.ADDED if old is None else Likeness.REMOVED if new is None else Likeness.DIFFERENT
    return ValueChange(name="model", before=old, after=new, likeness=likeness, origin=origin)


_PARTS: Mapping[str, Callable[[_Sides], Any]] = {
    "cells": _cells,
    "modules": _modules,
    "packages": _packages,
    "metrics": _metrics,
    "data": _data,
    "tables": _tables,
    "model": _model,
}
