"""One execution: papermill's parameters, an engine with its own account, a folder a run."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpromote import clock, files, lean  # noqa: F401  # lean before whatever imports nbformat
from nbpromote.errors import BadInput, Unavailable
from nbpromote.execute.hiding import Scanner, hide_lines, said
from nbpromote.execute.isolation import NOTED, Guard, guarded, seen, watch
from nbpromote.execute.parameters import left
from nbpromote.execute.records import JOURNAL, notes, opened, packages, save_run
from nbpromote.model import Cell, Code, Ending, Environment, Isolation, Limits, Policy, Run, Schema

if TYPE_CHECKING:
    from nbpromote.execute.account import Account, Watch
    from nbpromote.execute.kernels import Warmth


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run that has not happened yet: everything about it that is known beforehand is in `draft`.

    `node` is the notebook, `folder` the one it works in. `opening` is run before the first cell and `closing`
    after the last, both without a trace in the notebook; `variables` are added to the kernel's environment.
    `scanner` knows those of them that are secrets: what shows them is not written down. With `warmth` a kernel that
    was forked will do. `places` are folders that it may write to besides its own. Whoever sets `stop` interrupts the
    run, from any thread: its record says so within seconds.
    """

    draft: Run
    node: Any
    folder: Path
    environment: Environment
    opening: str = ""
    closing: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    watch: Watch | None = None
    scanner: Scanner | None = None
    warmth: Warmth | None = None
    places: tuple[Path, ...] = ()
    stop: threading.Event | None = None


# which packages a Python kernel has, written beside the run
PACKAGES = """
import importlib.metadata as _metadata, json as _json, os as _os, re as _re
with open(_os.path.join(_os.environ["NBPROMOTE_RUN_FOLDER"], "packages.json"), "w") as _file:
    _json.dump({_re.sub(r"[-_.]+", "-", d.metadata["Name"]).lower(): d.version for d in _metadata.distributions()
                if d.metadata["Name"]}, _file)
del _metadata, _json, _os, _re, _file
"""


# ipykernel answers a request to shut down by two threads; where its exit handlers come before the answer is out, each
# waits seconds for the other
_ANSWERED = """
__import__("atexit").register(
    lambda: [thread.join(1) for thread in __import__("threading").enumerate() if thread.name == "Control"]
)
"""


def run(job: Job) -> Run:
    """Execute a notebook and write down what every cell did.

    The record is in the run's folder before the first cell starts, with this process as its owner, so that the
    next start can close it when this one is killed. Raises `BadInput` for a kernel that is not installed.
    """
    import nbformat

    kernel = _kernel(job.environment, job.node)
    node = _parameterised(job, kernel)
    guard = guarded(job.environment.policy.keeps, job.draft.folder, *job.places, watched=_is_python(kernel))
    draft = replace(job.draft, kernel=kernel, isolation=guard.record)
    ending = _ANSWERED if _is_python(kernel) else ""
    job = replace(job, draft=draft, opening=ending + watch(guard, draft.folder) + job.opening)
    with opened(draft, node):
        for candidate in draft.candidates.values():
            candidate.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        account = _executed(job, node, guard, journal=draft.folder / JOURNAL)
        _hide_rest(account, node, draft.folder)
        done = replace(
            draft,
            cells=tuple(account.cells),
            ended=clock.now(),
            seconds=round(time.monotonic() - started, 3),
            withheld=_withheld(job) if any(not cell.ending.good for cell in account.cells) else (),
            start=account.start,
            refused=seen(guard, draft.folder, node),
            notes=(*notes(draft.folder), *guard.notes),
            packages=packages(draft.folder),
            left=left(draft.folder),
            leaks=tuple(account.leaks),
        )
        files.write(draft.notebook_file, nbformat.writes(node))
        save_run(done)
    return done


def _hide_rest(account: Account, node: Any, folder: Path) -> None:
    """Secrets in what was not a finished cell's: outputs changed later, widgets, what code in the kernel wrote down."""
    if account.scanner is None:
        return
    for index, cell in enumerate(node.cells):
        account.hide(index, cell)
    account.hide_widgets(node)
    for name, what in _SAID.items():
        account.leaks += [f"{what} holds {secret}" for secret in hide_lines(folder / name, account.scanner)]


# what our own code in the kernel writes down, of values that a notebook made
_SAID = {
    "notes.jsonl": "a note of the toolkit's",
    NOTED: "the name of a file that was written elsewhere",
    "parameters.json": "a parameter, at the end,",
    "predictions.json": "the model's answer",
}


def _withheld(job: Job) -> tuple[str, ...]:
    from nbpromote.execute import kernels

    return kernels.withheld(job.environment.pass_env, job.variables)


