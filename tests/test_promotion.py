"""What the road asks besides gates: several notebooks at once, waiting, bars, plans that grow old, ways back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ground import HEADER, Ground, build, git
from nbpromote.errors import Unavailable
from nbpromote.workflow.promotion import promoting

# reads what `count` writes
ADD = """
# %% tags=["parameters"]
numbers: str = "../data/dev/result.csv"  # what to add up
total: str = "../data/dev/total.txt"  # where to

# %%
from IPython.display import display
from pathlib import Path

def glue(name, data):
    payload = {"name": name, "data": data, "encoder": "json", "version": 1}
    display({"application/scrapbook.scrap.json+json": payload}, raw=True, metadata={"scrapbook": {"name": name}})

# %%
found = [int(line) for line in Path(numbers).read_text().split()[1:]]
Path(total).write_text(str(sum(found)))
glue("sum", sum(found))
"""


def params(name: str, top: int) -> str:
    return f"""\
notebooks:
  count:
    parameters: {{top: {top}}}
    outputs: {{result: data/{name}/result.csv}}
  add:
    inputs: {{numbers: data/{name}/result.csv}}
    outputs: {{total: data/{name}/total.txt}}
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """`count` and `add`, which reads what the other writes: both live in dev, nothing above."""
    ground = build(tmp_path_factory.mktemp("promotion") / "small", empty_store)
    (ground.root / "notebooks/train.py").unlink()
    (ground.root / "notebooks/train.ipynb").unlink()
    ground.write("notebooks/add.py", HEADER + ADD)
    for name, top in (("dev", 3), ("staging", 4), ("prod", 5)):
        ground.write(f"params/{name}.yaml", params(name, top))
    for below, name in (("dev", "staging"), ("staging", "prod")):
        ground.write(f"params/{name}.policy.yaml", policy(below))
    ground.nbpromote("sync")
    ground.commit("two notebooks")
    return ground.released("count").released("add")


def policy(below: str, *more: str) -> str:
    gates = "gates: [{metric: rows, min: 2}]", "gates: [{metric: sum, min: 1}]"
    return "\n".join(
        [f"promotes_from: [{below}]", *more, "notebooks:", f"  count: {{{gates[0]}}}", f"  add: {{{gates[1]}}}", ""]
    )


@pytest.fixture
def both(original: Ground, tmp_path: Path) -> Ground:
    shutil.copytree(original.root, tmp_path / "small", symlinks=True)
    return Ground(tmp_path / "small", original.empty_store)


def again(ground: Ground) -> Ground:
    """Another release of `count`, live in dev."""
    ground.edit("notebooks/count.py", "range(", "range(0 + ")
    ground.nbpromote("sync")
    ground.commit("edit")
    return ground.released("count")


def demands(ground: Ground, *lines: str) -> None:
    """What staging asks besides its gates, committed."""
    ground.write("params/staging.policy.yaml", policy("dev", *lines))
    ground.commit("policy")


def state(ground: Ground, environment: str) -> dict[str, Any]:
    rows = ground.json("status")["environments"]
    return next(row for row in rows if row["name"] == environment)


def live(ground: Ground, environment: str = "staging") -> dict[str, str]:
    return {row["notebook"]: row["alias"] for row in state(ground, environment)["notebooks"]}


def events(ground: Ground, environment: str = "staging") -> list[str]:
    return [f"{e['verb']} {e['step']}" for e in ground.json("history", "--env", environment)["events"]]


# -- several notebooks in one promotion -----------------------------------------------------------------------------


def test_several_notebooks_go_live_in_one_promotion_each_reading_what_the_others_have_made(both: Ground) -> None:
    done = both.nbpromote("promote", "add", "count", "--to", "staging")

    assert done.returncode == 0, done.stdout + done.stderr
    assert set(live(both)) == {"add", "count"}
    assert events(both) == ["promote running", "promote intent", "promote live", "promote verified"]
    # 0 + 1 + 2 + 3: staging counts to four, and nothing stood at the destination before
    assert (both.root / "data/staging/total.txt").read_text() == "6"


def test_all_means_what_is_verified_below_and_not_live_there(both: Ground) -> None:
    planned = both.json("plan", "--all", "--to", "staging")

    assert [move["notebook"] for move in planned["moves"]] == ["count", "add"]
    assert both.nbpromote("promote", "--all", "--to", "staging").returncode == 0
    again = both.nbpromote("promote", "--all", "--to", "staging")
    assert again.returncode == 0
    assert "nothing that is verified below is missing in staging" in again.stdout
    assert both.json("promote", "--all", "--to", "staging")["candidates"] == []


