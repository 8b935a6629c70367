"""Verdicts on evidence that is written down here; the gate itself sees nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpromote import gate
from nbpromote.model import Check, Code, Deployment, Evidence, Gate, Mode, Outcome, Run, Schema

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


@settings(max_examples=200, deadline=None)
@given(METRICS, METRICS | st.none(), CHECKS, st.lists(ABSOLUTE | RELATIVE | ON_CHECKS, max_size=4))
def test_what_is_allowed_has_run_to_the_end_and_met_every_enforced_gate(metrics, live, checks, gates):
    what = evidence(*checks, ran=None, **metrics)

    decision = decided(what, *gates, live=live)

    if decision.allowed:
        assert what.check("ran-to-the-end").outcome is PASSED
        met = (PASSED, SKIPPED) if live is None else (PASSED,)
        assert all(v.outcome in met for v in decision.verdicts if v.gate.mode is Mode.ENFORCE)
