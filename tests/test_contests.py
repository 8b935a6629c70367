"""Candidate and live on the same rows: the numbers, how sure they are, and what is promoted on them."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_output
from sklearn import datasets, metrics

from ground import HEADER, Ground, begun, command, git
from nbpromote.errors import Unavailable
from nbpromote.model import (
    SCORES,
    WITHOUT_INTERVAL,
    Cell,
    Contest,
    Contract,
    Ending,
    Environment,
    Evaluation,
    Gate,
    Mode,
    Policy,
)
from nbpromote.validate import contests
from nbpromote.validate.contests import Rows, held
from nbpromote.workflow.evidence import contesting, witnessing
from nbpromote.workflow.site import Site, lineage
from runs import book, job_in

ASKED = Contest(metric="mae", on="holdout", confidence=0.95)

# -- scores --------------------------------------------------------------------------------------------------------

OF_NUMBERS = {
    "mae": metrics.mean_absolute_error,
    "mse": metrics.mean_squared_error,
    "rmse": metrics.root_mean_squared_error,
    "mape": metrics.mean_absolute_percentage_error,
    "r2": metrics.r2_score,
    "median_absolute_error": metrics.median_absolute_error,
    "max_error": metrics.max_error,
    "bias": lambda truth, said: float(np.mean(said - truth)),
}
OF_CLASSES = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
}
OF_TWO = {
    **OF_CLASSES,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "f1": metrics.f1_score,
}
OF_CHANCES = {
    "auc": metrics.roc_auc_score,
    "log_loss": metrics.log_loss,
    "brier": metrics.brier_score_loss,
}


@pytest.fixture(scope="module")
def diabetes():
    """442 patients: the truth, and what two real lines say."""
    X, y = datasets.load_diabetes(return_X_y=True)
    one, other = (np.column_stack([X[:, chosen], np.ones(len(y))]) for chosen in ([2, 3, 8], [2]))
    return Rows(truth=y, candidate=fitted(one, y), live=fitted(other, y), digest="d")


@pytest.fixture(scope="module")
def cancer():
    """569 tumours as 0 and 1, and what two real lines make of them as chances."""
    X, y = datasets.load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    one, other = (np.column_stack([X[:, :count], np.ones(len(y))]) for count in (8, 2))
    chances = [np.clip(fitted(line, y), 0, 1) for line in (one, other)]
    return Rows(truth=y, candidate=chances[0], live=chances[1], digest="c")


def fitted(X, y):
    return X @ np.linalg.lstsq(X, y, rcond=None)[0]


def test_the_scores_are_those_that_the_policy_may_name():
    assert {*contests.SUMMED, *contests.ORDERED} == set(SCORES)
    assert set(contests.ORDERED) == WITHOUT_INTERVAL
    assert set(OF_NUMBERS) | set(OF_TWO) | set(OF_CHANCES) == set(SCORES)


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_numbers_are_scored_as_scikit_learn_does(name, diabetes):
    wanted = OF_NUMBERS[name](diabetes.truth, diabetes.candidate)

    assert contests.score(name, diabetes.truth, diabetes.candidate) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("name", OF_TWO)
def test_two_classes_are_scored_as_scikit_learn_does(name, cancer):
    said = cancer.candidate > 0.6

    assert contests.score(name, cancer.truth, said) == pytest.approx(OF_TWO[name](cancer.truth, said), rel=1e-12)


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize("load", [datasets.load_wine, datasets.load_digits])
def test_many_classes_are_scored_as_scikit_learn_does(name, load):
    y = load().target
    said = np.roll(y, 20)
    names = np.array([f"class {number}" for number in range(10)], dtype=object)

    assert contests.score(name, y, said) == pytest.approx(OF_CLASSES[name](y, said), rel=1e-12)
    assert contests.score(name, names[y], names[said]) == contests.score(name, y, said)


@pytest.mark.parametrize("name", OF_CHANCES)
def test_chances_are_scored_as_scikit_learn_does(name, cancer):
    coarse = cancer.candidate.round(1)  # many ties

    for said in (cancer.candidate, coarse):
        assert contests.score(name, cancer.truth, said) == pytest.approx(OF_CHANCES[name](cancer.truth, said), rel=1e-9)


def test_a_class_that_is_never_predicted_is_0_as_in_scikit_learn():
    truth, said = np.array([1, 0] * 20), np.zeros(40)

    assert [contests.score(name, truth, said) for name in ("precision", "recall", "f1")] == [0, 0, 0]


@pytest.mark.parametrize(
    ("metric", "changed", "told"),
    [
        ("mae", {"truth": [1.0] * 29 + [None]}, "the truth is missing or infinite in 1 of 30 rows"),
        ("mae", {"candidate": [1.0] * 29 + [np.inf]}, "the prediction is missing or infinite in 1 of 30 rows"),
        ("mae", {"truth": ["late"] * 30}, "the truth is 'late' in the first row, which is no number"),
        ("accuracy", {"truth": ["late"] * 30}, "the truth is 'late' in the first row, and the prediction 1.0"),
        ("accuracy", {"truth": ["late"] * 29 + [None]}, "the truth is missing in 1 of 30 rows"),
        ("f1", {"truth": [2.0] * 30}, "the truth is 2 in a row, and only 0 and 1 count here"),
        ("auc", {}, "the truth has one class alone"),
        ("log_loss", {"candidate": [1.5] * 30}, "the prediction is no chance between 0 and 1"),
        ("r2", {}, "r2 of the candidate has no value over these rows"),
        ("mae", {"candidate": [1.0] * 29, "truth": [1.0] * 29}, "too few rows: 29, and 30 are needed"),
    ],
)
def test_rows_that_cannot_be_scored_say_why(metric, changed, told):
    columns = {name: np.array(changed.get(name, [1.0] * 30), dtype=object) for name in ("truth", "candidate")}
    columns |= {name: np.array(it.tolist()) for name, it in columns.items() if name not in changed}

    (found,) = held(replace(ASKED, metric=metric), Rows(**columns))

    assert told in found.trouble
    assert found.candidate is None


def test_a_live_model_that_answers_with_classes_is_not_scored_as_chances(cancer):
    (found,) = held(replace(ASKED, metric="log_loss"), replace(cancer, live=(cancer.live > 0.5).astype(int)))

    assert found.live is None
    assert "pyfunc_predict_fn='predict_proba'" in found.trouble


# -- how sure a change is ------------------------------------------------------------------------------------------


def ends(rows, metric="mae", confidence=0.95):
    (found,) = held(replace(ASKED, metric=metric, confidence=confidence), rows)
    assert not found.trouble
    return found.low, found.high


@pytest.mark.parametrize("metric", sorted(set(OF_NUMBERS) - WITHOUT_INTERVAL))
def test_the_interval_holds_the_change_and_widens_with_confidence(metric, diabetes):
    (found,) = held(replace(ASKED, metric=metric), diabetes)
    wide, narrow = ends(diabetes, metric, 0.99), ends(diabetes, metric, 0.6)

    assert found.resamples == 2000
    assert wide[0] < found.low < narrow[0] < found.change < narrow[1] < found.high < wide[1]


def test_asking_again_gives_the_same_and_another_table_another(diabetes):
    assert ends(diabetes) == ends(diabetes)
    assert ends(diabetes) != ends(replace(diabetes, digest="another"))


@pytest.mark.parametrize("metric", ["auc", "brier"])
def test_the_interval_is_that_of_a_plain_bootstrap(metric, cancer):
    """Each resample scored by scikit-learn itself: for the area, the whole of it and not its linear part."""
    draw, count, by = np.random.default_rng(0), len(cancer.truth), OF_CHANCES[metric]
    changes = []
    for chosen in draw.integers(0, count, (120, count)):
        one, other = (by(cancer.truth[chosen], said[chosen]) for said in (cancer.candidate, cancer.live))
        changes.append(one - other)
    low, high = ends(cancer, metric)

    assert (low + high) / 2 == pytest.approx(np.mean(changes), abs=0.3 * np.std(changes))
    assert (high - low) / (2 * 1.96) == pytest.approx(np.std(changes), rel=0.2)


def drawn(draw, rows, *, apart):
    """Two models whose mean absolute errors are 1.0 and `1 + apart` on all the rows of the world."""
    truth = draw.normal(size=rows)
    spread = np.sqrt(np.pi / 2)
    both = draw.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], size=rows) * spread
    return Rows(truth=truth, candidate=truth + both[:, 0] * (1 + apart), live=truth + both[:, 1], digest=str(truth[0]))


@pytest.mark.parametrize("groups", [2048, 64])
def test_95_per_cent_intervals_hold_the_truth_95_times_of_100(groups, monkeypatch):
    """Also where rows are dealt into groups first, which many are; and noise is not called better."""
    monkeypatch.setattr(contests.resampling, "_GROUPS", groups)
    draw = np.random.default_rng(5)

    found = [ends(drawn(draw, 100, apart=0.1)) for _ in range(200)]

    assert 0.92 <= np.mean([low <= 0.1 <= high for low, high in found]) <= 0.98
    assert np.mean([high < 0.1 for _, high in found]) <= 0.05


def test_100_000_rows_are_resampled_in_bounded_memory():
    import tracemalloc

    rows = drawn(np.random.default_rng(7), 100_000, apart=0.1)
    ends(rows)
    tracemalloc.start()
    low, high = ends(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert 0.08 < low < high < 0.12
    assert peak < 100e6


def test_a_rare_class_that_resamples_may_lose_is_too_little():
    truth = np.array([1] * 2 + [0] * 98)
    rows = Rows(truth=truth, candidate=np.linspace(1, 0, 100), live=np.linspace(0, 1, 100))

    (found,) = held(replace(ASKED, metric="auc"), rows)

    assert (found.low, found.high) == (None, None)
    assert "too few rows of a kind" in found.trouble


# -- slices --------------------------------------------------------------------------------------------------------


def test_each_slice_is_scored_alone_and_small_ones_are_listed(diabetes):
    count = len(diabetes.truth)
    slices = np.array(["AA"] * 200 + ["DL"] * (count - 212) + [None] * 12, dtype=object)

    found = held(replace(ASKED, by="carrier"), replace(diabetes, slices=slices))

    assert [(each.of, each.rows) for each in found] == [("(missing)", 12), ("AA", 200), ("DL", count - 212)]
    assert found[0].is_small
    assert "too few rows: 12" in found[0].trouble
    assert found[1].candidate == contests.score("mae", diabetes.truth[:200], diabetes.candidate[:200])
    assert found[1].low < found[1].change < found[1].high


def test_a_column_of_too_many_values_makes_no_slices():
    many = Rows(truth=np.ones(2000), candidate=np.ones(2000), slices=np.arange(2000))

    (found,) = held(replace(ASKED, by="id"), many)

    assert found.trouble == "id has 2000 values; between 1 and 1000 make slices"
    assert not found.is_small


# -- which rows ----------------------------------------------------------------------------------------------------

WORST = Gate(metric="mae", on="holdout", by="carrier", max=2)
TABLE = {"late": [10.0] * 60, "said": [11.0] * 40 + [13.0] * 20, "carrier": ["AA"] * 40 + ["DL"] * 20}


def ring(*gates: Gate) -> contesting.Ring:
    demands = Environment(name="dev", tracking_uri="", policy=Policy(gates=gates))
    return contesting.Ring.of(demands, None, redact=lambda text: text.replace("secret", "***"))


def contested(folder: Path, *gates: Gate, table=TABLE, name="rows.parquet", on="rows", evaluation="holdout", cells=()):
    """What the gates ask of a run whose declared output `rows` is this table; nothing is live."""
    run = job_in(folder, book("1"), outputs={"rows": str(folder / "data" / name)}).draft
    contract = Contract(evaluations={evaluation: Evaluation(on=on, target="late", prediction="said")})
    run = replace(run, contract=contract, path="notebooks/any.py")
    file = run.candidates["rows"]
    if table is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        frame = pd.DataFrame(table)
        frame.to_csv(file, index=False) if name.endswith(".csv") else frame.to_parquet(file, index=False)
        measured = lineage.Seen().measure(str(file))
        assert measured is not None
        run = replace(run, files={"rows": measured})
    return run, contesting.contests(run, book(*cells), ring(*gates))


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv"])
def test_a_declared_output_is_scored_by_its_columns(tmp_path: Path, name: str) -> None:
    whole = Gate(metric="rmse", on="holdout", max=2)

    _, (by_rmse, in_small, in_large) = contested(tmp_path, whole, WORST, WORST, name=name)

    assert by_rmse.candidate == pytest.approx(np.sqrt((40 * 1 + 20 * 9) / 60))
    assert (in_small.of, in_small.rows, in_small.candidate) == ("AA", 40, 1)
    assert (in_large.of, in_large.rows, in_large.is_small) == ("DL", 20, True)


def test_a_glued_table_is_scored_too(tmp_path: Path) -> None:
    written = io.BytesIO()
    pd.DataFrame(TABLE).to_parquet(written)
    payload = {"name": "tested", "data": base64.b64encode(written.getvalue()).decode(), "encoder": "pandas"}
    output = new_output("display_data", {"application/scrapbook.scrap.pandas+json": payload})

    _, found = contested(tmp_path, WORST, on="tested", cells=[new_code_cell("glue()", outputs=[output])])

    assert [(each.of, each.candidate) for each in found] == [("AA", 1.0), ("DL", None)]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"evaluation": "houldout"},
            "notebooks/any.contract.yaml has no evaluation 'holdout'; did you mean 'houldout'?",
        ),
        ({"on": "tested"}, "evaluation on 'tested': the run has no such declared output and no such glued table"),
        ({"table": None}, "the table 'rows' of run r1 is not on this machine"),
        ({"table": {"late": [1.0] * 60}}, "no column 'said' in rows.parquet (it has late)"),
        ({"table": {**TABLE, "said": ["late"] * 60}}, "the prediction is 'late' in the first row, which is no number"),
        ({"table": {**TABLE, "late": [None] * 60}}, "the truth is missing or infinite in 40 of 40 rows"),
        ({"table": {"late": [], "said": [], "carrier": []}}, "carrier has 0 values; between 1 and 1000 make slices"),
        ({"table": {name: TABLE[name] for name in ("late", "said")}}, "no column 'carrier' in rows.parquet"),
    ],
)
def test_rows_that_are_not_to_be_had_say_why(tmp_path: Path, changed, told: str) -> None:
    _, found = contested(tmp_path, WORST, **changed)

    assert all(told in each.trouble for each in found if not each.is_small)
    assert {each.candidate for each in found} == {None}


def test_no_secret_of_the_rows_is_in_what_is_told(tmp_path: Path) -> None:
    _, found = contested(tmp_path, WORST, table={**TABLE, "carrier": ["secret"] * 60})
    _, wrong = contested(tmp_path, WORST, table={**TABLE, "said": ["secret"] * 60})

    assert [each.of for each in found] == ["***"]
    assert "'***' in the first row" in wrong[0].trouble


def test_a_table_that_was_written_over_since_is_not_scored(tmp_path: Path) -> None:
    run, _ = contested(tmp_path, WORST)
    run.candidates["rows"].write_bytes(b"PAR1 something else")

    (found,) = contesting.contests(run, book(), ring(WORST))

    assert "is not on this machine" in found.trouble


def test_of_a_run_that_is_gone_what_it_published_is_scored_while_nobody_wrote_over_it(tmp_path: Path) -> None:
    """A model that is copied from below brings no table along."""
    run, before = contested(tmp_path, WORST)
    published = Path(run.outputs["rows"])
    published.parent.mkdir()
    run.candidates["rows"].rename(published)

    assert contesting.contests(run, book(), ring(WORST)) == before
    published.write_bytes(b"of a later run")
    assert "is not on this machine" in contesting.contests(run, book(), ring(WORST))[0].trouble


def test_a_gate_that_is_off_asks_for_nothing_and_neither_does_a_run_that_failed(tmp_path: Path) -> None:
    run, none = contested(tmp_path, replace(WORST, mode=Mode.OFF))
    failed = replace(run, cells=(Cell(number=1, id="a", ending=Ending.ERROR),))

    assert none == ()
    assert contesting.contests(failed, book(), ring(WORST)) == ()


# -- on the road ---------------------------------------------------------------------------------------------------

# says x and a share of some noise, so that how good it is stands in its parameters
LINE = """
# %% tags=["parameters"]
share: float = 1.0  # of the noise
noise: str = "u"  # which
holdout: str = "../data/dev/holdout.parquet"  # rows to score on, to write

