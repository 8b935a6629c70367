"""Faults in what runs below the toolkit, injected for real: killed, stopped, full. Nothing stays behind."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from kills import job, kills
from nbpromote import execute
from nbpromote.errors import Unavailable
from nbpromote.execute import kernels
from nbpromote.execute.birth import system
from nbpromote.execute.kernels import environ, private, zygotes
from nbpromote.execute.kernels.process import Birth, Process, forked, fresh
from nbpromote.model import Ending

PYTHON = (sys.executable, "-I", "-S", "-c")


def born(source: str, folder: Path, **more) -> Process:
    """A program in the place of a kernel. It may `tell()` the number of a process, in the file `born`."""
    told = (
        f"import os\ndef tell(): os.write(os.open({str(folder / 'born')!r}, 1025 | 64, 0o600), b'%d\\n' % os.getpid())"
    )
    process = fresh(Birth(argv=(*PYTHON, f"{told}\n{source}"), env=dict(os.environ), cwd=folder, **more))
    while process.pid is None and process.poll() is None:
        time.sleep(0.002)
    return process


def told(folder: Path, count: int) -> list[int]:
    """The processes that told their numbers, once there are so many."""
    for _ in range(1000):
        text = (folder / "born").read_text() if (folder / "born").exists() else ""
        if text.count("\n") >= count:
            return [int(line) for line in text.split()]
        time.sleep(0.01)
    raise AssertionError(f"only {text!r}")


def is_running(pid: int) -> bool:
    """Not one that was killed and only waits for its parent to take note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def have_ended(pids: list[int]) -> bool:
    for _ in range(300):
        if not any(map(is_running, pids)):
            return True
        time.sleep(0.01)
    return False


# -- kernels that do not want to end -------------------------------------------------------------------------------

RESISTING = {
    "deaf": "import signal\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\ntell()\nwhile True: signal.pause()",
    "blocking": "import signal, time\nsignal.pthread_sigmask(0, range(1, 60))\ntell()\nwhile True: time.sleep(9)",
    "sleeps-in-C": "import ctypes\ntell()\nctypes.CDLL(None).sleep(300)",
    "counts-in-C": "tell()\n7 ** (10 ** 9)",
    "regex": "import re\ntell()\nre.match('(a+)+b', 'a' * 60)",
    "stopped": "import signal\ntell()\nos.kill(os.getpid(), signal.SIGSTOP)",
    "its-own-session": "tell()\nif not os.fork(): os.setsid(); tell()\nimport time; time.sleep(300)",
    "double-fork": "if not os.fork():\n  os.setsid()\n  if os.fork(): os._exit(0)\n  tell()\n"
    "tell()\nimport time; time.sleep(300)",
    "forgetful": "if not os.fork():\n  os.setsid()\n  tell()\n  os.execve('/bin/sleep', ['sleep', '300'], {})\n"
    "tell()\nimport time; time.sleep(300)",
    "a-bomb": "import itertools\nfor _ in range(6): os.fork()\ntell()\nimport time; time.sleep(300)",
    "a-chain": "tell()\nfor _ in range(60):\n  if os.fork(): break\n  tell()\nimport time; time.sleep(300)",
    "a-comet": "tell()\nwhile not os.fork(): os.setsid(); tell()",  # the kernel itself ends at once
    "stops-its-supervisor": "import signal, time\nos.kill(os.getppid(), signal.SIGSTOP)\ntell()\ntime.sleep(300)",
    "kills-its-supervisor": "import signal, time\nif not os.fork(): os.setsid(); tell(); time.sleep(300)\n"
    "time.sleep(0.3)\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(300)",
}
MANY = {"its-own-session": 2, "double-fork": 2, "forgetful": 2, "a-bomb": 64, "a-chain": 61}


@pytest.mark.parametrize("source", RESISTING.values(), ids=RESISTING)
def test_whatever_a_kernel_does_its_end_is_the_end_of_all_it_started(source, tmp_path):
    expected = {RESISTING[name]: count for name, count in MANY.items()}.get(source, 1)
    with kernels.private_folder() as folder:
        process = born(f"os.environ['X'] = '1'\n{source}", tmp_path, private=folder)
        everything = told(tmp_path, expected)
        started = time.monotonic()
        process.end()

    assert time.monotonic() - started < 8
    assert process.returncode is not None
    assert have_ended(told(tmp_path, expected))
    assert have_ended(everything)
    assert not folder.exists()


def test_how_a_kernel_ended_is_told_with_what_it_used(tmp_path):
    process = born("hold = bytearray(50_000_000)\nos.kill(os.getpid(), 11)", tmp_path)

    assert process.wait(timeout=20) == -11
    assert 50_000 < process.memory < 500_000
    process.end()
    process.end()  # whoever is not sure may ask again

    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_a_kernel_that_is_told_to_end_tells_what_it_used_too(tmp_path):
    process = born("tell()\nimport time; time.sleep(300)", tmp_path)
    told(tmp_path, 1)

    process.end()

    assert (process.returncode, process.memory > 1000, process.seconds >= 0) == (-9, True, True)


