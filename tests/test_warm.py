# ruff: noqa: E501 (cells of notebooks)
"""Kernels that were forked: the same as fresh ones in everything but the modules that they have already."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from ground import HEADER, Ground
from nbpromote import execute, notebook
from nbpromote.execute import Warmth
from nbpromote.execute.kernels import keeping
from nbpromote.model import Code, Environment, Limits, Policy, Run, Schema

PRELOAD = ("numpy", "matplotlib.pyplot", "sklearn.linear_model", "joblib", "tqdm.auto")

FACTS = """
import sys, os, json, signal, gc, locale, time, threading, logging, resource, asyncio, multiprocessing
import __main__

def opened():
    for handle in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink(f"/proc/self/fd/{handle}").split("[")[0].split(":")[0].split("/")[-1]
        except OSError:
            pass

kinds = [place for place in opened() if place != "fd"]
mine = os.path.dirname(os.environ["IPYTHONDIR"])
facts = dict(
    argv=[len(sys.argv), sys.argv[0], sys.argv[1]], begins=sys.orig_argv[:3], path=sys.path, flags=str(sys.flags),
    options=sys._xoptions, depth=sys.getrecursionlimit(), main=sorted(vars(__main__)), name=__name__,
    ours=[name for name in sys.modules if name.split(".")[0] == "birth"],
    environ={name: value.replace(mine, "") for name, value in os.environ.items()}, zone=time.tzname,
    locale=locale.setlocale(locale.LC_ALL), folder=os.getcwd(), opened=sorted(kinds),
    signals={one.name: str(signal.getsignal(one)).split(" at ")[0] for one in signal.Signals},
    mask=str(signal.pthread_sigmask(signal.SIG_BLOCK, [])), gc=[gc.isenabled(), gc.get_threshold()],
    threads=sorted(thread.name.split("(")[-1] for thread in threading.enumerate()), root=len(logging.getLogger().handlers),
    leads=os.getsid(0) == os.getpid(), files=resource.getrlimit(resource.RLIMIT_NOFILE), umask=os.umask(0o22),
    displays=type(sys.displayhook).__name__, finders=[str(one).split(" at ")[0] for one in sys.meta_path],
)
print(json.dumps(facts))
"""

LIBRARIES = [
    "import numpy as np, matplotlib, matplotlib.pyplot as plt\nprint(matplotlib.get_backend(), matplotlib.get_configdir()"
    " == __import__('os').environ['MPLCONFIGDIR'])\nplt.plot([1, 2]);",
    "from sklearn.linear_model import Ridge\nX = np.arange(12.0).reshape(6, 2)\n"
    "print(Ridge().fit(X, X[:, 0]).predict(X).round(6).tolist())",
    "from joblib import Parallel, delayed\nprint(Parallel(n_jobs=2, backend='threading')(delayed(abs)(-n) for n in range(4)))",
    "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool:\n    print(pool.map(abs, [-1, -2]))",
    "with multiprocessing.get_context('spawn').Pool(1) as pool:\n    print(pool.map(abs, [-3]))",
    "import asyncio\nasync def twice(n):\n    await asyncio.sleep(0)\n    return 2 * n\nprint(await asyncio.gather(twice(1), twice(2)))",
    "import concurrent.futures as f\nwith f.ThreadPoolExecutor(2) as pool:\n    print(list(pool.map(abs, [-5])))",
    "!echo from a shell",
    "%%bash\necho from bash",
    "from tqdm.auto import tqdm",
    "import tempfile, os\nprint(tempfile.gettempdir() == os.environ['TMPDIR'])",
]

DRAWN = """
import random, numpy, uuid, multiprocessing
print([random.random(), numpy.random.rand(), uuid.uuid4().hex, multiprocessing.current_process().authkey.hex()])
"""

LAST = """
import atexit, os
left = open(os.path.join(os.environ["FOLDER"], "left.txt"), "w"); left.write("not closed")
atexit.register(lambda: open(os.path.join(os.environ["FOLDER"], "handled.txt"), "w").write("handled"))
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Runs cells, by a fork where `warmth` is given, and gives the record and every cell's outputs."""
    folder = tmp_path_factory.mktemp("warm")

    def ran(*cells: str, warmth: Warmth | None = None, **more) -> tuple[Run, list]:
        name = f"r{len(list(folder.iterdir()))}"
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        node = new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata={"kernelspec": spec})
        draft = Run(
            id=name, notebook="any", environment="dev", code=Code(digest="c", schema=Schema()), folder=folder / name,
            started="", ended="", seconds=0, actor="Ada", cells=(),
        )  # fmt: skip
        environment = Environment(name="dev", tracking_uri="", policy=Policy(), limits=Limits(start=120))
        work = folder / "work"
        work.mkdir(exist_ok=True)
        run = execute.run(
            execute.Job(draft=draft, node=node, folder=work, environment=environment, warmth=warmth, **more)
        )
        done = nbformat.read(run.notebook_file, as_version=4)
        return run, [cell.outputs for cell in done.cells]

    return ran