def test_what_is_live_already_is_not_run_again_for_the_others(both: Ground) -> None:
    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 0

    done = both.json("promote", "count", "add", "--to", "staging")

    assert done["done"]
    assert [one["notebook"] for one in done["candidates"]] == ["add"]


def test_one_refused_notebook_keeps_all_of_them_out(both: Ground) -> None:
    both.write("params/staging.policy.yaml", policy("dev").replace("sum, min: 1", "sum, min: 100"))
    both.commit("policy")

    done = both.nbpromote("promote", "--all", "--to", "staging")

    assert done.returncode == 1
    assert "not live: count" in done.stdout
    assert "not live: add" in done.stdout
    assert live(both) == {}
    assert events(both) == ["promote running", "promote refused"]
    assert not (both.root / "data/staging").exists()


def test_what_went_live_together_goes_back_together(both: Ground) -> None:
    for line in (("promote", "--all", "--to", "staging"),):
        assert both.nbpromote(*line).returncode == 0
    first = live(both)
    again(both)
    both.edit("notebooks/add.py", "found = ", "found = [0] + ")
    both.nbpromote("sync")
    both.commit("edit")
    both.released("add")
    assert both.nbpromote("promote", "--all", "--to", "staging").returncode == 0
    second = live(both)
    (both.root / "data/staging/total.txt").write_text("by hand")

    done = both.nbpromote("rollback", "add", "--env", "staging")

    assert done.returncode == 0, done.stdout + done.stderr
    assert live(both) == first
    assert (both.root / "data/staging/total.txt").read_text() == "6"
    assert "written to since" in done.stdout
    told = f"{second['count']}, {second['add']} may not come back until nbpromote unhold; no approval, soak or window"
    assert told in done.stdout
    held = state(both, "staging")["held"]
    assert held == {"add": [second["add"]], "count": [second["count"]]}


def damage_records(runs: Path) -> None:
    for record in runs.glob("*/run.json"):
        record.write_bytes(b"\xa0" + record.read_bytes()[1:])


@pytest.mark.parametrize("lose", [shutil.rmtree, damage_records])
def test_a_rollback_brings_outputs_back_from_the_store_where_the_run_is_gone_or_damaged(
    both: Ground, lose: Callable[[Path], None]
) -> None:
    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 0
    before = (both.root / "data/staging/result.csv").read_bytes()
    both.edit("notebooks/count.py", '{number}\\n"', '{number + 10}\\n"')
    again(both)
    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 0
    assert (both.root / "data/staging/result.csv").read_bytes() != before
    lose(both.root / ".nbpromote/runs")

    done = both.nbpromote("rollback", "count", "--env", "staging")

    assert done.returncode == 0, done.stdout + done.stderr
    assert (both.root / "data/staging/result.csv").read_bytes() == before
    assert both.nbpromote("changes", "--env", "staging", "--since", "1h").returncode == 0
    assert both.nbpromote("verify", "count", "--env", "staging").returncode == 0


def test_back_to_a_release_that_is_named(both: Ground) -> None:
    aliases = []
    for number in range(3):
        assert both.nbpromote("promote", "count", "--to", "staging").returncode == 0
        aliases.append(live(both)["count"])
        if number < 2:
            again(both)
    assert len(set(aliases)) == 3

    unknown = both.nbpromote("rollback", "count", "--env", "staging", "--to", "no-such")
    assert unknown.returncode == 2
    assert aliases[0] in unknown.stderr
    done = both.nbpromote("rollback", "count", "--env", "staging", "--to", aliases[0])

    assert done.returncode == 0, done.stdout + done.stderr
    assert live(both)["count"] == aliases[0]
    assert state(both, "staging")["held"] == {"count": [aliases[2]]}


# -- bars -----------------------------------------------------------------------------------------------------------


