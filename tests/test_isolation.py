"""What a run may write to, tried for real: by Python, C code, other programs and children of the kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ground import HEADER, Ground, build
from nbpromote.execute.birth import guard

pytestmark = pytest.mark.skipif(bool(guard.missing()), reason=f"ISOLATION WAS NOT TRIED: {guard.missing()}")

# each is tried on files of an environment that is not the run's; `own` is a place that it may write to
REFUSED = {
    "open": "open(theirs, 'w')",
    "open to add": "open(theirs, 'a')",
    "a new file": "open(folder / 'new', 'w')",
    "os.open and truncate": "os.open(theirs, os.O_RDONLY | os.O_TRUNC)",
    "os.truncate": "os.truncate(theirs, 0)",
    "remove": "os.remove(theirs)",
    "rename over": "os.replace(ours('a'), theirs)",
    "rename away": "os.rename(theirs, own / 'taken')",
    "shutil.move away": "shutil.move(theirs, own / 'moved')",
    "hard link from": "os.link(theirs, own / 'linked')",
    "hard link to": "os.link(ours('b'), folder / 'linked')",
    "through a symbolic link": "(os.symlink(theirs, own / 'pointing'), open(own / 'pointing', 'w'))",
    "symbolic link": "os.symlink(ours('c'), folder / 'pointing')",
    "mkdir": "os.mkdir(folder / 'new')",
    "rmdir": "os.rmdir(folder / 'empty')",
    "mkfifo": "os.mkfifo(folder / 'fifo')",
    "mmap": "mmap.mmap(os.open(theirs, os.O_RDWR), 0)",
    "through /proc": "os.open('/proc/self/fd/%d' % os.open(theirs, os.O_RDONLY), os.O_RDWR)",
    "shutil.copy": "shutil.copy(ours('d'), theirs)",
    "to_csv": "frame.to_csv(theirs)",
    "to_parquet": "frame.to_parquet(folder / 'table.parquet', engine='pyarrow')",
    "pyarrow": "pyarrow.parquet.write_table(pyarrow.table({'a': [1]}), str(theirs))",
    "numpy": "numpy.save(folder / 'array.npy', numpy.ones(3))",
    "sqlite3": "sqlite3.connect(folder / 'data.db').execute('INSERT INTO kept VALUES (2)')",
    "sqlite3 new": "sqlite3.connect(folder / 'new.db').execute('CREATE TABLE more (n)')",
    "sh": "subprocess.run(f'echo changed > {theirs}', shell=True, check=True, stderr=subprocess.DEVNULL)",
    "cp": "subprocess.run(['cp', ours('e'), theirs], check=True, stderr=subprocess.DEVNULL)",
    "another session": "subprocess.run(['rm', theirs], check=True, start_new_session=True, stderr=subprocess.DEVNULL)",
    "a C library": "called(ctypes.CDLL(None, use_errno=True).truncate(os.fsencode(theirs), 0))",
    "a thread": "in_thread(lambda: open(theirs, 'w'))",
    "a forked child": "in_process('fork')",
    "a spawned child": "in_process('spawn')",
    "joblib": "joblib.Parallel(n_jobs=2)([joblib.delayed(os.truncate)(theirs, 0)] * 2)",
    "rights regained": "(ctypes.CDLL(None).prctl(38, 0, 0, 0, 0), open(theirs, 'w'))",
    "the code's own folder": "open('beside.txt', 'w')",
    "/tmp": "open('/tmp/nbpromote-isolation', 'w')",
}
ALLOWED = {
    "read": "theirs.read_bytes()",
    "read a table": "sqlite3.connect(folder / 'data.db').execute('SELECT n FROM kept').fetchall()",
    "list": "os.listdir(folder)",
    "own folder": "(own / 'fine').write_text('fine')",
    "move about": "(os.mkdir(own / 'deep'), os.replace(ours('f'), own / 'deep' / 'f'), shutil.rmtree(own / 'deep'))",
    "temporary": "tempfile.NamedTemporaryFile().write(b'fine')",
    "pipe": "subprocess.run('echo fine | cat > /dev/null', shell=True, check=True)",
    "figure": "(pyplot.plot([1, 2]), pyplot.savefig(own / 'figure.png'))",
    "joblib": "joblib.Parallel(n_jobs=2, max_nbytes=1000)(joblib.delayed(sum)(numpy.ones(1000)) for _ in range(2))",
    "spawned": "multiprocessing.get_context('spawn').Pool(1).map(abs, [-1])",
    "shared memory": "shared_memory.SharedMemory(create=True, size=10).unlink()",
    "parquet": "frame.to_parquet(own / 'table.parquet')",
    "socket": "socket.socket(socket.AF_UNIX).bind(os.path.join(tempfile.gettempdir(), 's'))",
}

TRIES = """
# %% tags=["parameters"]
result: str = "result.json"  # what came of each
tried: str = "tried.json"  # what to try
others: str = "../data/prod"  # whose files

