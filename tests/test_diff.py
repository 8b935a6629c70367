"""Any two runs, releases, deployments and environments side by side, and what is asked before outputs are accepted."""

from __future__ import annotations

import json
import os
import pty
from dataclasses import replace
from pathlib import Path

import pytest

from ground import Ground, build
from nbpromote import report, workflow
from nbpromote.model import CellChange, Comparison, Likeness, Shown, Side, ValueChange

RUNS = ".nbpromote/runs"


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """`count` live in dev and staging; after that a worse edit, run in dev and not accepted."""
    ground = build(tmp_path_factory.mktemp("diff") / "small", empty_store).released()
    assert ground.nbpromote("promote", "count", "--to", "staging").returncode == 0
    ground.edit("notebooks/count.py", 'print("counted to", len(numbers))', 'print("counted up to", len(numbers) + 1)')
    ground.nbpromote("sync")
    assert ground.nbpromote("run", "count", "-p", "top", "4").returncode == 1
    return ground


def values(changes: tuple[ValueChange, ...]) -> dict[str, tuple[object, object]]:
    return {change.name: (change.before, change.after) for change in changes}


def runs(ground: Ground, environment: str) -> list[str]:
    return sorted(path.name for path in (ground.root / RUNS).glob(f"*-count-{environment}-*"))


def test_the_last_run_is_compared_with_what_was_accepted(road: Ground) -> None:
    (found,) = workflow.compare(road.project, "count")

    before, after = found.sides
    assert (before.name, before.by, before.run) == (
        "notebooks/count.ipynb",
        "Ada Test <ada@example.org>",
        runs(road, "dev")[0],
    )
    assert (after.run, after.passed) == (runs(road, "dev")[1], False)
    assert not found.same
    third = next(cell for cell in found.cells if cell.after == 3)
    assert third.likeness is Likeness.DIFFERENT
    assert any("counted up to" in line for line in third.source)
    assert [shown.lines for shown in third.outputs] == [("-counted to 3", "+counted up to 5")]
    assert values(found.metrics) == {"rows": (3, 4), "error": (pytest.approx(10 / 3), 2.5)}
    assert values(found.parameters) == {"top": (3, 4)}
    assert found.parameters[0].origin == "-p"
    assert [change.name for change in found.files] == ["result"]


def test_a_run_differs_in_nothing_from_itself(road: Ground) -> None:
    done = road.nbpromote("diff", runs(road, "dev")[0], runs(road, "dev")[0])

    assert done.returncode == 0
    assert done.stdout.startswith("same: count: nothing differs in 4 cells\n")


def test_a_deployment_by_notebook_alias_digest_or_run_is_the_same_thing(road: Ground) -> None:
    live = road.json("status")["environments"][1]["notebooks"][0]
    names = ("count@staging", f"{live['alias']}@staging", f"{live['release'][:12]}@staging", live["run"])

    found = [workflow.compare(road.project, "count@dev", name)[0] for name in names]

    assert {one.sides[1].run for one in found} == {live["run"]}
    assert {one.sides[1].environment for one in found} == {"staging"}
    assert [values(one.metrics)["rows"] for one in found] == [(3, 4)] * 4


def test_environments_are_compared_notebook_by_notebook_and_one_that_is_missing_is_told(road: Ground) -> None:
    done = road.json("diff", "dev", "staging")

    (only,) = done["comparisons"]
    assert (done["same"], only["before"]["name"], only["after"]["name"]) == (False, "count@dev", "count@staging")
    (top,) = only["parameters"]
    assert (top["before"], top["after"], top["from"]) == (3, 4, "params/staging.yaml:3")
    assert road.nbpromote("diff", "dev", "prod").returncode == 2


def test_beside_an_environment_a_name_means_the_notebook_there(road: Ground) -> None:
    (found,) = workflow.compare(road.project, "staging", "count")

    assert [side.run for side in found.sides] == [runs(road, "staging")[0], runs(road, "dev")[1]]


