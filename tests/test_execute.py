"""Real kernels, and what befalls them: every ending is a value in the record, and nothing stays behind."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_markdown_cell, new_notebook

from nbpromote import execute, validate
from nbpromote.errors import BadInput, Unavailable
from nbpromote.model import Limits, canonical
from runs import CUT, DIED, ERROR, EXPECTED, LATE, LEFT, OK, STOPPED, book, code, endings, ends, job_in, printed


@pytest.fixture
def job(tmp_path):
    """Makes the job of running a notebook."""
    return partial(job_in, tmp_path)


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """Installs a kernel that starts a program of ours."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))

    def install(name: str, spec: str) -> None:
        folder = tmp_path / "jupyter" / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(spec)

    return install


def argv(*command: str) -> str:
    return json.dumps({"argv": list(command), "display_name": "ours", "language": "python"})


# -- a run that ends well ------------------------------------------------------------------------------------------

TIDY = """
import os
print(os.getcwd())
print(os.environ["PWD"])
print(os.path.dirname(os.environ["IPYTHONDIR"]))
print(os.environ["GIVEN"])
"""


@pytest.fixture
def tidy(job):
    return job(
        book(
            code("x = 1\nresult = 'unset'", "parameters"),
            new_markdown_cell("# text"),
            TIDY,
            "print(x, result)",
            "",
            "print('\\ud800'); os.write(1, b'\\xff\\xfe'); 1 / 3",
            "print(hidden)",
        ),
        parameters={"x": 7},
        outputs={"result": "/far/away/table.csv"},
        opening="hidden = 'said before'",
        closing=f"open({os.devnull!r}, 'w').write('x')",
        variables={"GIVEN": "by the toolkit"},
    )


def test_every_cell_has_its_account_and_nothing_stays_behind(tidy, capfd):
    seen = []

    run = execute.run(replace(tidy, watch=lambda number, of: seen.append((number, of))))

    assert endings(run) == [OK] * 6
    assert [cell.number for cell in run.cells] == [1, 2, 3, 4, 5, 6]
    assert all(cell.id and cell.seconds is not None for cell in run.cells)
    assert seen == [(number, 6) for number in range(1, 7)]
    assert (run.kernel, run.withheld, run.failure) == ("python3", (), None)
    assert run.ended > run.started
    assert execute.load_run(run.folder) == run

    cwd, pwd, private, given = printed(run)[1].splitlines()
    assert cwd == pwd == str(tidy.folder)
    assert given == "by the toolkit"
    assert printed(run)[2] == f"7 {run.folder}/outputs/result/table.csv\n"
    assert (run.folder / "outputs" / "result").is_dir()
    assert printed(run)[5] == "said before\n"
    assert not Path(private).exists()
    assert not (run.folder / "owner").exists()
    assert list(tidy.folder.iterdir()) == []
    assert capfd.readouterr() == ("", "")

    nbformat.validate(nbformat.read(run.notebook_file, as_version=4))
    assert "said before" not in (run.folder / "input.ipynb").read_text()


def test_two_runs_at_once_do_not_disturb_each_other(job):
    source = "import os, time\ntime.sleep(0.5)\nprint(mark, os.environ['MARK'])"
    jobs = [
        job(
            book(code("mark = ''", "parameters"), source),
            name=mark,
            parameters={"mark": mark},
            variables={"MARK": mark},
        )
        for mark in ("left", "right")
    ]
    runs = {}
    threads = [threading.Thread(target=lambda j=j: runs.update({j.draft.id: execute.run(j)})) for j in jobs]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {mark: printed(run)[1] for mark, run in runs.items()} == {
        "left": "left left\n",
        "right": "right right\n",
    }


def test_ids_of_runs_are_names_of_files_and_differ():
    ids = {execute.new_id("reports/weekly", "dev") for _ in range(50)}

    assert len(ids) > 45
    assert all("/" not in one and one.split("-")[1:3] == ["reports.weekly", "dev"] for one in ids)


