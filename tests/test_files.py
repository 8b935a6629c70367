"""Files on real disks: full ones, shared ones, and writers that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nbpromote import files
from nbpromote.errors import Unavailable

TOO_MUCH = b"x" * 200_000


@pytest.fixture
def results(tmp_path):
    """A folder of two small results."""
    folder = tmp_path / "results"
    (folder / "deep").mkdir(parents=True)
    (folder / "table.csv").write_text("new")
    (folder / "deep" / "part.csv").write_text("new")
    return folder


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


# -- write ---------------------------------------------------------------------------------------------------------


def test_a_file_is_replaced_and_the_folders_above_it_are_made(tmp_path):
    files.write(tmp_path / "a" / "b.txt", "old")
    files.write(tmp_path / "a" / "b.txt", "neu \N{SNOWMAN}")

    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "neu \N{SNOWMAN}"
    assert names(tmp_path) == {"a", "a/b.txt"}


def test_a_new_file_is_as_readable_as_any_other_of_its_owner(tmp_path):
    (tmp_path / "plain").write_text("by Python")

    written = files.write(tmp_path / "ours", "by us")

    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_replaced_file_stays_as_private_as_it_was(tmp_path):
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o600)

    files.write(path, "new")

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_the_old_file_and_names_need_and_room(small_disk):
    path = files.write(small_disk / "result.csv", "old")

    with pytest.raises(Unavailable, match=r"no room to write .*result.csv: 200,000 bytes needed, \d+,\d+ free"):
        files.write(path, TOO_MUCH)

    assert path.read_text() == "old"
    assert names(small_disk) == {"result.csv"}


def test_a_place_that_cannot_be_written_is_told_plainly(tmp_path):
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(Unavailable, match=r"cannot write .*what was there is untouched"):
        files.write(tmp_path / "file" / "below", "x")


WRITER = """
import sys
from pathlib import Path
from nbpromote import files
files.write(Path(sys.argv[1]), b"a" * 3_000_000)
print("ready", flush=True)
while True:
    for letter in b"b", b"a":
        files.write(Path(sys.argv[1]), letter * 3_000_000)
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path):
    path = tmp_path / "data"
    for delay in (0.05, 0.11, 0.17):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()

        data = path.read_bytes()
        assert (len(data), len(set(data))) == (3_000_000, 1)