def test_what_is_live_is_compared_with_what_was_before_it(road: Ground) -> None:
    done = road.nbpromote("diff", "count@staging")

    assert done.returncode == 2
    assert "nothing else is live" in done.stderr
    assert "nbpromote diff count@staging OTHER" in done.stderr


@pytest.mark.parametrize(("name", "meant"), [("cuont", "'count'"), ("count@stagign", "'staging'")])
def test_a_name_that_nothing_carries_is_one_plain_error(road: Ground, name: str, meant: str) -> None:
    done = road.nbpromote("diff", name)

    assert done.returncode == 2
    assert f"did you mean {meant}" in done.stderr


def test_the_text_tells_what_differs_first_and_markdown_and_json_go_where_they_are_wanted(road: Ground) -> None:
    text = road.nbpromote("diff", "count")
    road.nbpromote("diff", "count", "--format", "markdown", "--output", str(road.root / "data/diff.md"))
    nowhere = road.nbpromote("diff", "count", "--output", str(road.root / "nowhere/diff.md"))

    assert text.returncode == 1
    assert text.stdout.startswith("different: count: 2 of 4 cells, 2 metrics, 1 parameter and 1 file differ\n")
    assert "    -counted to 3\n    +counted up to 5\n" in text.stdout
    assert "top  3 -> 4  -p" in text.stdout
    assert "\x1b" not in text.stdout
    markdown = (road.root / "data/diff.md").read_text()
    assert markdown.startswith("### count: different\n")
    assert "| `top` | `3` | `4` | `-p` |" in markdown
    assert nowhere.returncode == 2


# -- baseline -----------------------------------------------------------------------------------------------------


def test_without_anybody_to_ask_nothing_is_accepted(road: Ground) -> None:
    before = (road.root / "notebooks/count.ipynb").read_bytes()

    text, document = road.nbpromote("baseline", "count"), road.nbpromote("baseline", "count", "--json")

    assert text.returncode == document.returncode == 2
    assert "+counted up to 5" in text.stderr
    assert "--yes" in text.stderr
    assert json.loads(document.stdout)["hint"] == "if these outputs are right: --yes"
    assert (road.root / "notebooks/count.ipynb").read_bytes() == before


TWO = """
# %%
# NBVAL_CHECK_OUTPUT
print("twice", 2 * top)
"""


@pytest.fixture
def two(ground: Ground) -> Ground:
    """Two marked cells, accepted; then a run in which both show something else."""
    (ground.root / "notebooks/count.py").open("a").write(TWO)
    ground.nbpromote("sync")
    ground.nbpromote("run", "count")
    assert ground.nbpromote("baseline", "count", "--yes").returncode == 0
    ground.nbpromote("run", "count", "-p", "top", "2")
    return ground


def shown(ground: Ground) -> list[str]:
    node = json.loads((ground.root / "notebooks/count.ipynb").read_text())
    found = [cell["outputs"] for cell in node["cells"] if "NBVAL" in "".join(cell["source"])]
    return ["".join(outputs[0]["text"]).strip() for outputs in found]


def test_cell_by_cell_a_run_passes_when_all_of_them_are_accepted(two: Ground) -> None:
    first = two.json("baseline", "count", "--cell", "3", "--yes")
    after_one, again = shown(two), two.nbpromote("check", "count")
    second = two.json("baseline", "count", "--cell", first["cells"][4]["id"], "--yes")

    assert after_one == ["counted to 2", "twice 6"]
    assert again.returncode == 0, again.stdout
    assert (first["passed"], second["passed"]) == (False, True)
    assert first["accepted_by"] == "Ada Test <ada@example.org> in cell 3"
    match = next(check for check in first["checks"] if check["name"] == "outputs-match")
    assert match["outcome"] == "failed"
    assert "cell 5" in "\n".join(match["details"])
    assert shown(two) == ["counted to 2", "twice 4"]
    assert two.nbpromote("run", "count", "-p", "top", "2").returncode == 0


