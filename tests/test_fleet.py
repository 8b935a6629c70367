"""Many notebooks by one command: which, in which order, side by side, and which are skipped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Barrier, Event
from xml.etree import ElementTree

import pytest

from ground import HEADER, Ground, begun
from nbpromote.errors import BadInput
from nbpromote.model import Fate, Member
from nbpromote.workflow.fleet.machine import MODEST, Room
from nbpromote.workflow.fleet.ordering import Places, downstream, order, upstream
from nbpromote.workflow.fleet.scheduling import Schedule, conduct
from nbpromote.workflow.site.lineage import Seen

# -- which comes after which ---------------------------------------------------------------------------------


def test_a_reader_waits_for_the_writer_of_a_file_of_its_folder_and_of_a_file_in_it() -> None:
    places = {
        "report": Places(reads=("/d/clean/a.csv", "s3://bucket/x")),
        "clean": Places(reads=("/d/raw",), writes=("/d/clean",)),
        "fetch": Places(writes=("/d/raw/today.csv",)),
        "alone": Places(reads=("/d/cleaner",), writes=("/d/own",)),
    }

    found = upstream(places)

    assert found["report"] == {"clean"}
    assert found["clean"] == {"fetch"}
    assert found["alone"] == found["fetch"] == frozenset()
    assert order(found).index("fetch") < order(found).index("clean") < order(found).index("report")
    assert downstream(found, ["clean"]) == {"clean", "report"}


def test_a_circle_is_refused_and_named() -> None:
    places = {"a": Places(reads=("/y",), writes=("/x",)), "b": Places(reads=("/x",), writes=("/y",))}

    with pytest.raises(BadInput, match=r"in a circle: [ab] -> [ab] -> [ab]"):
        upstream(places)


def test_two_writers_of_one_place_are_refused_and_an_own_output_may_be_read() -> None:
    with pytest.raises(BadInput, match="a and b write to /x/y"):
        upstream({"a": Places(writes=("/x/y",)), "b": Places(writes=("/x",))})
    assert upstream({"a": Places(reads=("/x",), writes=("/x",))}) == {"a": frozenset()}


# -- side by side --------------------------------------------------------------------------------------------


def became(name: str, fate: Fate, why: str = "") -> Member:
    return Member(notebook=name, path=name, fate=fate, why=why)


def conducted(waits: dict[str, set[str]], bad: Sequence[str] = (), *, keep_going: bool = False) -> dict[str, Member]:
    return conduct(
        Schedule({name: frozenset(others) for name, others in waits.items()}, keep_going=keep_going),
        lambda name: became(name, Fate.FAILED if name in bad else Fate.PASSED),
        lambda name, why: became(name, Fate.NOT_RUN, why),
        jobs=2,
        room=lambda name, running: True,
        stop=Event(),
    )


def test_with_keep_going_only_what_needs_the_failed_one_is_left_out() -> None:
    waits: dict[str, set[str]] = {"a": set(), "b": {"a"}, "c": {"b"}, "other": set()}

    done = conducted(waits, ["a"], keep_going=True)

    assert [done[name].fate for name in waits] == [Fate.FAILED, Fate.NOT_RUN, Fate.NOT_RUN, Fate.PASSED]
    assert done["b"].why == "it reads what a writes, which failed"
    assert done["c"].why == "it reads what b writes, which was not run"


def test_without_it_nothing_new_starts_after_a_failure() -> None:
    done = conducted({"a": set(), "b": {"a"}, "c": {"b"}, "d": {"c"}}, ["b"])

    assert [done[name].fate for name in "abcd"] == [Fate.PASSED, Fate.FAILED, Fate.NOT_RUN, Fate.NOT_RUN]
    assert done["c"].why == "it reads what b writes, which failed"
    assert done["d"].why == "it reads what c writes, which was not run"


def test_who_wants_a_live_model_lets_others_go_first() -> None:
    upstream = {name: frozenset[str]() for name in "abc"}

    assert Schedule(upstream, keep_going=False, last=["a"]).ready() == ["b", "c", "a"]


def test_what_does_not_wait_runs_at_the_same_time() -> None:
    both = Barrier(2)

    def work(name: str) -> Member:
        both.wait(timeout=20)
        return became(name, Fate.PASSED)

    alone = Schedule({"a": frozenset(), "b": frozenset()}, keep_going=False)
    done = conduct(alone, work, became_not_run, jobs=2, room=lambda name, running: True, stop=Event())

    assert {member.fate for member in done.values()} == {Fate.PASSED}


def became_not_run(name: str, why: str) -> Member:
    return became(name, Fate.NOT_RUN, why)


def test_a_notebook_waits_for_memory_unless_it_is_alone() -> None:
    free = [1000]
    room = Room({"big": 800, "small": 100}, lambda: free[0])

    assert room("big", [])
    assert room("big", ["small"])
    assert not room("small", ["big", "small", "small"])  # which may not have grown to their size yet
    free[0] = 90
    assert not room("small", ["small"])
    assert room("small", [])
    assert not Room({}, lambda: 2 * MODEST - 1)("new", ["other"])


# -- files ---------------------------------------------------------------------------------------------------


def test_a_pattern_counts_with_all_that_it_finds_and_one_that_finds_nothing_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n\n1\n")
    pattern, seen = str(tmp_path / "*.csv"), Seen()

    nothing, one = seen.measure(str(tmp_path / "*.parquet")), seen.measure(pattern)
    (tmp_path / "b.csv").write_text("n\n2\n")
    two = seen.measure(pattern)

    assert nothing is None
    assert one is not None
    assert two is not None
    assert (one.size, two.size) == (4, 8)
    assert one.sha256 != two.sha256


def test_a_file_is_read_again_when_it_changed_and_a_folder_counts_with_all_that_is_in_it(tmp_path: Path) -> None:
    seen, file = Seen(), tmp_path / "in" / "deep" / "a.csv"
    file.parent.mkdir(parents=True)
    file.write_text("one")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    before = seen.measure(str(tmp_path / "in"))
    file.write_text("two")

    assert before is not None
    assert before.size == len("one")  # a link that leads back is not followed for ever
    assert seen.measure(str(tmp_path / "in")) != before
    assert seen.measure(str(tmp_path / "nowhere")) is seen.measure("s3://bucket/x") is None


# -- real notebooks ------------------------------------------------------------------------------------------

WRITE = """
# %% tags=["parameters"]
{source}out: str = "../data/{name}.txt"  # where to
word: str = "{name}"  # what to write