def test_a_frozen_environment_takes_nothing_and_runs_nothing_and_rolls_back_all_the_same(both: Ground) -> None:
    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 0
    again(both)
    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 0

    assert both.nbpromote("freeze", "--env", "staging", "--reason", "year end").returncode == 0

    for line in (("promote", "add", "--to", "staging"), ("run", "count", "--env", "staging")):
        refused = both.nbpromote(*line)
        assert refused.returncode == 1
        assert "was frozen by Ada Test" in refused.stdout + refused.stderr
        assert "year end" in refused.stdout + refused.stderr
    assert "frozen" in both.nbpromote("status").stdout
    assert both.nbpromote("rollback", "count", "--env", "staging").returncode == 0
    assert both.nbpromote("thaw", "--env", "staging").returncode == 0
    assert both.nbpromote("promote", "add", "--to", "staging").returncode == 0


@pytest.mark.parametrize("what", ["count", "its alias"])
def test_what_is_held_does_not_go_live_until_that_is_lifted(both: Ground, what: str) -> None:
    named = live(both, "dev")["count"] if what == "its alias" else what
    assert both.nbpromote("hold", named, "--env", "staging", "--reason", "wait for legal").returncode == 0

    refused = both.nbpromote("promote", "count", "--to", "staging")

    assert refused.returncode == 1
    assert "nbpromote unhold" in refused.stdout
    assert both.nbpromote("promote", "add", "--to", "staging", "--dry-run").returncode == 0
    assert both.nbpromote("unhold", named, "--env", "staging").returncode == 0
    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 0


# -- plans that grow old, and promotions that wait ------------------------------------------------------------------


def test_a_stale_plan_is_refused(both: Ground) -> None:
    planned = both.json("plan", "count", "--to", "staging")
    both.write("params/staging.yaml", params("staging", 7))
    both.commit("another value")

    refused = both.nbpromote("promote", "count", "--to", "staging", "--plan", planned["digest"])

    assert refused.returncode == 1
    assert "the plan is stale" in refused.stderr
    now = both.json("plan", "count", "--to", "staging")["digest"]
    assert both.nbpromote("promote", "count", "--to", "staging", "--plan", now).returncode == 0


def test_a_promotion_that_soaks_waits_and_is_applied_when_it_is_due(both: Ground, monkeypatch: Any) -> None:
    demands(both, "soak: 1h")

    waiting = both.nbpromote("promote", "count", "--to", "staging")

    assert waiting.returncode == 4, waiting.stdout + waiting.stderr
    assert "waits at the door of staging" in waiting.stdout
    assert live(both) == {}
    assert not (both.root / "data/staging").exists()
    assert state(both, "staging")["waiting"][0]["notebooks"] == ["count"]
    assert both.nbpromote("advance").returncode == 4
    assert events(both) == ["promote running", "promote waiting"]
    shutil.rmtree(both.root / ".nbpromote/runs")  # it may be applied by another machine

    later(monkeypatch)
    done = both.nbpromote("advance", "--env", "staging")

    assert done.returncode == 0, done.stdout + done.stderr
    assert (both.root / "data/staging/result.csv").exists()
    assert events(both) == ["promote running", "promote waiting", "promote intent", "promote live", "promote verified"]
    assert both.nbpromote("advance").returncode == 0
    assert len(events(both)) == 5


def later(monkeypatch: Any, *, hours: int = 2) -> None:
    from datetime import UTC, datetime, timedelta

    from nbpromote import clock

    monkeypatch.setattr(clock, "now", lambda: clock.spelled(datetime.now(UTC) + timedelta(hours=hours)))


def test_what_waits_is_superseded_when_what_it_stands_on_moves(both: Ground, monkeypatch: Any) -> None:
    demands(both, "soak: 1h")
    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 4
    both.write("params/staging.yaml", params("staging", 7))
    both.commit("another value")
    later(monkeypatch)

    seen = both.nbpromote("doctor").stdout
    done = both.json("advance", "--env", "staging")

    assert "staging: count waiting" in seen
    assert "can never go live: the configuration of count in staging was edited since its run" in seen
    assert [one["state"] for one in done["promotions"]] == ["superseded"]
    assert "was edited since its run" in done["promotions"][0]["note"]
    assert live(both) == {}
    assert state(both, "staging")["waiting"] == []


def test_a_newer_promotion_of_the_same_notebook_supersedes_one_that_waits(both: Ground) -> None:
    demands(both, "soak: 1h")
    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 4
    again(both)

    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 4

    steps = [event.removeprefix("promote ") for event in events(both)]
    assert steps == ["running", "waiting", "running", "waiting", "superseded"]
    assert len(state(both, "staging")["waiting"]) == 1


