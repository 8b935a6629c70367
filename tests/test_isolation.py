"""What a run may write to, tried for real: by Python, C code, other programs and children of the kernel."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from ground import HEADER, Ground, build
from nbpromote import execute
from nbpromote.execute import isolation, kernels
from nbpromote.execute.birth import guard, watching
from nbpromote.model import Code, Environment, Isolation, Policy, Run, Schema

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

NO = re.compile("Permission denied|cross-device link|readonly database|unable to open|non-zero exit|refused")

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

    assert {name: said for name, said in came.items() if name.startswith("refused") and not NO.search(said)} == {}
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


# -- a notebook that goes on after a refusal, in each mode ------------------------------------------------------

SWALLOWS = """
# %%
import contextlib, os
from pathlib import Path
with contextlib.suppress(OSError):
    Path("../data/other/deep").mkdir(parents=True)
    Path("../data/other/deep/table.csv").write_text("more")
Path("../data").exists(), os.listdir("..")

# %%
!echo more > {root}/data/told.txt
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    ground = build(tmp_path_factory.mktemp("modes") / "small", empty_store)
    ground.write("notebooks/swallows.py", HEADER + SWALLOWS.format(root=ground.root))
    (ground.root / "data").mkdir(exist_ok=True)
    return ground


def ran(ground: Ground, mode: str) -> tuple[dict, dict]:
    ground.write("params/dev.policy.yaml", f"isolation: {mode}\n" if mode else "{}\n")
    told = ground.json("run", "swallows")
    return told, next(check for check in told["checks"] if check["name"] == "stayed-inside")


def test_a_refusal_that_the_notebook_swallows_does_not_pass(small: Ground) -> None:
    told, check = ran(small, "enforce")

    assert told["failure"] is None
    assert check["outcome"] == "failed"
    assert check["summary"] == f"not allowed to make {small.root}/data/other, and 1 more"
    assert told["refused"] == [f"make {small.root}/data/other", f"write {small.root}/data/told.txt"]
    assert list((small.root / "data").iterdir()) == []


def test_the_entry_environment_warns_of_what_would_be_refused_above(small: Ground) -> None:
    told, check = ran(small, "")

    assert (told["isolation"], told["passed"], check["outcome"]) == ("warn", True, "skipped")
    assert told["refused"] == [f"{what} {small.root}/data/other{rest}" for what, rest in WROTE]
    assert (small.root / "data/other/deep/table.csv").read_text() == "more"


WROTE = (("make", ""), ("make", "/deep"), ("write", "/deep/table.csv"))


def test_off_asks_nothing(small: Ground) -> None:
    told, check = ran(small, "off")

    assert (told["isolation"], told["refused"], check["outcome"]) == ("off", [], "skipped")


def test_a_machine_without_landlock_warns_and_says_so(small: Ground) -> None:
    """The three calls are taken away by a seccomp filter, as some containers do."""
    small.write("params/dev.policy.yaml", "isolation: enforce\n")
    command = [sys.executable, "-c", WITHOUT, "-C", str(small.root), "run", "swallows", "--json"]

    done = subprocess.run(command, capture_output=True, text=True)

    told = json.loads(done.stdout)
    assert told["isolation"] == "warn: no Landlock: Linux older than 5.13, or built without"
    assert "isolation: " + told["isolation"] in told["notes"]
    assert told["passed"], done.stderr


# a program of seccomp: the number of the call; 444 to 446 are answered with ENOSYS, others let through
WITHOUT = """
import ctypes, struct, sys
code = [(0x20, 0, 0, 0), (0x35, 0, 2, 444), (0x25, 1, 0, 446), (0x06, 0, 0, 0x00050026), (0x06, 0, 0, 0x7fff0000)]
program = b"".join(struct.pack("HBBI", *line) for line in code)
text = ctypes.create_string_buffer(program)
given = struct.pack("HxxxxxxP", len(code), ctypes.addressof(text))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, given, 0, 0) == 0
from nbpromote import cli
sys.exit(cli.answer(sys.argv[1:]))
"""


def test_a_kernel_that_cannot_be_held_does_not_start() -> None:
    """What `confine` raises ends the kernel's process before its program."""
    source = WITHOUT.partition("from nbpromote")[0] + "from nbpromote.execute.birth import guard; guard.confine([])"

    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)

    assert "no Landlock: Linux older than 5.13" in done.stderr
    assert done.returncode == 1


WARM = """
import os
from pathlib import Path
said = "zygote" in Path(f"/proc/{os.getppid()}/cmdline").read_text(), Path("kept.txt").read_text()
try:
    Path("kept.txt").write_text("changed")
except PermissionError:
    (Path(os.environ["TMPDIR"]) / "fine").write_text("fine")
    print(*said, "held")
"""