PUBLISHER = """
import sys
from pathlib import Path
from nbpromote import files
print("ready", flush=True)
while True:
    files.publish(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_a_killed_writer_had_begun_goes_with_the_next_one_to_the_same_place(what, results, tmp_path):
    big = files.write(results / "deep" / "big.bin", b"x" * 3_000_000)
    source, there = (big if what == "file" else results), tmp_path / "there"
    began = 0
    for delay in (0.02, 0.05, 0.07, 0.09, 0.11, 0.15):
        writer = subprocess.Popen([sys.executable, "-c", PUBLISHER, source, there / "out"], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        began += len(list(there.glob(".out.*")))

    files.publish(source, there / "out")

    assert began
    assert [path.name for path in there.iterdir()] == ["out"]


def test_what_a_killed_writer_had_begun_aside_goes_with_the_next_one_to_any_place(tmp_path):
    aside = tmp_path / "drafts"
    aside.mkdir()
    (aside / f".gone.{'0' * 8}").write_text("half")

    files.write(tmp_path / "kept", "x", aside=aside)

    assert names(tmp_path) == {"drafts", "kept"}


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_a_writer_at_work_has_begun_stays(what, results, tmp_path):
    source = results / "table.csv" if what == "file" else results
    wanted = tmp_path / "there" / "out"
    wanted.parent.mkdir()
    create = files._created if what == "file" else files._created_folder
    with files._drafting(wanted, create) as (draft, _):
        files.publish(source, wanted)

        assert draft.exists()
    assert names(tmp_path / "there") >= {"out"}
    assert not draft.exists()


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = files.write(tmp_path / "data", b"a" * 1_000_000)
    seen, done = [], threading.Event()

    def read():
        while not done.is_set():
            data = path.read_bytes()
            seen.append((len(data), len(set(data))))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(40):
        files.write(path, b"ab"[number % 2 : number % 2 + 1] * 1_000_000)
    done.set()
    reader.join()

    assert len(seen) > 1
    assert set(seen) == {(1_000_000, 1)}


def test_a_line_that_does_not_fit_any_more_is_an_error(small_disk):
    with pytest.raises(Unavailable, match=r"no room to write .*journal"):
        files.append(small_disk / "journal", "x" * 200_000)


# -- publish -------------------------------------------------------------------------------------------------------


def test_a_folder_is_published_whole_in_place_of_the_old_one(results, tmp_path):
    destination = tmp_path / "live"
    destination.mkdir()
    (destination / "old.csv").write_text("old")

    files.publish(results, destination)

    assert names(destination) == names(results) == {"table.csv", "deep", "deep/part.csv"}
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_folder_takes_the_place_of_a_file(results, tmp_path):
    destination = files.write(tmp_path / "live", "a file once")

    files.publish(results, destination)

    assert names(destination) == names(results)
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_file_does_not_take_the_place_of_a_folder(results, tmp_path):
    source = files.write(tmp_path / "table.csv", "new")

    with pytest.raises(Unavailable, match="cannot write"):
        files.publish(source, results)

    assert names(results) == {"table.csv", "deep", "deep/part.csv"}


@pytest.mark.parametrize("place", ["live", "live/table.csv"], ids=["file", "folder"])
def test_a_full_disk_leaves_what_was_published(place, small_disk, tmp_path):
    files.write(small_disk / place, "old")
    files.write(tmp_path / "new" / place, TOO_MUCH)
    before = names(small_disk)

    with pytest.raises(Unavailable, match=r"no room to write .*live: 200,000 bytes needed, \d+,\d+ free"):
        files.publish(tmp_path / "new" / "live", small_disk / "live")

    assert (small_disk / place).read_text() == "old"
    assert names(small_disk) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges two folders in one step")
def test_a_published_folder_is_never_missing(results, tmp_path):
    destination = files.publish(results, tmp_path / "live")
    missed, done = [], threading.Event()

    def look():
        while not done.is_set():
            if not os.path.isdir(destination):
                missed.append(time.monotonic())

    looker = threading.Thread(target=look)
    looker.start()
    for _ in range(60):
        files.publish(results, destination)
    done.set()
    looker.join()

    assert missed == []


def test_of_two_that_publish_at_once_one_is_there_whole(tmp_path):
    sources = [files.write(tmp_path / f"source{n}", bytes([n]) * 2_000_000) for n in range(6)]
    threads = [threading.Thread(target=files.publish, args=(source, tmp_path / "live")) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (tmp_path / "live").read_bytes() in [source.read_bytes() for source in sources]
    assert len(names(tmp_path)) == len(sources) + 1


def test_size_counts_what_is_below(results, tmp_path):
    assert (files.size(results), files.size(results / "table.csv"), files.size(tmp_path / "no")) == (6, 3, 0)


# -- files that somebody holds -------------------------------------------------------------------------------------

HOLDER = """
import sys, time
from pathlib import Path
from nbpromote import files
with files.held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_what_somebody_holds_is_taken_over_only_after_their_death(tmp_path):
    path = tmp_path / "owner"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"

    with files.taken_over(path) as while_it_lives:
        pass
    holder.kill()
    holder.communicate()
    with files.taken_over(path) as afterwards:
        pass

    assert (while_it_lives, afterwards) == (False, True)


def test_one_killed_before_anybody_could_see_what_it_holds_leaves_nothing_to_the_next(tmp_path):
    killed = "os.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    holder = HOLDER.replace("import sys, time", f"import os, signal, sys, time; {killed}")
    holder = holder.replace("[1])", "[1]), aside=Path(sys.argv[2])")
    (tmp_path / "one").mkdir()
    subprocess.run([sys.executable, "-c", holder, tmp_path / "one" / "owner", tmp_path], check=False)
    assert [path.name[:7] for path in tmp_path.glob(".*")] == [".owner."]

    with files.held(tmp_path / "owner", aside=tmp_path):
        pass

    assert names(tmp_path) == {"one"}
    assert names(tmp_path / "one") == set()


def test_what_was_held_to_the_end_is_gone(tmp_path):
    with files.held(tmp_path / "owner"):
        assert (tmp_path / "owner").read_text().strip() == str(os.getpid())

    with files.taken_over(tmp_path / "owner") as there:
        assert not there
    assert names(tmp_path) == set()
