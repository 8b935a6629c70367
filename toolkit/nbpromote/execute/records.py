"""What is written down about a run, and closing it for a runner that was killed. Executes nothing."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from nbpromote import clock, files
from nbpromote.model import Run, dump, load

JOURNAL = "journal.jsonl"  # the start of every cell, and the finished cell with its outputs, at once
INPUT = "input.ipynb"
LOGS = "logs"  # all that was given out by cells whose outputs were cut
OWNER = "owner"
TRACKED = "tracked"  # open in MLflow, or about to be


def new_id(notebook: str, environment: str) -> str:
    """A name for a run that sorts by time: `20260131T120000042-train_delay-dev-3f9a`.

    To the millisecond, since the newest run is looked for by it, and a second has room for several.
    """
    stamp = "".join(filter(str.isalnum, clock.now().removesuffix("Z")))
    return f"{stamp}-{_of(notebook, environment)}-{secrets.token_hex(2)}"


def folders_of(runs: Path, notebook: str, environment: str) -> list[Path]:
    """Those of a notebook's runs in an environment, the newest first; some of another, whose name ends like that."""
    return sorted(runs.glob(f"*-{_of(notebook, environment)}-*"), reverse=True)


def _of(notebook: str, environment: str) -> str:
    return f"{notebook.replace('/', '.')}-{environment}"


def save_run(run: Run) -> None:
    files.write(run.folder / "run.json", json.dumps(dump(run), indent=1, ensure_ascii=False) + "\n")


def load_run(folder: Path) -> Run | None:
    """None where nothing was recorded, or the record is damaged: nothing that is live rests on it alone."""
    try:
        return load(Run, json.loads((folder / "run.json").read_bytes()))
    except (FileNotFoundError, ValueError):
        return None


def packages(folder: Path) -> dict[str, str]:
    """What the kernel said of its packages; nothing where it was not asked."""
    path = folder / "packages.json"
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return found


@contextmanager
def opened(draft: Run, node: Any) -> Iterator[None]:
    """The record of a run that has not ended, owned by this process; whoever finds it without an owner closes it."""
    import nbformat

    draft.folder.mkdir(parents=True, exist_ok=True)
    with owned(draft.folder):
        files.write(draft.folder / INPUT, nbformat.writes(node))
        save_run(draft)  # after what its cells are read from, should this process be killed here
        yield


@contextmanager
def tracked(draft: Run) -> Iterator[None]:
    """A run that is open in MLflow for as long as the block lasts; whoever finds it without an owner closes it there.

    Its record is written at once, so that what MLflow calls it can be looked up wherever this process is killed. One
    that was not begun after all leaves none.
    """
    draft.folder.mkdir(parents=True, exist_ok=True)
    mark = draft.folder / TRACKED
    with files.held(mark, aside=draft.folder.parent):
        try:
            save_run(draft)
            yield
        except BaseException:
            if not (draft.folder / INPUT).exists() and not draft.notebook_file.exists():
                shutil.rmtree(draft.folder)
            raise
        finally:
            mark.unlink(missing_ok=True)


def owned(folder: Path) -> AbstractContextManager[None]:
    """A folder that is written by this process, for as long as the block lasts.

    The file that says so is begun beside the folder: nobody comes back to one that does not say so yet.
    """
    return files.held(folder / OWNER, aside=folder.parent)


def is_owned(folder: Path) -> bool:
    """Whether a run's folder is somebody's who writes it, or was when they were killed: the next run closes that."""
    return any((folder / mark).exists() for mark in (OWNER, TRACKED))


@contextmanager
def orphaned(folder: Path) -> Iterator[bool]:
    """Whether whoever wrote a folder is gone; while the block lasts nobody else takes it over."""
    if not (folder / OWNER).exists():  # killed before it said whose it is, or done with
        yield True
        return
    with files.taken_over(folder / OWNER) as is_ours:
        yield is_ours


def notes(folder: Path) -> tuple[str, ...]:
    """What the code inside the kernel wanted told."""
    return tuple(dict.fromkeys(lines(folder / "notes.jsonl")))


def lines(path: Path) -> Iterator[Any]:
    """The values of a file of JSON lines; a kill may have cut off the last one."""
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            yield json.loads(line)
        except ValueError:
            return