# %%
import mlflow
import numpy as np
import pandas as pd

class Line(mlflow.pyfunc.PythonModel):
    def __init__(self, share, noise):
        self.share, self.noise = share, noise

    def predict(self, context, model_input):
        return np.asarray(model_input["x"] + self.share * model_input[self.noise])

draw = np.random.default_rng(0)
rows = pd.DataFrame(draw.normal(size=(240, 3)), columns=["x", "u", "v"])
rows["carrier"] = ["AA", "DL", "UA"] * 79 + ["HA"] * 3
model = Line(share, noise)
predicted = model.predict(None, rows)

# %%
from pathlib import Path

Path(holdout).parent.mkdir(parents=True, exist_ok=True)
rows.assign(truth=rows["x"], predicted=predicted).to_parquet(holdout, index=False)
with mlflow.start_run():
    mlflow.log_metric("mae", float(abs(predicted - rows["x"]).mean()))
    mlflow.pyfunc.log_model(
        name="model", python_model=model, input_example=rows[["x", "u", "v"]].head(3), pip_requirements=["mlflow"]
    )
"""
POLICY = """\
promotes_from: [dev]
notebooks:
  line:
    gates:
      - {metric: mae, max: 5}
      - {metric: mae, versus: live, on: holdout, confidence: 0.95}
      - {metric: mae, on: holdout, by: carrier, max: 2, mode: warn}
      - {budget: time, max: 10m}