def test_signals_reach_a_kernel_and_what_is_in_its_group(tmp_path):
    waits = "import signal, time\nif not os.fork(): signal.signal(2, lambda *_: (tell(), os._exit(0)))\ntell()\n"
    # the child is heard before the kernel's end takes it along
    process = born(waits + "try: time.sleep(300)\nexcept KeyboardInterrupt: os.wait(), os._exit(7)", tmp_path)
    told(tmp_path, 2)

    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=20) == 7
    assert len(told(tmp_path, 3)) == 3
    process.end()


def test_the_thread_that_asked_may_block_signals_and_be_over(tmp_path):
    asked = {}

    def ask():
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 30))
        asked["process"] = born("tell()\nimport time; time.sleep(300)", tmp_path)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    process: Process = asked["process"]
    told(tmp_path, 1)

    assert process.poll() is None
    process.terminate()
    assert process.wait(timeout=20) == -signal.SIGTERM
    process.end()


def test_an_environment_that_fills_the_socket_arrives_whole(tmp_path):
    long = {f"LONG_{number}": "x" * 100_000 for number in range(10)}
    source = "import os, sys; sys.exit(sum(name.startswith('LONG_') for name in os.environ))"

    process = fresh(Birth(argv=(*PYTHON, source), env=long, cwd=tmp_path))

    assert process.wait(timeout=20) == 10
    process.end()


def test_nobody_listening_is_told_in_words(tmp_path):
    with pytest.raises(Unavailable, match="no warm kernel: No such file"):
        forked(tmp_path / "gone", Birth(argv=("true",), env={}, cwd=tmp_path))


def test_many_kernels_leave_no_descriptor_and_no_process(tmp_path):
    def held() -> tuple[list[str], list[int]]:
        return os.listdir("/proc/self/fd"), system.children(os.getpid())

    before = held()
    for _ in range(20):
        born("pass", tmp_path).end()

    assert held() == before


# -- runs in the hands of a kernel that hangs ----------------------------------------------------------------------


@pytest.fixture
def runs(tmp_path) -> Path:
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def warmth() -> Iterator[kernels.Warmth]:
    """One zygote for the runs of this file."""
    yield kernels.Warmth(env=kernels.shared(()))
    zygotes.end_all()


HANGING = {
    "in-C": "import ctypes; ctypes.CDLL(None).sleep(300)",
    "in-a-number": "7 ** (10 ** 9)",
    "deaf": "import signal, time\nfor n in (2, 15): signal.signal(n, signal.SIG_IGN)\ntime.sleep(300)",
    "stopped": "os.kill(os.getpid(), 19)",
    "supervisor-stopped": "import time\nos.kill(os.getppid(), 19)\ntime.sleep(300)",
}


@pytest.mark.parametrize("source", HANGING.values(), ids=HANGING)
def test_a_run_is_interrupted_within_five_seconds_whatever_its_kernel_does(source, runs, warmth):
    asked = {}

    def watch(number: int, _of: int) -> None:
        if number == 2:
            threading.Timer(0.3, interrupt).start()

    def interrupt() -> None:
        asked["at"] = time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)

    run = execute.run(job(runs / "r1", ["import os; print(os.getpid())", source, "3"], warmth=warmth, watch=watch))

    assert time.monotonic() - asked["at"] < 5
    assert [cell.ending for cell in run.cells] == [Ending.OK, Ending.INTERRUPTED, Ending.NOT_REACHED]
    assert have_ended([int(_text(run, 0))])


def test_a_supervisor_that_is_killed_takes_its_kernel_along(runs, warmth):
    family = "import os, subprocess\nprint(os.getpid(), subprocess.Popen(['sleep', '300'], start_new_session=True).pid)"

    run = execute.run(
        job(runs / "r1", [family, "os.kill(os.getppid(), 9)\nimport time; time.sleep(300)"], warmth=warmth)
    )

    assert [cell.ending for cell in run.cells] == [Ending.OK, Ending.DIED]
    assert have_ended([int(word) for word in _text(run, 0).split()])


def _text(run, index: int) -> str:
    return "".join(output.text for output in nbformat.read(run.notebook_file, as_version=4).cells[index].outputs)


def test_eight_runs_at_once_do_not_meet(runs, warmth):
    before = set(os.listdir("/proc/self/fd"))
    source = "import os, time\ntime.sleep(0.1)\nprint(os.environ['MARK'], os.environ['IPYTHONDIR'])"
    jobs = [job(runs / f"r{n}", [source], warmth=warmth, variables={"MARK": f"r{n}"}) for n in range(8)]
    done = {}
    threads = [threading.Thread(target=lambda j=j: done.update({j.draft.id: execute.run(j)})) for j in jobs]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    said = {name: _text(run, 0).split() for name, run in done.items()}
    assert {name: mark for name, (mark, _) in said.items()} == {f"r{n}": f"r{n}" for n in range(8)}
    folders = {Path(folder).parent for _, folder in said.values()}
    assert len(folders) == 8
    assert not any(folder.exists() for folder in folders)
    gc.collect()  # event loops of threads that are over
    assert len(set(os.listdir("/proc/self/fd")) - before) <= 2  # the lifeline and the folder of the zygote


