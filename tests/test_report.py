"""What people and scripts are shown: text and JSON."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpromote import gate, report
from nbpromote.model import (
    Candidate,
    Check,
    Deployment,
    Ending,
    Environment,
    Event,
    Evidence,
    Finding,
    Move,
    Outcome,
    Plan,
    Policy,
    Promotion,
    Status,
)
from records import CODE, GATES, OLDER, RELEASE

# -- text and JSON -------------------------------------------------------------------------------------------


def test_status_is_a_table_of_notebooks_by_environments(live: Deployment) -> None:
    rows = [
        Status(
            environment="dev",
            tracking_uri="",
            deployments=(live, replace(live, notebook="delay_report", model=None)),
        ),
        Status(environment="prod", tracking_uri="", deployments=(replace(live, state="unverified"),)),
    ]

    assert report.status(rows).splitlines() == [
        "notebook      dev                          prod",
        "────────────  ───────────────────────────  ───────────────────────────",
        "delay_report  calm-heron · mae 13.31       -",
        "              2026-11-20 08:00 verified",
        "",
        "train_delay   calm-heron · v2 · mae 13.31  calm-heron · v2 · mae 13.31",
        "              2026-11-20 08:00 verified    2026-11-20 08:00 unverified",
        "",
        "times are UTC",
    ]


def test_status_tells_what_needs_somebody(live: Deployment) -> None:
    row = Status(
        environment="dev",
        tracking_uri="",
        deployments=(live,),
        pending=("train_delay",),
        held={"train_delay": ("brisk-otter",)},
        open=("score_flights",),
    )

    told = report.status([row])

    assert "config pending" in told
    assert "held      dev  train_delay    brisk-otter: may not go live until `nbpromote unhold train_delay --" in told
    assert "half-way  dev  score_flights" in told


def test_status_of_three_environments_fits_in_100_columns_and_paints_only_when_asked(
    live: Deployment,
) -> None:
    rows = [Status(environment=e, tracking_uri="", deployments=(live,)) for e in ("dev", "staging", "prod")]

    assert max(map(len, report.status(rows).splitlines())) <= 100
    assert "\x1b" not in report.status(rows)
    assert "\x1b[32mverified\x1b[0m" in report.status(rows, colour=True)


def test_status_before_anything_is_live_says_what_to_do() -> None:
    told = report.status([Status(environment="dev", tracking_uri="", deployments=())])

    assert told == "nothing is live yet in dev\nthe first: nbpromote release NAME"


def test_status_json_holds_what_scripts_were_promised(live: Deployment) -> None:
    row = Status(environment="dev", tracking_uri="sqlite:///dev.db", deployments=(live,), pending=("train_delay",))

    (environment,) = report.status_json([row])["environments"]

    assert (environment["name"], environment["tracking_uri"]) == ("dev", "sqlite:///dev.db")
    assert environment["notebooks"] == [
        {
            "notebook": "train_delay",
            "release": OLDER,
            "alias": "calm-heron",
            "code": CODE,
            "state": "verified",
            "adopted": False,
            "since": "2026-11-20T08:00:00.000Z",
            "renewed": None,
            "overrides": [],
            "model": {
                "name": "staging.train_delay",
                "version": "2",
                "sha256": live.model and live.model.sha256,
            },
            "run": "20261120T080000-aaaaaa",
            "metrics": {"rows_in": 8800, "mae": 13.31, "r2": 0.796},
            "config_pending": True,
        }
    ]


def test_status_and_history_import_nothing_heavy() -> None:
    heavy = ("rich", "jinja2", "nbformat", "nbconvert", "bleach", "pydantic", "mlflow", "pandas")
    program = f"""
import sys
from nbpromote import report
from nbpromote.model import Status
report.status([Status(environment="dev", tracking_uri="", deployments=())]), report.history([])
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def events(*steps: tuple[str, str, str, str]) -> list[Event]:
    return [
        Event(
            id=f"e{minute}",
            at=f"2026-11-22T10:{minute:02}:00.000Z",
            actor="ada",
            verb=verb,
            step=step,
            environment="prod",
            notebooks=("train_delay",),
            attempt=attempt,
            releases=(RELEASE,),
            aliases=("brisk-otter",),
            reason=reason,
        )
        for minute, (verb, step, attempt, reason) in enumerate(steps)
    ]


