"""What a policy file demands besides gates: consent by people, time to stand below, hours to go live in."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ground import command
from nbpromote import hours, params
from nbpromote.errors import BadInput
from nbpromote.model import Approvals, Policy, Window
from nbpromote.params import yaml

ENVIRONMENTS = {"dev.yaml": "", "prod.yaml": ""}
KEYS = "# who may sign\nann@example.org ssh-ed25519 AAAA\n"
ABOVE = "promotes_from: [dev]\n"


def demanded(text, notebook="train", **files):
    return params.policy({"prod.policy.yaml": ABOVE + text, "keys": KEYS, **files}.get, "prod", notebook)


def told(text, **files):
    """What is wrong with a policy file, as place and message; one line is before it."""
    files = {**ENVIRONMENTS, "prod.policy.yaml": ABOVE + text, "keys": KEYS, **files}
    names = [*ENVIRONMENTS, "prod.policy.yaml"]
    found = params.findings(files.get, names, params.Around())
    return [f"{finding.place.removeprefix('params/prod.policy.yaml:')}: {finding.message}" for finding in found]


EVERYTHING = """
groups:
  owners: [ann@example.org, "Bob Stone <bob@example.org>, bob-login"]
  on-call: [bob-login, "deploy[bot]"]
approvals: {count: 2, groups: [owners], expires: 7d}
signatures: required
allowed_signers: keys
soak: 24h
windows:
  - {allow: "Mon-Fri 09:00-17:00", zone: Europe/Berlin}
  - {deny: Fri 12:00-24:00}
auto: true
apply: ci
appliers: ["deploy[bot]"]
override: [on-call]
review_by: 30d
expires: 90d
notebooks:
  score: {approvals: 1, soak: 0, windows: [{allow: "Sat,Sun"}], auto: false, override: []}
