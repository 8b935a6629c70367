"""What a promotion waits for: people, time below, hours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpromote import clock, gate, hours
from nbpromote.model import Approvals, Asked, Consent, Identity, Policy, Window

NOON = "2026-03-04T12:00:00.000Z"  # a Wednesday
WEEKDAYS = (0, 1, 2, 3, 4)
BERLIN = "Europe/Berlin"


def signed(name):
    return Identity(name=name, source="signature", detail="SHA256:abc")


def says(name, *overrides, at=NOON, bound="b1", source="git"):
    by = Identity(name=name, source=source)
    return Consent(by=by, at=at, bound=bound, event=f"{name} {at} {overrides}", overrides=overrides)


ASKED = Asked(
    environment="prod",
    bound="b1",
    requester=Identity(name="Rik <rik@example.org>"),
    authors=("Ada <ada@example.org>",),
    below={"train": "2026-03-04T00:00:00.000Z"},
)
OWNERS = {
    "owners": ("bob@example.org, bob-login", "Cy <cy@example.org>", "ada@example.org"),
    "on-call": ("dee-login", "rik@example.org"),
}
TWO = Policy(
    promotes_from=("staging",),
    approvals=Approvals(count=2, groups=("owners",), expires=3600),
    groups=OWNERS,
    override=("on-call",),
)


def reasons(policy, *consents, now=NOON, asked=ASKED):
    return [wait.reason for wait in gate.waits(policy, asked, consents, now=now)]


def kinds(policy, *consents, now=NOON, asked=ASKED):
    return [wait.kind for wait in gate.waits(policy, asked, consents, now=now)]


def test_nothing_demanded_is_nothing_to_wait_for():
    assert gate.waits(Policy(promotes_from=("staging",)), ASKED, [], now=NOON) == ()


# -- approvals -----------------------------------------------------------------------------------------------

ONE_MISSING = "1 of 2 approvals missing, of owners, but not of who wrote the code or asked"


def test_enough_people_have_consented():
    assert reasons(TWO) == ["2 of 2 approvals missing, of owners, but not of who wrote the code or asked"]
    assert reasons(TWO, says("bob@example.org")) == [ONE_MISSING]
    assert reasons(TWO, says("BOB@Example.org"), says("Whoever <cy@example.org>")) == []
    assert reasons(TWO, says("bob-login", source="ci"), says("cy@example.org")) == []


@pytest.mark.parametrize(
    ("consent", "why"),
    [
        (says("A. Lovelace <ADA@example.org>"), "they wrote the code"),
        (says("rik@example.org"), "they asked for the promotion, and they are not in owners"),
        (says("Bob <bob@example.org>"), "they have approved already"),
        (says("bob-login", source="ci"), "they have approved already"),
        (says("eve@example.org"), "they are not in owners"),
        (says("bob-login <eve@example.org>"), "they are not in owners"),
        (says("cy@example.org", bound="b0"), "what it was given to has changed since"),
        (says("cy@example.org", at="2026-03-04T11:00:00.000Z"), "it expired at 2026-03-04T12:00:00.000Z"),
    ],
)
def test_a_consent_that_does_not_count_says_why(consent, why):
    first = says("bob@example.org", at="2026-03-04T11:30:00.000Z")

    assert reasons(TWO, first, consent) == [f"{ONE_MISSING}; the approval of {consent.by.name} does not count: {why}"]


def test_an_approval_holds_until_it_expires():
    given = says("cy@example.org"), says("bob-login")

    assert reasons(TWO, *given, now="2026-03-04T12:59:59.999Z") == []
    assert len(reasons(TWO, *given, now="2026-03-04T13:00:00.000Z")) == 1
    again = says("bob-login", at="2026-03-04T12:30:00.000Z")
    assert reasons(TWO, *given, again, now="2026-03-04T13:00:00.000Z")[0].startswith("1 of 2")


def test_an_author_by_the_login_of_a_host_is_the_same_person():
    asked = replace(ASKED, authors=("Ada <4711+ada-login@users.noreply.github.com>",))
    policy = Policy(promotes_from=("staging",), approvals=Approvals())

    assert kinds(policy, says("ada-login", source="ci"), asked=asked) == ["approval"]
    assert kinds(policy, says("other-login", source="ci"), asked=asked) == []


@pytest.mark.parametrize(
    "author",
    [
        "Lovelace, Ada <ada@example.org>",
        "ada@home <ADA@example.org>",
        "Ada <x> <ada@example.org>",
        "ada@example.org,ada-login",
    ],
)
def test_whatever_stands_before_a_mail_it_is_the_same_person(author):
    asked = replace(ASKED, authors=(author,))
    policy = Policy(promotes_from=("staging",), approvals=Approvals())
    by_another_name = says("Countess, the <ada@example.org>"), says("ada@example.org, somebody", source="signature")

    assert [kinds(policy, consent, asked=asked) for consent in by_another_name] == [["approval"]] * 2
    assert kinds(replace(policy, approvals=Approvals(count=2)), *by_another_name) == ["approval"]


def test_who_may_have_written_the_code_besides_is_said():
    asked = replace(ASKED, doubt="this clone is shallow")

    assert reasons(TWO, asked=asked)[0].endswith("who wrote the code or asked; this clone is shallow")


def test_where_signatures_are_required_only_they_say_who_somebody_is():
    policy = replace(TWO, signatures=True, approvals=Approvals())
    asked = replace(ASKED, requester=signed("rik@example.org"))
    bob = says("bob-login")

    assert reasons(policy, bob, says("cy@example.org", source="ci"), asked=asked) == [
        "1 of 1 approval missing, of anybody but who wrote the code or asked"
        "; the approval of bob-login does not count: that it is them is said by git's configuration alone,"
        " where the policy wants a signature"
        "; the approval of cy@example.org does not count: that it is them is said by a CI host,"
        " where the policy wants a signature"
    ]
    assert reasons(policy, replace(bob, by=signed("bob-login")), asked=asked) == []


def test_who_asked_under_another_name_cannot_approve_by_signing_that():
    policy = replace(TWO, signatures=True, approvals=Approvals())
    asked = replace(ASKED, requester=Identity(name="somebody@example.org", detail="no signature"))
    why = "that somebody@example.org asked for it is said by git's configuration alone (no signature)"

    (reason,) = reasons(policy, says("bob-login", source="signature"), asked=asked)

    assert reason.endswith(f"does not count: {why}: the request has to be signed too")
    assert why in reasons(policy, asked=asked)[0]


# -- overrides -----------------------------------------------------------------------------------------------

ALL = replace(TWO, soak=86400, windows=(Window(allow=False, days=WEEKDAYS, where="prod.policy.yaml:3"),))


def test_an_override_lifts_what_it_names_and_nothing_else():
    assert kinds(ALL) == ["approval", "soak", "window"]
    assert kinds(ALL, says("dee-login", "soak")) == ["approval", "window"]
    assert kinds(ALL, says("dee-login", "soak", "window", "approval")) == []
    assert kinds(ALL, says("rik@example.org", "window")) == ["approval", "soak"]


def test_an_override_is_no_approval():
    policy = replace(TWO, approvals=Approvals(), override=("owners",))

    assert kinds(policy, says("bob-login", "soak")) == ["approval"]


@pytest.mark.parametrize(
    ("override", "policy", "why"),
    [
        (says("bob-login", "soak"), ALL, "they are not in on-call"),
        (says("dee-login", "soak", bound="b0"), ALL, "what it was given to has changed since"),
        (says("dee-login", "soak"), replace(ALL, override=()), "the policy of prod lets nobody override"),
    ],
)
def test_an_override_that_does_not_count_says_why(override, policy, why):
    waits = {wait.kind: wait.reason for wait in gate.waits(policy, ASKED, [override], now=NOON)}

    assert waits["soak"].endswith(f"; the override of {override.by.name} does not count: {why}")
    assert "override" not in waits["window"]


# -- soak ----------------------------------------------------------------------------------------------------


def test_each_notebook_soaks_from_when_it_was_verified_below():
    asked = replace(ASKED, below={"train": "2026-03-04T00:00:00.000Z", "score": "2026-03-02T00:00:00.000Z", "new": ""})
    policy = Policy(promotes_from=("staging",), soak=86400)

    train, new = gate.waits(policy, asked, [], now=NOON)

    assert train.until == "2026-03-05T00:00:00.000Z"
    assert train.reason == "train stands verified below since 2026-03-04T00:00:00.000Z, and 24h are demanded"
    assert (new.until, new.reason) == ("", "new soaks from when it is verified below, and it is not")
    assert kinds(policy, now="2026-03-05T00:00:00.000Z", asked=ASKED) == []


# -- hours ---------------------------------------------------------------------------------------------------

OFFICE = Window(allow=True, days=WEEKDAYS, start=540, end=1020, zone=BERLIN, where="prod.policy.yaml:2")


@pytest.mark.parametrize(
    ("windows", "now", "opens"),
    [
        ((), NOON, NOON),
        ((OFFICE,), NOON, NOON),
        ((OFFICE,), "2026-03-04T15:59:59.999Z", "2026-03-04T15:59:59.999Z"),
        ((OFFICE,), "2026-03-04T16:00:00.000Z", "2026-03-05T08:00:00.000Z"),
        # clocks go forward on Sunday, 29 March: from 08:00 to 07:00 UTC
        ((OFFICE,), "2026-03-27T20:00:00.000Z", "2026-03-30T07:00:00.000Z"),
        # and back on Sunday, 25 October
        ((OFFICE,), "2026-10-23T20:00:00.000Z", "2026-10-26T08:00:00.000Z"),
        # 02:30 does not come on 29 March, so the span opens when clocks jump to 03:00
        ((replace(OFFICE, days=(6,), start=150, end=240),), "2026-03-28T12:00:00.000Z", "2026-03-29T01:00:00.000Z"),
        # 02:30 comes twice on 25 October, and 02:45 of the first time is past
        ((replace(OFFICE, days=(6,), start=150, end=160),), "2026-10-25T00:45:00.000Z", "2026-10-25T01:30:00.000Z"),
        # a denial ends
        ((replace(OFFICE, allow=False),), NOON, "2026-03-04T16:00:00.000Z"),
        ((OFFICE, Window(allow=False, days=(2, 3))), NOON, "2026-03-06T08:00:00.000Z"),
        ((OFFICE, Window(allow=False, days=tuple(range(7)))), NOON, None),
    ],
)
def test_when_it_opens(windows, now, opens):
    assert hours.opens(windows, now) == opens


def test_a_closed_window_says_why_and_until_when():
    denied = Window(allow=False, days=(3,), where="prod.policy.yaml:3")
    policy = Policy(promotes_from=("staging",), windows=(OFFICE, denied))

    (outside,) = gate.waits(policy, ASKED, [], now="2026-03-04T20:00:00.000Z")
    (inside,) = gate.waits(policy, ASKED, [], now="2026-03-05T10:00:00.000Z")

    assert outside.until == inside.until == "2026-03-06T08:00:00.000Z"
    assert outside.reason == (
        "closed at this hour: outside of what prod.policy.yaml:2 allows; opens Fri 2026-03-06 09:00 Europe/Berlin"
    )
    assert inside.reason.startswith("closed at this hour: denied by prod.policy.yaml:3; opens Fri")


ZONES = st.sampled_from(["UTC", BERLIN, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
MINUTES = st.integers(0, 48).map(lambda half: half * 30)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda at: clock.spelled(at.replace(tzinfo=UTC)))
NEAR_A_CHANGE = st.sampled_from(["2026-03-28", "2026-10-24", "2026-03-07", "2026-10-31", "2026-04-04"]).flatmap(
    lambda day: st.integers(0, 2880).map(
        lambda minutes: clock.spelled(datetime.fromisoformat(f"{day}T00:00Z") + timedelta(minutes=minutes))
    )
)


@st.composite
def spans(draw):
    start, end = sorted(draw(st.lists(MINUTES, min_size=2, max_size=2, unique=True)))
    days = tuple(sorted(draw(st.sets(st.integers(0, 6), min_size=1))))
    return Window(allow=draw(st.booleans()), days=days, start=start, end=end, zone=draw(ZONES))


def is_open(windows, moment):
    return not hours.closed(windows, moment)


@settings(max_examples=40, deadline=None)
@given(st.lists(spans(), max_size=4), NEAR_A_CHANGE | MOMENTS)
def test_it_opens_at_an_instant_that_is_open_and_no_earlier_minute_is(windows, now):
    start, opens = datetime.fromisoformat(now), hours.opens(windows, now)
    until = datetime.fromisoformat(opens) if opens else start + timedelta(days=8)
    minutes = min(int((until - start) / timedelta(minutes=1)), 3 * 24 * 60)

    assert opens is None or is_open(windows, until)
    assert not any(is_open(windows, start + timedelta(minutes=minute)) for minute in range(minutes))


@settings(max_examples=60, deadline=None)
@given(st.lists(spans(), max_size=4), spans(), MOMENTS)
def test_a_denial_wins_over_all_that_is_allowed(windows, span, now):
    moment = datetime.fromisoformat(now)
    denial = replace(span, allow=False)

    if not is_open([denial], moment):
        assert not is_open([*windows, denial], moment)


# -- properties of consent

NAMES = st.sampled_from(
    ["ada@example.org", "rik@example.org", "Bob <bob@example.org>", "bob-login", "cy@example.org", "dee-login", "eve"]
)
CONSENTS = st.builds(
    says,
    NAMES,
    at=st.sampled_from(["2026-03-04T10:30:00.000Z", "2026-03-04T11:30:00.000Z", NOON]),
    bound=st.sampled_from(["b1", "b0"]),
    source=st.sampled_from(["git", "ci", "signature"]),
)
OVERRIDES = st.builds(lambda name, kinds: says(name, *kinds), NAMES, st.sets(st.sampled_from(gate.LIFTED), min_size=1))
SAID = st.lists(CONSENTS | OVERRIDES, max_size=6)
POLICIES = st.sampled_from([ALL, replace(ALL, signatures=True), replace(ALL, approvals=Approvals(count=3)), TWO])


@settings(max_examples=60, deadline=None)
@given(POLICIES, SAID, CONSENTS | OVERRIDES)
def test_one_more_consent_never_adds_a_wait(policy, said, more):
    before, after = kinds(policy, *said), kinds(policy, *said, more)

    assert set(after) <= set(before)


@settings(max_examples=60, deadline=None)
@given(POLICIES, SAID.flatmap(lambda said: st.tuples(st.just(said), st.permutations(said))))
def test_the_order_of_what_was_said_does_not_matter(policy, orders):
    said, other = orders

    assert kinds(policy, *said) == kinds(policy, *other)


# -- who makes live ------------------------------------------------------------------------------------------

CI = Policy(promotes_from=("staging",), apply="ci", appliers=("deploy[bot]", "Ops <ops@example.org>"))


@pytest.mark.parametrize(
    ("policy", "who", "why"),
    [
        (TWO, Identity(name="eve"), ""),
        (CI, Identity(name="deploy[bot]", source="ci"), ""),
        (CI, signed("Ops <OPS@example.org>"), ""),
        (CI, Identity(name="eve", source="ci"),
         "apply: ci lets deploy[bot] or Ops <ops@example.org> alone make live, and this is eve"),
        (CI, Identity(name="ops@example.org"),
         "apply: ci lets deploy[bot] or Ops <ops@example.org> alone make live, and that this is ops@example.org"
         " is said by git's configuration alone"),
        (replace(CI, signatures=True), Identity(name="deploy[bot]", source="ci", detail="https://ci/1"),
         "apply: ci lets deploy[bot] or Ops <ops@example.org> alone make live, and that this is deploy[bot]"
         " is said by a CI host (https://ci/1)"),
    ],
)  # fmt: skip
def test_who_may_make_live(policy, who, why):
    assert gate.may_apply(policy, who) == why