"""


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """`line` live in staging; then one refused that is only another noise, then one let in that is better."""
    ground = begun(tmp_path_factory.mktemp("contests") / "small", empty_store)
    ground.write("pyproject.toml", '[tool.nbpromote]\nproject = "small"\n')
    ground.write(".gitignore", ".nbpromote/\ndata/\n")
    ground.write("notebooks/line.py", HEADER + LINE)
    ground.write(
        "notebooks/line.contract.yaml",
        "evaluation: {holdout: {on: holdout, target: truth, prediction: predicted}}\n",
    )
    ground.write("params/base.yaml", "limits: {cell: 60s, notebook: 2m}\n")
    for name in ("dev", "staging"):
        ground.write(f"params/{name}.yaml", SETTINGS.format(name=name, share=1.0, noise="u"))
    ground.write("params/staging.policy.yaml", POLICY)
    ground.commit("start")
    assert ground.nbpromote("run", "line").returncode == 0
    assert ground.nbpromote("release", "line").returncode == 0
    for share, noise, allowed in ((1.0, "u", 0), (1.0, "v", 1), (0.5, "u", 0)):
        ground.write("params/staging.yaml", SETTINGS.format(name="staging", share=share, noise=noise))
        ground.git("commit", "--quiet", "--all", "--allow-empty", "--message", "another model")
        done = ground.nbpromote("promote", "line", "--to", "staging")
        assert done.returncode == allowed, done.stdout + done.stderr
    return ground


SETTINGS = """\
notebooks:
  line:
    parameters: {{share: {share}, noise: {noise}}}
    outputs: {{holdout: data/{name}/holdout.parquet}}
