"""Notebook x Environment -> Run: papermill's parameters, an engine with its own account, a folder a run.

Judges nothing: a failing cell, a killed kernel and a time limit are values in the record.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpromote import clock, files
from nbpromote.errors import Unavailable
from nbpromote.model import Code, Ending, Environment, Limits, Policy, Run, Schema, dump, load

if TYPE_CHECKING:
    from nbpromote.execute.account import Watch

__all__ = ["Job", "ask", "load_run", "new_id", "run", "save_run", "sweep"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run that has not happened yet: everything about it that is known beforehand is in `draft`.

    `node` is the notebook, `folder` the one it works in. `opening` is run before the first cell and `closing`
    after the last, both without a trace in the notebook; `variables` are added to the kernel's environment.
    """

    draft: Run
    node: Any
    folder: Path
    environment: Environment
    opening: str = ""
    closing: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    watch: Watch | None = None


def new_id(notebook: str, environment: str) -> str:
    """A name for a run that sorts by time: `20260131T120000-train_delay-dev-3f9a`."""
    stamp = clock.now()[:19].replace("-", "").replace(":", "")
    return f"{stamp}-{notebook.replace('/', '.')}-{environment}-{secrets.token_hex(2)}"


def run(job: Job) -> Run:
    """Execute a notebook and write down what every cell did.

    The record is in the run's folder before the first cell starts, with this process as its owner, so that the
    next start can close it when this one is killed. Raises `BadInput` for a kernel that is not installed.
    """
    import nbformat

    draft = job.draft
    node = _parameterised(job)
    for candidate in draft.candidates.values():
        candidate.parent.mkdir(parents=True, exist_ok=True)
    save_run(draft)
    files.write(draft.folder / "input.ipynb", nbformat.writes(node))
    files.write(draft.folder / "owner", str(os.getpid()))
    started = time.monotonic()
    cells, withheld = _executed(job, node)
    done = replace(
        draft,
        cells=tuple(cells),
        ended=clock.now(),
        seconds=round(time.monotonic() - started, 3),
        kernel=_kernel_name(job.environment, node),
        withheld=withheld if any(not cell.ending.good for cell in cells) else (),
        notes=_notes(draft.folder),
    )
    files.write(draft.notebook_file, nbformat.writes(node))
    save_run(done)
    (draft.folder / "owner").unlink(missing_ok=True)
    return done


def ask(
    source: str,
    *,
    kernel: str | None,
    folder: Path,
    variables: Mapping[str, str],
    limits: Limits,
    pass_env: tuple[str, ...] = (),
) -> str:
    """Run a source in a fresh kernel and give what it printed. Raises `Unavailable` when it did not end well."""
    import nbformat

    node = _readied(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]))
    environment = Environment(
        name="", tracking_uri="", policy=Policy(), kernel=kernel, limits=limits, pass_env=pass_env
    )
    code = Code(digest="", schema=Schema())
    draft = Run(
        id="ask",
        notebook="",
        environment="",
        code=code,
        folder=folder,
        started="",
        ended="",
        seconds=0,
        actor="",
        cells=(),
    )
    job = Job(draft=draft, node=node, folder=folder, environment=environment, variables=variables)
    cells, _ = _executed(job, node, journal=None)
    printed = "".join(output.get("text", "") for output in node.cells[0].outputs if output.get("name") == "stdout")
    if not all(cell.ending.good for cell in cells):
        cell = cells[0]
        raise Unavailable(f"{cell.ending}: {cell.error} {cell.message}".strip())
    return printed