@pytest.fixture(scope="module")
def warmth() -> Warmth:
    return Warmth(preload=PRELOAD, env=execute.shared(()), patience=120)


def texts(outputs) -> list[str]:
    return ["".join(output.get("text", "") for output in cell) for cell in outputs]


def test_a_forked_kernel_differs_from_a_fresh_one_in_nothing_but_its_modules(ran, warmth):
    fresh, said = ran(FACTS)
    warm, said_warm = ran(FACTS, warmth=warmth)

    assert (fresh.start, warm.start) == ("fresh", "warm")
    one, other = (json.loads(texts(outputs)[0]) for outputs in (said, said_warm))
    # modules that were put aside until somebody imports them, and what importing them sets for those after them
    other["finders"] = [finder for finder in other["finders"] if "_Sleeping" not in finder]
    other["finders"] = [finder for finder in other["finders"] if finder in one["finders"]]
    for name in ("KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK"):
        other["environ"].pop(name, None)
    for fact in one:
        if fact not in ("environ", "opened"):
            assert other[fact] == one[fact], fact
    own = {"NBPROMOTE_RUN_FOLDER"}
    assert {k: v for k, v in other["environ"].items() if k not in own} == {
        k: v for k, v in one["environ"].items() if k not in own
    }
    assert {*other["opened"]} <= {*one["opened"]}


def test_libraries_do_in_a_fork_what_they_do_in_a_fresh_kernel(ran, warmth):
    fresh, said = ran(*LIBRARIES)
    warm, said_warm = ran(*LIBRARIES, warmth=warmth)

    assert warm.start == "warm"
    assert [(cell.ending, cell.message) for cell in warm.cells] == [(cell.ending, cell.message) for cell in fresh.cells]
    assert json.dumps(said_warm, sort_keys=True) == json.dumps(said, sort_keys=True)
    assert any("image/png" in output.get("data", {}) for output in said_warm[0])


def test_what_is_drawn_by_lot_is_drawn_for_each_kernel(ran, warmth):
    _, first = ran(DRAWN, warmth=warmth)
    _, second = ran(DRAWN, warmth=warmth)

    one, other = (json.loads(texts(outputs)[0].replace("'", '"')) for outputs in (first, second))
    assert all(a != b for a, b in zip(one, other, strict=True))


def test_exit_handlers_run_and_open_files_are_flushed(ran, warmth, tmp_path):
    run, _ = ran(LAST, warmth=warmth, variables={"FOLDER": str(tmp_path)})

    assert run.start == "warm"
    assert (tmp_path / "left.txt").read_text() == "not closed"
    assert (tmp_path / "handled.txt").read_text() == "handled"


@pytest.mark.parametrize(
    ("source", "said"), [("import os; os._exit(3)", "exit code 3"), ("import os; os.kill(os.getpid(), 9)", "SIGKILL")]
)
def test_a_fork_ends_as_a_fresh_kernel_does(source, said, ran, warmth):
    run, _ = ran(source, warmth=warmth)

    assert run.start == "warm"
    assert said in run.failure.message


