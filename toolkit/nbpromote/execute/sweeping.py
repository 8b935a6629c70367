"""What a killed runner left: its record closed, and what its cells had done put together again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpromote import clock, files, lean  # noqa: F401  # lean before whatever imports nbformat
from nbpromote.execute.isolation import noted
from nbpromote.execute.records import INPUT, JOURNAL, OWNER, TRACKED, lines, load_run, notes, save_run
from nbpromote.model import Cell, Ending, Run, load

if TYPE_CHECKING:
    from nbpromote.execute.account import Account

_KILLED = "the runner was killed"


def sweep(runs: Path) -> Iterator[Run]:
    """Close the records of runs whose owner was killed; what their cells had done is put together again.

    Those that are given may be open in MLflow still. One is done with when the next is asked for: whoever is killed
    before that leaves it to the next start.
    """
    from nbpromote.execute import kernels

    kernels.sweep()
    given = set()
    for mark in chain.from_iterable(sorted(runs.glob(f"*/{name}")) for name in (OWNER, TRACKED)):
        with files.taken_over(mark) as is_ours:
            if is_ours:
                for run in _close(mark.parent):
                    if run.folder not in given:
                        yield run
                    given.add(run.folder)
                _remove_drafts(mark.parent)
                mark.unlink(missing_ok=True)


def _remove_drafts(folder: Path) -> None:
    """Beside its records, and among the code that was being brought; what the cells wrote is theirs."""
    code = folder / "code"
    for place in (folder, code, *(path for path in code.rglob("*") if path.is_dir())):
        files.remove_drafts(place)


def _close(folder: Path) -> list[Run]:
    import nbformat

    draft = load_run(folder)
    if draft is None:
        return []  # killed before there was anything to record
    if draft.ended:  # and not yet in MLflow, or a copy's, whose cells ran elsewhere
        return [draft]
    cells: tuple[Cell, ...] = ()
    told = (*notes(folder), _KILLED)
    if (folder / INPUT).exists():
        try:
            node, cells = rebuilt(folder)
            text = nbformat.writes(node)
        except (ValueError, LookupError, TypeError, AttributeError, nbformat.ValidationError) as error:
            # damage reads as any of these, and must keep no other run from starting
            told = (*told, f"what its cells had done is damaged: {type(error).__name__}")
        else:
            files.write(draft.notebook_file, text)
    done = replace(draft, cells=cells, ended=clock.now(), refused=noted(folder), notes=told)
    save_run(done)
    return [done]


def rebuilt(folder: Path) -> tuple[Any, tuple[Cell, ...]]:
    """The notebook and its account as far as a runner that was killed had come."""
    import nbformat

    from nbpromote.execute.account import Account  # nbclient: a second, and most sweeps find nothing

    node = _emptied(nbformat.read(folder / INPUT, as_version=4))
    account = Account()
    account.open(node.cells)
    running = _replay(folder / JOURNAL, node, account)
    if running is not None:
        account.cut_at(running, Ending.INTERRUPTED, message=f"{_KILLED} while it ran")
    account.cut_short(Ending.INTERRUPTED, message=_KILLED)
    return node, tuple(account.cells)


def _emptied(node: Any) -> Any:
    """Outputs of an earlier run are not this one's."""
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return node


def _replay(journal: Path, node: Any, account: Account) -> int | None:
    """Put finished cells back into the notebook and the account. Gives the index of the one that had not finished."""
    import nbformat

    running = None
    for entry in lines(journal):
        if "cell" not in entry:
            running = entry["index"]
            account.begin(running, entry["started"])
            continue
        running = None
        node.cells[entry["index"]] = nbformat.from_dict(entry["cell"])
        if entry["account"]:
            cell = load(Cell, entry["account"])
            account.cells[cell.number - 1] = cell
    return running
