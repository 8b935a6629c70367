"""Runs of notebooks without a project: what is asked of an engine, and what it answered."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from nbpromote import execute
from nbpromote.model import Code, Ending, Environment, Limits, Policy, Run, Schema

OK, ERROR, EXPECTED, STOPPED, DIED, LATE, CUT, LEFT = (
    Ending.OK,
    Ending.ERROR,
    Ending.EXPECTED_ERROR,
    Ending.STOPPED,
    Ending.DIED,
    Ending.TIMED_OUT,
    Ending.INTERRUPTED,
    Ending.NOT_REACHED,
)


def code(source: str, *tags: str):
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def book(*cells):
    """A notebook of sources, or of cells where one needs tags."""
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    return new_notebook(cells=made, metadata={"kernelspec": spec})


def job_in(
    root: Path,
    node,
    *,
    name="r1",
    runs=None,
    parameters=None,
    outputs=None,
    limits=None,
    kernel=None,
    pass_env=(),
    environment=None,
    **more,
):
    """The job of running a notebook whose own folder is `notebooks`, into a folder of `runs`."""
    draft = Run(
        id=name,
        notebook="any",
        environment="dev",
        code=Code(digest="c", schema=Schema()),
        folder=(runs or root / "runs") / name,
        started="2026-01-31T12:00:00.000Z",
        ended="",
        seconds=0,
        actor="Ada",
        cells=(),
        parameters=parameters or {},
        outputs=outputs or {},
    )
    plain = Environment(
        name="dev",
        tracking_uri="",
        policy=Policy(),
        limits=limits or Limits(),
        kernel=kernel,
        pass_env=pass_env,
    )
    (root / "notebooks").mkdir(parents=True, exist_ok=True)
    return execute.Job(draft=draft, node=node, folder=root / "notebooks", environment=environment or plain, **more)


def endings(run: Run) -> list[Ending]:
    return [cell.ending for cell in run.cells]


def code_cells(run: Run) -> list:
    """Of the executed notebook; the injected one is left out."""
    node = nbformat.read(run.notebook_file, as_version=4)
    return [c for c in node.cells if c.cell_type == "code" and "injected-parameters" not in c.metadata.get("tags", [])]


def printed(run: Run) -> list[str]:
    """What each code cell printed."""
    return ["".join(o.get("text", "") for o in cell.outputs if o.get("name") == "stdout") for cell in code_cells(run)]


def ends(process: int) -> bool:
    """Whether a process is gone within three seconds; one that was killed and not waited for has no command line."""
    for _ in range(60):
        try:
            if not Path(f"/proc/{process}/cmdline").read_bytes():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def record(folder: Path, **more: object) -> Run:
    """The record of a run that lasted a second, made in `folder`; nothing ran."""
    given = {
        "id": "20260131-abc",
        "notebook": "train_delay",
        "environment": "dev",
        "code": Code(digest="0" * 64, schema=Schema()),
        "folder": folder / "run",
        "started": "2026-01-31T12:00:00.000Z",
        "ended": "2026-01-31T12:00:01.000Z",
        "seconds": 1.0,
        "actor": "Ada <ada@example.org>",
        "cells": (),
    }
    return Run(**given | more)
