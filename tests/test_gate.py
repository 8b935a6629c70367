"""Verdicts on evidence that is written down here; the gate itself sees nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpromote import gate
from nbpromote.model import Cell, Check, Code, Contest, Deployment, Evidence, Gate, Mode, Outcome, Run, Schema

RUN = Run(
    id="r1",
    notebook="train",
    environment="prod",
    code=Code(digest="c", schema=Schema()),
    folder=Path("nowhere"),
    started="",
    ended="",
    seconds=0,
    actor="",
    cells=(),
)
LIVE = Deployment(
    notebook="train", environment="prod", release="r0", alias="old-otter", code="c", run="r0", evidence="e",
    tracking_uri="", settings="",
)  # fmt: skip
PASSED, FAILED, SKIPPED, ERRORED, UNCLEAR = (
    Outcome.PASSED,
    Outcome.FAILED,
    Outcome.SKIPPED,
    Outcome.ERRORED,
    Outcome.INCONCLUSIVE,
)
RAN = Check(name="ran-to-the-end", outcome=PASSED, summary="4 cells ran to the end")


def evidence(*checks: Check, ran: Check | None = RAN, **metrics: float) -> Evidence:
    return Evidence(run=RUN, checks=((ran,) if ran else ()) + checks, metrics=metrics)


def check(name: str, outcome: Outcome) -> Check:
    return Check(name=name, outcome=outcome, summary="told")


def decided(what: Evidence, *gates: Gate, live=None):
    """`live` are the metrics of what is live."""
    return gate.decide(what, gates, live=None if live is None else replace(LIVE, metrics=live), environment="prod")


def outcome(what: Evidence, asked: Gate, live=None) -> Outcome:
    return decided(what, asked, live=live).verdicts[0].outcome


# -- bounds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "seen", "expected"),
    [
        ({"max": 30}, 29.0, PASSED),
        ({"max": 30}, 30.0, PASSED),
        ({"max": 30}, 30.000001, FAILED),
        ({"min": 0.5}, 0.5, PASSED),
        ({"min": 0.5}, 0.499999, FAILED),
        ({"min": 1, "max": 2}, 1.5, PASSED),
        ({"min": 1, "max": 2}, 0.5, FAILED),
        ({"min": 1, "max": 2}, 2.5, FAILED),
        ({"max": 0}, 0.0, PASSED),
        ({"max": -1}, 0.0, FAILED),
        ({"max": 1.7e308}, math.inf, UNCLEAR),
        ({"min": 0}, math.inf, UNCLEAR),
        ({"max": 30}, math.nan, UNCLEAR),
        ({"min": 0}, math.nan, UNCLEAR),
        ({"max": 30}, True, UNCLEAR),
        ({"max": 30}, None, UNCLEAR),
    ],
)
def test_a_metric_is_held_to_absolute_bounds(bounds, seen, expected):
    metrics = {} if seen is None else {"mae": seen}

    assert outcome(evidence(**metrics), Gate(metric="mae", **bounds)) is expected


@pytest.mark.parametrize(
    ("bounds", "seen", "live", "expected"),
    [
        ({"max_increase": 0}, 10.0, 10.0, PASSED),
        ({"max_increase": 0}, 9.0, 10.0, PASSED),
        ({"max_increase": 0}, 10.1, 10.0, FAILED),
        ({"max_increase": 2}, 12.0, 10.0, PASSED),
        ({"max_increase": 2}, 12.1, 10.0, FAILED),
        ({"max_increase": -1}, 9.5, 10.0, FAILED),
        ({"max_increase": -1}, 9.0, 10.0, PASSED),
        ({"max_decrease": 0.5}, 9.5, 10.0, PASSED),
        ({"max_decrease": 0.5}, 9.4, 10.0, FAILED),
        ({"max_decrease": 0.5}, 99.0, 10.0, PASSED),
        ({"max_relative_increase": 0.5}, 15.0, 10.0, PASSED),
        ({"max_relative_increase": 0.5}, 15.1, 10.0, FAILED),
        ({"max_relative_decrease": 0.5}, 5.0, 10.0, PASSED),
        ({"max_relative_decrease": 0.5}, 4.9, 10.0, FAILED),
        # a negative value: what counts is its size, -10 to -15 is down by half
        ({"max_relative_decrease": 0.5}, -15.0, -10.0, PASSED),
        ({"max_relative_decrease": 0.5}, -15.1, -10.0, FAILED),
        ({"max_relative_increase": 0.5}, -5.0, -10.0, PASSED),
        # nothing is relative to zero
        ({"max_relative_increase": 0.5}, 0.0, 0.0, PASSED),
        ({"max_relative_increase": 0.5}, 0.001, 0.0, FAILED),
        ({"max_relative_decrease": 0.5}, -0.001, 0.0, FAILED),
        ({"max_increase": 1}, 0.5, 0.0, PASSED),
        ({"max_increase": 5, "max_relative_increase": 0.1}, 12.0, 10.0, FAILED),
        ({"max_relative_increase": 0.1}, 1e308, -1e308, FAILED),
        ({"max_relative_increase": 0.1}, 1e300, 1e-300, FAILED),
        # demands for more, in the direction that is better: less of an error
        ({"min_absolute_change": 1}, 9.0, 10.0, PASSED),
        ({"min_absolute_change": 1}, 9.5, 10.0, FAILED),
        ({"min_absolute_change": 1}, 99.0, 10.0, FAILED),
        ({"min_absolute_change": 1, "greater_is_better": True}, 11.0, 10.0, PASSED),
        ({"min_absolute_change": 1, "greater_is_better": True}, 9.0, 10.0, FAILED),
        ({"min_relative_change": 0.1}, 9.0, 10.0, PASSED),
        ({"min_relative_change": 0.1}, 9.1, 10.0, FAILED),
        ({"min_relative_change": 0.1}, -11.0, -10.0, PASSED),
        ({"min_relative_change": 0.1}, -1.0, 0.0, UNCLEAR),
        ({"min_relative_change": 0.1, "max_decrease": 1}, 8.0, 10.0, FAILED),
        # no incumbent, or one that says nothing
        ({"max_increase": 0}, 10.0, None, SKIPPED),
        ({"max_increase": 0}, 10.0, "no such metric", UNCLEAR),
        ({"max_increase": 0}, 10.0, math.nan, UNCLEAR),
        ({"max_increase": 0}, math.nan, 10.0, UNCLEAR),
        ({"max_increase": 0}, math.nan, None, UNCLEAR),
        ({"max_increase": 0}, None, None, UNCLEAR),
    ],
)
def test_a_change_is_candidate_minus_live(bounds, seen, live, expected):
    metrics = {} if seen is None else {"mae": seen}
    rival = None if live is None else {} if isinstance(live, str) else {"mae": live}

    assert outcome(evidence(**metrics), Gate(metric="mae", versus="live", **bounds), rival) is expected


def test_a_reason_holds_the_numbers_and_the_place_that_asks():
    asked = Gate(metric="mae", versus="live", max_relative_increase=0.02, where="params/prod.policy.yaml:9")

    (reason,) = decided(evidence(mae=33.0), asked, live={"mae": 30.0}).unmet

    assert reason == (
        "mae is 33 against 30 live (+10.0%), relative increase of at most 0.02 allowed [params/prod.policy.yaml:9]"
    )


def test_a_metric_that_was_not_handed_out_is_told_with_those_that_were():
    (reason,) = decided(evidence(mea=1.0, rmse=2.0), Gate(metric="mae", max=3)).unmet

    assert reason == "mae was not handed out (metrics: mea, rmse)"


def test_a_demand_for_more_of_what_nobody_knows_cannot_be_judged():
    asked = Gate(metric="lift", versus="live", min_absolute_change=1)

    assert outcome(evidence(lift=3.0), asked, {"lift": 1.0}) is UNCLEAR
    assert outcome(evidence(lift=3.0), replace(asked, greater_is_better=True), {"lift": 1.0}) is PASSED


# -- budgets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "before", "expected"),
    [
        (Gate(budget="time", max=60), None, PASSED),
        (Gate(budget="time", max=59), None, FAILED),
        (Gate(budget="memory", max=2e6), None, PASSED),
        (Gate(budget="memory", max=1e6), None, FAILED),
        (Gate(budget="output", max=1e3), None, PASSED),
        (Gate(budget="output", max=100), None, FAILED),
        (Gate(budget="time", versus="live", max_relative_increase=0.2), {"time": 50.0}, PASSED),
        (Gate(budget="time", versus="live", max_relative_increase=0.1), {"time": 50.0}, FAILED),
        (Gate(budget="time", versus="live", max_relative_increase=0.1), None, SKIPPED),
        (Gate(budget="time", versus="live", max_relative_increase=0.1), {}, UNCLEAR),
        (Gate(budget="heat", max=1), None, UNCLEAR),
    ],
)
def test_a_budget_is_what_the_run_took(asked, before, expected):
    took = replace(RUN, seconds=60.0, cells=(Cell(number=1, id="a", memory=1200, output=500), Cell(number=2, id="b")))
    live = None if before is None else replace(LIVE, measures=before)

    decision = gate.decide(replace(evidence(), run=took), [asked], live=live, environment="prod")

    assert decision.verdicts[0].outcome is expected


def test_a_run_whose_memory_nobody_measured_is_within_no_budget():
    (reason,) = decided(evidence(), Gate(budget="memory", max=1e9)).unmet

    assert reason == "memory was not measured in this run"


def test_a_budget_is_told_with_its_unit():
    what = replace(evidence(), run=replace(RUN, seconds=754.0))

    (reason,) = decided(what, Gate(budget="time", max=600, where="params/prod.policy.yaml:4")).unmet

    assert reason == "time is 754 s, above the limit of 600 s [params/prod.policy.yaml:4]"


# -- contests ------------------------------------------------------------------------------------------------------

ASKED = Gate(metric="mae", versus="live", on="holdout", confidence=0.95)


def contest(low=None, high=None, *, candidate=12.0, live=12.5, **more) -> Contest:
    sure = None if low is None else 0.95
    given_ = {"metric": "mae", "on": "holdout", "rows": 240, "against": "r0", "confidence": sure, **more}
    return Contest(candidate=candidate, live=live, low=low, high=high, **given_)


def scored(*contests: Contest) -> Evidence:
    return replace(evidence(), contests=contests)


@pytest.mark.parametrize(
    ("bounds", "low", "high", "expected"),
    [
        # without a bound: better, and not by chance
        ({}, -0.9, -0.1, PASSED),
        ({}, -0.9, 0.1, UNCLEAR),
        ({}, 0.1, 0.9, FAILED),
        ({}, -0.9, 0.0, UNCLEAR),
        ({}, 0.0, 0.0, FAILED),
        # a margin: not worse by more than so much
        ({"max_increase": 0.2}, -0.9, 0.1, PASSED),
        ({"max_increase": 0.2}, -0.9, 0.2, PASSED),
        ({"max_increase": 0.2}, -0.9, 0.3, UNCLEAR),
        ({"max_increase": 0.2}, 0.3, 0.9, FAILED),
        ({"max_relative_increase": 0.02}, -0.9, 0.25, PASSED),
        ({"max_relative_increase": 0.02}, -0.9, 0.26, UNCLEAR),
        ({"max_relative_increase": 0.02}, 0.26, 0.9, FAILED),
        # better by so much
        ({"min_absolute_change": 0.5}, -0.9, -0.5, PASSED),
        ({"min_absolute_change": 0.5}, -0.9, -0.4, UNCLEAR),
        ({"min_absolute_change": 0.5}, -0.4, -0.1, FAILED),
        ({"min_relative_change": 0.04}, -0.9, -0.5, PASSED),
        ({"min_relative_change": 0.04}, -0.9, -0.4, UNCLEAR),
        # all bounds count
        ({"max_increase": 0.2, "max_decrease": 1}, -2, -1.1, FAILED),
        ({"max_increase": 0.2, "max_decrease": 1}, -2, 0.1, UNCLEAR),
        # no interval, or none that can be one
        ({}, None, None, UNCLEAR),
        ({}, math.nan, -0.1, UNCLEAR),
        ({}, -math.inf, -0.1, UNCLEAR),
        ({}, -0.1, -0.9, UNCLEAR),
    ],
)
def test_an_interval_is_judged_as_a_whole(bounds, low, high, expected):
    what = scored(replace(contest(low, high), confidence=0.95))

    assert outcome(what, replace(ASKED, **bounds), live={}) is expected


@pytest.mark.parametrize(("low", "high", "expected"), [(0.1, 0.9, PASSED), (-0.9, -0.1, FAILED), (-0.9, 0.9, UNCLEAR)])
def test_what_is_better_depends_on_the_metric(low, high, expected):
    asked = replace(ASKED, metric="accuracy")

    assert outcome(scored(contest(low, high, metric="accuracy")), asked, live={}) is expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ([], UNCLEAR),
        ([contest(-0.9, -0.1, on="other")], UNCLEAR),
        ([contest(-0.9, -0.1, metric="rmse")], UNCLEAR),
        ([replace(contest(-0.9, -0.1), confidence=0.9)], UNCLEAR),
        ([contest(-0.9, -0.1, against="another run")], UNCLEAR),
        ([contest(-0.9, -0.1, candidate=None, trouble="no table")], UNCLEAR),
        ([contest(-0.9, -0.1, candidate=math.nan)], UNCLEAR),
        ([contest(-0.9, -0.1, live=None, trouble="the live model has no column")], UNCLEAR),
    ],
)
def test_rows_that_were_not_scored_for_this_gate_prove_nothing(made, expected):
    assert outcome(scored(*made), ASKED, live={}) is expected


def test_nothing_live_is_nothing_to_be_better_than():
    assert outcome(scored(), ASKED, live=None) is SKIPPED


def test_too_little_to_tell_is_said_with_its_rows():
    (reason,) = decided(scored(contest(-0.9, 0.1)), replace(ASKED, where="params/prod.policy.yaml:7"), live={}).unmet

    assert reason == (
        "mae on holdout is 12 against 12.5 live (-4.0%), 95 % sure of a change between -0.9 and +0.1 over 240 rows,"
        " too little to tell: better than live demanded [params/prod.policy.yaml:7]"
    )


def test_the_same_rows_without_a_confidence_are_compared_as_they_are():
    asked = Gate(metric="mae", versus="live", on="holdout", max_increase=0)

    assert outcome(scored(contest()), asked, live={}) is PASSED
    assert outcome(scored(contest(candidate=12.6)), asked, live={}) is FAILED
    assert outcome(scored(contest(live=None)), Gate(metric="mae", on="holdout", max=12), live={}) is PASSED
    assert outcome(scored(contest(live=None)), Gate(metric="mae", on="holdout", max=11), live=None) is FAILED


def slices(**rows: tuple[float, int]) -> Evidence:
    """Each slice by its mean absolute error and its rows."""
    made = [contest(candidate=mae, live=None, by="carrier", of=of, rows=count) for of, (mae, count) in rows.items()]
    return scored(*made)


WORST = Gate(metric="mae", on="holdout", by="carrier", max=16)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (slices(AA=(12, 100), DL=(15, 100)), PASSED),
        (slices(AA=(12, 100), DL=(17, 100)), FAILED),
        (slices(AA=(12, 100), HA=(17, 29)), PASSED),
        (slices(AA=(12, 100), HA=(17, 30)), FAILED),
        (slices(AA=(12, 29), HA=(13, 3)), UNCLEAR),
        (slices(AA=(12, 100), DL=(math.nan, 100)), UNCLEAR),
        (slices(AA=(17, 100), DL=(math.nan, 100)), FAILED),
        (scored(contest(candidate=None, by="carrier", rows=0, trouble="no column carrier")), UNCLEAR),
    ],
)
def test_the_worst_slice_counts_and_small_ones_do_not(what, expected):
    assert outcome(what, WORST) is expected


def test_slices_are_told_by_the_worst_and_by_those_that_nobody_judged():
    reason = decided(slices(AA=(12, 100), DL=(15, 90), HA=(17, 12)), WORST).verdicts[0].reason

    assert reason == (
        "mae on holdout for carrier DL is 15 over 90 rows, within limits;"
        " the worst of 2 by carrier, too few rows in HA (12)"
    )


def test_of_slices_against_live_the_worst_change_counts():
    asked = replace(ASKED, by="carrier", max_increase=0.5)
    better = contest(-0.9, -0.1, by="carrier", of="AA")
    worse = contest(0.6, 0.9, candidate=13.2, by="carrier", of="DL")
    unsure = contest(-0.9, 0.9, by="carrier", of="UA")

    assert outcome(scored(better), asked, live={}) is PASSED
    assert outcome(scored(better, unsure), asked, live={}) is UNCLEAR
    verdict = decided(scored(better, worse, unsure), asked, live={}).verdicts[0]
    assert (verdict.outcome, verdict.contest.of) == (FAILED, "DL")


@pytest.mark.parametrize(
    ("name", "up"),
    [
        ("mae", False), ("val_rmse", False), ("error_rate", False), ("log_loss", False), ("accuracy", True),
        ("f1_macro", True), ("r2", True), ("bias", None), ("rows", None), ("error_score", None),
    ],
)  # fmt: skip
def test_which_way_is_better_is_known_of_common_metrics(name, up):
    assert Gate(metric=name).upwards is up
    assert Gate(metric=name, greater_is_better=True).upwards is True


# -- checks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (PASSED, PASSED),
        (FAILED, FAILED),
        (ERRORED, ERRORED),
        (UNCLEAR, UNCLEAR),
        (SKIPPED, UNCLEAR),
        (None, UNCLEAR),
    ],
)
def test_a_gate_on_a_check_wants_it_answered(found, expected):
    checks = () if found is None else (check("outputs-match", found),)

    assert outcome(evidence(*checks), Gate(check="outputs-match"), live={}) is expected


@pytest.mark.parametrize(
    ("count", "found", "expected"),
    [(3, PASSED, PASSED), (4, PASSED, PASSED), (2, PASSED, UNCLEAR), (2, FAILED, FAILED), (0, SKIPPED, UNCLEAR)],
)
def test_a_check_may_have_to_compare_so_many_things(count, found, expected):
    made = replace(check("outputs-match", found), count=count)

    assert outcome(evidence(made), Gate(check="outputs-match", min_count=3), live={}) is expected


def test_outputs_are_not_compared_where_nothing_is_live():
    asked = Gate(check="outputs-match")

    assert outcome(evidence(check("outputs-match", SKIPPED)), asked, live=None) is SKIPPED
    assert outcome(evidence(check("model-loads", SKIPPED)), Gate(check="model-loads"), live=None) is UNCLEAR


@pytest.mark.parametrize(
    ("mode", "found", "allowed"),
    [
        (None, PASSED, True),
        (None, SKIPPED, True),
        (None, FAILED, False),
        (None, ERRORED, False),
        (None, UNCLEAR, False),
        (Mode.ENFORCE, FAILED, False),
        (Mode.ENFORCE, SKIPPED, False),
        (Mode.WARN, FAILED, True),
        (Mode.OFF, FAILED, True),
    ],
)
def test_a_check_is_enforced_unless_a_gate_says_otherwise(mode, found, allowed):
    gates = [Gate(check="outputs-match", mode=mode)] if mode else []

    assert decided(evidence(check("outputs-match", found)), *gates, live={}).allowed is allowed


@pytest.mark.parametrize("mode", [None, *Mode])
@pytest.mark.parametrize("ran", [None, *(replace(RAN, outcome=o) for o in Outcome if o is not PASSED)])
def test_that_every_cell_ran_is_waived_by_nobody(ran, mode):
    gates = [Gate(check="ran-to-the-end", mode=mode)] if mode else []

    decision = decided(evidence(ran=ran, mae=1.0), Gate(metric="mae", max=2), *gates)

    assert not decision.allowed
    assert len(decision.unmet) == len(set(decision.unmet))


@pytest.mark.parametrize("mode", [None, *Mode])
def test_a_secret_in_what_a_run_left_is_waived_by_nobody(mode):
    gates = [Gate(check="no-secrets", mode=mode)] if mode else []

    decision = decided(evidence(check("no-secrets", FAILED), mae=1.0), Gate(metric="mae", max=2), *gates)

    assert decision.unmet == ("no-secrets failed: told",)


# -- decisions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "allowed"), [(Mode.ENFORCE, False), (Mode.WARN, True), (Mode.OFF, True)])
def test_only_an_enforced_gate_refuses(mode, allowed):
    decision = decided(evidence(mae=99.0), Gate(metric="mae", max=30, mode=mode))

    assert decision.allowed is allowed
    assert [verdict.outcome for verdict in decision.verdicts] == ([] if mode is Mode.OFF else [FAILED])


def test_all_reasons_are_told_together():
    what = evidence(check("outputs-match", FAILED), check("model-loads", ERRORED), mae=99.0)
    gates = (
        Gate(metric="mae", max=30),
        Gate(metric="mae", versus="live", max_increase=1),
        Gate(metric="r2", min=0.5),
        Gate(check="outputs-match"),
    )

    decision = decided(what, *gates, live={"mae": 30.0})

    assert [reason.split(" ")[0] for reason in decision.unmet] == ["mae", "mae", "r2", "outputs-match", "model-loads"]


def test_evidence_that_meets_everything_is_allowed():
    gates = (Gate(metric="mae", max=30), Gate(check="outputs-match"))

    decision = decided(evidence(check("outputs-match", PASSED), mae=3.0), *gates)

    assert decision.allowed
    assert [verdict.outcome for verdict in decision.verdicts] == [PASSED, PASSED]


@pytest.mark.parametrize(
    ("gates", "proof"),
    [
        ([], False),
        ([Gate(metric="mae", max=1)], True),
        ([Gate(check="outputs-match")], True),
        ([Gate(metric="mae", versus="live", max_increase=1)], False),
        ([Gate(metric="mae", max=1, mode=Mode.WARN)], False),
        ([Gate(metric="mae", max=1, mode=Mode.OFF)], False),
        ([Gate(metric="mae", versus="live", max_increase=1), Gate(metric="mae", max=1)], True),
        ([Gate(metric="mae", on="holdout", max=1)], True),
        ([Gate(budget="time", max=60)], False),
    ],
)
def test_a_first_deployment_needs_an_absolute_gate(gates, proof):
    said = gate.lacks_proof(gates, environment="prod")

    assert (said == "") is proof
    assert proof or "prod.policy.yaml" in said


NAMES = st.sampled_from(["mae", "r2", "rows"])
NUMBERS = st.one_of(st.floats(), st.integers(-5, 5))
METRICS = st.dictionaries(NAMES, NUMBERS)
ABSOLUTE = st.builds(Gate, metric=NAMES, max=st.floats(-5, 5), mode=st.sampled_from(Mode))
RELATIVE = st.builds(
    Gate,
    metric=NAMES,
    versus=st.just("live"),
    max_increase=st.none() | st.floats(-5, 5),
    max_relative_decrease=st.floats(-5, 5),
    mode=st.sampled_from(Mode),
)
CONTESTED = st.builds(
    Gate,
    metric=NAMES,
    versus=st.just("live"),
    on=st.just("holdout"),
    by=st.none() | st.just("carrier"),
    confidence=st.none() | st.just(0.9),
    max_increase=st.none() | st.floats(-5, 5),
    min_absolute_change=st.none() | st.floats(0.1, 5),
    greater_is_better=st.none() | st.booleans(),
    mode=st.sampled_from(Mode),
)
CONTESTS = st.lists(
    st.builds(
        Contest,
        metric=NAMES,
        on=st.just("holdout"),
        by=st.sampled_from(["", "carrier"]),
        of=st.sampled_from(["", "AA", "HA"]),
        against=st.sampled_from(["r0", "r1"]),
        rows=st.sampled_from([0, 10, 100]),
        candidate=st.none() | NUMBERS,
        live=st.none() | NUMBERS,
        low=st.none() | NUMBERS,
        high=st.none() | NUMBERS,
        confidence=st.none() | st.just(0.9),
    ),
    max_size=6,
)
ON_CHECKS = st.builds(Gate, check=st.sampled_from(["ran-to-the-end", "a", "b"]), mode=st.sampled_from(Mode))
CHECKS = st.lists(
    st.builds(check, st.sampled_from(["ran-to-the-end", "a", "b"]), st.sampled_from(Outcome)),
    unique_by=lambda made: made.name,
)


@settings(max_examples=300, deadline=None)
@given(METRICS, METRICS | st.none(), CHECKS, st.lists(ABSOLUTE | RELATIVE | ON_CHECKS, max_size=4), st.data())
def test_taking_something_away_never_turns_a_refusal_into_an_allowance(metrics, live, checks, gates, data):
    whole = evidence(*checks, ran=None, **metrics)
    gone = data.draw(st.sets(NAMES))
    fewer = evidence(*checks, ran=None, **{name: seen for name, seen in metrics.items() if name not in gone})
    poorer = None if live is None else {name: seen for name, seen in live.items() if name not in gone}

    if not decided(whole, *gates, live=live).allowed:
        assert not decided(fewer, *gates, live=live).allowed
        assert not decided(whole, *gates, live=poorer).allowed


PASSING = st.builds(
    lambda limit, low, width: (limit, low, low + width), st.floats(-3, 3), st.floats(-5, 5), st.floats(0, 3)
)


@settings(max_examples=200, deadline=None)
@given(PASSING, st.floats(0, 2), st.booleans())
def test_more_data_never_turns_a_clear_answer_around(interval, narrower, up):
    """The same change with a narrower interval around it: passed stays passed, failed stays failed."""
    limit, low, high = interval
    asked = replace(ASKED, **{"max_decrease" if up else "max_increase": limit})
    by = min(narrower, (high - low) / 2)
    before, after = (
        outcome(scored(contest(*ends)), asked, live={}) for ends in ((low, high), (low + by, max(low + by, high - by)))
    )

    assert before is UNCLEAR or after is before


@settings(max_examples=300, deadline=None)
@given(CONTESTS, st.lists(CONTESTED, min_size=1, max_size=3), st.data())
def test_taking_from_contests_never_turns_a_refusal_into_an_allowance(contests, gates, data):
    """Slices apart: which there are is for the rows to say, and the evidence's digest keeps them."""
    gates = [replace(asked, by=None) for asked in gates]
    whole = replace(
        scored(*contests), contests=tuple({(c.metric, c.confidence): c for c in contests if not c.by}.values())
    )
    spoilt = [
        replace(each, **{data.draw(st.sampled_from(["candidate", "live"])): None})
        for each in data.draw(st.lists(st.sampled_from(whole.contests), max_size=3) if whole.contests else st.just([]))
    ]
    poorer = replace(whole, contests=tuple(spoilt))

    if not decided(whole, *gates, live={}).allowed:
        assert not decided(poorer, *gates, live={}).allowed
    for verdict in decided(poorer, *gates, live={}).verdicts:
        assert verdict.outcome in (UNCLEAR, FAILED)


@settings(max_examples=200, deadline=None)
@given(METRICS, METRICS | st.none(), CHECKS, st.lists(ABSOLUTE | RELATIVE | ON_CHECKS, max_size=4))
def test_what_is_allowed_has_run_to_the_end_and_met_every_enforced_gate(metrics, live, checks, gates):
    what = evidence(*checks, ran=None, **metrics)

    decision = decided(what, *gates, live=live)

    if decision.allowed:
        assert what.check("ran-to-the-end").outcome is PASSED
        met = (PASSED, SKIPPED) if live is None else (PASSED,)
        assert all(v.outcome in met for v in decision.verdicts if v.gate.mode is Mode.ENFORCE)
