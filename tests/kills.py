"""`python -m kills COUNT [SEED]`: runners and kernels killed at any moment lose no finished cell and leave nothing.

`make soak` runs it. A life is one runner, which runs notebooks until it is killed itself; each kill in it is a round.
What a life left behind is judged by its witnesses: the runner's own word on which cell starts next, the kernel's on
which has ended, and the system's on processes, since whatever loses its parent here becomes a child of the judge.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from nbpromote import execute
from nbpromote.execute import kernels
from nbpromote.execute.birth import supervisor, system
from nbpromote.execute.kernels.zygotes import end_all
from nbpromote.model import Ending, Run
from runs import book, job_in

AT_ONCE = 3  # lives; a kernel that starts is not always at work
LATEST = 60.0  # seconds for anything at all

OPENING = """
import os, subprocess
def done(number):
    print("cell", number)
    with open(os.environ["WITNESS"], "a") as file:
        file.write(f"{number}\\n")
        file.flush()
        os.fsync(file.fileno())
"""
# a session of its own, an orphan, and one that forgets where it comes from
FAMILY = """
subprocess.Popen(["sleep", "300"], start_new_session=True)
os.system("sleep 300 &")
"""
STRANGER = 'subprocess.Popen(["sleep", "300"], start_new_session=True, env={"PATH": os.environ["PATH"]})\n'


@dataclass(frozen=True)
class Round:
    """One run, and who is killed in it: when a cell starts, or a while after the start; then `later` seconds more."""

    folder: Path
    cells: int
    warm: bool
    victim: str
    at_cell: int | None
    later: float

    @property
    def started(self) -> list[int]:
        """Numbers of cells, as the runner's watch told them: those before the last have ended."""
        return _numbers(self.folder.with_suffix(".started"))

    @property
    def ended(self) -> list[int]:
        """Numbers of cells whose last act was done, as the kernel told them."""
        return _numbers(self.folder.with_suffix(".ended"))

    @property
    def is_over(self) -> bool:
        return self.folder.with_suffix(".over").exists()

    @property
    def job(self) -> execute.Job:
        return job(
            self.folder,
            self.sources,
            variables={"WITNESS": str(self.folder.with_suffix(".ended"))},
            watch=lambda number, _: _write(self.folder.with_suffix(".started"), number),
            warmth=kernels.Warmth(env=kernels.shared(())) if self.warm else None,
        )

    @property
    def sources(self) -> list[str]:
        # nobody can find what has neither parent, session, nor environment of the kernel once its supervisor is gone
        family = FAMILY if self.victim in ("supervisor", "zygote") else FAMILY + STRANGER
        return [OPENING + family + "done(1)", *(f"done({number})" for number in range(2, self.cells + 1))]


def job(folder: Path, sources: Sequence[str], **more: Any) -> execute.Job:
    """A run, into a folder, of a notebook of these cells."""
    return job_in(folder.parent.parent, book(*sources), name=folder.name, runs=folder.parent, **more)


