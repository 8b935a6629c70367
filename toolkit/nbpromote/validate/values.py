"""What two runs handed out, were given and stood on, side by side. No outputs of cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nbpromote.model import Contract, File, Json, Likeness, Run, Scrap, ValueChange, is_metric
from nbpromote.validate import marks
from nbpromote.validate.case import code_cells
from nbpromote.validate.comparing import Piece, Sanitizing, compared
from nbpromote.validate.glued import scraps

if TYPE_CHECKING:
    from nbformat import NotebookNode

Likely = Callable[[str, Json, Json], Likeness]  # by the name of a scrap or metric: how alike two values of it are


def likeness(node: NotebookNode, contract: Contract) -> Likely:
    """As outputs are compared: with the tolerance of the scrap, and of the cell in `node` that hands it out."""
    cells = code_cells(node)
    home = {scrap.name: cells[scrap.cell - 1] for scrap in scraps(node)}
    sanitizing = Sanitizing(contract.sanitizers)

    def alike(name: str, before: Json, after: Json) -> Likeness:
        asked = marks.tolerances(home.get(name), contract)
        one, other = ([Piece(form="json", content=value, scrap=name)] for value in (before, after))
        (found,) = compared(one, other, tolerance=asked, sanitizing=sanitizing)
        return found.likeness

    return alike


def metric_changes(before: Mapping[str, float], after: Mapping[str, float], alike: Likely) -> tuple[ValueChange, ...]:
    """Every metric of either side, those of the second first."""
    return tuple(_change(name, before, after, alike) for name in {**after, **before})


def scrap_changes(before: Sequence[Scrap], after: Sequence[Scrap], alike: Likely) -> tuple[ValueChange, ...]:
    """Texts, lists and tables; numbers are metrics, and figures stand in the cells that show them."""
    one, other = _texts(before), _texts(after)
    found = (_change(name, one, other, alike) for name in {**other, **one})
    return tuple(change for change in found if change.likeness is not Likeness.SAME)


def parameter_changes(before: Run, after: Run) -> tuple[ValueChange, ...]:
    """Declared paths are left out: a file tells more than its place."""
    one, other = ({n: v for n, v in given.items() if n not in _declared(run)} for run, given in _given(before, after))
    return tuple(_differing(one, other, after.origins))


def value_changes(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[ValueChange, ...]:
    """What is not exactly the same by its name."""
    return tuple(_differing(before, after))


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
    return tuple(_change(name, one, other, _exactly) for name in names)


def _change(
    name: str, before: Mapping[str, Json], after: Mapping[str, Json], alike: Likely, origin: str = ""
) -> ValueChange:
    if name in before and name in after:
        found = alike(name, before[name], after[name])
    else:
        found = Likeness.REMOVED if name in before else Likeness.ADDED
    return ValueChange(name=name, before=before.get(name), after=after.get(name), likeness=found, origin=origin)


def _differing(
    before: Mapping[str, Json], after: Mapping[str, Json], origins: Mapping[str, str] | None = None
) -> Iterator[ValueChange]:
    for name in sorted({**before, **after}):
        change = _change(name, before, after, _exactly, (origins or {}).get(name, ""))
        if change.likeness is not Likeness.SAME:
            yield change


def _exactly(_name: str, before: Json, after: Json) -> Likeness:
    """1 and 1.0 are the same number, and True is none."""
    same = before == after and isinstance(before, bool) == isinstance(after, bool)
    return Likeness.SAME if same else Likeness.DIFFERENT


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
