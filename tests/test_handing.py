"""Commands that a warm toolkit carries out: as if they ran where they were typed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ground import COMMAND, Ground, build
from nbpromote import execute
from nbpromote.cli import handing
from nbpromote.execute import Kept, Warmth
from nbpromote.workflow.authoring.kernels import TOOLKIT

SLOW = '\n# %%\nimport time\nprint("asleep", flush=True)\ntime.sleep(60)\n'


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """A toolkit kept warm for this module alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("x")))
        kept = execute.keep(execute.TOOLKIT, Warmth(preload=TOOLKIT, env=environ(), idle=300))
        yield kept
        execute.stop(kept)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    return build(tmp_path_factory.mktemp("handed") / "small", empty_store)


def environ(**more: str) -> dict[str, str]:
    """MLflow reads pytest's own variable when it is imported, and a fork is refused where that is another one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} | more


def typed(ground: Ground, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
    env = environ(**more)
    return subprocess.run([*COMMAND, *args], cwd=ground.root, capture_output=True, text=True, env=env, timeout=120)


def test_a_heavy_command_is_carried_out_by_the_warm_toolkit(ground, kept, capfd, monkeypatch):
    monkeypatch.chdir(ground.root)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")

    code = handing.handed(["run", "count"])

    said = capfd.readouterr()
    assert code == 1  # nobody has accepted its outputs yet
    assert "nbpromote baseline count" in said.out
    assert handing.handed(["status"]) is None  # it is quick anyway
    assert handing.handed(["baseline", "count"]) is None  # it asks, and a fork has no keyboard


def test_what_it_writes_is_as_private_as_the_caller_wants(ground, kept, monkeypatch):
    monkeypatch.chdir(ground.root)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    before = os.umask(0o077)
    try:
        handing.handed(["run", "count"])
    finally:
        os.umask(before)

    newest = max((ground.root / ".nbpromote/runs").glob("*count*"))
    assert (newest / "run.json").stat().st_mode & 0o077 == 0


def test_without_a_working_folder_the_command_runs_here(kept, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    gone.rmdir()

    assert handing.handed(["run", "count"]) is None


@pytest.mark.parametrize(("command", "code"), [(("run", "nope"), 2), (("run", "count", "-p", "top", "x"), 2)])
def test_what_is_refused_is_told_and_ends_as_it_would_here(command, code, ground, kept):
    warm = typed(ground, *command)
    cold = typed(ground, *command, XDG_RUNTIME_DIR=str(ground.root))

    assert warm.returncode == cold.returncode == code
    assert warm.stderr == cold.stderr
    assert warm.stdout == cold.stdout


def test_an_interrupt_reaches_the_run(ground, kept):
    ground.write("notebooks/slow.py", (ground.root / "notebooks/count.py").read_text() + SLOW)
    done = subprocess.Popen(
        [*COMMAND, "run", "slow"], cwd=ground.root, stderr=subprocess.PIPE, text=True, env=environ()
    )
    journal = wait_for(ground, "*slow*/journal.jsonl", cells=4)

    done.send_signal(signal.SIGINT)
    _, said = done.communicate(timeout=30)

    assert done.returncode == 130
    assert "interrupted" in said
    assert '"interrupted"' in (journal.parent / "run.json").read_text()


def wait_for(ground: Ground, glob: str, *, cells: int) -> Path:
    """The journal of a run in which so many cells have ended."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for journal in (ground.root / ".nbpromote/runs").glob(glob):
            if journal.read_text().count('"cell":') >= cells:
                return journal
        time.sleep(0.05)
    raise AssertionError(f"no {glob}")


def test_a_toolkit_that_was_changed_since_is_not_asked(kept):
    assert kept.is_current
    assert not replace(kept, among="another one").is_current


def test_kernels_are_never_forked_from_the_toolkit(kept):
    from nbpromote.execute.kernels import keeping

    wanted = Warmth(preload=("mlflow",), env=dict(os.environ))

    assert kept.is_toolkit
    assert keeping.covering([sys.executable], wanted) is None
