"""What two runs handed out, were given and stood on, side by side. No outputs of cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from nbpromote.model import Contract, File, Json, Likeness, Run, Scrap, Tolerance, ValueChange, is_metric


def metric_changes(
    before: Mapping[str, float], after: Mapping[str, float], contract: Contract
) -> tuple[ValueChange, ...]:
    """Every metric of either side, those of the second first."""
    return tuple(_change(name, before, after, tolerance_of(name, contract)) for name in {**after, **before})


def scrap_changes(before: Sequence[Scrap], after: Sequence[Scrap], contract: Contract) -> tuple[ValueChange, ...]:
    """Texts, lists and tables; numbers are metrics, and figures stand in the cells that show them."""
    one, other = _texts(before), _texts(after)
    found = (_change(name, one, other, tolerance_of(name, contract)) for name in {**other, **one})
    return tuple(change for change in found if change.likeness is not Likeness.SAME)


def parameter_changes(before: Run, after: Run) -> tuple[ValueChange, ...]:
    """Declared paths are left out: a file tells more than its place."""
    one, other = ({n: v for n, v in given.items() if n not in _declared(run)} for run, given in _given(before, after))
    return tuple(_differing(one, other, after.origins))


def package_changes(before: Run, after: Run) -> tuple[ValueChange, ...]:
    """Of the kernels; of the locks where a kernel did not say. None where nobody knows of one side."""
    for one, other in ((before.packages, after.packages), (before.locked, after.locked)):
        if one and other:
            return tuple(_differing(one, other))
    return ()


def file_changes(before: Run, after: Run) -> tuple[ValueChange, ...]:
    """Declared inputs and outputs by their bytes, wherever they lie."""
    one, other = _files(before), _files(after)
    names = [name for name in {**other, **one} if _bytes(one.get(name)) != _bytes(other.get(name))]
    return tuple(_change(name, one, other, None) for name in names)


def tolerance_of(scrap: str, contract: Contract) -> Tolerance:
    rule = contract.scraps.get(scrap)
    return rule.tolerance if rule and rule.tolerance else contract.tolerance


def _change(
    name: str, before: Mapping[str, Json], after: Mapping[str, Json], tolerance: Tolerance | None, origin: str = ""
) -> ValueChange:
    if name not in before or name not in after:
        likeness = Likeness.REMOVED if name in before else Likeness.ADDED
    else:
        likeness = _likeness(before[name], after[name], tolerance)
    return ValueChange(name=name, before=before.get(name), after=after.get(name), likeness=likeness, origin=origin)


def _differing(
    before: Mapping[str, Json], after: Mapping[str, Json], origins: Mapping[str, str] | None = None
) -> Iterator[ValueChange]:
    for name in sorted({**before, **after}):
        change = _change(name, before, after, None, (origins or {}).get(name, ""))
        if change.likeness is not Likeness.SAME:
            yield change


def _likeness(before: Json, after: Json, tolerance: Tolerance | None) -> Likeness:
    if _same(before, after):
        return Likeness.SAME
    close = tolerance is not None and _close(before, after, tolerance)
    return Likeness.CLOSE if close else Likeness.DIFFERENT


def _same(before: Json, after: Json) -> bool:
    """1 and 1.0 are the same number, and True is none."""
    return before == after and isinstance(before, bool) == isinstance(after, bool)


def _close(before: Json, after: Json, tolerance: Tolerance) -> bool:
    """Numbers within tolerance wherever they stand in a value, everything else as it was."""
    if is_metric(before) and is_metric(after):
        return math.isclose(before, after, rel_tol=0, abs_tol=tolerance.atol + tolerance.rtol * abs(before))
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_close(before[key], after[key], tolerance) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(_close(*pair, tolerance) for pair in zip(before, after, strict=True))
    return _same(before, after)


def _texts(scraps: Sequence[Scrap]) -> dict[str, Json]:
    return {scrap.name: scrap.value for scrap in scraps if scrap.kind != "figure" and not is_metric(scrap.value)}


def _given(*runs: Run) -> list[tuple[Run, dict[str, Json]]]:
    """With the exact model that `live:NAME` stood for."""
    return [(run, {**run.parameters, **run.resolved}) for run in runs]


def _declared(run: Run) -> Mapping[str, str]:
    return {**run.inputs, **run.outputs}


def _files(run: Run) -> dict[str, Json]:
    root = f"{run.folder.parent.parent.parent}/"  # of the project, which a clone keeps elsewhere
    return {name: _told(run.files.get(name), path.removeprefix(root)) for name, path in sorted(_declared(run).items())}


def _told(file: File | None, path: str) -> dict[str, Json]:
    return {"path": path} | ({"size": file.size, "sha256": file.sha256} if file else {})


def _bytes(file: Json) -> Json:
    return file and (file.get("sha256") or file["path"])