ROAD = (
    ("promote", "intent", "a", "weekly retrain"),
    ("promote", "live", "a", ""),
    ("promote", "verified", "a", ""),
    ("rollback", "done", "b", "predictions\ndrifted"),
    ("promote", "intent", "c", ""),
)


def test_history_is_one_line_an_attempt_newest_first() -> None:
    assert report.history(events(*ROAD)).splitlines() == [
        "when              where  notebook     what      outcome   release      who  why",
        "2026-11-22 10:04  prod   train_delay  promote   half-way  brisk-otter  ada",
        "2026-11-22 10:03  prod   train_delay  rollback  done      brisk-otter  ada  predictions drifted",
        "2026-11-22 10:00  prod   train_delay  promote   verified  brisk-otter  ada  weekly retrain",
    ]


def test_what_has_waited_is_told_by_when_and_by_whom_it_was_made_live() -> None:
    steps = [("promote", "waiting", "a", ""), ("promote", "intent", "b", ""), ("promote", "verified", "b", "")]
    steps += [("approve", "done", "a", "looks right"), ("promote", "intent", "a", ""), ("promote", "live", "a", "")]
    told = [replace(one, actor="bob" if number > 2 else "ada") for number, one in enumerate(events(*steps))]

    newest, _ = report.history(told).splitlines()[1:]

    assert newest == (
        "2026-11-22 10:04  prod   train_delay  promote  live      brisk-otter  bob  "
        "asked for by ada 2026-11-22 10:00; approved by bob: looks right"
    )


def test_history_json_is_every_event_oldest_first() -> None:
    told = report.history_json(list(reversed(events(*ROAD))))["events"]

    assert [event["id"] for event in told] == ["e0", "e1", "e2", "e3", "e4"]
    keys = "id at actor verb step environment notebooks release alias attempt reason commit"
    more = "releases aliases vouched overrides holds incumbents runs evidence codes bound after"
    assert list(told[0]) == [*keys.split(), *more.split()]


NASTY = st.text(st.sampled_from("=+-@\t\r\n,;\"' aé\udcff"), max_size=12)


@settings(max_examples=100, deadline=None)
@given(st.lists(NASTY, max_size=4))
def test_what_a_spreadsheet_opens_is_text_in_every_cell_and_nothing_else(reasons: list[str]) -> None:
    told = events(*(("promote", "intent", "a", reason) for reason in reasons))

    text = "".join(report.exported("csv", told))

    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert text.count("\r\n") >= len(rows) + 1
    assert header[:7] == ["id", "commit", "at", "actor", "vouched", "verb", "step"]
    column = header.index("reason")
    for reason, row in zip(reasons, rows, strict=True):
        assert len(row) == len(header)
        assert not any(cell.startswith(tuple("=+-@\t\r\n")) for cell in row)
        assert row[column] in (reason, f"'{reason}")


def test_an_exported_history_is_one_json_document_with_what_was_live_then() -> None:
    for told in ([], events(*ROAD)):
        text = "".join(report.exported("json", iter(told), then={"at": "2026-11-22", "environments": []}))

        assert json.loads(text) == {**report.history_json(told), "at": "2026-11-22", "environments": []}


def test_evidence_of_a_failing_run_starts_with_the_verdict_and_the_cell(bad: Evidence) -> None:
    told = report.evidence(bad)

    assert told.splitlines()[:2] == [
        "not passed: train_delay in staging, 2 of 3 cells ran in 3.9 s",
        "cell 3 of 3 (cccc) failed: KeyError: 'arrival'",
    ]
    assert "failed  ran-to-the-end  cell 3 of 3 raised KeyError\n    Traceback:\n      KeyError\n" in told
    assert "AWS_SECRET_ACCESS_KEY" in told
    assert "set_experiment" in told
    assert "/project/.nbpromote/runs/20261122T191005-7f3a91/notebook.ipynb" in told
    assert "\x1b" not in told


def test_of_many_withheld_variables_those_that_the_failure_speaks_of_come_first(bad: Evidence) -> None:
    run = replace(bad.run, withheld=(*(f"CI_{number:03}" for number in range(90)), "arrival"))

    told = report.evidence(replace(bad, run=run))

    assert "lets them in): arrival, CI_000, CI_001" in told
    assert "and 79 more" in " ".join(told.split())
    assert "CI_011" not in told