def _executed(job: Job, node: Any, *, journal: str | None = "journal.jsonl") -> tuple[list[Any], tuple[str, ...]]:
    import papermill  # noqa: F401 (it loads our engine by its entry point, so it must come first)

    from nbpromote.execute import kernel
    from nbpromote.execute.account import Account
    from nbpromote.execute.engine import Engine

    environment = job.environment
    account = Account(watch=job.watch, journal=job.draft.folder / journal if journal else None)
    log = job.draft.folder / "kernel.log"  # what the process itself says, a crash in C for instance
    with kernel.private_folder() as private, _interruptible(), log.open("ab") as said:
        name = _kernel_name(environment, node)
        try:
            Engine.execute_notebook(
                node,
                name,
                progress_bar=False,
                autosave_cell_every=0,
                account=account,
                limits=environment.limits,
                km=kernel.manager(name, private),
                opening=job.opening,
                closing=job.closing,
                starting={
                    "cwd": str(job.folder),
                    "env": kernel.environment(environment.pass_env, job.variables, private),
                    "stdout": said,
                    "stderr": said,
                },
            )
        except KeyboardInterrupt:
            _mark_interrupted(account.cells)
        except RuntimeError as error:
            # before the first cell: "Kernel died before replying to kernel_info" and its kin
            account.cells[:1] = [replace(c, ending=Ending.DIED, message=str(error)) for c in account.cells[:1]]
    return account.cells, kernel.withheld(environment.pass_env)


def _mark_interrupted(cells: list[Any]) -> None:
    """^C between two cells belongs to the next one."""
    if not any(cell.ending is Ending.INTERRUPTED for cell in cells):
        at = next((i for i, cell in enumerate(cells) if cell.ending is Ending.NOT_REACHED), None)
        if at is not None:
            cells[at] = replace(cells[at], ending=Ending.INTERRUPTED)


def _parameterised(job: Job) -> Any:
    """papermill's injected cell, after the one tagged `parameters`; nothing is injected where nothing is declared."""
    from papermill.parameterize import parameterize_notebook

    node = _readied(job.node)
    values = dict(job.draft.values)
    if not values:
        return node
    name = _kernel_name(job.environment, node)
    language = node.metadata.get("language_info", {}).get("name") or node.metadata.get("kernelspec", {}).get(
        "language", "python"
    )
    return parameterize_notebook(node, values, kernel_name=name, language=language)


def _readied(node: Any) -> Any:
    """papermill takes for granted what its own reader adds."""
    node.metadata.setdefault("papermill", {})
    for cell in node.cells:
        cell.metadata.setdefault("tags", [])
    return node


def _kernel_name(environment: Environment, node: Any) -> str:
    """The environment's kernel, else the notebook's own."""
    return str(environment.kernel or node.metadata.get("kernelspec", {}).get("name") or "python3")


def _notes(folder: Path) -> tuple[str, ...]:
    """What the code inside the kernel wanted told."""
    path = folder / "notes.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return tuple(dict.fromkeys(json.loads(line) for line in lines))


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends a run the way ^C does, at once and with a record. Only the main thread hears signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# -- records ----------------------------------------------------------------------------------------------------


def save_run(run: Run) -> None:
    files.write(run.folder / "run.json", json.dumps(dump(run), indent=1, ensure_ascii=False) + "\n")


def load_run(folder: Path) -> Run:
    return load(Run, json.loads((folder / "run.json").read_text()))


def sweep(runs: Path) -> tuple[Run, ...]:
    """Close the records of runs whose owner was killed; what their cells had done is put together again."""
    from nbpromote.execute.kernel import is_alive

    closed = []
    for owner in sorted(runs.glob("*/owner")):
        text = owner.read_text().strip()
        if not (text.isdigit() and is_alive(int(text))):
            closed.append(_close(owner.parent))
            owner.unlink(missing_ok=True)
    return tuple(closed)


def _close(folder: Path) -> Run:
    import nbformat

    draft = load_run(folder)
    node = nbformat.read(folder / "input.ipynb", as_version=4)
    endings = _replay(folder / "journal.jsonl", node)
    from nbpromote.execute.account import Account

    account = Account()
    account.open(node.cells)
    cells = [replace(c, ending=endings.get(c.id, Ending.NOT_REACHED)) for c in account.cells]
    _mark_interrupted(cells)
    done = replace(draft, cells=tuple(cells), ended=clock.now(), notes=("the runner was killed",))
    files.write(done.notebook_file, nbformat.writes(node))
    save_run(done)
    return done


def _replay(journal: Path, node: Any) -> dict[str, Ending]:
    """Put finished cells back into the notebook. A line cut off by the kill is the cell that was running."""
    import nbformat

    endings = {}
    for line in journal.read_text().splitlines() if journal.exists() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            break
        node.cells[entry["index"]] = nbformat.from_dict(entry["cell"])
        endings[entry["cell"].get("id", "")] = Ending(entry["ending"])
    return endings
