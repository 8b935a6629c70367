"""What a person sees on stderr while notebooks run; nothing where stderr is no terminal. rich costs 0.1 s."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from nbpromote.workflow.evidence.performing import Watch
    from nbpromote.workflow.fleet import Board


@contextmanager
def progress() -> Iterator[Watch | None]:
    """A line while cells run: notebook, cell and time."""
    if not sys.stderr.isatty():
        yield None
        return
    with _lines() as lines:
        task = lines.add_task("starting a kernel", total=None, what="cell")

        def watch(notebook: str, number: int, of: int) -> None:
            lines.update(task, description=notebook, completed=number, total=of)

        yield watch


@contextmanager
def busy(what: str) -> Iterator[None]:
    """A line with the time, for verbs that take a while and have no cells to count."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


@contextmanager
def board() -> Iterator[Board | None]:
    """A line for each notebook that runs, and one for them all."""
    if not sys.stderr.isatty():
        yield None
        return
    with _lines() as lines:
        yield _Board(lines)


class _Board:
    def __init__(self, lines: Progress) -> None:
        self._lines = lines
        self._tasks: dict[str, TaskID] = {}
        self._all: TaskID | None = None

    def begin(self, names: Sequence[str]) -> None:
        self._all = self._lines.add_task("all notebooks", total=len(names), what="notebook")

    def cell(self, notebook: str, number: int, of: int) -> None:
        if notebook not in self._tasks:
            self._tasks[notebook] = self._lines.add_task(notebook, total=of, what="cell")
        self._lines.update(self._tasks[notebook], completed=number, total=of)

    def end(self, notebook: str) -> None:
        if notebook in self._tasks:
            self._lines.remove_task(self._tasks.pop(notebook))
        if self._all is not None:
            self._lines.advance(self._all)


@contextmanager
def _lines() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[what]}"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as lines:
        yield lines