# -- what nobody asks for -------------------------------------------------------------------------------------------


def test_what_is_verified_below_is_promoted_unasked_where_the_policy_says_so_and_tried_once(both: Ground) -> None:
    demands(both, "auto: true")

    done = both.json("advance")

    assert sorted(one["candidates"][0]["notebook"] for one in done["promotions"]) == ["add", "count"]
    assert set(live(both)) == {"add", "count"}
    assert both.json("advance")["promotions"] == []
    both.nbpromote("rollback", "count", "--env", "staging")
    before = events(both)
    assert both.nbpromote("advance").returncode == 0
    assert events(both) == before


def test_a_release_that_was_refused_is_not_tried_again_unasked(both: Ground) -> None:
    both.write("params/staging.policy.yaml", policy("dev", "auto: true").replace("rows, min: 2", "rows, min: 200"))
    both.commit("policy")
    both.nbpromote("hold", "add", "--env", "staging")

    assert both.nbpromote("advance").returncode == 1
    refused = [event for event in events(both) if event == "promote refused"]
    assert both.nbpromote("advance").returncode == 0

    assert [event for event in events(both) if event == "promote refused"] == refused == ["promote refused"]


def test_a_life_ends_when_the_policy_says_and_begins_again_by_a_promotion(both: Ground, monkeypatch: Any) -> None:
    demands(both, "expires: 2h", "review_by: 1h")
    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 0
    assert both.nbpromote("advance").returncode == 0
    assert state(both, "staging")["notebooks"][0]["state"] == "verified"
    assert state(both, "staging")["due"] == {}

    later(monkeypatch)
    assert list(state(both, "staging")["due"]) == ["count"]
    assert "to be looked at again" in both.nbpromote("status").stdout
    assert both.nbpromote("advance").returncode == 0
    assert both.nbpromote("advance").returncode == 0

    assert state(both, "staging")["notebooks"][0]["state"] == "expired"
    assert events(both)[-1] == "expire expired"
    assert events(both).count("expire expired") == 1
    both.nbpromote("verify", "count", "--env", "staging")
    assert state(both, "staging")["notebooks"][0]["state"] == "expired"
    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 0
    assert state(both, "staging")["notebooks"][0]["state"] == "verified"


# -- what cannot be finished ----------------------------------------------------------------------------------------


def test_a_claim_whose_outputs_are_lost_is_undone_and_what_was_live_stays(both: Ground, monkeypatch: Any) -> None:
    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 0
    before, published = live(both), (both.root / "data/staging/result.csv").read_bytes()
    both.edit("notebooks/count.py", '{number}\\n"', '{number + 10}\\n"')
    again(both)
    with monkeypatch.context() as patched:  # as if killed right after its claim
        patched.setattr("nbpromote.workflow.promotion.applying.carry_out", killed)
        assert both.nbpromote("promote", "count", "--to", "staging").returncode == 130
    (claim,) = claims(both)
    shutil.rmtree(both.root / ".nbpromote/runs")
    (lost,) = [file["sha256"] for path, file in claim["sealed"].items() if path.startswith("outputs/")]
    (both.root / f".nbpromote/store/sha256/{lost[:2]}/{lost[2:]}").unlink()

    assert both.nbpromote("doctor").returncode == 1
    repaired = both.nbpromote("doctor", "--repair")

    assert "undone" in repaired.stdout
    assert events(both)[-1] == "promote aborted"
    assert live(both) == before
    assert (both.root / "data/staging/result.csv").read_bytes() == published
    assert both.nbpromote("promote", "count", "--to", "staging").returncode == 0
    assert live(both) != before


KILLED = """
import os, sys
from nbpromote import cli
from nbpromote.workflow.promotion import applying

def publish_outputs(site, deployment, *, verb, real=applying.publish_outputs):
    real(site, deployment, verb=verb)
    if deployment.notebook == "add":
        os.kill(os.getpid(), 9)

applying.publish_outputs = publish_outputs
cli.answer(sys.argv[1:])
"""