# -- parameters ----------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(min_value=-(10**60), max_value=10**60),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
        st.text(alphabet="\"'\\\n\r\t#{}$`%\0\u2028\u202e"),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
LIKE_CODE = [
    "__import__('os').abort()",
    '"""',
    "\\",
    "'; import os; os.abort()",
    "{x}",
    "%load_ext",
    "!kill -9 $$",
    "?",
    "\\N{BULLET}",
    "#",
    "\n\n%%bash\nexit 1",
]
NUMBERS = [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, 2**53 + 1, 10**300, 1.0, True, 1, "1", "007", "1_000"]


def many_values() -> list:
    found = [*LIKE_CODE, *NUMBERS, "2026-01-31", "no", "\N{SNOWMAN}", "", [], {}, [[[[]]]], {"a": {"b": [None, {}]}}]

    @settings(max_examples=200, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(JSON)
    def collect(value):
        found.append(value)

    collect()
    return found


def test_a_parameter_arrives_with_its_exact_value_and_type(job):
    values = {f"p{number}": value for number, value in enumerate(many_values())}
    declared = "\n".join(f"{name} = None" for name in values)
    tell = f"import json\nprint(json.dumps([repr(globals()[f'p{{n}}']) for n in range({len(values)})]))"

    run = execute.run(job(book(code(declared, "parameters"), tell), parameters=values))

    assert endings(run) == [OK, OK]
    assert json.loads(printed(run)[1]) == [repr(value) for value in values.values()]


def test_without_parameters_nothing_is_put_in(job):
    run = execute.run(job(book("print('only this')")))

    (cell,) = nbformat.read(run.notebook_file, as_version=4).cells
    assert cell.source == "print('only this')"


# -- the environment of a kernel -----------------------------------------------------------------------------------


def test_a_kernel_gets_allow_listed_variables_and_a_failing_run_names_the_others(job, monkeypatch):
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "s3cret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("REGION", "north")
    monkeypatch.setenv("LC_TIME", "C")
    tell = "import json, os\nprint(json.dumps(dict(os.environ)))"

    run = execute.run(job(book(tell, "1 / 0"), pass_env=("REGION",)))

    seen = json.loads(printed(run)[0])
    assert (seen["REGION"], seen["LC_TIME"], seen["PATH"]) == ("north", "C", os.environ["PATH"])
    assert "s3cret" not in seen.values()
    assert {"WAREHOUSE_PASSWORD", "AWS_SECRET_ACCESS_KEY"} <= set(run.withheld)
    assert not {"REGION", "PATH", "LC_TIME", "PWD", "_"} & set(run.withheld)
    assert b"s3cret" not in b"".join(path.read_bytes() for path in run.folder.rglob("*") if path.is_file())


# -- endings -------------------------------------------------------------------------------------------------------

SHORT = Limits(cell=1)
GREEDY = "hold = bytearray(300_000_000)\nimport os, time\ntime.sleep(1.5)\nos.kill(os.getpid(), 9)"
SHOWN = "try:\n    1 / 0\nexcept ZeroDivisionError:\n    get_ipython().showtraceback()"
LATER = "import threading, os\nthreading.Timer(0.2, os._exit, [3]).start()"


@pytest.mark.parametrize(
    ("cells", "more", "expected", "error", "message"),
    [
        (["1", "raise ValueError('no such column')", "3"], {}, [OK, ERROR, LEFT], "ValueError", "no such column"),
        (["1", "1 +", "3"], {}, [OK, ERROR, LEFT], "SyntaxError", "invalid syntax"),
        (["1", SHOWN, "3"], {}, [OK, ERROR, LEFT], "ZeroDivisionError", "division by zero"),
        (["1", "import sys\nsys.exit(0)", "3"], {}, [OK, STOPPED, LEFT], "SystemExit", "exit code 0"),
        (["1", "import sys\nsys.exit('enough')", "3"], {}, [OK, STOPPED, LEFT], "SystemExit", "exit code enough"),
        (["1", "exit()", "3"], {}, [OK, STOPPED, LEFT], "", "asked the kernel to exit"),
        (["1", "2", "quit"], {}, [OK, OK, STOPPED], "", "asked the kernel to exit"),
        (["1", "import os\nos._exit(0)", "3"], {}, [OK, STOPPED, LEFT], "", "ended with exit code 0"),
        (["1", GREEDY, "3"], {}, [OK, DIED, LEFT], "", r"killed by signal 9 \(SIGKILL\), after using [3-9]\d\d MB"),
        (["1", "import ctypes\nctypes.string_at(0)"], {}, [OK, DIED], "", r"signal 11 \(SIGSEGV\)"),
        (["1", LATER], {"closing": "import time; time.sleep(9)"}, [OK, DIED], "", "ended with exit code 3"),
        (
            ["1", "print('so far', flush=True)\nimport time\ntime.sleep(60)", "3"],
            {"limits": SHORT},
            [OK, LATE, LEFT],
            "",
            "a cell has 1 s",
        ),
        (
            ["import time\ntime.sleep(0.6)"] * 2 + ["time.sleep(60)"],
            {"limits": Limits(notebook=2)},
            [OK, OK, LATE],
            "",
            "the notebook has 2 s",
        ),
        (["1", "2"], {"opening": "import time; time.sleep(60)", "limits": SHORT}, [LATE, LEFT], "", "a cell has 1 s"),
        (["1", "2"], {"opening": "raise KeyError('hook')"}, [ERROR, LEFT], "KeyError", "hook"),
        (["1", "2"], {"closing": "raise KeyError('hook')"}, [OK, ERROR], "KeyError", "hook"),
    ],
    ids=[
        "failing",
        "syntax",
        "error-shown",
        "sys.exit(0)",
        "sys.exit(text)",
        "exit()",
        "quit-last",
        "os._exit",
        "signal-9",
        "segfault",
        "after-the-last",
        "cell-limit",
        "notebook-limit",
        "opening-hangs",
        "opening-fails",
        "closing-fails",
    ],
)
def test_an_ending_that_is_not_good_is_a_value(cells, more, expected, error, message, job, capfd):
    started = time.monotonic()

    run = execute.run(job(book(*cells), **more))

    assert endings(run) == expected
    assert run.failure.error == error
    assert re.search(message, run.failure.message)
    assert time.monotonic() - started < 15
    assert execute.load_run(run.folder) == run
    assert capfd.readouterr() == ("", "")


def test_what_was_printed_before_the_end_is_kept(job):
    crash = "print('so far', flush=True)\nimport ctypes, time\ntime.sleep(0.3)\nctypes.string_at(0)"
    stale = code("print('never')")
    stale.outputs = [nbformat.v4.new_output("stream", text="of last year")]

    run = execute.run(job(book("print('one')", crash, stale)))

    assert printed(run) == ["one\n", "so far\n", ""]


def test_tags_of_nbclient_mean_what_they_mean_there(job):
    cells = [
        code("1 / 0", "raises-exception"),
        code("print('no')", "skip-execution"),
        code("print('fine')", "raises-exception"),
        "print('the end')",
    ]

    run = execute.run(job(book(*cells)))

    assert endings(run) == [EXPECTED, LEFT, OK, OK]
    assert run.cells[1].message == "tagged skip-execution"
    assert printed(run) == ["", "", "fine\n", "the end\n"]


FAMILY = """
import os, subprocess, sys
inside = subprocess.Popen(["sleep", "300"])
outside = subprocess.Popen(["sleep", "300"], start_new_session=True)
print(os.getpid(), inside.pid, outside.pid)
"""


@pytest.mark.parametrize("last", ["'done'", "os.kill(os.getpid(), 9)"], ids=["well", "killed"])
def test_whatever_a_notebook_started_goes_with_it(last, job):
    run = execute.run(job(book(FAMILY, last)))

    assert [ends(int(process)) for process in printed(run)[0].split()] == [True, True, True]


# -- kernels that do not start -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import time; time.sleep(300)", "didn't respond in 1 seconds"),
        ("raise SystemExit(4)", "died before replying"),
        ("import sys; sys.exit('No module named ipykernel')", "; it said: No module named ipykernel"),
    ],
    ids=["hangs", "dies", "says-why"],
)
def test_a_kernel_that_does_not_come_up_is_an_ending(script, message, job, kernels, capfd):
    kernels("ours", argv(sys.executable, "-c", script))
    started = time.monotonic()

    run = execute.run(job(book("1", "2"), kernel="ours", limits=Limits(start=1)))

    assert endings(run) == [DIED, LEFT]
    assert message in run.failure.message
    assert time.monotonic() - started < 10
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("kernel", "spec", "message"),
    [
        ("pyton3", None, r"no kernel 'pyton3' is installed; did you mean 'python3'\?"),
        ("ours", argv("/gone/bin/python", "-m", "ipykernel"), "'ours' starts /gone/bin/python, and there is no such"),
        ("ours", "{", r"kernel.json of kernel 'ours' cannot be read"),
        ("ours", "{}", r"kernel.json of kernel 'ours' cannot be read"),
    ],
    ids=["unknown", "program-gone", "broken", "empty"],
)
def test_a_kernel_that_cannot_be_started_is_told_before_anything_is_written(kernel, spec, message, job, kernels):
    if spec is not None:
        kernels(kernel, spec)
    wanted = job(book("1"), kernel=kernel)

    with pytest.raises(BadInput, match=message):
        execute.run(wanted)

    assert not wanted.draft.folder.exists()