# -- kills at any moment -------------------------------------------------------------------------------------------


def test_random_kills_lose_no_finished_cell_and_leave_nothing():
    _, faults = kills(12, seed=40, at_once=2)

    assert faults == []


# -- private folders -----------------------------------------------------------------------------------------------


@pytest.fixture
def temporary(monkeypatch) -> Iterator[Path]:
    """A short path in place of /tmp."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        monkeypatch.setattr(private, "_places", lambda: [Path(folder)])
        yield Path(folder)


def test_a_private_folder_is_its_owners_alone_and_goes_with_whatever_is_in_it(temporary):
    with kernels.private_folder() as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        closed = folder / "tmp" / "closed"
        closed.mkdir()
        (closed / "file").touch()
        closed.chmod(0)
        kernels.sweep()
        assert folder.exists()

    assert list(temporary.iterdir()) == []


DEAD = 2**22 + 1  # above the highest number that Linux gives a process


def test_a_sweep_takes_what_is_nobodys_any_more(temporary):
    for name in (f"nbp-{DEAD}-aa", f"nbp-{DEAD}-bb", f"nbp-{os.getpid()}-cc", "nbp-user-dd"):
        (temporary / name).mkdir()
    (temporary / f"nbp-{DEAD}-bb" / "owner").write_text(f"{DEAD}\n")

    kernels.sweep()

    assert sorted(path.name for path in temporary.iterdir()) == [f"nbp-{os.getpid()}-cc", "nbp-user-dd"]


def test_a_sweep_leaves_what_is_anothers_and_follows_no_link(temporary, tmp_path):
    (tmp_path / "owner").write_text("1\n")
    (temporary / f"nbp-{DEAD}-link").symlink_to(tmp_path)
    foreign = temporary / f"nbp-{DEAD}-foreign"
    foreign.mkdir()
    if os.geteuid() == 0:
        os.chown(foreign, 65534, 65534)

    kernels.sweep()

    assert (tmp_path / "owner").exists()
    assert foreign.exists() == (os.geteuid() == 0)


def test_a_place_that_will_not_do_is_passed_over(monkeypatch, tmp_path):
    deep = tmp_path / ("d" * 60)
    deep.mkdir()
    gone = Path("/gone")
    monkeypatch.setattr(private, "_places", lambda: [deep, gone, Path("/tmp")])
    assert private.place() == Path("/tmp")

    monkeypatch.setattr(private, "_places", lambda: [deep, gone])
    with pytest.raises(Unavailable, match=r"path of at most 60 bytes; tried: .*, /gone") as told:
        private.place()
    assert told.value.hint == "set TMPDIR to such a folder"


def test_kernels_are_given_the_users_own_list_of_fonts_and_cannot_change_it(temporary, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "matplotlib").mkdir()
    own = tmp_path / "matplotlib" / "fontlist-v390.json"
    own.write_text("{}")

    with kernels.private_folder() as folder:
        given = folder / "matplotlib" / own.name
        assert given.read_text() == "{}"
        given.write_text("spoiled")

    assert own.read_text() == "{}"


def test_the_page_on_the_environment_lists_what_kernels_get():
    page = (Path(__file__).parent.parent / "docs" / "environment.md").read_text()
    (listed,) = re.findall(r"where they are set:\n\n(.*?)\n\n", page, re.DOTALL)
    names, prefixes = (re.findall(r"`(\w+)`", part) for part in listed.split("begin with"))

    assert sorted(names) == sorted(environ.ALLOWED - environ.own(Path(), Path()).keys())
    assert tuple(prefixes) == environ.ALLOWED_PREFIXES


# -- full disks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [0, 4096, 12288])
def test_a_full_place_for_private_folders_is_told_in_words(left, temporary, tmp_path, small_disk):
    subprocess.run(["mount", "--bind", small_disk, temporary], check=True)
    try:
        room = os.statvfs(temporary)
        (temporary / "filler").write_bytes(b"x" * (room.f_bavail * room.f_frsize - left))
        with pytest.raises(Unavailable, match=r"No space left|no room to write"):
            execute.run(job(tmp_path / "elsewhere" / "r1", ["1"]))
        assert [path.name for path in temporary.iterdir()] == ["filler"]
    finally:
        subprocess.run(["umount", temporary], check=True)


def test_a_journal_that_cannot_be_written_ends_the_run_and_keeps_what_it_has(small_disk, warmth):
    family = "import os, subprocess\nprint(os.getpid(), subprocess.Popen(['sleep', '300'], start_new_session=True).pid)"
    wanted = job(small_disk / "r1", [family, "print('x' * 200_000)", "3"], warmth=warmth)

    with pytest.raises(Unavailable, match=r"no room to write .*journal.*: [\d,]+ bytes needed"):
        execute.run(wanted)

    (closed,) = execute.sweep(small_disk)
    assert [cell.ending for cell in closed.cells] == [Ending.OK, Ending.INTERRUPTED, Ending.NOT_REACHED]
    assert have_ended([int(word) for word in _text(closed, 0).split()])