def test_evidence_of_a_good_run_shows_metrics_aligned_and_no_withheld_names(good: Evidence) -> None:
    told = report.evidence(good)

    assert told.startswith("passed: train_delay in staging, 2 of 2 cells ran in 3.9 s\n")
    assert "metrics\n  rows_in  9,104\n  mae      12.87\n  r2       0.812\n\n" in told
    assert "AWS_SECRET_ACCESS_KEY" not in told


def test_evidence_without_a_check_is_no_pass(good: Evidence) -> None:
    told = report.evidence(replace(good, checks=()))

    assert told.startswith("not passed")
    assert "nothing is proved" in told


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (Ending.STOPPED, "cell 2 of 2 (bbbb) stopped itself: SystemExit: 0"),
        (Ending.DIED, "cell 2 of 2 (bbbb) took the kernel down: SystemExit: 0"),
        (Ending.TIMED_OUT, "cell 2 of 2 (bbbb) ran out of time: SystemExit: 0"),
        (Ending.NOT_REACHED, "cell 2 of 2 (bbbb) was not reached: SystemExit: 0"),
    ],
)
def test_every_ending_has_its_words(bad: Evidence, ending: Ending, said: str) -> None:
    first, second, _ = bad.run.cells
    cells = (first, replace(second, ending=ending, error="SystemExit", message="0"))

    assert said in report.evidence(replace(bad, run=replace(bad.run, cells=cells)))


def test_evidence_json_is_plain_json_with_the_failure(bad: Evidence) -> None:
    told = json.loads(json.dumps(report.evidence_json(bad), allow_nan=False))

    assert told["passed"] is False
    assert told["evidence"] == bad.digest
    assert told["failure"] == {
        "number": 3,
        "id": "cccc",
        "ending": "error",
        "seconds": None,
        "error": "KeyError",
        "message": "'arrival'",
    }


@pytest.fixture
def planned(live: Deployment) -> Plan:
    move = Move(
        notebook="train_delay",
        release=RELEASE,
        alias="brisk-otter",
        source="dev",
        target="staging",
        strategy="retrain",
        code=CODE,
        incumbent=live,
        parameters={"months": [1, 2, 3]},
        origins={"months": "params/staging.yaml:6"},
        changed={"months": ([1, 2], [1, 2, 3])},
        gates=GATES,
        unmet=("HEAD holds other code",),
    )
    return Plan(target="staging", moves=(move,), unmet=move.unmet)


def test_a_plan_shows_what_would_change_and_what_is_unmet(planned: Plan) -> None:
    told = report.plan(planned)

    assert told.startswith("not ready: train_delay from dev to staging\n")
    assert "calm-heron" in told
    assert "  months  [1, 2] -> [1, 2, 3]  params/staging.yaml:6\n" in told
    assert "  mae at most 2 % above live  params/staging.policy.yaml:7\n" in told
    assert "still unmet\n  - HEAD holds other code\n" in told
    assert told.endswith("nothing was changed")


def test_a_first_plan_says_which_gates_are_not_asked(planned: Plan) -> None:
    told = report.plan(replace(planned, moves=(replace(planned.moves[0], incumbent=None, unmet=()),), unmet=()))

    assert told.startswith("ready: ")
    assert "nothing: the first in staging" in told
    assert "\nparameters\n  months  — -> [1, 2, 3]  params/staging.yaml:6\n" in told
    assert told.endswith("; nothing was changed\nnext: nbpromote promote train_delay --to staging --plan 95ccf2b27cfd")
    assert "  mae at most 2 % above live  not asked: nothing is live\n" in told


def test_plan_json_names_both_ends_and_both_values(planned: Plan) -> None:
    told = json.loads(json.dumps(report.plan_json(planned)))

    assert (told["from"], told["to"], told["allowed"]) == ("dev", "staging", False)
    assert told["changed"] == {"months": {"live": [1, 2], "candidate": [1, 2, 3]}}
    assert told["incumbent"]["alias"] == "calm-heron"