def ask(
    source: str,
    *,
    kernel: str | None,
    folder: Path,
    variables: Mapping[str, str],
    limits: Limits,
    pass_env: tuple[str, ...] = (),
    warmth: Warmth | None = None,
) -> str:
    """Run a source in a kernel of its own, which can write to `folder` alone, and give what it printed.

    Raises `Unavailable` when it did not end well.
    """
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
        kernel=_kernel(environment, node),
    )
    job = Job(draft=draft, node=node, folder=folder, environment=environment, variables=variables, warmth=warmth)
    cells = _executed(job, node, guarded(Isolation.ENFORCE, folder), journal=None).cells
    if any(cell.ending is Ending.INTERRUPTED for cell in cells):
        raise KeyboardInterrupt
    printed = "".join(output.get("text", "") for output in node.cells[0].outputs if output.get("name") == "stdout")
    if not all(cell.ending.good for cell in cells):
        cell = cells[0]
        raise Unavailable(f"{cell.ending}: {cell.error} {cell.message}".strip())
    return printed


def _executed(job: Job, node: Any, guard: Guard, *, journal: Path | None) -> Account:
    import papermill  # noqa: F401 (it loads our engine by its entry point, so it must come first)

    from nbpromote.execute import kernels
    from nbpromote.execute.account import Account
    from nbpromote.execute.engine import Engine
    from nbpromote.execute.outputs import Capped

    environment, name = job.environment, job.draft.kernel
    scanner = job.scanner or None
    account = Account(watch=job.watch, journal=journal, scanner=scanner)
    log = job.draft.folder / "kernel.log"  # what the process itself says; a notebook's own output is in its cells
    with said(log, job.scanner) as saying, kernels.private_folder() as private, interruptible():
        km = kernels.manager(name, private)
        try:
            Engine.execute_notebook(
                node,
                name,
                progress_bar=False,
                autosave_cell_every=0,
                account=account,
                kept=Capped(limits=environment.limits, folder=job.draft.folder, scanner=scanner),
                limits=environment.limits,
                stop=job.stop,
                km=km,
                opening=job.opening,
                closing=job.closing,
                starting={
                    "cwd": str(job.folder),
                    "env": {
                        **kernels.shared(environment.pass_env),
                        **kernels.own(private, job.folder),
                        **job.variables,
                    },
                    "private": private,
                    "guard": guard.held(private),
                    "warmth": job.warmth,
                    "stdout": saying,
                    "stderr": saying,
                },
            )
        except KeyboardInterrupt:
            account.cut_short(Ending.INTERRUPTED)
        process = kernels.process_of(km)
        account.start = process.start if process else ""
    account.cells = _with_last_words(account.cells, log)
    return account


def _with_last_words(cells: list[Cell], log: Path) -> list[Cell]:
    """A kernel that did not come up has often said why: `No module named ipykernel_launcher`."""
    words = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    if words and cells and cells[0].ending is Ending.DIED and cells[0].seconds is None:
        return [replace(cells[0], message=f"{cells[0].message}; it said: {words[-1].strip()}"), *cells[1:]]
    return cells


def _parameterised(job: Job, kernel: str) -> Any:
    """papermill's injected cell, after the one tagged `parameters`; nothing is injected where nothing is declared."""
    from papermill.exceptions import PapermillException
    from papermill.parameterize import parameterize_notebook

    node = _readied(job.node)
    values = dict(job.draft.values)
    if not values:
        return node
    language = node.metadata.get("language_info", {}).get("name") or node.metadata.get("kernelspec", {}).get(
        "language", "python"
    )
    try:
        return parameterize_notebook(node, values, kernel_name=kernel, language=language)
    except PapermillException as error:
        raise BadInput(f"the parameters of {job.draft.notebook} cannot be given to it: {error}") from error


def _readied(node: Any) -> Any:
    """papermill takes for granted what its own reader adds."""
    node.metadata.setdefault("papermill", {})
    for cell in node.cells:
        cell.metadata.setdefault("tags", [])
    return node


def begin(environment: Environment, node: Any, warmth: Warmth | None) -> None:
    """Start what the kernel of a run will be forked from, and wait for nothing. Raises `BadInput` as `run` does."""
    from nbpromote.execute import kernels

    name = _kernel(environment, node)
    if warmth is not None:
        kernels.begin(name, warmth)


def _kernel(environment: Environment, node: Any) -> str:
    """The environment's kernel, else the notebook's own. Raises `BadInput` where it cannot be started."""
    from nbpromote.execute import kernels

    name = str(environment.kernel or node.metadata.get("kernelspec", {}).get("name") or "python3")
    kernels.require(name)
    return name


def _is_python(kernel: str) -> bool:
    from nbpromote.execute import kernels

    return kernels.language(kernel) == "python"


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and a closed terminal end a run the way ^C does, at once and with a record.

    Only the main thread hears signals; what was ignored (nohup) stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    heard = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
