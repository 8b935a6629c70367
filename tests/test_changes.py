"""What changed lately, for whoever is on call: one list, from wherever it came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ground import HEADER, Ground, build
from nbpromote import clock
from nbpromote.errors import BadInput

USE = """
# %% tags=["parameters"]
table: str = "../data/dev/result.csv"  # what count has written

# %%
from pathlib import Path
from IPython.display import display

lines = Path(table).read_text().splitlines()
payload = {"name": "lines", "data": len(lines), "encoder": "json", "version": 1}
display({"application/scrapbook.scrap.json+json": payload}, raw=True, metadata={"scrapbook": {"name": "lines"}})
"""


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """`use` reads what `count` writes; both went live in staging together, then much was changed."""
    ground = build(tmp_path_factory.mktemp("changes") / "small", empty_store)
    ground.write("notebooks/use.py", HEADER + USE)
    for environment in ("dev", "staging"):
        values = f"  use:\n    inputs: {{table: data/{environment}/result.csv}}\n"
        ground.edit(f"params/{environment}.yaml", "notebooks:\n", f"notebooks:\n{values}")
    gates = "notebooks:\n  use:\n    gates: [{metric: lines, min: 1}]\n"
    ground.edit("params/staging.policy.yaml", "notebooks:\n", gates)
    ground.nbpromote("sync")
    ground.commit("a reader")
    ground.released("count").released("use")
    done = ground.nbpromote("promote", "count", "use", "--to", "staging")
    assert done.returncode == 0, done.stdout + done.stderr
    ground.edit("params/staging.policy.yaml", "min: 2", "min: 1")
    ground.commit("Ask for less")
    ground.edit("params/staging.yaml", "top: 4", "top: 6")
    ground.commit("Count further")
    ground.nbpromote("hold", "use", "--env", "staging", "--reason", "the data looks odd")
    ground.write("data/staging/result.csv", "number\n1\n")
    return ground


def seen(ground: Ground, *args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ground.json("changes", "--env", "staging", *args)["changes"]
    return found


def test_one_list_joins_ledger_params_and_inputs_newest_first(road: Ground) -> None:
    found = seen(road)

    assert [change["at"] for change in found] == sorted((change["at"] for change in found), reverse=True)
    kinds = [(change["kind"], change["notebooks"]) for change in found]
    assert kinds[-1][0] == "params and policy"  # the first commit
    assert ("hold", ["use"]) in kinds
    assert ("promote", ["count", "use"]) in kinds
    policy = next(change for change in found if change["what"].startswith("Ask for less"))
    assert (policy["kind"], policy["by"]) == ("policy", "Ada Test <ada@example.org>")
    assert policy["details"] == ["-      - {metric: rows, min: 2}", "+      - {metric: rows, min: 1}"]


def test_an_input_whose_bytes_changed_is_told_before_anybody_runs_on_it(road: Ground) -> None:
    (met,) = [change for change in seen(road) if change["kind"] == "input"]

    assert (met["notebooks"], met["outcome"]) == (["use"], "met by no run yet")
    assert met["what"].startswith("table: ")
    assert met["where"].endswith("data/staging/result.csv")


def test_of_one_notebook_what_it_reads_from_is_told_and_nothing_else(road: Ground) -> None:
    upstream = [change for change in seen(road, "use") if change["kind"] == "promote"]
    alone = {name for change in seen(road, "count") for name in change["notebooks"]}

    assert upstream[0]["notebooks"] == ["count", "use"]
    assert "hold" not in [change["kind"] for change in seen(road, "count")]
    assert alone == {"count", "use"}  # of the promotion that both were part of
    assert road.nbpromote("changes", "usee", "--env", "staging").returncode == 2


def test_the_text_says_how_much_and_who(road: Ground) -> None:
    told = road.nbpromote("changes", "--env", "staging", "--since", "7d").stdout

    assert " changes in staging since " in told.splitlines()[0]
    assert "the data looks odd, by Ada Test" in told
    assert "    +    parameters: {top: 6}" in told
    assert road.nbpromote("changes", "--env", "staging", "--since", "2100-01-01").stdout.startswith("nothing changed")


def test_a_moment_that_lies_back_is_a_span_a_date_or_a_time() -> None:
    now = clock.now()

    assert clock.since("24h") < clock.since("90m") <= now
    assert clock.since("2w") < clock.since("7d")
    assert clock.since("2026-01-31") < clock.parse("2026-01-31")
    for wrong in ("yesterday", "h", "1y", "-3h", "999999999w", ""):
        with pytest.raises(BadInput):
            clock.since(wrong)
