"""What every cell did, and how it ended. Written while the cells run; executes nothing itself."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellControlSignal, CellExecutionError, CellTimeoutError, DeadKernelError

from nbpromote.model import Cell, Ending

Watch = Callable[[int, int], None]  # number of the code cell that starts, and how many there are


@dataclass
class Account:
    """The one thing here that changes: it is written while the cells run.

    `journal` gets each finished cell at once, so that a killed runner loses none.
    """

    cells: list[Cell] = field(default_factory=list)
    journal: Path | None = None
    watch: Watch | None = None
    _numbers: dict[int, int] = field(default_factory=dict)

    def open(self, nodes: list[Any]) -> None:
        """Enter every code cell of the user's as not reached."""
        for index, node in enumerate(nodes):
            if node.cell_type == "code" and "injected-parameters" not in node.metadata.get("tags", []):
                self._numbers[index] = len(self.cells)
                self.cells.append(Cell(number=len(self.cells) + 1, id=node.get("id", "")))

    @contextmanager
    def of(self, index: int, node: Any) -> Iterator[None]:
        """Watch one cell; whatever ends it is entered, and passed on."""
        started = time.monotonic()
        if self.watch and index in self._numbers:
            self.watch(self._numbers[index] + 1, len(self.cells))
        ending, error, message = Ending.OK, "", ""
        try:
            yield
            ending, error, message = _answered(node)
        except BaseException as problem:
            ending, error, message = _ended(problem)
            raise
        finally:
            self._enter(index, node, ending, error, message, time.monotonic() - started)

    def _enter(self, index: int, node: Any, ending: Ending, error: str, message: str, seconds: float) -> None:
        at = self._numbers.get(index)
        if at is not None:
            self.cells[at] = replace(
                self.cells[at], ending=ending, error=error, message=message, seconds=round(seconds, 4)
            )
        if self.journal is not None and node.cell_type == "code":
            with self.journal.open("a") as journal:
                journal.write(json.dumps({"index": index, "cell": node, "ending": ending}) + "\n")

    def died(self, code: int | None) -> None:
        """Say how the kernel ended in the account of the cell it died in."""
        for at, cell in enumerate(self.cells):
            if cell.ending is Ending.DIED:
                ending = Ending.STOPPED if code == 0 else Ending.DIED
                self.cells[at] = replace(cell, ending=ending, message=_how(code))


def _answered(node: Any) -> tuple[Ending, str, str]:
    """A cell that ended without an exception; one tagged `raises-exception` holds its error as output."""
    skipped = "skip-execution" in node.metadata.get("tags", [])
    if skipped and node.cell_type == "code":
        return Ending.NOT_REACHED, "", "tagged skip-execution"
    for output in node.get("outputs", []):
        if output.output_type == "error":
            return Ending.EXPECTED_ERROR, output.ename, output.evalue
    return Ending.OK, "", ""


def _ended(problem: BaseException) -> tuple[Ending, str, str]:
    match problem:
        case CellExecutionError(ename="SystemExit"):
            return Ending.STOPPED, problem.ename, f"exit code {problem.evalue}"
        case CellExecutionError():
            return Ending.ERROR, problem.ename, problem.evalue
        case CellTimeoutError():
            return Ending.TIMED_OUT, "", ""
        case DeadKernelError() | CellControlSignal():
            return Ending.DIED, "", ""
        case KeyboardInterrupt():
            return Ending.INTERRUPTED, "", ""
    return Ending.DIED, type(problem).__name__, str(problem)


def _how(code: int | None) -> str:
    if code is None:
        return "the kernel went away"
    if code >= 0:
        return f"the kernel's process ended with exit code {code}"
    return f"the kernel was killed by signal {-code} ({signal.Signals(-code).name})"