def test_a_decision_tells_refusals_first_then_warnings_then_the_rest(bad: Evidence, live: Deployment) -> None:
    decision = gate.decide(bad, GATES, live=live, environment="staging")

    lines = report.decision(decision).splitlines()

    assert lines[0] == "refused: 3 gates asked at the door of staging"
    assert [line.split()[0] for line in lines[2:5]] == ["failed", "warning", "passed"]
    assert lines[6:] == ["also unmet", "  - ran-to-the-end failed: cell 3 of 3 raised KeyError"]
    assert report.decision_json(decision)["gates"][0]["refuses"] is True


def test_a_promotion_tells_what_is_live_now(planned: Plan, good: Evidence, live: Deployment) -> None:
    fresh = replace(live, release=RELEASE, alias="brisk-otter")
    check = Check(name="predicts", outcome=Outcome.PASSED, summary="5 predictions agree")
    candidate = Candidate(move=planned.moves[0], evidence=good, deployment=fresh, verification=(check,))
    promotion = Promotion(plan=planned, candidates=(candidate,), state="verified")

    assert report.promotion(replace(promotion, plan=replace(planned, unmet=()))).splitlines() == [
        f"live: train_delay brisk-otter ({RELEASE[:12]}) in staging, model version 2, in place of calm-heron",
        "",
        "verification",
        "passed  predicts  5 predictions agree",
    ]
    assert json.loads(json.dumps(report.promotion_json(promotion)))["deployment"]["alias"] == "brisk-otter"


def test_a_refused_promotion_tells_every_reason_together(planned: Plan, bad: Evidence, live: Deployment) -> None:
    decision = gate.decide(bad, GATES, live=live, environment="staging")

    candidate = Candidate(move=planned.moves[0], evidence=bad, decision=decision)
    told = report.promotion(Promotion(plan=planned, candidates=(candidate,)))

    assert told.startswith("not live: train_delay brisk-otter")
    for reason in ("HEAD holds other code", "cell 3 of 3 (cccc) failed", "above the limit of 12", "also unmet"):
        assert reason in told


@pytest.mark.parametrize(("state", "said"), [("unverified", "live, and not yet verified: "), ("failed", "failed: ")])
def test_a_promotion_that_is_not_verified_does_not_sound_done(
    planned: Plan, live: Deployment, state: str, said: str
) -> None:
    candidate = Candidate(move=planned.moves[0], deployment=live.with_state(state))
    assert report.promotion(Promotion(plan=planned, candidates=(candidate,), state=state)).startswith(said)


def test_findings_read_as_a_linter_s() -> None:
    found = [
        Finding(path="params/prod.yaml", line=7, message="unknown parameter 'alhpa'", hint="did you mean 'alpha'?"),
        Finding(path="notebooks/a.ipynb", code="NBP203", cell=3, cell_id="abc", message="reassigned"),
    ]

    assert report.findings(found) == (
        "params/prod.yaml:7: unknown parameter 'alhpa'\n"
        "    did you mean 'alpha'?\n"
        "notebooks/a.ipynb: NBP203 reassigned [cell 3, abc]\n"
        "2 problems found"
    )
    assert report.findings([]) == "no problem found"
    assert report.findings_json(found)["findings"][0]["line"] == 7


def test_parameters_show_where_each_value_comes_from() -> None:
    environment = Environment(
        name="prod",
        tracking_uri="sqlite:///prod.db",
        policy=Policy(),
        parameters={"months": [1, 2]},
        inputs={"flights": "/data/flights"},
        origins={"months": "params/prod.yaml:6", "flights": "params/base.yaml:3"},
    )

    assert report.parameters(environment).splitlines() == [
        "name     value                   from",
        'flights  "/data/flights"  input  params/base.yaml:3',
        "months   [1, 2]                  params/prod.yaml:6",
    ]
    assert [p["kind"] for p in report.parameters_json(environment)["parameters"]] == ["input", "value"]


def test_what_a_notebook_wrote_cannot_steer_the_terminal(good: Evidence) -> None:
    trick = "ok\x1b]0;owned\x07\x1b[2J\r\x08\u202e\x9b31m"
    check = Check(name="outputs-match", outcome=Outcome.PASSED, summary=trick, details=(trick,))

    told = report.evidence(replace(good, checks=(check,)), colour=True)

    assert "owned" not in told
    left = told.replace("\x1b[32m", "").replace("\x1b[31m", "").replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert all(letter == "\n" or letter.isprintable() for letter in left)