def life(seed: int) -> tuple[int, list[str]]:
    """How many were killed in one runner's life, and what was wrong afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    try:
        rounds = list(_planned(random.Random(seed), folder / "runs"))
        (folder / "runs").mkdir()
        runner = os.fork()
        if runner == 0:
            _run(rounds)
        killed, faults = _lived(runner, rounds)
        if (folder / "raised").exists():
            faults.append((folder / "raised").read_text())
        return killed, [f"seed {seed}: {fault}" for fault in faults]
    finally:
        shutil.rmtree(folder)


def _planned(chance: random.Random, runs: Path) -> Iterator[Round]:
    warm = chance.random() < 0.7
    others = ["kernel", "kernel", "supervisor", *(["zygote"] if warm else [])]
    for victim in [*chance.choices(others, k=chance.randrange(1, 4)), "runner"]:
        cells = chance.choice((3, 50))
        at_cell = chance.randint(1, cells) if chance.random() < 0.7 else None
        later = chance.uniform(0, 0.02 if at_cell else 1.2)
        yield Round(runs / f"r{chance.getrandbits(32):08x}", cells, warm, victim, at_cell, later)


def _run(rounds: Sequence[Round]) -> None:
    """In the runner. Does not come back."""
    try:
        os.setsid()
        for one in rounds:
            execute.run(one.job)
            _write(one.folder.with_suffix(".over"), 1)
        end_all()
    except Exception as error:
        _write(rounds[0].folder.parent.parent / "raised", f"{type(error).__name__}: {error}")
    finally:
        os._exit(0)


def _lived(runner: int, rounds: Sequence[Round]) -> tuple[int, list[str]]:
    faults, killed = [], 0
    for one in rounds:
        _await_moment(one, runner)
        killed += sum(map(_killed, _victims(runner, one)))
        if one.victim == "runner":
            break
        if not _within(LATEST, lambda one=one: one.is_over or _has_ended(runner)):
            faults.append(f"{one}: never over")
            _killed(runner)
            break
        faults += _judged(one)
    if not _within(LATEST, lambda: _has_ended(runner)):
        _killed(runner)
        faults.append("the runner does not end")
    _within(5, lambda: not _below())  # what was forked and has not begun yet shares the runner's locks
    tuple(execute.sweep(rounds[0].folder.parent))  # as the next start does
    reached = [one for one in rounds if one.folder.exists()]
    faults += [fault for one in reached for fault in _judged(one)]
    return killed, faults + _left(runner, rounds[0].folder.parent)


def _await_moment(one: Round, runner: int) -> None:
    if one.at_cell:
        _within(LATEST, lambda: len(one.started) >= one.at_cell or one.is_over or _has_ended(runner))
    time.sleep(one.later)


def _victims(runner: int, one: Round) -> list[int]:
    """The one that was chosen, as far as it is there."""
    first = system.children(runner)
    supervisors = [pid for parent in (runner, *first) for pid in system.children(parent) if _supervises(pid)]
    found = {
        "runner": [runner],
        "zygote": [pid for pid in first if not _supervises(pid)],
        "supervisor": supervisors,
        "kernel": [pid for parent in supervisors for pid in system.children(parent)],
    }
    return found[one.victim][:1]


def _supervises(pid: int) -> bool:
    return system.name(pid) == supervisor.NAME


def _judged(one: Round) -> Iterator[str]:
    """What is wrong with the record of a round."""
    if not (one.folder / "run.json").exists():
        if one.started:
            yield f"{one}: no record of a run that had begun"
        return
    run = execute.load_run(one.folder)
    good = [cell.number for cell in run.cells if cell.ending is Ending.OK]
    if good != list(range(1, len(good) + 1)):
        yield f"{one}: not in order: {good}"
    if len(good) < len(one.started) - 1:
        yield f"{one}: lost: the runner was at cell {len(one.started)}, the record knows {len(good)}"
    if not len(one.ended) - 1 <= len(good) <= len(one.ended):
        yield f"{one}: the kernel ended {len(one.ended)} cells, the record knows {len(good)}"
    if not run.ended:
        yield f"{one}: the record is still open"
    cut = [cell for cell in run.cells if cell.ending in (Ending.DIED, Ending.INTERRUPTED)]
    if len(good) < one.cells and [cell.number for cell in cut] != [len(good) + 1]:
        yield f"{one}: {len(good)} cells ended, but cut short at {[cell.number for cell in cut]}"
    yield from _shown(one, run, len(good))


def _shown(one: Round, run: Run, good: int) -> Iterator[str]:
    cells = nbformat.read(run.notebook_file, as_version=4).cells if good else []
    for number, cell in enumerate(cells[:good], start=1):
        shown = "".join(output.get("text", "") for output in cell.outputs)
        if shown != f"cell {number}\n":
            yield f"{one}: the outputs of cell {number} are {shown!r}"


def _left(runner: int, runs: Path) -> list[str]:
    """Processes, folders, sockets and drafts that are there when nothing should be."""
    _within(5, lambda: not _below())
    faults = [f"process {pid} is left: {_command(pid)}" for pid in _below()]
    for pid in system.halted_below(os.getpid()):
        _killed(pid)
    folders = Path(tempfile.gettempdir()).glob(f"nbp-{runner}-*")
    hidden = [path for path in runs.rglob("*") if path.name.startswith(".") or path.name == "owner"]
    return faults + [f"left: {path}" for path in (*folders, *hidden)]


def _below() -> list[int]:
    """All that lives below this process; what has ended is taken note of."""
    for pid in system.children(os.getpid()):
        _has_ended(pid)
    return system.children(os.getpid())


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _killed(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def _command(pid: int) -> str:
    try:
        shown = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "stat", "environ")]
        return b" | ".join(shown).replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "gone"


def _within(seconds: float, is_so) -> bool:
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.003)
    return True


def _write(path: Path, what: object) -> None:
    with path.open("a") as file:
        file.write(f"{what}\n")


def _numbers(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def kills(count: int, seed: int, at_once: int = AT_ONCE) -> tuple[int, list[str]]:
    """At least so many kills, and what was wrong after them."""
    import papermill  # noqa: F401 (two seconds that every runner would pay)

    killed, faults = 0, []
    context = multiprocessing.get_context("fork")
    while killed < count:
        with ProcessPoolExecutor(at_once, mp_context=context, initializer=system.adopt_orphans) as pool:
            share = range(seed, seed + max(at_once, min(40, (count - killed) // 3)))
            for done, wrong in pool.map(life, share):
                killed, faults = killed + done, faults + wrong
                print("\n".join(wrong), end="\n" if wrong else "", flush=True)
        seed = share.stop
        print(f"{killed} killed, {len(faults)} faults", flush=True)
    return killed, faults


def main(arguments: list[str]) -> int:
    count = int(arguments[0])
    seed = int(arguments[1]) if arguments[1:] else random.randrange(10**6)
    return 1 if kills(count, seed)[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