def test_a_notebook_that_names_no_kernel_runs_in_pythons(job):
    run = execute.run(job(new_notebook(cells=[code("print('here')")])))

    assert (run.kernel, printed(run)) == ("python3", ["here\n"])


def test_an_unknown_kernel_of_the_notebook_is_told_too(job):
    node = book("1")
    node.metadata.kernelspec.name = "conda-env-mine"

    with pytest.raises(BadInput, match="no kernel 'conda-env-mine'"):
        execute.run(job(node))


# -- runners that are ended ----------------------------------------------------------------------------------------

RUNNER = """
import sys
from pathlib import Path
import nbformat
from nbpromote import execute, validate
from nbpromote.model import Code, Environment, Ending, Policy, Run, Schema

_, notebook, folder = sys.argv
draft = Run(
    id="r1", notebook="any", environment="dev", code=Code(digest="c", schema=Schema()), folder=Path(folder),
    started="2026-01-31T12:00:00.000Z", ended="", seconds=0, actor="Ada", cells=(),
)
environment = Environment(name="dev", tracking_uri="", policy=Policy())
job = execute.Job(
    draft=draft, node=nbformat.read(notebook, as_version=4), folder=Path(notebook).parent, environment=environment
)
if any(cell.ending is Ending.INTERRUPTED for cell in execute.run(job).cells):
    sys.exit(130)
"""
WAITS = "import time\nprint('half', flush=True)\ntime.sleep(0.3)\nopen('here', 'w').close()\ntime.sleep(300)"


