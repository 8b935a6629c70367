"""papermill's engine with an account of its own: what every cell did, and how it ended.

papermill's status metadata is no evidence: after a killed kernel it marks every cell `completed`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine

from nbpromote.execute import kernel
from nbpromote.execute.account import Account
from nbpromote.model import Ending, Limits

# what nbclient logs is in the account as well, in words
_QUIET = logging.getLogger("nbpromote.execute")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


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
        self.timeout_func = self._seconds_left

    def execute(self, **kwargs: Any) -> Any:
        """Like papermill's, but a kernel that is gone is an ending, not an exception."""
        self.reset_execution_trackers()
        self.account.open(self.nb.cells)
        with self._kernel(**kwargs):
            self._deadline = time.monotonic() + self.limits.notebook
            self._silently(self.opening)
            self.papermill_execute_cells()
            if all(cell.ending.good for cell in self.account.cells) and self._seconds_left(None) > 1:
                self._finish()
        return self.nb

    def _finish(self) -> None:
        """What a kernel that still lives is asked for at the end; one that does not has said it all."""
        with suppress(DeadKernelError):
            info = self.wait_for_reply(self.kc.kernel_info())
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
            except CellExecutionError as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                break
            except (DeadKernelError, CellTimeoutError) as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                self.account.died(kernel.exit_code(self.km))
                if self.raises:
                    raise
                break
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)

    @contextmanager
    def _kernel(self, **kwargs: Any) -> Iterator[None]:
        """A kernel, and at the end neither it nor anything it started."""
        process = None
        try:
            with self.setup_kernel(cleanup_kc=False, **kwargs):
                process = kernel.process_of(self.km)
                yield
        finally:
            ended = any(cell.ending in (Ending.TIMED_OUT, Ending.INTERRUPTED) for cell in self.account.cells)
            self.shutdown_kernel = "immediate" if ended else "graceful"
            if self.km is not None:
                self._cleanup_kernel()
            kernel.end_group(process)

    def _silently(self, source: str) -> None:
        """Run a source that leaves no trace in the notebook, its outputs or its counts."""
        if source:
            message = self.kc.execute(source, silent=True, store_history=False)
            self.wait_for_reply(message)

    def _seconds_left(self, _cell: Any) -> float:
        return max(0.1, min(self.limits.cell, self._deadline - time.monotonic()))


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
            startup_timeout=int(limits.start),
            limits=limits,
            log=_QUIET,
            log_output=log_output,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
            **kwargs,
        )
        return client.execute(**starting)
