"""What cells give out is kept up to a cap: beyond it a marker, a log with all of it, and a runner that stays small."""

from __future__ import annotations

import json
import resource
from functools import partial

import nbformat
import pytest

from nbpromote import execute, validate
from nbpromote.model import Limits
from nbpromote.secrets import Scanner
from nbpromote.validate import Reference
from runs import OK, book, code, code_cells, endings, job_in, printed

SMALL = Limits(cell_output=2000, notebook_output=5000)
GLUE = (
    "from IPython.display import display\n"
    "display({'application/scrapbook.scrap.json+json': {'name': 'mae', 'data': 3, 'encoder': 'json', 'version': 1}},"
    " raw=True, metadata={'scrapbook': {'name': 'mae'}})"
)


@pytest.fixture
def job(tmp_path):
    return partial(job_in, tmp_path)


def log(run, name: str) -> str:
    return (run.folder / "logs" / f"{name}.log").read_text()


def test_beyond_its_cap_a_cell_has_a_marker_and_a_log_with_all_of_it(job):
    loud = "import sys\nprint('first')\nfor n in range(500): print('line', n)\nprint('aside', file=sys.stderr)"
    cells = ["print('quiet')", loud, GLUE.replace("'mae'", "'x'"), f"print('z' * 3000)\n{GLUE}\n1 / 0"]

    run = execute.run(job(book(*cells[:3], code(cells[3], "raises-exception")), limits=SMALL))

    quiet, cut, glued, failed = code_cells(run)
    assert [output.text for output in quiet.outputs] == ["quiet\n"]
    text, marker = cut.outputs
    assert (len(text.text), text.text[:12]) == (2000, "first\nline 0")
    assert marker.text == "[nbpromote: output cut at 2 kB; all of it: logs/cell-2.log]\n"
    whole = "first\n" + "".join(f"line {n}\n" for n in range(500))
    assert log(run, "cell-2").replace("aside\n", "") == whole
    assert [cell.cut for cell in run.cells] == ["", "logs/cell-2.log", "", "logs/cell-4.log"]
    assert run.cells[1].output == len(whole) + len("aside\n")
    assert len(glued.outputs) == 1
    kinds = [output.output_type for output in failed.outputs]
    assert kinds == ["stream", "stream", "display_data", "error"]
    assert [json.loads(line)["evalue"] for line in log(run, "cell-4").splitlines()[2:]] == ["division by zero"]


def test_displays_that_have_no_room_are_lines_of_json_in_the_log(job):
    flood = (
        "from IPython.display import display, update_display\n"
        "display({'text/plain': 'x' * 100}, raw=True, display_id='one')\n"
        "for n in range(50): update_display({'text/plain': str(n) * 50}, raw=True, display_id='one')\n"
        "update_display({'text/html': 'y' * 4000}, raw=True, display_id='one')\n"
        "'z' * 4000"
    )

    run = execute.run(job(book(flood), limits=SMALL))

    (cell,) = code_cells(run)
    shown, marker = cell.outputs
    assert shown.data["text/plain"] == "49" * 50
    assert "output cut at 2 kB" in marker.text
    logged = [json.loads(line)["data"] for line in log(run, "cell-1").splitlines()]
    assert [len(data.get("text/html", data.get("text/plain"))) for data in logged] == [100, 4000, 4002]


def test_the_notebooks_cap_counts_all_its_cells_and_cleared_output_does_not_count(job):
    clearing = (
        "from IPython.display import clear_output\n"
        "for n in range(20):\n    clear_output(wait=True)\n    print(str(n % 10) * 1500, flush=True)"
    )
    cells = [clearing, "print('b' * 1800)", "print('c' * 1800)", "print('d')"]

    run = execute.run(job(book(*cells), limits=SMALL))

    assert printed(run)[0] == "9" * 1500 + "\n"
    assert [cell.cut for cell in run.cells] == ["", "", "logs/cell-3.log", "logs/cell-4.log"]
    assert "cut at 5 kB of the notebook" in code_cells(run)[2].outputs[-1].text


def test_many_small_prints_are_one_output_and_no_message_is_lost(job):
    source = "import sys\nfor n in range(20_000): print(n, flush=n % 4 == 0)"

    run = execute.run(job(book(source, "print('after')")))

    assert endings(run) == [OK, OK]
    (output,) = code_cells(run)[0].outputs
    assert output.text == "".join(f"{n}\n" for n in range(20_000))


def test_one_giant_print_leaves_the_runner_small(job):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    run = execute.run(job(book("print('x' * 60_000_000)")))

    assert run.cells[0].output == 60_000_001
    assert (run.folder / "logs" / "cell-1.log").stat().st_size == 60_000_001
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_a_secret_beyond_the_cap_is_neither_in_the_log_nor_forgotten(job):
    scanner = Scanner({"password": "pa55-w0rd-of-mine"})
    told = "os.environ['PASSWORD']"
    source = f"import os\nprint('x' * 3000)\nprint({told})\ndisplay({{'text/plain': {told}}}, raw=True)"

    run = execute.run(job(book(source), limits=SMALL, scanner=scanner, variables={"PASSWORD": "pa55-w0rd-of-mine"}))

    assert b"pa55" not in b"".join(file.read_bytes() for file in run.folder.rglob("*") if file.is_file())
    assert "[secret password]" in log(run, "cell-1")
    assert run.leaks == (f"cell 1 ({run.cells[0].id}) prints password",)


def test_a_marked_cell_that_was_cut_is_inconclusive(job):
    run = execute.run(job(book("# NBVAL_CHECK_OUTPUT\nprint('x' * 3000)"), limits=SMALL))
    executed = run.notebook_file.read_text()

    evidence = validate.evidence(
        run,
        executed=nbformat.reads(executed, as_version=4),
        against=Reference(notebook=nbformat.reads(executed, as_version=4)),
    )

    assert evidence.check("outputs-match").outcome == "inconclusive"
    assert "only a part of the output of cell 1 was kept" in evidence.check("outputs-match").summary
    assert evidence.check("ran-to-the-end").details == (
        "cell 1: the notebook has only a part of 3 kB of output; logs/cell-1.log",
    )


def test_bytes_that_are_no_text_are_accepted_and_counted(job):
    source = "import os\nprint('a\\ud800b')\nos.write(1, b'\\xff\\xfe\\n')\n'c\\udfff'"

    run = execute.run(job(book(source)))

    assert endings(run) == [OK]
    assert run.cells[0].replaced >= 3
    assert "a\ufffdb" in printed(run)[0]


def test_what_a_cell_used_is_in_its_account(job):
    hungry = "hold = bytearray(150_000_000)\ndel hold\nsum(range(5_000_000))"
    child = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'sum(range(10_000_000))'])"

    run = execute.run(job(book("1", hungry, child, "2")))

    first, hungry, child, last = run.cells
    assert hungry.memory > first.memory + 100_000
    assert last.memory < hungry.memory
    assert hungry.cpu > 0.02
    assert child.cpu > 0.05
    assert all(run.started < cell.started < cell.ended <= run.ended for cell in run.cells)
