"""papermill's engine with an account of its own: what every cell did, and how it ended.

papermill's status metadata is no evidence: after a killed kernel it marks every cell `completed`.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any

from jupyter_core.utils import run_sync
from nbclient.client import timestamp
from nbclient.exceptions import CellExecutionComplete, CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine
from papermill.log import logger

from nbpromote.execute import kernels, streams
from nbpromote.execute.account import Account, Quit, ended, how
from nbpromote.execute.conversation import Conversation, Hear, Late, Message
from nbpromote.execute.outputs import Capped, weight
from nbpromote.execute.saving import Saving, saved
from nbpromote.execute.usage import Usage
from nbpromote.model import Ending, Limits

# what nbclient logs is in the account as well, in words
_QUIET = logging.getLogger("nbpromote.execute")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False

_GONE = (DeadKernelError, CellTimeoutError)


class Client(PapermillNotebookClient):  # type: ignore[misc]
    """Runs the cells under an account, with a source before the first and one after the last.

    nbclient's part is what a message means: outputs, their updates, widgets. Its hooks are not called.
    """

    def __init__(
        self,
        nb_man: Saving,
        *,
        account: Account,
        kept: Capped,
        limits: Limits,
        raises: bool = False,
        opening: str = "",
        closing: str = "",
        stop: Event | None = None,
        **more: Any,
    ) -> None:
        super().__init__(nb_man, **{**more, "timeout": None})
        self.account, self.kept, self.limits, self.raises = account, kept, limits, raises
        self.opening, self.closing = opening, closing
        self._stop = stop
        self._deadline = float("inf")
        self._manager: Any = None
        self._conversation: Conversation
        self._outputs: list[Any] = []  # of the cell that runs
        nb_man.settle = kept.settle

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
            self._pace()
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
        self.set_widgets_metadata()
        self._silently(self.closing)

    def papermill_execute_cells(self) -> None:
        """Every cell in order, until one does not end well."""
        process = kernels.process_of(self._manager)
        usage = Usage(process.pid if process else None)
        for index, cell in enumerate(self.nb.cells):
            try:
                self.nb_man.cell_start(cell, index)
                with self.account.of(index, cell) as measured:
                    self._kept(cell, index, measured, usage)
            except BaseException as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                if not isinstance(error, (CellExecutionError, *_GONE)):
                    raise
                self._explain()
                if self.raises and self._unknown_to_papermill(error):
                    raise
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)
            if self.account.ended_badly(index):
                break

    def _kept(self, cell: Any, index: int, measured: dict[str, Any], usage: Usage) -> None:
        """Run a cell; measure it, and settle what it gave out, however it ends."""
        if cell.cell_type != "code":
            return
        self.kept.begin(self.account.name(index))
        try:
            self.execute_cell(cell, index)
        finally:
            self.kept.end()
            self.account.leaked(index, self.kept.leaks)
            cpu, memory = usage.lap()
            measured |= {"cpu": cpu, "memory": memory, "output": self.kept.given}
            measured |= {"cut": self.kept.cut, "replaced": self.kept.replaced}

    def _unknown_to_papermill(self, error: BaseException) -> bool:
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
        self.account.explain(died=how(code) + peak, stopped=code == 0, limit=limit, memory=memory)

    # -- the kernel ---------------------------------------------------------------------------------------------

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

    def start_new_kernel_client(self) -> Any:
        """nbclient calls this. Raises `RuntimeError` for a kernel that does not answer."""
        self.kc = self.km.client()
        self.kc.start_channels(hb=False, stdin=False)
        self.kc.allow_stdin = False
        self._conversation = Conversation(self.kc, self._look)
        try:
            info = self._conversation.greet(time.monotonic() + self.limits.start)
        except Late:
            raise RuntimeError(f"Kernel didn't respond in {self.limits.start:g} seconds") from None
        except DeadKernelError:
            raise RuntimeError("Kernel died before replying to kernel_info") from None
        self.nb.metadata["language_info"] = info["content"].get("language_info", {"name": ""})
        return self.kc

    def _look(self) -> None:
        """Several times a second while the kernel is waited for."""
        if self._stop is not None and self._stop.is_set():
            raise KeyboardInterrupt
        process = kernels.process_of(self._manager)
        alive = process.poll() is None if process else run_sync(self._manager.is_alive)()
        if not alive:
            raise DeadKernelError("Kernel died")

    def _pace(self) -> None:
        """Where output is capped: a kernel that can is made to wait for its reader."""
        if math.isfinite(self.limits.cell_output) and self.nb.metadata["language_info"].get("name") == "python":
            asked = self.kc.execute(
                streams.PACE, silent=True, store_history=False, user_expressions={"paced": streams.PACES}
            )
            reply = self._ask(asked, new_code_cell(), lambda _: None)
            paced = reply["content"].get("user_expressions", {}).get("paced", {})
            if paced.get("data", {}).get("text/plain") == "True":
                self._conversation.pace()

    def _silently(self, source: str) -> None:
        """Run a source that leaves no trace in the notebook, its outputs or its counts."""
        if source:
            cell = new_code_cell(source)
            reply = self._ask(self.kc.execute(source, silent=True, store_history=False), cell, lambda _: None)
            if reply["content"]["status"] == "error":
                raise CellExecutionError.from_cell_and_msg(cell, reply["content"])

    def _ask(self, asked: str, cell: Any, hear: Hear) -> Message:
        """The reply, within what is left of the time."""
        limit = max(0.1, min(self.limits.cell, self._deadline - time.monotonic()))
        try:
            return self._conversation.ask(asked, until=time.monotonic() + limit, hear=hear)
        except Late:
            seconds = math.ceil(min(limit, 1e9))
            raise CellTimeoutError.error_from_timeout_and_cell("Cell timed out", seconds, cell) from None

    # -- a cell -------------------------------------------------------------------------------------------------

    def execute_cell(self, cell: Any, cell_index: int, **_: Any) -> Any:
        """nbclient's, over a conversation."""
        tags = cell.metadata.get("tags", [])
        if not cell.source.strip() or self.skip_cells_with_tag in tags:
            return cell
        cell.outputs = self._outputs = []
        self.clear_before_next_output = False
        if self.record_timing:
            cell.metadata["execution"] = {}
        allowed = not self.force_raise_errors and (self.allow_errors or "raises-exception" in tags)
        asked = self.kc.execute(cell.source, stop_on_error=not allowed)

        def hear(message: Message) -> None:
            with suppress(CellExecutionComplete):
                self.process_message(message, cell, cell_index)

        reply = self._ask(asked, cell, hear)
        if self.record_timing:
            cell.metadata["execution"]["shell.execute_reply"] = timestamp(reply)
        _refuse_exit(reply)
        if reply["content"]["status"] == "error":
            run_sync(self._check_raise_for_error)(cell, cell_index, reply)
        return cell

    def output(self, outs: list[Any], msg: Message, display_id: str | None, cell_index: int) -> Any:
        """nbclient's, within the caps."""
        if self.clear_before_next_output:
            self.clear_before_next_output = False
            outs.clear()
            self.clear_display_id_mapping(cell_index)
            self.kept.cleared()
        content, hooked = msg["content"], bool(self.output_hook_stack.get(msg["parent_header"].get("msg_id")))
        if msg["msg_type"] == "stream" and not hooked:
            return self.kept.stream(outs, content["name"], content["text"])
        if self.kept.admits(outs, content):
            return super().output(outs, msg, display_id, cell_index)
        return None

    def clear_output(self, outs: list[Any], msg: Message, cell_index: int) -> None:
        super().clear_output(outs, msg, cell_index)
        if not outs:
            self.kept.cleared()

    def _update_display_id(self, display_id: str, msg: Message) -> None:
        """What was shown may grow within the caps."""
        places = self._display_id_map.get(display_id, {})
        shown = [self.nb.cells[at].outputs[number] for at, numbers in places.items() for number in numbers]
        before = sum(weight(output.get("data", {})) for output in shown)
        if shown and self.kept.admits(self._outputs, msg["content"], instead_of=before):
            super()._update_display_id(display_id, msg)