# -- where no fork will do -----------------------------------------------------------------------------------------


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Modules that a preload can name."""
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}".rstrip(":"))

    def write(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)

    return write


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True).start()", "a thread"),
        ("import os; os.environ.get('GIVEN')", "GIVEN is different"),
        ("from IPython import get_ipython; get_ipython().events", "the notebook's shell"),
        ("import os; os._exit(4)", "ended"),
        ("import time; time.sleep(99)", "within 3 s"),
    ],
)
def test_where_a_fork_would_not_be_the_same_a_fresh_kernel_says_why(text, said, modules, ran):
    modules("peculiar", text)
    warmth = Warmth(preload=("peculiar",), env=execute.shared(()), patience=3 if "sleep(99)\n" in f"{text}\n" else 60)

    run, _ = ran("1", warmth=warmth, variables={"GIVEN": "x"})

    assert run.start.startswith("fresh: ")
    assert said in run.start
    assert run.failure is None


def test_what_a_module_says_when_it_is_imported_is_said_where_the_notebook_imports_it(modules, ran):
    modules("talkative", "import warnings\nprint('hello')\nwarnings.warn('mind this', UserWarning, stacklevel=2)")
    modules("between", "import talkative")
    warmth = Warmth(preload=("between",), env=execute.shared(()))

    for cells in (
        ("1", "import between", "import talkative"),
        ("import warnings; warnings.simplefilter('ignore')\nimport between",),
    ):
        _, said = ran(*cells)
        run, said_warm = ran(*cells, warmth=warmth)

        assert run.start == "warm"
        assert said_warm == said


# -- what a notebook wants -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "sets"),
    [
        (["import pandas"], ()),
        (["import os\nos.environ['A'] = '1'", "import pandas"], ("A",)),
        (["import pandas", "import os\nos.environ['A'] = '1'"], ()),
        (["import os\nos.environ.setdefault('A', '1')\nimport pandas"], ("A",)),
        (["import os\nos.environ.setdefault('THERE', '1')\nimport pandas"], ()),
        (["%env A=1", "import pandas"], ("A",)),
        (["import os\nif True:\n    os.environ[name] = '1'", "import pandas"], ("*",)),
        (["from dotenv import load_dotenv\nload_dotenv()", "import pandas"], ("*",)),
        (["import os\ndef later():\n    os.environ['A'] = '1'", "import pandas"], ()),
        (["import os\nprint(os.environ['A'])\nimport pandas"], ()),
    ],
)
def test_variables_that_a_notebook_sets_before_it_imports_are_found(cells, sets):
    node = new_notebook(cells=[new_code_cell(cell) for cell in cells])

    assert notebook.sets_variables(node, already=("THERE",)) == sets


def test_imports_are_taken_in_order_without_pythons_and_the_projects():
    node = new_notebook(
        cells=[
            new_code_cell("import os, pandas as pd\nfrom sklearn import ensemble"),
            new_code_cell("import mine.x\nfrom a.b import C"),
        ]
    )

    assert notebook.imported(node, own={"mine"}) == ("pandas", "sklearn", "sklearn.ensemble", "a.b")


def test_a_run_says_how_its_kernel_came_to_be(ground: Ground):
    ground.write("notebooks/set.py", HEADER + "\n# %%\nimport os\nos.environ['A'] = '1'\n\n# %%\nimport numpy\n")

    starts = [ground.json("run", *arguments)["start"] for arguments in (("count",), ("count", "--fresh"), ("set",))]

    assert starts[:2] == ["warm", "fresh"]
    assert "sets A before it imports" in starts[2]


def test_a_policy_that_wants_fresh_kernels_refuses_a_release_of_a_warm_one(ground: Ground):
    ground.edit("params/staging.policy.yaml", "promotes_from", "fresh: true\npromotes_from")
    ground.commit("want fresh kernels")
    ground.released("count")

    refused = ground.nbpromote("plan", "count", "--to", "staging")
    ground.nbpromote("run", "count", "--fresh")
    ground.nbpromote("release", "count")
    planned = ground.nbpromote("plan", "count", "--to", "staging")

    assert "nbpromote run count --fresh" in refused.stdout
    assert "--fresh" not in planned.stdout


# -- for other tools -----------------------------------------------------------------------------------------------


def test_papermill_and_nbval_pick_an_installed_kernel(ground: Ground, tmp_path: Path):
    done = ground.nbpromote("kernel", "install", "--preload", "numpy", "--name", "quick", "--prefix", str(tmp_path))
    assert done.returncode == 0, done.stderr
    node = new_notebook(cells=[new_code_cell("import sys\nprint('numpy' in sys.modules)")])
    node.cells[0].execution_count = 1
    node.cells[0].outputs = [nbformat.v4.new_output("stream", name="stdout", text="True\n")]
    node.metadata["kernelspec"] = {"name": "quick", "display_name": "quick", "language": "python"}
    nbformat.write(node, tmp_path / "in.ipynb")
    environ = {**os.environ, "JUPYTER_PATH": str(tmp_path / "share/jupyter")}

    ran = subprocess.run(
        [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
    )
    compared = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider", "in.ipynb"],
        cwd=tmp_path, env=environ, capture_output=True, text=True,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    assert nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[0].outputs[0].text == "True\n"
    assert compared.returncode == 0, compared.stdout


def test_a_kernel_kept_warm_is_found_by_later_runs_and_ends_when_told(ground: Ground, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    kept = ground.json("kernel", "warm", "--preload", "numpy", "--idle", "5m")["kept"]
    try:
        listed = ground.json("kernel", "list")["kept"]
        found = keeping.covering(execute.command("python3"), Warmth(preload=("numpy",), env=execute.shared(())))
    finally:
        ended = ground.json("kernel", "stop")["ended"]

    assert [one["for"] for one in kept] == ["kernels", "commands"]
    assert [one["pid"] for one in listed] == [one["pid"] for one in kept] == ended
    assert found is not None
    assert ground.json("kernel", "list")["kept"] == []