"""


def test_noise_promotes_nothing_and_what_is_better_goes_live(road: Ground) -> None:
    events = road.json("history", "--env", "staging")["events"]

    assert [event["step"] for event in events] == [
        *("running", "intent", "live", "verified"),
        *("running", "inconclusive"),
        *("running", "intent", "live", "verified"),
    ]
    reason = next(event["reason"] for event in events if event["step"] == "inconclusive")
    assert "over 240 rows, too little to tell: better than live demanded" in reason
    assert reason.endswith("[params/staging.policy.yaml:6]")
    live = Site(road.project).ledger.state("staging")["line"].live
    assert live.parameters["share"] == 0.5


def test_a_model_that_cannot_be_asked_for_these_rows_says_which_columns_it_wants(road: Ground, tmp_path: Path) -> None:
    table = tmp_path / "few.parquet"
    pd.DataFrame({"x": [1.0]}).to_parquet(table)
    live = Site(road.project).ledger.state("staging")["line"].live

    with pytest.raises(Unavailable, match="takes columns that the table lacks: u, v"):
        witnessing.said_of_rows(live, table, pass_env=())


def test_why_says_who_asked_and_what_was_seen_also_in_another_clone(road: Ground, tmp_path: Path) -> None:
    events = road.json("history", "--env", "staging")["events"]
    refused = next(event for event in events if event["step"] == "inconclusive")
    git(tmp_path, "clone", "--quiet", str(road.root), "other")
    git(tmp_path / "other", "config", "user.name", "Bob")

    done = command("-C", str(tmp_path / "other"), "why", refused["attempt"])

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"refused: line {refused['alias']} (")
    assert lines[0].endswith(") at the door of staging")
    at = lines.index("inconclusive  mae on holdout better than live, 95 % sure")
    assert lines[at + 1] == "  asked   params/staging.policy.yaml:6"
    assert lines[at + 2].startswith("  saw     mae on holdout is 0.785506 against 0.798227 live (-1.6%)")
    assert lines[at + 2].endswith("over 240 rows, too little to tell: better than live demanded")
    assert lines[at + 3].startswith("  how     240 rows of holdout, live is run ")
    assert lines[at + 3].endswith("2,000 paired resamples")
    assert any("too few rows in HA (3)" in line for line in lines)
    assert any(line.split()[:2] == ["passed", "ran-to-the-end"] and "asked of every run" in line for line in lines)


def test_why_tells_the_newest_decision_about_a_name_and_decides_now_where_there_is_none(road: Ground) -> None:
    newest = road.json("why", "line")
    (run,) = (path.name for path in (road.root / ".nbpromote/runs").glob("*-line-dev-*"))
    asked = road.json("why", run)

    assert (newest["environment"], newest["allowed"], newest["ended"]) == ("staging", True, "verified")
    contest = next(each["contest"] for each in newest["gates"] if each["contest"] and each["contest"]["confidence"])
    assert contest["high"] < 0 < contest["candidate"] < contest["live"]
    assert (asked["environment"], asked["allowed"], asked["verb"]) == ("dev", True, "release")
    assert road.json("why", "line@staging")["attempt"] == newest["attempt"]  # as it was written, not judged again
    assert road.json("why", "line", "--last")["run"] == run
    assert road.nbpromote("why", "lien").returncode == 2