def _refuse_exit(reply: Message) -> None:
    """`exit()` in a cell is a reply like any other, and the kernel goes a moment later."""
    for payload in reply["content"].get("payload", []):
        if payload.get("source") == "ask_exit" and not payload.get("keepkernel"):
            raise Quit("the kernel was asked to exit")


class Engine(NBClientEngine):  # type: ignore[misc]
    """Registered as `papermill --engine nbpromote`; the toolkit calls it with an account, papermill without."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool | dict[str, Any] = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **kwargs: Any,
    ) -> Any:
        """papermill's, with a notebook that is saved seldom and lost never."""
        with saved(nb, output_path, progress_bar, log_output, autosave_cell_every) as nb_man:
            nb_man.notebook_start()
            try:
                cls.execute_managed_notebook(nb_man, kernel_name, log_output=log_output, **kwargs)
            finally:
                nb_man.cleanup_pbar()
                nb_man.notebook_complete()
        return nb_man.nb

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Saving,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: float = 60,
        execution_timeout: float | None = None,
        **kwargs: Any,
    ) -> Any:
        kwargs.pop("input_path", None)
        shared = {
            "kernel_name": kernel_name,
            "log": _QUIET if "account" in kwargs else logger,
            "log_output": log_output,
            "stdout_file": stdout_file,
            "stderr_file": stderr_file,
        }
        if "account" in kwargs:
            starting = kwargs.pop("starting")
            return Client(nb_man, **shared, **kwargs).execute(**starting)
        # as papermill has it: nothing is limited or cut unless somebody asks
        unlimited = dict.fromkeys(("notebook", "cell_output", "notebook_output"), math.inf)
        limits = kwargs.pop("limits", Limits(start=start_timeout, cell=execution_timeout or math.inf, **unlimited))
        kept = Capped(limits=limits)
        with kernels.private_folder() as private, open(os.devnull, "wb") as nowhere:
            own = kwargs.pop("km", None) or kernels.manager(kernel_name, private)
            account = Account(journal=nb_man.journal)
            client = Client(nb_man, km=own, account=account, kept=kept, limits=limits, raises=True, **shared, **kwargs)
            # an IPython kernel greets whoever reads its standard output; what it has to complain of goes to ours
            return client.execute(env=dict(os.environ), private=private, stdout=nowhere)