@pytest.fixture
def runner(tmp_path):
    """Another process in the middle of the third cell of four, and the folder of its run."""
    skipped, stale = code("0", "skip-execution"), code("print('never')")
    stale.outputs = [nbformat.v4.new_output("stream", text="of last year")]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(book(FAMILY, skipped, WAITS, stale), tmp_path / "notebooks" / "any.ipynb")
    folder = tmp_path / "runs" / "r1"
    command = [sys.executable, "-c", RUNNER, tmp_path / "notebooks" / "any.ipynb", folder]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(600):
        if (tmp_path / "notebooks" / "here").exists():
            break
        time.sleep(0.05)
    yield process, folder
    process.kill()
    process.communicate()


def private_folders_of(process: int) -> list[Path]:
    return [owner.parent for owner in Path("/tmp").glob("nbp-*/owner") if owner.read_text().strip() == str(process)]


def family(folder: Path) -> list[int]:
    """The kernel and what it started, as its first cell told them to the journal."""
    entries = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
    first = next(entry for entry in entries if "cell" in entry)
    return [int(process) for process in first["cell"]["outputs"][0]["text"].split()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_runner_that_is_told_to_stop_records_it_within_five_seconds(number, runner):
    process, folder = runner
    (private,) = private_folders_of(process.pid)
    started = time.monotonic()

    process.send_signal(number)
    out, err = process.communicate(timeout=20)

    assert time.monotonic() - started < 5
    assert (process.returncode, out, err) == (130, b"", b"")
    run = execute.load_run(folder)
    assert endings(run) == [OK, LEFT, CUT, LEFT]
    assert printed(run)[2:] == ["half\n", ""]
    assert all(ends(one) for one in family(folder))
    assert not private.exists()
    assert tuple(execute.sweep(folder.parent)) == ()


def test_runs_of_one_second_sort_by_time():
    names = []
    for _ in range(20):
        names.append(execute.new_id("count", "dev"))
        time.sleep(0.002)

    assert sorted(names) == names


@pytest.mark.parametrize("damage", [b"", b"{", b"{}", b'{"id": "\xa0"}', b'{"nothing": "known"}', b"[]"])
def test_a_record_that_is_damaged_is_none_and_keeps_no_run_from_starting(tmp_path, damage):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_bytes(damage)
    (folder / "owner").write_text("")

    assert execute.load_run(folder) is None
    assert tuple(execute.sweep(tmp_path)) == ()
    assert not execute.is_owned(folder)


@pytest.mark.parametrize("name", ["input.ipynb", "journal.jsonl"])
def test_damage_in_what_a_killed_runner_left_keeps_no_run_from_starting(runner, name):
    process, folder = runner
    process.kill()
    process.communicate()
    whole = (folder / name).read_bytes()

    for seed in range(60):
        left = folder.parent / f"r{seed + 2}"
        shutil.copytree(folder, left)
        record = json.loads((left / "run.json").read_text())
        (left / "run.json").write_text(json.dumps({**record, "id": left.name, "folder": str(left)}))
        chance = random.Random(seed)
        place = chance.randrange(len(whole))
        (left / name).write_bytes(whole[:place] + bytes([whole[place] ^ 1 << chance.randrange(8)]) + whole[place + 1 :])
    closed = tuple(execute.sweep(folder.parent))

    assert len(closed) == 61
    assert all(run.ended and "the runner was killed" in run.notes for run in closed)
    assert not any(execute.is_owned(run.folder) for run in closed)
    assert closed[0].notebook_file.exists()


def test_after_a_runner_was_killed_the_next_start_closes_its_record(runner):
    process, folder = runner
    (private,) = private_folders_of(process.pid)
    while_it_lives = tuple(execute.sweep(folder.parent))

    process.kill()
    process.communicate()
    (closed,) = execute.sweep(folder.parent)

    assert while_it_lives == ()
    assert endings(closed) == [OK, LEFT, CUT, LEFT]
    assert [cell.message for cell in closed.cells] == [
        "",
        "tagged skip-execution",
        "the runner was killed while it ran",
        "",
    ]
    assert closed.cells[0].seconds is not None
    assert "the runner was killed" in closed.notes
    assert closed.ended > closed.started
    assert closed.kernel == "python3"
    assert execute.load_run(folder) == closed
    assert [bool(text) for text in printed(closed)] == [True, False, False, False]
    assert all(ends(one) for one in family(folder))
    assert not private.exists()
    assert tuple(execute.sweep(folder.parent)) == ()


@pytest.mark.parametrize("missing", ["run.json", "input.ipynb", "journal.jsonl"])
def test_a_runner_killed_before_the_first_cell_leaves_nothing_open(missing, job, tmp_path):
    wanted = job(book("1"))
    for name in ("run.json", "input.ipynb"):
        if name == missing:
            break
        wanted.draft.folder.mkdir(parents=True, exist_ok=True)
        execute.save_run(wanted.draft)
        if missing == "journal.jsonl":
            nbformat.write(wanted.node, wanted.draft.folder / "input.ipynb")
    wanted.draft.folder.mkdir(parents=True, exist_ok=True)
    (wanted.draft.folder / "owner").write_text("1\n")

    closed = tuple(execute.sweep(tmp_path / "runs"))

    assert [endings(run) for run in closed] == {"run.json": [], "input.ipynb": [[]], "journal.jsonl": [[CUT]]}[missing]
    assert tuple(execute.sweep(tmp_path / "runs")) == ()


def test_a_run_of_a_killed_runner_is_given_until_whoever_got_it_asks_for_more(job, tmp_path):
    draft = job(book("1")).draft
    draft.folder.mkdir(parents=True)
    execute.save_run(draft)
    (draft.folder / "owner").write_text("1\n")

    killed = execute.sweep(tmp_path / "runs")
    first = next(killed)
    killed.close()

    assert [run.id for run in execute.sweep(tmp_path / "runs")] == [first.id]
    assert tuple(execute.sweep(tmp_path / "runs")) == ()


def test_a_disk_that_fills_up_during_a_run_could_not_answer(job, small_disk):
    wanted = job(book("print('x' * 200_000)", "2"))

    with pytest.raises(Unavailable, match=r"no room to write .*: [\d,]+ bytes needed"):
        execute.run(wanted)

    (closed,) = execute.sweep(small_disk)
    assert endings(closed) == [CUT, LEFT]


# -- a question to a kernel ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ValueError('no such model')", "error: ValueError no such model"),
        ("import os; os._exit(3)", "died:  the kernel's process ended with exit code 3"),
        ("import time; time.sleep(60)", "timed-out:  a cell has 1 s"),
    ],
    ids=["raises", "dies", "hangs"],
)
def test_a_question_without_an_answer_is_an_error(source, said, tmp_path):
    with pytest.raises(Unavailable) as told:
        execute.ask(source, kernel=None, folder=tmp_path, variables={}, limits=SHORT)

    assert str(told.value) == said


