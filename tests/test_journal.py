"""Nothing that has finished is lost: papermill's output under our engine, and runs that are told to stop."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import papermill  # noqa: F401 (it loads our engine by its entry point, so it must come first)
import pytest

from nbpromote import execute
from nbpromote.errors import Refused
from nbpromote.execute import saving
from runs import CUT, LEFT, OK, book, code, endings, ends, job_in, printed

PAPERMILL = [Path(sys.executable).parent / "papermill", "--engine", "nbpromote", "--no-progress-bar"]


def waits_for(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, f"no {path}"
        time.sleep(0.02)


@pytest.fixture
def killed(tmp_path):
    """An output whose papermill was killed in its third cell, and the process number of that one's kernel."""
    third = (
        "import os\nif not os.path.exists('again'):\n    open('here', 'w').close()\n    import time; time.sleep(300)"
    )
    cells = [code("x = 1", "parameters"), "import os\nprint(os.getpid(), x)", third, "print('the end')"]
    nbformat.write(book(*cells), tmp_path / "in.ipynb")
    output = tmp_path / "out.ipynb"
    command = [*PAPERMILL, tmp_path / "in.ipynb", output, "-p", "x", "21"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    waits_for(tmp_path / "here")
    process.kill()
    process.wait()
    return output


def test_after_a_kill_the_next_start_builds_the_partial_notebook_and_runs_anew(killed, monkeypatch):
    with saving.saved(nbformat.v4.new_notebook(), str(killed), False, False, 30):
        partial = nbformat.read(killed, as_version=4)

    assert [cell.metadata.papermill.status for cell in partial.cells if "nbpromote" in cell.metadata] == [
        "completed",
        "completed",
        "failed",
    ]
    process, x = partial.cells[2].outputs[0].text.split()
    assert x == "21"
    assert ends(int(process))
    assert partial.cells[3].metadata.nbpromote["message"] == "the runner was killed while it ran"
    assert partial.cells[3].metadata.nbpromote["ending"] == "interrupted"
    assert partial.metadata.papermill.exception is True
    assert "nbpromote" not in partial.cells[4].metadata

    (killed.parent / "again").touch()
    command = [*PAPERMILL, "in.ipynb", "out.ipynb"]
    assert subprocess.run(command, cwd=killed.parent, stderr=subprocess.DEVNULL, check=False).returncode == 0
    done = nbformat.read(killed, as_version=4)
    assert done.cells[-1].outputs[0].text == "the end\n"
    assert [file.name for file in killed.parent.iterdir() if file.name.startswith(".")] == []


def test_papermills_options_mean_what_they_mean_there(tmp_path):
    nbformat.write(book("print('said')", "import time\ntime.sleep(60)"), tmp_path / "in.ipynb")
    options = ["--stdout-file", "said.txt", "--log-output", "--execution-timeout", "1"]

    done = subprocess.run([*PAPERMILL, "in.ipynb", "out.ipynb", *options], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode != 0
    assert "TimeoutError" in done.stderr
    assert "said" in done.stderr
    assert (tmp_path / "said.txt").read_text() == "said\n"
    statuses = [cell.metadata.papermill.status for cell in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells]
    assert statuses == ["completed", "failed"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.ipynb", "out.ipynb", "said.txt"]


def test_a_finished_cell_is_not_a_reason_to_write_the_whole_notebook(tmp_path):
    node = book(*["1"] * 20)
    node.metadata["papermill"] = {}
    output, seen = tmp_path / "out.ipynb", set()
    with saving.saved(node, str(output), False, False, 30) as manager:
        manager.notebook_start()
        for index, cell in enumerate(node.cells):
            manager.cell_start(cell, index)
            manager.cell_complete(cell, cell_index=index)
            seen.add(output.stat().st_ino)
        with (
            pytest.raises(Refused, match="is being written by another run"),
            saving.saved(node, str(output), False, False, 30),
        ):
            pass
        manager.notebook_complete()

    assert len(seen) == 1
    assert output.stat().st_ino not in seen
    assert os.listdir(tmp_path) == ["out.ipynb"]


STUCK = "import ctypes\nopen('here', 'w').close()\nctypes.PyDLL(None).sleep(300)"  # in C, and with the GIL


def test_a_run_is_stopped_from_another_thread_and_its_neighbour_goes_on(tmp_path):
    stop, runs = threading.Event(), {}
    source = "import time\nfor _ in range(30): time.sleep(0.1)\nprint('through')"
    jobs = [
        job_in(tmp_path, book("print('so far')", STUCK, "3"), name="stuck", stop=stop),
        job_in(tmp_path, book(source), name="other", stop=threading.Event()),
    ]
    threads = [threading.Thread(target=lambda job=job: runs.update({job.draft.id: execute.run(job)})) for job in jobs]
    here = os.getcwd()

    for thread in threads:
        thread.start()
    waits_for(tmp_path / "notebooks" / "here")
    stop.set()
    asked = time.monotonic()
    threads[0].join()

    assert time.monotonic() - asked < 5
    assert endings(runs["stuck"]) == [OK, CUT, LEFT]
    assert printed(runs["stuck"])[0] == "so far\n"
    assert execute.load_run(runs["stuck"].folder) == runs["stuck"]
    threads[1].join()
    assert endings(runs["other"]) == [OK]
    assert os.getcwd() == here


def test_a_run_that_was_stopped_before_its_kernel_answers_says_so(tmp_path):
    stop = threading.Event()
    stop.set()

    run = execute.run(job_in(tmp_path, book("1", "2"), stop=stop))

    assert endings(run) == [CUT, LEFT]
