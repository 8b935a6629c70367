"""What every cell did, and how it ended. Written while the cells run; executes nothing itself."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellControlSignal, CellExecutionError, CellTimeoutError, DeadKernelError

from nbpromote import clock, files
from nbpromote.execute.hiding import Scanner, clean, hide
from nbpromote.execute.outputs import whole
from nbpromote.model import Cell, Ending, dump

Watch = Callable[[int, int], None]  # number of the code cell that starts, and how many there are


@dataclass
class Account:
    """The one thing here that changes: it is written while the cells run.

    `journal` gets each finished cell at once, so that a killed runner loses none. What `scanner` finds in a cell
    is taken out before, and `leaks` says where it was.
    """

    cells: list[Cell] = field(default_factory=list)
    journal: Path | None = None
    watch: Watch | None = None
    scanner: Scanner | None = None
    leaks: list[str] = field(default_factory=list)
    start: str = ""  # how the kernel came to be
    _numbers: dict[int, int] = field(default_factory=dict)

    def open(self, nodes: list[Any]) -> None:
        """Enter every code cell of the user's as not reached."""
        for index, node in enumerate(nodes):
            if node.cell_type == "code" and "injected-parameters" not in node.metadata.get("tags", []):
                self._numbers[index] = len(self.cells)
                self.cells.append(Cell(number=len(self.cells) + 1, id=node.get("id", "")))

    def name(self, index: int) -> str:
        """Of the files of the cell at an index of the notebook."""
        at = self._numbers.get(index)
        return "injected" if at is None else f"cell-{self.cells[at].number}"

    @contextmanager
    def of(self, index: int, node: Any) -> Iterator[dict[str, Any]]:
        """Watch one cell; whatever ends it is entered, and passed on. What is measured of it belongs into the dict."""
        measured: dict[str, Any] = {}
        if node.cell_type != "code":
            yield measured
            return
        self._begin(index)
        started = time.monotonic()
        ending, error, message = Ending.OK, "", ""
        try:
            yield measured
            ending, error, message = _answered(node)
        except BaseException as problem:
            ending, error, message = ended(problem)
            raise
        finally:
            measured |= {"ended": clock.now(), "seconds": round(time.monotonic() - started, 4)}
            self.hide(index, node)
            self._enter(index, node, ending=ending, error=self.told(error), message=self.told(message), **measured)

    def _begin(self, index: int) -> None:
        now = clock.now()
        self.begin(index, now)
        if self.watch and index in self._numbers:
            self.watch(self._numbers[index] + 1, len(self.cells))
        if self.journal is not None:
            files.append(self.journal, json.dumps({"index": index, "started": now}))

    def begin(self, index: int, now: str) -> None:
        at = self._numbers.get(index)
        if at is not None:
            self.cells[at] = replace(self.cells[at], started=now)

    def _enter(self, index: int, node: Any, **found: Any) -> None:
        at = self._numbers.get(index)
        if at is not None:
            self.cells[at] = replace(self.cells[at], **found)
        if self.journal is not None:
            account = None if at is None else dump(self.cells[at])
            files.append(self.journal, json.dumps({"index": index, "cell": node, "account": account}))

    def leaked(self, index: int, names: Iterable[str]) -> None:
        """Secrets that were taken out of a cell's log."""
        self._leaked(f"{self._where(index)} prints {name}" for name in sorted(names))

    def hide(self, index: int, node: Any) -> None:
        """Take secrets out of a cell's outputs; once more at the end, since a later cell may change them."""
        if self.scanner and node.cell_type == "code":
            where = self._where(index)
            self._leaked(f"{where} {did}" for did in hide(node, self.scanner))

    def _where(self, index: int) -> str:
        at = self._numbers.get(index)
        return "an injected cell" if at is None else f"cell {at + 1} ({self.cells[at].id})"

    def hide_widgets(self, node: Any) -> None:
        """Their state is in the notebook's metadata."""
        if self.scanner and "widgets" in node.metadata:
            names: set[str] = set()
            node.metadata["widgets"] = clean(node.metadata["widgets"], self.scanner, names)
            self._leaked(f"a widget holds {name}" for name in sorted(names))

    def told(self, text: str) -> str:
        return self.scanner.redact(whole(text)) if self.scanner else whole(text)

    def _leaked(self, leaks: Iterable[str]) -> None:
        self.leaks += [leak for leak in leaks if leak not in self.leaks]

    def ended_badly(self, index: int) -> bool:
        """Whether the cell at an index of the notebook is the last to run; one that is tagged to be skipped is not."""
        at = self._numbers.get(index)
        return at is not None and self.cells[at].ending not in (Ending.OK, Ending.EXPECTED_ERROR, Ending.NOT_REACHED)

    def cut_at(self, index: int, ending: Ending, *, message: str) -> None:
        """Enter what ended the cell at an index of the notebook, where it is one of the user's."""
        at = self._numbers.get(index)
        if at is not None:
            self.cells[at] = replace(self.cells[at], ending=ending, message=message)

    def cut_short(self, ending: Ending, error: str = "", message: str = "") -> None:
        """Enter what ended a run between two cells: it belongs to the next one, else to the last."""
        if self.cells and not any(cell.ending is ending for cell in self.cells):
            waiting = (at for at, c in enumerate(self.cells) if c.ending is Ending.NOT_REACHED and not c.message)
            at = next(waiting, len(self.cells) - 1)
            error, message = self.told(error), self.told(message)
            self.cells[at] = replace(self.cells[at], ending=ending, error=error, message=message)

    def explain(self, *, died: str, stopped: bool, limit: str, memory: int | None) -> None:
        """Say what is known only afterwards: how the kernel's process ended, and which limit was passed."""
        for at, cell in enumerate(self.cells):
            if cell.ending is Ending.DIED and not cell.message:
                ending = Ending.STOPPED if stopped else Ending.DIED
                self.cells[at] = replace(cell, ending=ending, message=died, memory=cell.memory or memory)
            elif cell.ending is Ending.TIMED_OUT:
                self.cells[at] = replace(cell, message=limit)