def test_a_question_is_answered_by_what_is_printed(tmp_path):
    source = "import os, sys\nprint('aside', file=sys.stderr)\nprint(os.environ['URI'])"

    said = execute.ask(source, kernel="python3", folder=tmp_path, variables={"URI": "x://y"}, limits=Limits())

    assert said == "x://y\n"


# -- papermill's own command ---------------------------------------------------------------------------------------


def test_papermills_own_command_runs_with_our_engine(tmp_path):
    notebooks = {
        "good": book(code("x = 1", "parameters"), "print(x * 2)"),
        "dead": book("1", "import os\nos.kill(os.getpid(), 9)", "3"),
        "left": book("1", "import sys\nsys.exit(0)", "3"),
    }
    started = {}
    for name, node in notebooks.items():
        nbformat.write(node, tmp_path / f"{name}.ipynb")
        command = [Path(sys.executable).parent / "papermill", "--engine", "nbpromote", "--no-progress-bar"]
        paths = [tmp_path / f"{name}.ipynb", tmp_path / f"{name}.out.ipynb"]
        more = ["-p", "x", "21"] if name == "good" else []
        started[name] = subprocess.Popen([*command, *paths, *more], stderr=subprocess.PIPE, text=True)

    said = {name: process.communicate(timeout=60)[1] for name, process in started.items()}

    assert {name: process.returncode for name, process in started.items()} == {"good": 0, "dead": 138, "left": 1}
    out = nbformat.read(tmp_path / "good.out.ipynb", as_version=4)
    assert out.cells[-1].outputs[0].text == "42\n"
    assert "SystemExit" in said["left"]