def test_a_cell_that_is_not_there_is_not_accepted(two: Ground) -> None:
    done = two.nbpromote("baseline", "count", "--cell", "9", "--yes")

    assert done.returncode == 2
    assert "no code cell '9'" in done.stderr
    assert shown(two) == ["counted to 3", "twice 6"]


KEPT, TAKEN = ["counted to 3", "twice 6"], ["counted to 2", "twice 4"]


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 1, KEPT), ("y", 0, TAKEN)])
def test_on_a_terminal_a_person_is_asked(
    two: Ground, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, left: list[str]
) -> None:
    keyboard, terminal = pty.openpty()
    os.write(keyboard, f"{answer}\n".encode())

    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        done = two.nbpromote("baseline", "count")

    os.close(keyboard)
    assert done.returncode == code, done.stderr
    assert "accept these outputs of count? [y/N]" in done.stderr
    assert shown(two) == left


# -- records in, strings out ----------------------------------------------------------------------------------------

SIDE = Side(name="one", run="r1", notebook="n", environment="dev", at="2026-01-31T12:00:00.000Z", by="Ada", passed=True)
HOSTILE = "\x1b[31m@team | `` ` <img src=x onerror=alert(1)> ```\n```"


def comparison(**parts: object) -> Comparison:
    return replace(Comparison(sides=(SIDE, replace(SIDE, name="two", run="r2"))), **parts)  # type: ignore[arg-type]


def test_hostile_text_steers_neither_a_terminal_nor_a_pull_request() -> None:
    output = Shown(kind="text", likeness=Likeness.DIFFERENT, summary=HOSTILE, lines=(f"-{HOSTILE}", "+x"))
    cell = CellChange(before=1, after=1, id="a", name=HOSTILE, outputs=(output,))
    value = ValueChange(name=HOSTILE, before=HOSTILE, after=1)
    found = [comparison(cells=(cell,), scraps=(value,), parameters=(value,))]

    text, markdown = report.comparisons(found, colour=True), report.comparisons_as("markdown", found)

    assert "\x1b[31m@" not in text
    assert "\x1b" not in markdown
    outside = [line for line in markdown.splitlines() if not line.startswith(("-", "+", "`", "|"))]
    assert all("<img" not in line.replace("\\<", "").split("`")[0] for line in outside), markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| ") and "onerror" in line]
    assert {line.replace("\\|", "").count("|") for line in rows} == {5}
    assert "````diff" in markdown


def test_markdown_stays_within_what_a_host_takes() -> None:
    lines = tuple(f"+{'x' * 190}" for _ in range(60))
    shown = Shown(kind="text", likeness=Likeness.DIFFERENT, lines=lines)
    found = [comparison(cells=tuple(CellChange(before=n, after=n, outputs=(shown,)) for n in range(1, 200)))]

    markdown = report.comparisons_as("markdown", found)

    assert 900_000 < len(markdown.encode()) <= 1_048_576
    assert markdown.endswith("`nbpromote diff` tells all of it.\n")
    assert markdown.count("```") % 2 == 0


def test_what_is_close_is_the_same_and_told_last() -> None:
    close = ValueChange(name="mae", before=1.0, after=1.0000001, likeness=Likeness.CLOSE)
    far = ValueChange(name="rmse", before=1.0, after=2.0)

    alike, different = comparison(metrics=(close,)), comparison(metrics=(close, far))

    assert (alike.same, different.same) == (True, False)
    assert report.comparisons([alike]).startswith("same: n: 1 metric is close\n")
    text = report.comparisons([different])
    assert text.index("rmse") < text.index("mae ")


def test_a_notebook_that_is_live_in_one_environment_alone_is_no_match() -> None:
    gone = comparison(sides=(SIDE, replace(SIDE, name="n@prod", run="", missing=True)))

    assert not gone.same
    assert report.comparisons([gone]).startswith("gone: n: there is no n@prod")
