"""How papermill's output is saved under our engine: what is finished at once, beside it; the whole seldom.

papermill itself writes the whole notebook twice a cell, which costs the square of what a notebook holds.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from papermill.engines import NotebookExecutionManager
from papermill.iorw import LocalHandler, papermill_io

from nbpromote import files
from nbpromote.errors import Refused
from nbpromote.execute import records, sweeping
from nbpromote.model import Cell, dump


class Saving(NotebookExecutionManager):  # type: ignore[misc]
    """`folder` is the journal's, beside a local output; without one, papermill's own saving is in force.

    A watched output is written anew as often as `autosave_cell_every` says, however many cells have ended.
    """

    settle: Callable[[], None] = staticmethod(lambda: None)  # called before the notebook is written
    folder: Path | None = None
    is_whole = False  # whether the output has all that there will be
    _held = False

    @property
    def journal(self) -> Path | None:
        return self.folder / records.JOURNAL if self.folder else None

    def save(self, **kwargs: Any) -> None:
        if self.folder is None:
            super().save(**kwargs)
        elif not self._held:
            self.settle()
            files.write(Path(self.output_path), nbformat.writes(self.nb))
            self.last_save_time = self.now()

    def notebook_start(self, **kwargs: Any) -> None:
        """What an earlier run left stays where it is until there is something to show instead."""
        with self._seldom(now=self.folder is not None and not Path(self.output_path).exists()):
            super().notebook_start(**kwargs)
        if self.folder is not None:
            files.write(self.folder / records.INPUT, nbformat.writes(self.nb))

    def cell_start(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        with self._seldom():
            super().cell_start(cell, cell_index, **kwargs)

    def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        with self._seldom():
            super().cell_complete(cell, cell_index, **kwargs)

    def notebook_complete(self, **kwargs: Any) -> None:
        super().notebook_complete(**kwargs)
        self.is_whole = True

    @contextmanager
    def _seldom(self, *, now: bool = False) -> Iterator[None]:
        """Not every time that papermill asks."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if now:
            self.save()
        elif self.folder is not None:
            self.autosave_cell()


@contextmanager
def saved(nb: Any, output_path: str | None, progress_bar: Any, log_output: bool, every: int) -> Iterator[Saving]:
    """The manager for one execution. Where an earlier one was killed, what it had done is put into the output first.

    A remote output is saved as papermill saves it: a journal on this machine would be lost with it.
    Raises `Refused` where another process writes the same output.
    """
    manager = Saving(
        nb, output_path=output_path, progress_bar=progress_bar, log_output=log_output, autosave_cell_every=every
    )
    if not output_path or not isinstance(papermill_io.get_handler(output_path), LocalHandler):
        yield manager
        return
    output = Path(output_path)
    folder = output.absolute().parent / f".{output.name}.journal"
    manager.folder = folder
    _recover(folder, output.absolute())
    try:
        folder.mkdir()
    except FileExistsError:
        raise _busy(output) from None
    try:
        with records.owned(folder):
            yield manager
    finally:
        if manager.is_whole:
            shutil.rmtree(folder)


def _busy(output: Path) -> Refused:
    return Refused(f"{output} is being written by another run", hint="wait for it, or name another output")


def _recover(folder: Path, output: Path) -> None:
    """Build the partial notebook of a run that was killed, and take its journal away."""
    if not folder.exists():
        return
    with records.orphaned(folder) as is_ours:
        if not is_ours:
            raise _busy(output)
        if (folder / records.INPUT).exists():
            node, cells = sweeping.rebuilt(folder)
            _mark(node, cells)
            files.write(output, nbformat.writes(node))
        shutil.rmtree(folder)


def _mark(node: Any, cells: tuple[Cell, ...]) -> None:
    """Say of every cell that was begun how it ended, in papermill's words and in ours."""
    of_id = {cell.id: cell for cell in cells if cell.started}
    for cell in node.cells:
        account = of_id.get(cell.get("id", "")) if cell.cell_type == "code" else None
        if account is None:
            continue
        good = account.ending.good
        cell.metadata["papermill"] = {
            "status": "completed" if good else "failed",
            "exception": not good,
            "start_time": account.started,
            "end_time": account.ended or None,
            "duration": account.seconds,
        }
        cell.metadata["nbpromote"] = dump(account)
        node.metadata.papermill["exception"] = node.metadata.papermill["exception"] or not good
