"""What is written down about a run, and closing it for a runner that was killed. Executes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbpromote import clock, files
from nbpromote.model import Cell, Ending, Run, dump, load

JOURNAL = "journal.jsonl"  # every finished cell with its outputs, at once
_INPUT = "input.ipynb"
_OWNER = "owner"


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
    with files.held(draft.folder / _OWNER):
        files.write(draft.folder / _INPUT, nbformat.writes(node))
        save_run(draft)  # after what its cells are read from, should this process be killed here
        yield


def sweep(runs: Path) -> tuple[Run, ...]:
    """Close the records of runs whose owner was killed; what their cells had done is put together again."""
    from nbpromote.execute import kernels

    kernels.sweep()
    closed = []
    for owner in sorted(runs.glob(f"*/{_OWNER}")):
        with files.taken_over(owner) as orphaned:
            if orphaned:
                closed += _close(owner.parent)
                owner.unlink(missing_ok=True)
    return tuple(closed)


def _close(folder: Path) -> list[Run]:
    import nbformat

    from nbpromote.execute.account import Account

    if not (folder / "run.json").exists():
        return []  # killed before there was anything to record
    draft = load_run(folder)
    account = Account()
    if (folder / _INPUT).exists():
        node = _emptied(nbformat.read(folder / _INPUT, as_version=4))
        account.open(node.cells)
        _replay(folder / JOURNAL, node, account)
        files.write(draft.notebook_file, nbformat.writes(node))
    account.cut_short(Ending.INTERRUPTED, message="the runner was killed")
    done = replace(
        draft, cells=tuple(account.cells), ended=clock.now(), notes=(*notes(folder), "the runner was killed")
    )
    save_run(done)
    return [done]


def _emptied(node: Any) -> Any:
    """Outputs of an earlier run are not this one's."""
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return node


def _replay(journal: Path, node: Any, account: Any) -> None:
    """Put finished cells back into the notebook and the account."""
    import nbformat

    for entry in _lines(journal):
        node.cells[entry["index"]] = nbformat.from_dict(entry["cell"])
        if entry["account"]:
            cell = load(Cell, entry["account"])
            account.cells[cell.number - 1] = cell


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