# -- the values in the kernel --------------------------------------------------------------------------------

NASTY = {
    "nothing": None,
    "yes": True,
    "one": 1,
    "one_point": 1.0,
    "minus_nothing": -0.0,
    "big": 10**999 + 7,
    "third": 1 / 3,
    "smallest": 5e-324,
    "largest": 1.7976931348623157e308,
    "sum_": 0.1 + 0.2,
    "empty": "",
    "quotes": "'\"'''\"\"\"\\'\\\"",
    "backslashes": "\\ \\\\ \\n \\u0041 \\N{DASH} C:\\temp\\new",
    "lines": "a\nb\r\nc\rd\te\x00f\x0b\x0c\x1b[31m\x7f\x85\u2028\u2029\ufeff",
    "signs": "é ü 漢字 \U0001f600 \u202e",
    "code": '"; import os; os._exit(1); "',
    "format": "{x} %s {0!r} ${HOME} $(id) `id` f'{1+1}'",
    "magic": "%%bash\n!ls\n%time\n?help??",
    "comment": "# not = a comment \\",
    "long_text": "xyz" * 50_000,
    "dates": ["2026-01-31", "2026-01-31T12:00:00Z"],
    "deep": [[[[[[[[[[[[{"a": [{"b": {"": [None, True, -1, 2.5]}}]}]]]]]]]]]]]],
    "keys": {"'); import os; os._exit(1); ('": 1, "a\nb": 2, '"': 3, "": 4, "{x}": 5, "None": 6},
    "größe": {"漢": [1e16, 1e-7, 123456789012345678]},
}