def test_a_kernel_that_is_forked_from_a_warm_one_is_held_too(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    draft = Run(
        id="r1",
        notebook="any",
        environment="prod",
        code=Code(digest="c", schema=Schema()),
        folder=tmp_path / "runs" / "r1",
        started="2026-01-31T12:00:00.000Z",
        ended="",
        seconds=0,
        actor="Ada",
        cells=(),
    )
    above = Environment(name="prod", tracking_uri="", policy=Policy(promotes_from=("dev",)))
    node = new_notebook(cells=[new_code_cell(WARM)])
    warmth = kernels.Warmth(env=kernels.shared(()))

    done = execute.run(execute.Job(draft=draft, node=node, folder=tmp_path, environment=above, warmth=warmth))

    assert node.cells[0].outputs[0].text == "True kept held\n"
    assert (done.isolation, done.refused) == ("enforce", (f"write {tmp_path}/kept.txt",))


# -- the hook ---------------------------------------------------------------------------------------------------

# what is done in a folder that holds `there.txt`, `folder/`, `data.db` and `inside/`: which of its files are noted
HEARD = {
    "open('there.txt')": [],
    "open('there.txt', 'w')": ["there.txt"],
    "open('there.txt', 'r+b')": ["there.txt"],
    "open(b'there.txt', 'ab')": ["there.txt"],
    "open(pathlib.Path('new.txt'), 'x')": ["new.txt"],
    "open('there.txt', 'x')": [],
    "open('missing.txt', 'r+')": [],
    "open('missing/new.txt', 'w')": [],
    "open('folder', 'w')": [],
    "open('inside/new.txt', 'w')": [],
    "open('inside/../new.txt', 'w')": ["new.txt"],
    "open('/dev/null', 'w')": [],
    "open(os.open('there.txt', os.O_RDONLY), 'rb')": [],
    "os.open('there.txt', os.O_RDONLY)": [],
    "os.open('there.txt', os.O_RDONLY | os.O_TRUNC)": ["there.txt"],
    "os.open('new.txt', os.O_CREAT, dir_fd=os.open('folder', os.O_RDONLY))": ["new.txt"],
    "os.truncate('there.txt', 0)": ["there.txt"],
    "os.truncate('missing.txt', 0)": [],
    "os.remove('there.txt')": ["there.txt"],
    "os.remove('missing.txt')": [],
    "os.unlink('there.txt', dir_fd=os.open('.', os.O_RDONLY))": ["there.txt"],
    "os.makedirs('folder', exist_ok=True)": [],
    "os.makedirs('new/deep')": ["new", "new/deep"],
    "os.rmdir('folder')": ["folder"],
    "os.rename('there.txt', 'inside/there.txt')": ["there.txt"],
    "os.replace('inside/own.txt', 'there.txt')": ["there.txt"],
    "os.rename('missing.txt', 'new.txt')": [],
    "os.link('there.txt', 'inside/linked')": ["there.txt"],
    "os.symlink('there.txt', 'inside/pointing')": [],
    "os.symlink('inside', 'pointing')": ["pointing"],
    "os.chmod('there.txt', 0o600)": ["there.txt"],
    "os.chmod('inside/own.txt', 0o600)": [],
    "os.utime('missing.txt')": [],
    "shutil.copy('there.txt', 'inside')": [],
    "shutil.copy('inside/own.txt', 'folder')": ["folder/own.txt"],
    "shutil.rmtree('folder')": ["folder"],
    "sqlite3.connect('new.db')": ["new.db"],
    "sqlite3.connect(':memory:')": [],
    "sqlite3.connect('file:data.db?mode=ro', uri=True).execute('SELECT 1')": [],
    "sqlite3.connect('data.db').execute('SELECT * FROM kept').fetchall()": [],
    "sqlite3.connect('data.db', isolation_level=None).execute('INSERT INTO kept VALUES (1)')": ["data.db"],
    "tempfile.TemporaryFile(dir='inside')": [],
    "__import__('module')": [],
    "id(open)": [],
}

EACH = """
import json, os, pathlib, shutil, sqlite3, subprocess, sys, tempfile
from nbpromote.execute.birth import watching

root = os.getcwd()
sys.path.insert(0, root)
sys.dont_write_bytecode = False
came = {}
for number, source in enumerate(json.loads(sys.argv[1])):
    place = os.path.join(root, str(number))
    os.makedirs(os.path.join(place, "folder"))
    os.makedirs(os.path.join(place, "inside"))
    os.chdir(place)
    for name in ("there.txt", "inside/own.txt"):
        open(name, "w").close()
    kept = sqlite3.connect("data.db")
    kept.execute("CREATE TABLE kept (n)")
    kept.close()
    open(os.path.join(root, "module.py"), "w").close()
    if os.fork() == 0:  # a hook stays as long as its process
        watching.watch(["inside"], os.path.join(place, "inside", "noted"))
        try:
            eval(source)
        except OSError:
            pass
        os._exit(0)
    os.wait()
"""


def test_the_hook_hears_writes_that_can_succeed_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", EACH, json.dumps(list(HEARD))], cwd=tmp_path, check=True)

    came = {}
    watched = isolation.guarded(Isolation.WARN)
    for number, source in enumerate(HEARD):
        place = tmp_path / str(number)
        (place / "inside" / "noted").touch()
        (place / "inside" / "noted").rename(place / isolation.NOTED)
        told = isolation.seen(watched, place)
        came[source] = [str(Path(line.partition(" ")[2]).relative_to(place)) for line in told]
    assert came == HEARD


def test_the_hook_tells_so_many_places_and_no_more(tmp_path: Path) -> None:
    source = (
        "from nbpromote.execute.birth import watching; watching.watch([], 'noted')\n"
        "for number in range(300): open(f'{number}.txt', 'w').close()"
    )

    subprocess.run([sys.executable, "-c", source], cwd=tmp_path, check=True)

    assert len((tmp_path / "noted").read_text().splitlines()) == watching.MOST