# %%
import ctypes, json, mmap, multiprocessing, os, shutil, socket, sqlite3, subprocess, tempfile, threading
from multiprocessing import shared_memory
from pathlib import Path
import joblib, numpy, pandas, pyarrow.parquet
from matplotlib import pyplot

folder = Path(others)
theirs, own = folder / "kept.csv", Path(result).parent
frame = pandas.DataFrame({"a": [1, 2]})

def ours(name):
    (own / name).write_text("changed")
    return own / name

def called(answer):
    if answer < 0:
        raise OSError(ctypes.get_errno(), "refused")

def in_thread(task):
    raised = []
    def work():
        try:
            task()
        except OSError as error:
            raised.append(error)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    for error in raised:
        raise error

def in_process(how):
    multiprocessing.get_context(how).Pool(1).apply(os.truncate, (theirs, 0))

# %%
came = {}
for name, source in json.loads(Path(tried).read_text()).items():
    try:
        eval(source)
        came[name] = "done"
    except Exception as error:
        came[name] = f"{type(error).__name__}: {error}"

# %%
with open(result, "w") as file:
    json.dump(came, file)
"""


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> tuple[Ground, dict]:
    """Everything above, by one notebook in an environment that enforces."""
    ground = build(tmp_path_factory.mktemp("isolation") / "small", empty_store)
    folder = ground.root / "data/prod"
    (folder / "empty").mkdir(parents=True)
    (folder / "kept.csv").write_text("kept")
    subprocess.run(
        [sys.executable, "-c", "import sqlite3; d = sqlite3.connect('data.db'); d.execute('CREATE TABLE kept (n)')"],
        cwd=folder,
        check=True,
    )
    every = {f"refused {n}": s for n, s in REFUSED.items()} | {f"allowed {n}": s for n, s in ALLOWED.items()}
    ground.write("tried.json", json.dumps(every))
    ground.write("notebooks/tries.py", HEADER + TRIES)
    values = "inputs: {tried: tried.json, others: data/prod}\n    outputs: {result: data/dev/result.json}"
    ground.write("params/dev.yaml", f"notebooks:\n  tries:\n    {values}\n")
    ground.write("params/dev.policy.yaml", "isolation: enforce\n")
    return ground, ground.json("run", "tries")


def test_nothing_writes_to_files_of_another_environment(tried: tuple[Ground, dict]) -> None:
    ground, told = tried
    came = json.loads((ground.project.runs / told["run"] / "outputs/result/result.json").read_text())
    folder = ground.root / "data/prod"

    assert {name: said for name, said in came.items() if name.startswith("refused") and said == "done"} == {}
    assert {name: said for name, said in came.items() if name.startswith("allowed") and said != "done"} == {}
    assert (folder / "kept.csv").read_text() == "kept"
    assert sorted(path.name for path in folder.iterdir()) == ["data.db", "empty", "kept.csv"]
    assert not (ground.root / "notebooks/beside.txt").exists()
    assert not Path("/tmp/nbpromote-isolation").exists()


def test_the_record_says_what_was_refused_and_the_check_what_to_do(tried: tuple[Ground, dict]) -> None:
    ground, told = tried
    check = next(check for check in told["checks"] if check["name"] == "stayed-inside")

    assert told["isolation"] == "enforce"
    assert f"write {ground.root}/data/prod/kept.csv" in told["refused"]
    assert f"write {ground.root}/data/prod/data.db" not in told["refused"]
    assert not any(str(ground.project.runs) in line for line in told["refused"])
    assert check["outcome"] == "failed"
    assert "declare it under `outputs`" in check["details"][-1]
    assert not told["passed"]
