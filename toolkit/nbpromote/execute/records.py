"""What is written down about a run, and closing it for a runner that was killed. Executes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpromote import clock, files
from nbpromote.execute.isolation import noted
from nbpromote.model import Cell, Ending, Run, dump, load

if TYPE_CHECKING:
    from nbpromote.execute.account import Account

JOURNAL = "journal.jsonl"  # the start of every cell, and the finished cell with its outputs, at once
INPUT = "input.ipynb"
LOGS = "logs"  # all that was given out by cells whose outputs were cut
_OWNER = "owner"
_TRACKED = "tracked"  # open in MLflow, or about to be


def save_run(run: Run) -> None:
    files.write(run.folder / "run.json", json.dumps(dump(run), indent=1, ensure_ascii=False) + "\n")


def load_run(folder: Path) -> Run:
    return load(Run, json.loads((folder / "run.json").read_text()))


def packages(folder: Path) -> dict[str, str]:
    """What the kernel said of its packages; nothing where it was not asked."""
    path = folder / "packages.json"
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return found


@contextmanager
def opened(draft: Run, node: Any) -> Iterator[None]:
    """The record of a run that has not ended, owned by this process; whoever finds it without an owner closes it."""
    import nbformat

    draft.folder.mkdir(parents=True, exist_ok=True)
    with owned(draft.folder):
        files.write(draft.folder / INPUT, nbformat.writes(node))
        save_run(draft)  # after what its cells are read from, should this process be killed here
        yield


@contextmanager
def tracked(draft: Run) -> Iterator[None]:
    """A run that is open in MLflow for as long as the block lasts; whoever finds it without an owner closes it there.

    Its record is written at once, so that what MLflow calls it can be looked up wherever this process is killed. One
    that was not begun after all leaves none.
    """
    draft.folder.mkdir(parents=True, exist_ok=True)
    mark = draft.folder / _TRACKED
    with files.held(mark):
        try:
            save_run(draft)
            yield
        except BaseException:
            if not (draft.folder / INPUT).exists() and not draft.notebook_file.exists():
                shutil.rmtree(draft.folder)
            raise
        finally:
            mark.unlink(missing_ok=True)


def owned(folder: Path) -> AbstractContextManager[None]:
    """A folder that is written by this process, for as long as the block lasts."""
    return files.held(folder / _OWNER)


@contextmanager
def orphaned(folder: Path) -> Iterator[bool]:
    """Whether whoever wrote a folder is gone; while the block lasts nobody else takes it over."""
    if not (folder / _OWNER).exists():  # killed before it said whose it is, or done with
        yield True
        return
    with files.taken_over(folder / _OWNER) as is_ours:
        yield is_ours


def sweep(runs: Path) -> tuple[Run, ...]:
    """Close the records of runs whose owner was killed; what their cells had done is put together again.

    Those that are given back may be open in MLflow still.
    """
    from nbpromote.execute import kernels

    kernels.sweep()
    closed = []
    for owner in sorted(runs.glob(f"*/{_OWNER}")):
        with files.taken_over(owner) as is_ours:
            if is_ours:
                closed += _close(owner.parent)
                files.remove_drafts(owner.parent)
                owner.unlink(missing_ok=True)
    for mark in sorted(runs.glob(f"*/{_TRACKED}")):
        with files.taken_over(mark) as is_ours:
            if is_ours:
                closed += _close(mark.parent)
                files.remove_drafts(mark.parent)
                mark.unlink(missing_ok=True)
    return tuple({run.folder: run for run in closed}.values())


def _close(folder: Path) -> list[Run]:
    import nbformat

    if not (folder / "run.json").exists():
        return []  # killed before there was anything to record
    draft = load_run(folder)
    if draft.ended:  # and not yet in MLflow, or a copy's, whose cells ran elsewhere
        return [draft]
    cells: tuple[Cell, ...] = ()
    if (folder / INPUT).exists():
        node, cells = rebuilt(folder)
        files.write(draft.notebook_file, nbformat.writes(node))
    told = (*notes(folder), _KILLED)
    done = replace(draft, cells=cells, ended=clock.now(), refused=noted(folder), notes=told)
    save_run(done)
    return [done]


_KILLED = "the runner was killed"


def rebuilt(folder: Path) -> tuple[Any, tuple[Cell, ...]]:
    """The notebook and its account as far as a runner that was killed had come."""
    import nbformat

    from nbpromote.execute.account import Account

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
    for entry in _lines(journal):
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


def notes(folder: Path) -> tuple[str, ...]:
    """What the code inside the kernel wanted told."""
    return tuple(dict.fromkeys(_lines(folder / "notes.jsonl")))


def _lines(path: Path) -> Iterator[Any]:
    """The values of a file of JSON lines; a kill may have cut off the last one."""
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            yield json.loads(line)
        except ValueError:
            return