def asked(job, values, *cells):
    """A run of a notebook that is given the values, and asked for them at the end."""
    names = "\n".join(f"{name} = None" for name in values)
    made = job(book(code(names, "parameters"), *cells), parameters=values)
    done = execute.run(replace(made, closing=execute.asking(values, made.draft.folder)))
    executed = nbformat.read(done.notebook_file, as_version=4)
    return validate.evidence(done, executed=executed).check("parameters-as-given")


def test_the_values_in_the_kernel_are_those_given_to_the_last_bit(job):
    check = asked(job, NASTY, "assert minus_nothing.hex() == '-0x0.0p+0'", "exec = globals = None")

    assert (check.outcome, check.summary) == ("passed", "24 parameters as given")


def test_a_parameter_that_was_changed_on_the_way_is_named_with_both_values(job):
    changes = """
    months.append(2)
    table["a"]["b"] = 1.0
    for name, value in {"top": 9, "rate": 2, "flag": 1, "kind": b"x", "long": "y" * 20_000}.items():
        globals()[name] = value
    del globals()["gone"]
    """
    values = {"months": [1], "table": {"a": {"b": 1}}, "top": 3, "rate": 2.0, "flag": True, "kind": "x", "long": "x"}
    values |= {"gone": "here", "kept": [1, {"a": None}]}

    check = asked(job, values, re.sub("^    ", "", changes, flags=re.M))

    assert check.outcome == "failed"
    assert check.count == 9
    assert check.summary == "8 parameters not as given: months was given [1] and is [1,2] at the end"
    assert check.details[1:7] == (
        'table was given {"a":{"b":1}} and is {"a":{"b":1.0}} at the end',
        "top was given 3 and is 9 at the end",
        "rate was given 2.0 and is 2 at the end",
        "flag was given true and is 1 at the end",
        'kind was given "x" and is <bytes> at the end',
        check.details[6],
    )
    assert check.details[6].startswith('long was given "x" and is sha256:')
    assert check.details[7] == 'gone was given "here" and is gone'


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**900)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.sampled_from(['"', "\\", "'''", '"""', "\n%magic", "\n!ls", "#", "\\N{", "\\x", "{}", "\r", "?"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["a", "größe", "list_", "x1"]), VALUES, min_size=1))
def test_the_injected_cell_spells_every_value_exactly(job, values):
    from IPython.core.inputtransformer2 import TransformerManager

    from nbpromote.execute import running

    node = running._parameterised(job(book(code("a = 1", "parameters")), parameters=values), "python3")
    injected = next(cell for cell in node.cells if "injected-parameters" in cell.metadata.tags)
    found = {}
    exec(TransformerManager().transform_cell(injected.source), found)  # as a kernel reads it

    assert canonical({name: found[name] for name in values}) == canonical(values)


def test_a_grammar_that_no_notebook_needs_is_not_compiled():
    asked = "import sys, nbpromote.execute.running; print('jsonschema' in sys.modules, 'lark' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert done.stdout == "True False\n"