# %%
from pathlib import Path
Path(out).write_text({text})
"""


def writer(name: str, source: str | None = None) -> str:
    given = f'source: str = "../data/{source}.txt"  # what to read\n' if source else ""
    return HEADER + WRITE.format(name=name, source=given, text="Path(source).read_text() + word" if source else "word")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """Six notebooks, a, b and d each alone, c after a, e after c and f after d; all have run once, four at a time."""
    root = tmp_path_factory.mktemp("fleet") / "small"
    ground = begun(root, empty_store)
    ground.write("pyproject.toml", '[tool.nbpromote]\nproject = "small"\n')
    ground.write(".gitignore", ".nbpromote/\ndata/\n")
    lines = ["notebooks:"]
    for name, source in (("a", None), ("b", None), ("c", "a"), ("d", None), ("e", "c"), ("f", "d")):
        ground.write(f"notebooks/{name}.py", writer(name, source))
        inputs = f"{{source: data/{source}.txt}}" if source else "{}"
        lines += [f"  {name}:", f"    inputs: {inputs}", f"    outputs: {{out: data/{name}.txt}}"]
    ground.write("params/base.yaml", "\n".join([*lines, ""]))
    ground.write("params/dev.yaml", "limits: {cell: 60s}\n")
    ground.commit("start")
    done = ground.nbpromote("run", "--all", "-j", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("6 passed in dev")
    return ground


def fates(told: dict[str, object]) -> dict[str, str]:
    return {row["notebook"]: row["fate"] for row in told["notebooks"]}  # type: ignore[attr-defined, index]


def test_six_notebooks_four_at_a_time_pass_and_are_then_skipped_with_the_run_each_stands_on(fleet: Ground) -> None:
    assert (fleet.root / "data/e.txt").read_text() == "ace"

    again = fleet.json("run", "--all")

    assert fates(again) == dict.fromkeys("abcdef", "skipped")
    run = fleet.project.runs / again["notebooks"][0]["run"]
    assert json.loads((run / "stood.jsonl").read_text().splitlines()[-1])["by"].startswith("Ada Test")
    assert len(list(run.glob("evidence-*.json"))) == 1  # no new evidence
    assert len(list(fleet.project.runs.iterdir())) == 6


def test_an_unchanged_fleet_imports_nothing_heavy(fleet: Ground) -> None:
    heavy = ("nbformat", "jupytext", "papermill", "mlflow", "pandas", "pydantic", "nbclient")
    code = f"import sys; from nbpromote import cli; cli.answer(['-C', {str(fleet.root)!r}, 'run', '--all']); "
    code += f"print('heavy:', *(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "6 skipped" in done.stdout
    assert done.stdout.rstrip().endswith("heavy:")


def test_what_reads_a_changed_output_runs_again_and_the_rest_is_skipped(fleet: Ground) -> None:
    told = fleet.json("run", "a", "b", "c", "-p", "word", "x")

    assert fates(told) == {"a": "passed", "b": "passed", "c": "passed"}
    assert told["notebooks"][0]["why"] == "changed: parameters or settings"
    assert fates(fleet.json("run", "a", "b", "c", "-p", "word", "x")) == dict.fromkeys("abc", "skipped")

    (fleet.root / "data/d.txt").write_text("by hand")
    told = fleet.json("run", "d", "f", "e", "--keep-going")

    assert fates(told) == {"d": "passed", "f": "skipped", "e": "passed"}
    why = {row["notebook"]: row["why"] for row in told["notebooks"]}
    assert why["d"] == "changed: output out"
    assert why["e"] == "changed: input source"


def test_a_failure_comes_first_with_its_cell_and_the_next_command_also_in_junit(fleet: Ground) -> None:
    fleet.write("notebooks/d.py", writer("d").replace("Path(out)", "raise ValueError('no \\x1b[31mdata')\nPath(out)"))
    junit = fleet.root / "out.xml"
    try:
        done = fleet.nbpromote("run", "d", "f", "b", "-j", "1", "--junit", str(junit), "-p", "word", "x")
    finally:
        fleet.git("checkout", "--quiet", "notebooks/d.py")

    assert done.returncode == 1
    first = done.stdout.index("failed: d")
    assert "cell 2 of 2" in done.stdout[first:]
    assert "ValueError: no data" in done.stdout[first:]
    assert "next: nbpromote report " in done.stdout[first:]
    assert "not run  f" in done.stdout[first:]
    suites = {suite.get("name"): suite for suite in ElementTree.parse(junit).getroot()}
    assert suites["d"].get("failures") == "1"
    assert suites["f"].find("testcase/skipped") is not None
    assert "\x1b" not in junit.read_text()


def test_changed_is_what_differs_from_a_commit_and_all_that_reads_it(fleet: Ground) -> None:
    assert fleet.json("run", "--changed")["notebooks"] == []
    fleet.edit("params/base.yaml", "  a:\n", "  a:\n    parameters: {word: y}\n")

    told = fleet.json("run", "--changed", "HEAD")

    assert list(fates(told)) == ["a", "c", "e"]
    fleet.git("checkout", "--quiet", "params/base.yaml")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "which notebook"),
        (("a", "--all"), "names and --all"),
        (("--all", "-p", "wrod", "x"), "did you mean 'word'"),
        (("--changed", "no-such-commit"), "git knows no commit"),
        (("a", "bb"), "no notebook 'bb'"),
        (("--all", "--junit", "nowhere/x.xml"), "there is no folder"),
    ],
)
def test_what_is_asked_wrongly_is_one_error_and_nothing_runs(
    fleet: Ground, arguments: tuple[str, ...], said: str
) -> None:
    before = set(fleet.project.runs.iterdir())

    done = fleet.nbpromote("run", *arguments)

    assert done.returncode == 2
    assert said in done.stderr
    assert set(fleet.project.runs.iterdir()) == before


def test_a_term_signal_ends_every_run_with_a_record(fleet: Ground) -> None:
    text = writer("b").replace("from pathlib", "import time; time.sleep(60)\nfrom pathlib")
    fleet.write("notebooks/b.py", text)
    fleet.write("notebooks/d.py", text)
    before = set(fleet.project.runs.iterdir())
    try:
        process = fleet.start("run", "b", "d", "-j", "2", "--json")
        deadline = time.monotonic() + 60
        while not _busy(fleet, before) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
    finally:
        fleet.git("checkout", "--quiet", "notebooks")

    assert process.returncode == 130
    told = json.loads(said)
    assert set(fates(told).values()) == {"interrupted"}
    for row in told["notebooks"]:
        record = json.loads((fleet.project.runs / row["run"] / "run.json").read_text())
        assert "interrupted" in {cell["ending"] for cell in record["cells"]}


def _busy(fleet: Ground, before: set[Path]) -> bool:
    """Whether both runs are in their second cell."""
    journals = [folder / "journal.jsonl" for folder in set(fleet.project.runs.iterdir()) - before]
    return len(journals) == 2 and all(journal.exists() and journal.read_text() for journal in journals)


# -- what is never skipped, and for whom a skipped run does not count ------------------------------------------


def test_what_is_not_declared_or_gets_unrecorded_values_always_runs(fleet: Ground) -> None:
    from nbpromote.workflow.fleet.preparing import prepare
    from nbpromote.workflow.fleet.selecting import named
    from nbpromote.workflow.site import Site

    def never(*edit: str) -> str:
        fleet.edit("params/base.yaml", *edit)
        site = Site(fleet.project)
        try:
            (found,) = prepare(site, "dev", named(site, ["a"]), given={}, cell_limit=None)
        finally:
            fleet.git("checkout", "--quiet", "params/base.yaml")
        return found.never

    assert never("  a:\n", "  a:\n    limits: {cell: 9s}\n") == ""
    assert "do not declare" in never("    inputs: {}\n    outputs: {out: data/a.txt}", "    outputs: {out: data/a.txt}")
    assert "secrets" in never("notebooks:", "secrets: {key: env:KEY}\nnotebooks:")
    assert "pass_env" in never("notebooks:", "pass_env: [HOME_TOWN]\nnotebooks:")


def test_no_run_stands_once_another_came_after_it_and_only_the_last_is_released(fleet: Ground) -> None:
    from nbpromote.workflow.evidence import accepting

    first = fleet.json("run", "b", "d", "-p", "word", "once")["notebooks"][0]["run"]
    skipped = fleet.json("run", "b", "d", "-p", "word", "once")["notebooks"][0]

    assert (skipped["fate"], skipped["run"]) == ("skipped", first)
    assert accepting.last_evidence(fleet.project, "b", "dev").run.id == first
    evidence = next((fleet.project.runs / first).glob("evidence-*.json"))
    kept = evidence.read_text()
    evidence.unlink()
    try:
        assert fleet.json("run", "b", "d", "-p", "word", "once")["notebooks"][0]["why"] == f"run {first} is gone"
    finally:
        evidence.write_text(kept)


def test_a_promotion_runs_in_its_target_whatever_was_skipped_below(ground: Ground) -> None:
    ground.edit("params/dev.yaml", "    outputs", "    inputs: {}\n    outputs")
    ground.edit("params/staging.yaml", "    outputs", "    inputs: {}\n    outputs")
    ground.commit("declare")
    ground.released()
    ground.nbpromote("run", "count", "count", "--junit", str(ground.root / "x.xml"))
    before = {folder.name for folder in ground.project.runs.iterdir()}

    assert ground.nbpromote("promote", "count", "--to", "staging").returncode == 0

    new = {folder.name for folder in ground.project.runs.iterdir()} - before
    assert [name.split("-")[2] for name in new] == ["staging"]
    footing = json.loads((ground.root / ".nbpromote/footing/dev/count.json").read_text())
    assert footing["passed"]
    assert not (ground.root / ".nbpromote/footing/staging/count.json").exists()  # nobody stands on a promotion's run