def test_of_a_first_promotion_that_is_undone_nothing_stays_published(both: Ground) -> None:
    by_hand = both.write("data/staging/result.csv", "number\n1000\n")
    promote = (sys.executable, "-c", KILLED, "-C", str(both.root), "promote", "--all", "--to", "staging")
    assert subprocess.run(promote, capture_output=True).returncode == -9
    assert by_hand.read_text() == "number\n0\n1\n2\n3\n"
    shutil.rmtree(both.root / ".nbpromote/runs")
    sealed = [entry["sha256"] for one in claims(both) for path, entry in one["sealed"].items() if "outputs/t" in path]
    (both.root / f".nbpromote/store/sha256/{sealed[0][:2]}/{sealed[0][2:]}").unlink()

    repaired = both.nbpromote("doctor", "--repair")

    assert "undone" in repaired.stdout
    assert events(both)[-1] == "promote aborted"
    assert by_hand.read_text() == "number\n1000\n"
    assert not (both.root / "data/staging/total.txt").exists()
    assert not list((both.root / ".nbpromote/stood/staging").iterdir())


def killed(*_: Any) -> None:
    raise KeyboardInterrupt


def claims(ground: Ground) -> list[Any]:
    state = json.loads(git(ground.root, "cat-file", "blob", "nbpromote/staging:state.json"))
    return [one for attempt in state["attempts"].values() for one in attempt["event"]["deployments"]]


# -- a promotion that runs ---------------------------------------------------------------------------------------------


def test_others_see_that_somebody_runs_a_promotion(both: Ground, monkeypatch: Any) -> None:
    seen: list[Any] = []

    def looks(*args: Any, **named: Any) -> Any:
        seen.append((state(both, "staging")["running"], both.nbpromote("status").stdout))
        return judged(*args, **named)

    judged = promoting._judged
    monkeypatch.setattr(promoting, "_judged", looks)
    done = both.nbpromote("promote", "count", "--to", "staging")

    ((running,), told) = seen[0]
    assert done.returncode == 0, done.stdout
    assert (running["notebooks"], running["actor"]) == (["count"], "Ada Test <ada@example.org>")
    assert "running  staging  count  " in told
    assert state(both, "staging")["running"] == []


def test_one_that_was_killed_keeps_nobody_out_and_is_ended_by_whoever_comes_next(both: Ground) -> None:
    killed_while_it_runs(both)
    found = both.nbpromote("doctor").stdout

    done = both.nbpromote("promote", "count", "--to", "staging")

    assert "its process was killed, and the next promotion ends it" in found
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [event.removeprefix("promote ") for event in events(both)]
    assert steps == ["running", "aborted", "running", "intent", "live", "verified"]


def test_doctor_ends_it_and_of_another_machine_after_a_day(both: Ground, monkeypatch: Any) -> None:
    killed_while_it_runs(both)
    next((both.root / ".nbpromote/locks").glob("*.running")).unlink()  # as another machine's
    today = both.nbpromote("doctor", "--repair").stdout
    later(monkeypatch, hours=25)

    assert "staging: count running  " in today
    assert "nothing was heard of it for a day" in both.nbpromote("doctor", "--repair").stdout
    assert events(both) == ["promote running", "promote aborted"]


def test_what_could_not_be_answered_is_aborted_and_says_why(both: Ground, monkeypatch: Any) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(promoting, "_judged", full)
        assert both.nbpromote("promote", "count", "--to", "staging").returncode == 3

    (_, last) = both.json("history", "--env", "staging")["events"]
    assert (last["step"], last["reason"]) == ("aborted", "the disk is full")
    assert state(both, "staging")["running"] == []


def killed_while_it_runs(ground: Ground) -> None:
    child = os.fork()
    if child == 0:
        promoting._judged = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
        ground.nbpromote("promote", "count", "--to", "staging")
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert len(state(ground, "staging")["running"]) == 1


# -- records that fit together --------------------------------------------------------------------------------------


def test_each_record_names_what_it_replaced(both: Ground) -> None:
    both.nbpromote("promote", "count", "--to", "staging")
    again(both)
    both.nbpromote("promote", "count", "--to", "staging")
    both.nbpromote("rollback", "count", "--env", "staging")

    log = both.git("log", "--reverse", "--format=%H", "nbpromote/staging").split()
    states = [json.loads(git(both.root, "cat-file", "blob", f"{commit}:state.json")) for commit in log]
    lives = [s["notebooks"]["count"]["live"] for s in states if "count" in s["notebooks"]]
    first, second = dict.fromkeys(one["run"] for one in lives)

    assert [one["incumbent"] for one in lives if one["run"] == second] == [first, first, first]
    assert [one["incumbent"] for one in lives if one["run"] == first] == ["", "", "", "", second, second]