"""


def test_all_that_is_demanded_is_in_the_policy():
    assert demanded(EVERYTHING) == Policy(
        promotes_from=("dev",),
        approvals=Approvals(count=2, groups=("owners",), expires=7 * 86400),
        groups={
            "owners": ("ann@example.org", "Bob Stone <bob@example.org>, bob-login"),
            "on-call": ("bob-login", "deploy[bot]"),
        },
        signatures=True,
        allowed_signers="keys",
        soak=86400,
        windows=(
            Window(
                allow=True,
                days=(0, 1, 2, 3, 4),
                start=540,
                end=1020,
                zone="Europe/Berlin",
                where="params/prod.policy.yaml:11",
            ),
            Window(allow=False, days=(4,), start=720, end=1440, where="params/prod.policy.yaml:12"),
        ),
        auto=True,
        apply="ci",
        appliers=("deploy[bot]",),
        override=("on-call",),
        review_by=30 * 86400,
        expires=90 * 86400,
    )


def test_what_one_notebook_is_asked_stands_in_place_of_what_all_are():
    found = demanded(EVERYTHING, "score")

    assert found.approvals == Approvals(count=1)
    assert (found.soak, found.auto, found.override) == (0, False, ())
    assert [window.days for window in found.windows] == [(5, 6)]
    assert (found.signatures, found.apply, found.expires) == (True, "ci", 90 * 86400)
    assert demanded("approvals: 2\nnotebooks: {score: {approvals: 0}}", "score").approvals is None


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("daily", [((0, 1, 2, 3, 4, 5, 6), 0, 1440)]),
        ("Mon", [((0,), 0, 1440)]),
        ("mon-wed, sat", [((0, 1, 2, 5), 0, 1440)]),
        ("Fri-Mon 08:30-24:00", [((0, 4, 5, 6), 510, 1440)]),
        ("Sat,Sun 22:00-04:00", [((5, 6), 1320, 1440), ((0, 6), 0, 240)]),
        ("daily 22:00-00:00", [((0, 1, 2, 3, 4, 5, 6), 1320, 1440)]),
    ],
)
def test_a_window_is_days_and_hours(text, spans):
    found = demanded(f"windows: [{{allow: '{text}'}}]").windows

    assert [(window.days, window.start, window.end) for window in found] == spans
    assert all(window.allow and window.zone == "UTC" for window in found)


HOURS = "wants days and hours such as `Mon-Fri 09:00-17:00`, `Sat,Sun` or `daily 22:00-04:00`"
PEOPLE = "wants a mail, `Name <mail>` or a login; commas part the names of one person"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("approvals: two", ["2:1: approvals wants a number of people, 0 for none, got 'two'"]),
        ("approvals: -1", ["2:1: approvals wants a number of people, 0 for none, got -1"]),
        ("approvals: true", ["2:1: approvals wants a number of people, 0 for none, got true"]),
        ("approvals: {cuont: 2}", ["2:13: unknown key 'cuont' in approvals; did you mean 'count'?"]),
        ("approvals: {expires: soon}",
         ["2:13: approvals.expires wants a duration such as 90s, 10m, 1h or 1d, got 'soon'"]),
        ("groups: {owners: [ann]}\napprovals: {groups: [ownres]}",
         ["3:22: approvals: there is no group 'ownres'; did you mean 'owners'?"]),
        ("override: [on-call]", ["2:12: override: there is no group 'on-call'"]),
        ("notebooks:\n  train:\n    approvals: {groups: [a, b]}",
         ["4:26: approvals: there is no group 'a'", "4:29: approvals: there is no group 'b'"]),
        ("groups: {owners: []}", ["2:10: group 'owners' has nobody in it"]),
        ("groups: {owners: ann}", ["2:10: group 'owners' wants a list, got 'ann'"]),
        ("groups: {owners: [Ann Lee]}", [f"2:19: group 'owners' {PEOPLE}; got 'Ann Lee'"]),
        ("groups: {owners: ['Ann <ann>']}", [f"2:19: group 'owners' {PEOPLE}; got 'Ann <ann>'"]),
        ("groups: {o: [ann@x.org, 'Ann <ANN@x.org>'], p: ['ann@x.org, ann-login', ann-login]}\n"
         "approvals: {count: 2, groups: [o, p]}",
         ["3:1: 2 approvals are demanded of o and p, which have 1 person"]),
        ("groups: {o: [ann, bob]}\nnotebooks: {train: {approvals: {count: 3, groups: [o]}}}",
         ["3:21: 3 approvals are demanded of o, which have 2 people"]),
        ("signatures: yes", ["2:1: signatures is one of required, got 'yes'"]),
        ("signatures: required", ["2:1: signatures: required wants allowed_signers, the file of whose keys count"]),
        ("allowed_signers: keys",
         ["2:1: allowed_signers are for signatures: required; without it, none is asked"]),
        ("signatures: required\nallowed_signers: ../keys",
         ["3:1: allowed_signers wants a name of letters, digits, '.', '_' and '-', got '../keys'"]),
        ("signatures: required\nallowed_signers: kyes",
         ["3:1: allowed_signers: params/kyes is not there or names nobody"]),
        ("soak: long", ["2:1: soak wants a duration such as 90s, 10m, 1h or 1d, got 'long'"]),
        ("soak: -1", ["2:1: soak wants a duration such as 90s, 10m, 1h or 1d, got -1"]),
        ("review_by: 90d\nexpires: 30d",
         ["2:1: review_by is not before expires: there would be nothing left to look at"]),
        ("auto: yes", ["2:1: auto is true or false, got 'yes'"]),
        ("apply: CI", ["2:1: apply is one of ci, anyone, got 'CI'"]),
        ("apply: ci", ["2:1: apply: ci wants appliers: those whose CI jobs may make live"]),
        ("appliers: [bot]", ["2:1: appliers are for apply: ci; without it, everybody applies"]),
        ("apply: ci\nappliers: ['a bot']", [f"3:12: appliers {PEOPLE}; got 'a bot'"]),
        ("windows: {allow: daily}", ["2:1: windows wants a list, got {\"allow\": \"daily\"}"]),
        ("windows: [daily]", ["2:11: a window wants keys with values, got 'daily'"]),
        ("windows: [{allow: Mon, deny: Tue}]",
         ["2:11: a window either allows or denies: {allow: Mon-Fri 09:00-17:00, zone: Europe/Berlin}"]),
        ("windows: [{allow: Mon 9-17}]", [f"2:12: allow {HOURS}, got 'Mon 9-17'"]),
        ("windows: [{deny: Mun}]", [f"2:12: deny {HOURS}, got 'Mun'"]),
        ("windows: [{allow: 'Mon 09:00-09:00'}]", [f"2:12: allow {HOURS}, got 'Mon 09:00-09:00'"]),
        ("windows: [{allow: 'Mon 09:00-24:30'}]", [f"2:12: allow {HOURS}, got 'Mon 09:00-24:30'"]),
        ("windows: [{allow: 'Mon 25:00-26:00'}]", [f"2:12: allow {HOURS}, got 'Mon 25:00-26:00'"]),
        ("windows: [{allow: Mon, zone: Europe/Berln}]",
         ["2:24: there is no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?"]),
        ("windows: [{allow: Mon, zone: Europe}]",
         ["2:24: there is no time zone 'Europe'; did you mean 'Europe/Rome'?"]),
        ("windows: [{allow: Mon, zone: ../../etc/passwd}]", ["2:24: there is no time zone '../../etc/passwd'"]),
        ("windows: [{deny: daily}]",
         ["2:1: windows never open: what is allowed is denied all the time, so that nothing could go live"]),
        ("windows: [{allow: 'Mon 09:00-17:00'}, {deny: 'Mon 08:00-18:00'}]",
         ["2:1: windows never open: what is allowed is denied all the time, so that nothing could go live"]),
        ("windows: [{allow: 'Mon 09:00-10:00'}, {deny: 'Mon 08:00-18:00', zone: Europe/Berlin}]",
         ["2:1: windows never open: what is allowed is denied all the time, so that nothing could go live"]),
    ],
)  # fmt: skip
def test_what_could_not_be_carried_out_is_refused_with_its_place(text, faults):
    assert told(text) == faults
    with pytest.raises(BadInput):
        demanded(text)


def test_in_an_entry_environment_nobody_would_be_asked():
    keys = {"approvals": 1, "soak": "1h", "windows": "[{allow: Mon}]", "auto": "true", "apply": "anyone"}
    text = "".join(f"{key}: {value}\n" for key, value in keys.items())
    found = params.findings(
        {"dev.yaml": "", "dev.policy.yaml": text}.get, ["dev.yaml", "dev.policy.yaml"], params.Around()
    )

    assert [finding.message for finding in found] == [
        f"{key} is about promotions, and without promotes_from there are none to here" for key in keys
    ]
    assert params.policy({"dev.policy.yaml": "review_by: 30d\nexpires: 90d"}.get, "dev", "train").expires == 90 * 86400


def test_without_a_table_of_time_zones_that_is_said(monkeypatch):
    monkeypatch.setattr(hours, "ZoneInfo", lambda name: (_ for _ in ()).throw(KeyError(name)))
    monkeypatch.setattr(hours, "available_timezones", set)
    hours.zone.cache_clear()

    with pytest.raises(BadInput, match="this machine has no table") as caught:
        hours.zone("Europe/Rome")

    assert "tzdata" in caught.value.hint
    assert hours.zone("UTC") is not None


def test_a_key_without_a_value_demands_nothing():
    keys = ("approvals", "groups", "allowed_signers", "soak", "windows", "appliers", "override", "expires")

    assert demanded("".join(f"{key}:\n" for key in keys)) == Policy(promotes_from=("dev",))


@pytest.fixture(scope="module")
def schema():
    made = json.loads(command("-C", str(Path(__file__).parent.parent), "params", "schema", "--policy").stdout)
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


def test_the_schema_takes_what_is_right(schema):
    text = (ABOVE + EVERYTHING).replace("  score:", "  score_flights:")

    assert list(schema.iter_errors(yaml.parse(text, "x.yaml").root.value)) == []


@pytest.mark.parametrize(
    "text",
    [
        "approvals: two",
        "approvals: {counts: 2}",
        "groups: {owners: ann}",
        "signatures: true",
        "soak: long",
        "windows: [{allow: Mon, deny: Tue}]",
        "windows: [{zone: UTC}]",
        "windows: [{allow: Mon 9-17}]",
        "appliers: [bot]",
        "apply: CI",
        "notebooks: {train_delay: {groups: {}}}",
    ],
)
def test_the_schema_refuses_what_the_file_is_refused_for(schema, text):
    assert not schema.is_valid(yaml.parse(text, "x.yaml").root.value)
