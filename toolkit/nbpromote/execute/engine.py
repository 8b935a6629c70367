"""papermill's engine with an account of its own: what every cell did, and how it ended.

papermill's status metadata is no evidence: after a killed kernel it marks every cell `completed`.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine

from nbpromote.execute import kernels
from nbpromote.execute.account import Account, Quit, ended, how
from nbpromote.model import Ending, Limits

# what nbclient logs is in the account as well, in words
_QUIET = logging.getLogger("nbpromote.execute")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False

_GONE = (DeadKernelError, CellTimeoutError)


class Client(PapermillNotebookClient):  # type: ignore[misc]
    """Runs the cells under an account, with a source before the first and one after the last."""

    def __init__(
        self,
        nb_man: Any,
        *,
        account: Account | None = None,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        opening: str = "",
        closing: str = "",
        **more: Any,
    ) -> None:
        super().__init__(nb_man, **{**more, "timeout": None})
        # papermill wants exceptions; the toolkit reads the account
        self.raises = account is None
        self.account = account or Account()
        self.opening, self.closing = opening, closing
        self.limits = limits
        self._deadline = float("inf")
        self._manager: Any = None
        self.timeout_func = self._seconds_left
        self.startup_timeout = max(1, math.ceil(limits.start))
        self.shell_timeout_interval = 1  # how often a silent kernel is looked after
        self.iopub_timeout = 60  # outputs may still be on their way when a cell has ended
        self.on_cell_executed = _refuse_exit

    def execute(self, **kwargs: Any) -> Any:
        """Like papermill's, but a kernel that is gone is an ending, not an exception."""
        self.reset_execution_trackers()
        self.account.open(self.nb.cells)
        try:
            with self._kernel(**kwargs):
                self._from_opening_to_closing()
        except RuntimeError as error:  # what jupyter_client calls a start that failed
            if self.raises:
                raise
            self.account.cut_short(Ending.DIED, message=str(error))
        return self.nb

    def _from_opening_to_closing(self) -> None:
        self._deadline = time.monotonic() + self.limits.notebook
        try:
            self._silently(self.opening)
            self.papermill_execute_cells()
            if all(cell.ending.good for cell in self.account.cells):
                self._finish()
        except (CellExecutionError, *_GONE) as problem:
            if self.raises:
                raise
            self.account.cut_short(*ended(problem))
            self._explain()

    def _finish(self) -> None:
        """What a kernel that still lives is asked for at the end; this is not charged to the notebook's time."""
        self._deadline = max(self._deadline, time.monotonic() + self.limits.start)
        info = self.wait_for_reply(self.kc.kernel_info(), new_code_cell())
        self.nb.metadata["language_info"] = info["content"]["language_info"]
        self.set_widgets_metadata()
        self._silently(self.closing)

    def papermill_execute_cells(self) -> None:
        """Every cell in order, until one does not end well."""
        for index, cell in enumerate(self.nb.cells):
            try:
                self.nb_man.cell_start(cell, index)
                with self.account.of(index, cell):
                    self.execute_cell(cell, index)
            except (CellExecutionError, *_GONE) as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                self._explain()
                if self.raises and self._unknown_to_papermill(error):
                    raise
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)
            if self.account.ended_badly(index):
                break

    def _unknown_to_papermill(self, error: Exception) -> bool:
        """papermill finds errors in the outputs, but takes `sys.exit(0)` for success, whatever is left (its PR 449)."""
        left = any(cell.ending is Ending.NOT_REACHED for cell in self.account.cells)
        return isinstance(error, _GONE) or (left and getattr(error, "ename", "") == "SystemExit")

    def _explain(self) -> None:
        process = kernels.process_of(self._manager)
        code = process.poll() if process else None
        memory = process.memory if process and code and code < 0 else None
        peak = f", after using {memory / 1024:,.0f} MB" if memory else ""
        whole = time.monotonic() >= self._deadline
        limit = f"the notebook has {self.limits.notebook:g} s" if whole else f"a cell has {self.limits.cell:g} s"
        self.account.explain(died=how(code) + peak, stopped=code == 0, limit=limit)

    @contextmanager
    def _kernel(self, **kwargs: Any) -> Iterator[None]:
        """A kernel, and at the end neither it nor anything it started."""
        self._manager = self.km or self.create_kernel_manager()
        self.shutdown_kernel = "immediate"
        try:
            with self.setup_kernel(cleanup_kc=False, **kwargs):
                yield
            hung = any(cell.ending in (Ending.TIMED_OUT, Ending.INTERRUPTED) for cell in self.account.cells)
            self.shutdown_kernel = "immediate" if hung else "graceful"
        finally:
            process = kernels.process_of(self._manager)
            try:
                if self.km is not None:
                    self._cleanup_kernel()
            finally:
                if process is not None:
                    process.end()

    def _silently(self, source: str) -> None:
        """Run a source that leaves no trace in the notebook, its outputs or its counts."""
        if source:
            cell = new_code_cell(source)
            reply = self.wait_for_reply(self.kc.execute(source, silent=True, store_history=False), cell)
            if reply["content"]["status"] == "error":
                raise CellExecutionError.from_cell_and_msg(cell, reply["content"])

    def _seconds_left(self, _cell: Any) -> float:
        return max(0.1, min(self.limits.cell, self._deadline - time.monotonic()))


def _refuse_exit(*, execute_reply: Any, **_: Any) -> None:
    """`exit()` in a cell is a reply like any other, and the kernel goes a moment later."""
    for payload in execute_reply["content"].get("payload", []):
        if payload.get("source") == "ask_exit" and not payload.get("keepkernel"):
            raise Quit("the kernel was asked to exit")


class Engine(NBClientEngine):  # type: ignore[misc]
    """Registered as `papermill --engine nbpromote`; the toolkit calls it with an account, papermill without."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: float = 60,
        execution_timeout: float | None = None,
        **kwargs: Any,
    ) -> Any:
        limits = kwargs.pop("limits", Limits(start=start_timeout))
        if execution_timeout:
            limits = replace(limits, cell=execution_timeout)
        starting = kwargs.pop("starting", {})
        kwargs.pop("input_path", None)
        client = Client(
            nb_man,
            kernel_name=kernel_name,
            limits=limits,
            log=_QUIET,
            log_output=log_output,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
            **kwargs,
        )
        return client.execute(**starting)