class Quit(DeadKernelError):
    """A cell asked the kernel to end (`exit()`, `quit()`), which it does a moment later."""


def _answered(node: Any) -> tuple[Ending, str, str]:
    """A cell that ended without an exception; one tagged `raises-exception` holds its error as output.

    An error shown without being raised counts as one, as it does for papermill.
    """
    tags = node.metadata.get("tags", [])
    if "skip-execution" in tags and node.cell_type == "code":
        return Ending.NOT_REACHED, "", "tagged skip-execution"
    for output in node.get("outputs", []):
        if output.output_type == "error":
            ending = Ending.EXPECTED_ERROR if "raises-exception" in tags else Ending.ERROR
            return ending, output.ename, output.evalue
    return Ending.OK, "", ""


def ended(problem: BaseException) -> tuple[Ending, str, str]:
    match problem:
        case CellExecutionError(ename="SystemExit"):
            return Ending.STOPPED, problem.ename, f"exit code {problem.evalue}"
        case CellExecutionError():
            return Ending.ERROR, problem.ename, problem.evalue
        case CellTimeoutError():
            return Ending.TIMED_OUT, "", ""
        case Quit():
            return Ending.STOPPED, "", "it asked the kernel to exit"
        case DeadKernelError() | CellControlSignal():
            return Ending.DIED, "", ""
        case KeyboardInterrupt():
            return Ending.INTERRUPTED, "", ""
    return Ending.DIED, type(problem).__name__, str(problem)


def how(code: int | None) -> str:
    """In words, how a process ended."""
    if code is None:
        return "the kernel went away"
    if code >= 0:
        return f"the kernel's process ended with exit code {code}"
    names = {number.value: number.name for number in signal.Signals}
    return f"the kernel was killed by signal {-code} ({names.get(-code, 'a real-time signal')})"
