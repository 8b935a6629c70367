"""Who somebody is, and what people say of a promotion that waits: real keys, real clones of a bare remote."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path

import pytest

from ground import Done, Ground, build, command, git
from nbpromote import find, workflow
from nbpromote.git import Repository
from nbpromote.ledger import Ledger, fold
from nbpromote.ledger.records import STATE, place
from nbpromote.model import Event, State
from nbpromote.workflow.promotion import authorship
from nbpromote.workflow.site import Site, people

GATES = """
notebooks:
  count:
    gates:
      - {metric: rows, min: 2}
      - {metric: error, max: 20}
"""
GROUPS = "groups: {owners: [bob@example.org, cy@example.org, ada@example.org], on-call: [dee@example.org]}\n"


@dataclass(frozen=True)
class Person:
    """Somebody with a clone of their own, their own name in git's configuration, and a key."""

    name: str
    root: Path
    key: Path

    @property
    def mail(self) -> str:
        return f"{self.name.lower()}@example.org"

    def nbpromote(self, *args: str) -> Done:
        return command("-C", str(self.root), *args)

    def json(self, *args: str) -> dict:
        done = self.nbpromote(*args, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def pull(self) -> None:
        git(self.root, "pull", "--quiet", "--rebase", "origin", "main")

    def writes(self, path: str, text: str) -> None:
        """Edit, commit and push, as after a review."""
        self.pull()
        (self.root / path).write_text(text)
        git(self.root, "add", "--all")
        git(self.root, "commit", "--quiet", "--message", f"edit {path}")
        git(self.root, "push", "--quiet", "origin", "HEAD:main")

    def site(self) -> Site:
        return Site(Ground(self.root, self.root).project)


@dataclass(frozen=True)
class Team:
    """Ada wrote the code. Rik asks for promotions, Bob and Cy own them, Dee is on call."""

    folder: Path

    def person(self, name: str) -> Person:
        root, key = self.folder / name, self.folder / f"{name}.key"
        if not root.exists():
            git(self.folder, "clone", "--quiet", str(self.folder / "origin.git"), name)
            git(root, "config", "user.name", name)
            git(root, "config", "user.email", f"{name.lower()}@example.org")
            new_key(key)
            git(root, "config", "gpg.format", "ssh")
            git(root, "config", "user.signingkey", str(key))
            stores(self.folder / "store-of-mlflow", root)
        return Person(name, root, key)

    def __getattr__(self, name: str) -> Person:
        return self.person(name.capitalize())

    def policy(self, demands: str) -> None:
        """What staging demands from now on."""
        self.ada.writes("params/staging.policy.yaml", f"promotes_from: [dev]\n{GROUPS}{demands}{GATES}")

    def allow(self, *names: str) -> None:
        lines = [f"{self.person(n).mail} {self.person(n).key.with_suffix('.key.pub').read_text()}" for n in names]
        self.ada.writes("params/signers", "".join(lines))

    def requested(self) -> dict:
        """Rik's request, which waits."""
        asked = self.rik.json("promote", "count", "--to", "staging")
        assert asked["state"] == "waiting", asked
        return asked


def new_key(file: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file], check=True)


def stores(source: Path, root: Path) -> None:
    folder = root / ".nbpromote" / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    for file in source.glob(".empty-*.db"):
        shutil.copy(file, folder / file.name)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A team's folder: a bare remote, a shared store, and Ada's clone with a release of `count` in dev."""
    folder = tmp_path_factory.mktemp("team")
    ada = build(folder / "Ada", empty_store)
    settings = f'[tool.nbpromote]\nproject = "small"\nremote = "origin"\nstore = "{folder}/store"\n'
    ada.write("pyproject.toml", settings)
    ada.write("params/staging.policy.yaml", f"promotes_from: [dev]\n{GATES}")
    for environment in ("dev", "staging"):
        ada.edit(f"params/{environment}.yaml", "notebooks:", f"tracking_uri: sqlite:///../{environment}.db\nnotebooks:")
    ada.commit("share")
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    ada.git("remote", "add", "origin", str(folder / "origin.git"))
    ada.git("push", "--quiet", "origin", "main")
    ada.git("fetch", "--quiet", "origin")
    ada.released("count")
    ada.git("push", "--quiet", "origin", "main")
    return folder


@pytest.fixture
def team(released: Path, empty_store: Path, tmp_path: Path) -> Team:
    """A copy of it, with everybody's clones to come."""
    folder = tmp_path / "team"
    shutil.copytree(released, folder, symlinks=True)
    git(folder / "Ada", "remote", "set-url", "origin", str(folder / "origin.git"))
    (folder / "store-of-mlflow").mkdir()
    shutil.copy(empty_store, folder / "store-of-mlflow" / empty_store.name)
    return Team(folder)


def in_a_job(monkeypatch: pytest.MonkeyPatch, login: str, event: str = "workflow_dispatch") -> None:
    """What a CI host sets in a job that somebody started; anybody can set it."""
    job = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_TRIGGERING_ACTOR": login,
        "GITHUB_EVENT_NAME": event,
        "GITHUB_SERVER_URL": "https://h",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_RUN_ID": "7",
    }
    for name, value in job.items():
        monkeypatch.setenv(name, value)


# -- consent ---------------------------------------------------------------------------------------------------------


def test_a_promotion_waits_until_enough_people_have_consented(team):
    team.policy("approvals: {count: 2, groups: [owners]}\n")
    asked = team.rik.nbpromote("promote", "count", "--to", "staging")
    assert asked.returncode == 4, asked.stdout + asked.stderr
    assert "2 of 2 approvals missing, of owners, but not of who wrote the code or asked" in asked.stdout

    first = team.bob.nbpromote("approve", "count", "--env", "staging")
    again = team.bob.nbpromote("approve", "count", "--env", "staging")
    early = team.rik.nbpromote("advance", "--env", "staging")
    second = team.cy.json("approve", "count", "--env", "staging", "--reason", "looks right")
    done = team.rik.nbpromote("advance", "--env", "staging")

    assert (first.returncode, early.returncode, done.returncode) == (0, 4, 0), done.stdout + done.stderr
    assert "1 of 2 approvals missing" in first.stdout
    assert "you have approved" in again.stdout
    assert second["waits"] == []
    assert second["event"]["vouched"] == "git"
    events = team.rik.json("history", "--env", "staging")["events"]
    assert [event["verb"] for event in events].count("approve") == 2
    assert team.rik.json("status")["environments"][1]["notebooks"][0]["state"] == "verified"


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("ada", "they wrote the code"),
        ("rik", "they asked for the promotion, and they are not in owners"),
        ("dee", "they are not in owners"),
    ],
)
def test_a_consent_that_would_not_count_is_refused_and_not_written(team, who, why):
    team.policy("approvals: {groups: [owners]}\n")
    team.requested()
    before = git(team.folder / "origin.git", "rev-parse", "nbpromote/staging")

    done = getattr(team, who).nbpromote("approve", "count", "--env", "staging")

    assert done.returncode == 1
    assert f"would not count: {why}; nothing was changed" in done.stderr
    assert git(team.folder / "origin.git", "rev-parse", "nbpromote/staging") == before


def touched(person: Person, *trailers: str) -> str:
    """Somebody edits the code, and takes it back again: the release is still what is merged. The commit after that."""
    person.pull()
    code = (person.root / "notebooks/count.py").read_text()
    message = "\n".join(["edit", "", *trailers])
    for text in (f"{code}\n# %%\n2 + 2\n", code):
        (person.root / "notebooks/count.py").write_text(text)
        git(person.root, "commit", "--quiet", "--all", "--message", message)
    git(person.root, "push", "--quiet", "origin", "HEAD:main")
    return git(person.root, "rev-parse", "HEAD")


def test_whoever_changed_the_code_since_what_is_live_is_an_author_and_no_approver(team):
    team.policy("approvals: {count: 1, groups: [owners]}\n")
    bob = touched(team.bob)
    touched(team.ada, "Co-authored-by: Cy <cy@example.org>")
    team.requested()

    refused = [person.nbpromote("approve", "count", "--env", "staging") for person in (team.bob, team.cy)]
    team.cy.pull()
    (move,) = workflow.plan(find(team.cy.root), ["count"], to="staging").moves
    since = [
        authorship.of(team.cy.site(), replace(move, incumbent=replace(move.below, trusted=commit)))
        for commit in (bob, "0" * 40)
    ]

    assert [done.returncode for done in refused] == [1, 1]
    assert all("would not count: they wrote the code" in done.stderr for done in refused)
    assert since[0].names == ("Ada Test <ada@example.org>", "Cy <cy@example.org>")
    assert since[0].doubt == ""
    assert "Bob <bob@example.org>" in since[1].names
    assert "went live from is not here: whoever ever changed the code counts" in since[1].doubt


def test_a_shallow_clone_says_that_it_does_not_know_the_authors_and_goes_by_who_was_noted(team):
    team.policy("approvals: 1\n")
    touched(team.bob)
    team.requested()
    source = f"file://{team.folder / 'origin.git'}"
    git(team.folder, "clone", "--quiet", "--depth=1", "--no-single-branch", source, "Eve")
    eve = team.eve
    for name, value in {"user.name": "Bob", "user.email": "bob@example.org"}.items():
        git(eve.root, "config", name, value)
    stores(team.folder / "store-of-mlflow", eve.root)

    planned = eve.nbpromote("plan", "count", "--to", "staging")
    refused = eve.nbpromote("approve", "count", "--env", "staging")

    assert "who else wrote the code is not known here: this clone is shallow (git fetch --unshallow)" in planned.stdout
    assert "would not count: they wrote the code" in refused.stderr


def test_a_ci_job_speaks_for_who_started_it_by_hand(team, monkeypatch):
    team.policy("approvals: 1\n")
    team.requested()
    in_a_job(monkeypatch, "bob-login", "schedule")
    unasked = team.bob.nbpromote("approve", "count", "--env", "staging")
    in_a_job(monkeypatch, "bob-login")

    event = team.bob.json("approve", "count", "--env", "staging")["event"]

    assert unasked.returncode == 1
    assert "this job was started by schedule, which is nobody's consent" in unasked.stderr
    assert (event["actor"], event["vouched"]) == ("bob-login", "ci https://h/o/r/actions/runs/7")


def test_a_rejection_ends_it_and_the_release_may_be_asked_for_again(team):
    team.policy("approvals: 1\n")
    asked = team.requested()

    done = team.bob.nbpromote("reject", asked["attempt"], "--env", "staging", "--reason", "not on a Friday")

    assert (done.returncode, team.rik.nbpromote("advance").returncode) == (0, 0)
    assert team.bob.nbpromote("approve", "count", "--env", "staging").returncode == 2
    ended = team.rik.json("history", "--env", "staging")["events"][-1]
    assert (ended["verb"], ended["step"], ended["reason"]) == ("reject", "rejected", "not on a Friday")
    assert team.requested()["attempt"] != asked["attempt"]


def test_what_does_not_wait_cannot_be_approved_and_what_does_is_named(team):
    team.policy("approvals: 1\n")
    nothing = team.bob.nbpromote("approve", "count", "--env", "staging")
    team.requested()
    typo = team.bob.nbpromote("approve", "cuont", "--env", "staging")

    assert (nothing.returncode, typo.returncode) == (2, 2)
    assert "nothing waits in staging" in nothing.stderr
    assert "did you mean 'count'?" in typo.stderr


# -- what consent is bound to ----------------------------------------------------------------------------------------


def edited_policy(team):
    team.policy("approvals: 1\nsoak: 0\nreview_by: 30d\n")


def edited_values(team):
    values = (team.ada.root / "params/staging.yaml").read_text()
    team.ada.writes("params/staging.yaml", values.replace("top: 4", "top: 6"))


def sealed_evidence(team):
    """The file of the store that holds the evidence of what waits."""
    event = team.rik.site().ledger.state("staging").attempts.popitem()[1].event
    digest = event.deployments[0].sealed["evidence.json"].sha256
    return Path(team.rik.site().project.store) / "sha256" / digest[:2] / digest[2:]


def another_incumbent(team):
    """Somebody else's promotion of the notebook goes live first, under a policy that asks nobody."""
    state = team.rik.site().ledger.state("staging")
    event = state.attempts.copy().popitem()[1].event
    live = replace(event.deployments[0], run="another-run", alias="other-one", incumbent="")
    site = team.cy.site()
    site.fetch()
    made = site.event("adopt", "live", "staging", attempt="f" * 12, deployments=(live,))
    site.ledger.append(made, expect=lambda _state: None)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (edited_policy, "the policy of staging was edited since it was asked for"),
        (edited_values, "the configuration of count in staging was edited since its run"),
        (another_incumbent, "other-one is live by now"),
    ],
)
def test_what_changes_under_a_promotion_voids_what_was_said_of_it(team, change, told):
    team.policy("approvals: 2\n")
    team.requested()
    assert team.bob.nbpromote("approve", "count", "--env", "staging").returncode == 0

    change(team)
    for person in (team.rik, team.bob, team.cy):
        person.pull()
    late = team.cy.nbpromote("approve", "count", "--env", "staging")
    after = team.rik.json("advance", "--env", "staging")["promotions"]

    assert late.returncode == 1, late.stdout + late.stderr
    assert told in late.stderr
    assert [each["state"] for each in after] == ["superseded"]
    assert told in after[0]["note"]


def test_damaged_evidence_keeps_everybody_out_until_it_is_mended_and_ends_nothing(team):
    team.policy("approvals: 2\n")
    team.requested()
    assert team.bob.nbpromote("approve", "count", "--env", "staging").returncode == 0
    file = sealed_evidence(team)
    whole = file.read_bytes()
    file.chmod(0o644)

    file.write_bytes(whole.replace(b"1", b"2", 1))
    refused = team.cy.nbpromote("approve", "count", "--env", "staging")
    file.write_bytes(whole)
    approved = team.cy.nbpromote("approve", "count", "--env", "staging")
    file.write_bytes(whole.replace(b"1", b"2", 1))
    diagnosed = team.rik.nbpromote("doctor")
    (held_up,) = team.rik.json("advance", "--env", "staging")["promotions"]
    file.write_bytes(whole)
    (live,) = team.rik.json("advance", "--env", "staging")["promotions"]

    damage = f"{(file.parent.name + file.name)[:12]} in the store"
    assert refused.returncode == 3
    assert damage in refused.stderr
    assert diagnosed.returncode == 1
    assert f"cannot go live: {damage}" in diagnosed.stdout
    assert approved.returncode == 0
    assert held_up["state"] == "errored"
    assert damage in held_up["note"]
    assert live["state"] == "verified"


def test_each_of_the_six_things_that_consent_is_bound_to_makes_it_another(team):
    planned = workflow.plan(find(team.ada.root), ["count"], to="staging")
    (move,) = planned.moves
    bound = planned.bound({"count": "e1"})

    others = (
        replace(planned, moves=(replace(move, release="0" * 64),)).bound({"count": "e1"}),
        replace(planned, moves=(replace(move, settings="0" * 64),)).bound({"count": "e1"}),
        replace(planned, moves=(replace(move, incumbent=move.below),)).bound({"count": "e1"}),
        replace(planned, policies={"count": "0" * 64}).bound({"count": "e1"}),
        replace(planned, target="prod").bound({"count": "e1"}),
        planned.bound({"count": "e2"}),
    )

    assert len({bound, *others}) == 7
    assert bound == planned.bound({"count": "e1"})


def test_a_consent_to_another_release_or_environment_is_none(team):
    """The two that cannot change under a promotion: what was said of another one is not taken for this one."""
    team.policy("approvals: 1\n")
    team.requested()
    site = team.bob.site()
    site.fetch()
    attempt = site.ledger.state("staging").attempts.copy().popitem()[1]
    for bound in ("", "0" * 64):
        said = site.event(
            "approve", "done", "staging", attempt=attempt.event.attempt, notebooks=("count",), bound=bound
        )
        site.ledger.append(said, expect=lambda _state: None)

    (waits,) = team.rik.json("advance", "--env", "staging")["promotions"]

    assert waits["state"] == "waiting"
    assert waits["waits"][0]["reason"].count("what it was given to has changed since") == 2


# -- overrides -------------------------------------------------------------------------------------------------------

LATER = f"{datetime.now(UTC) + timedelta(days=3):%a}"  # a window that is closed today, and tomorrow
CLOSED = f"windows: [{{allow: {LATER}}}]\nsoak: 300d\napprovals: 1\noverride: [on-call]\n"


def test_an_override_lifts_what_it_names_for_who_may_and_shows_everywhere(team):
    team.policy(CLOSED)
    team.requested()
    said = ("override", "count", "--env", "staging", "--reason", "prod is down")

    stranger = team.bob.nbpromote(*said, "--soak")
    some = team.dee.nbpromote(*said, "--soak", "--window")
    rest = team.dee.nbpromote(*said, "--approvals")
    done = team.dee.json("advance", "--env", "staging")["promotions"][0]

    assert stranger.returncode == 1
    assert "the override of Bob <bob@example.org> would not count: they are not in on-call" in stranger.stderr
    assert (some.returncode, rest.returncode) == (0, 0), some.stderr + rest.stderr
    assert "approval: 1 of 1 approval missing" in some.stdout
    assert (done["state"], set(done["overrides"])) == ("verified", {"soak", "window", "approval"})
    status, history = (team.rik.nbpromote(verb).stdout for verb in ("status", "history"))
    assert "soak" in status
    assert "prod is down" in history


def test_a_gate_is_passed_over_once_for_one_release_and_shows_in_every_report(team):
    team.policy("override: [on-call]\n")
    policy = (team.ada.root / "params/staging.policy.yaml").read_text()
    team.ada.writes("params/staging.policy.yaml", policy.replace("max: 20", "max: 1"))
    for person in (team.rik, team.bob, team.dee):
        person.pull()
    refused = team.rik.nbpromote("promote", "count", "--to", "staging")
    said = ("override", "count", "--env", "staging", "--reason", "known: a holiday", "--gate")

    stranger = team.bob.nbpromote(*said, "error at most 1")
    unknown = team.dee.nbpromote(*said, "mae")
    given = team.dee.nbpromote(*said, "error")
    planned = team.rik.nbpromote("plan", "count", "--to", "staging")
    done = team.rik.json("promote", "count", "--to", "staging")

    assert (refused.returncode, stranger.returncode, unknown.returncode, given.returncode) == (1, 1, 2, 0)
    assert "gates: rows at least 2, error at most 1" in unknown.stderr
    assert "error at most 1: overridden by Dee <dee@example.org>: known: a holiday" in planned.stdout
    assert (done["state"], done["overrides"]) == ("verified", ["error at most 1"])
    verdict = done["candidates"][0]["decision"]["gates"][1]
    assert "; overridden by Dee <dee@example.org>: known: a holiday [params/" in verdict["reason"]
    assert not team.rik.site().ledger.state("staging").overrides
    for verb, words in (("history", "known: a holiday"), ("status", "error at most 1")):
        assert words in team.rik.nbpromote(verb).stdout
    for form in ("why", "report", "report --format markdown"):
        shown = team.rik.nbpromote(*form.split(), done["deployment"]["run"])
        assert shown.returncode == 0, shown
        page = Path(shown.stdout.split()[-1]).read_text() if form == "report" else shown.stdout
        assert "overridden by Dee" in page, (form, shown)


# -- signatures ------------------------------------------------------------------------------------------------------

SIGNED = "approvals: 1\nsignatures: required\nallowed_signers: signers\n"


def test_where_signatures_are_required_a_key_says_who_it_is(team):
    team.allow("Rik", "Bob")
    team.policy(SIGNED)
    team.requested()

    stranger = team.cy.nbpromote("approve", "count", "--env", "staging")
    given = team.bob.json("approve", "count", "--env", "staging")
    done = team.rik.json("advance", "--env", "staging")["promotions"][0]

    assert stranger.returncode == 2
    assert "staging counts signatures alone, and yours does not: its key SHA256:" in stranger.stderr
    assert given["waits"] == []
    assert done["state"] == "verified"


def test_who_has_another_key_or_none_is_told_before_anything_is_written(team):
    team.allow("Rik", "Bob")
    team.policy(SIGNED)
    team.requested()
    before = git(team.folder / "origin.git", "rev-parse", "nbpromote/staging")

    git(team.bob.root, "config", "user.email", "cy@example.org")
    borrowed = team.bob.nbpromote("approve", "count", "--env", "staging")
    git(team.bob.root, "config", "user.signingkey", str(team.folder / "none.key"))
    keyless = team.bob.nbpromote("approve", "count", "--env", "staging")

    assert (borrowed.returncode, keyless.returncode) == (2, 2)
    assert "git says that you are Bob <cy@example.org>, and the key is bob@example.org's" in borrowed.stderr
    assert "git cannot sign" in keyless.stderr
    assert git(team.folder / "origin.git", "rev-parse", "nbpromote/staging") == before


def test_variables_of_a_ci_host_are_no_signature(team, monkeypatch):
    team.allow("Rik", "Bob")
    team.policy(SIGNED)
    team.requested()
    before = git(team.folder / "origin.git", "rev-parse", "nbpromote/staging")
    git(team.cy.root, "config", "user.signingkey", str(team.folder / "none.key"))
    in_a_job(monkeypatch, "bob@example.org")

    done = team.cy.nbpromote("approve", "count", "--env", "staging")

    assert (done.returncode, git(team.folder / "origin.git", "rev-parse", "nbpromote/staging")) == (2, before)
    assert "git cannot sign" in done.stderr
    forged(team.cy, actor="bob@example.org", vouched="ci https://h/o/r/actions/runs/7")
    (waits,) = team.rik.json("advance", "--env", "staging")["promotions"]
    assert waits["state"] == "waiting"


def forged(person: Person, **facts: str) -> Ledger:
    """A ledger that signs nothing, as somebody with push rights and a text editor has one."""
    site = person.site()
    site.fetch()
    ledger = Ledger(site.git, "origin")
    attempt = ledger.state("staging").attempts.copy().popitem()[1].event
    event = Event(
        **{
            "id": "",
            "at": "",
            "actor": "Bob <bob@example.org>",
            "verb": "approve",
            "step": "done",
            "environment": "staging",
            "notebooks": ("count",),
            "attempt": attempt.attempt,
            "bound": attempt.bound,
            "vouched": "signature SHA256:bob",
            **facts,
        }
    )
    ledger.append(event, expect=lambda _state: None)
    return ledger


def test_a_forged_event_has_no_effect_whatever_it_says_of_itself(team):
    team.allow("Rik", "Bob")
    team.policy(SIGNED)
    team.requested()

    forged(team.cy)
    (waits,) = team.rik.json("advance", "--env", "staging")["promotions"]

    assert waits["state"] == "waiting"
    assert (
        "is said by git's configuration alone (nobody signed it), where the policy wants" in waits["waits"][0]["reason"]
    )


def rewritten(person: Person) -> None:
    """Bob's refusal as his approval, under the commit that he signed: what whoever may push can make of a history."""
    site = person.site()
    site.fetch()
    running, request, refusal = site.ledger.events("staging")
    began, bare = replace(running, commit=""), replace(request, commit="")
    forged = replace(refusal, verb="approve", step="done", bound=request.bound, commit="")
    harmless = replace(bare, id="staging-000004", verb="unhold", step="done", attempt="f" * 12)
    harmless = replace(harmless, at=refusal.at, after=refusal.commit)
    state = reduce(fold, (began, bare, forged, harmless), State(environment="staging"))
    written = {place(3): forged, place(4): harmless, STATE: state}
    files = {path: site.ledger.spelling.written(record) for path, record in written.items()}
    commit = site.git.commit(files, "harmless", parent=refusal.commit)
    git(person.root, "push", "--quiet", "origin", f"{commit}:refs/heads/nbpromote/staging")


def test_what_was_written_over_a_signed_record_has_no_effect(team):
    team.allow("Rik", "Bob")
    team.policy(SIGNED)
    team.requested()
    assert team.bob.nbpromote("reject", "count", "--env", "staging", "--reason", "no").returncode == 0

    rewritten(team.cy)
    done = team.rik.nbpromote("advance", "--env", "staging")

    assert done.returncode == 1
    assert "so no signature in it counts: staging-000003" in done.stderr
    assert "was changed afterwards" in done.stderr
    assert team.rik.json("status")["environments"][1]["notebooks"] == []


def test_a_key_that_has_expired_signs_nothing_by_an_older_date(team):
    team.allow("Rik", "Bob")
    team.policy(SIGNED)
    team.requested()
    site = team.bob.site()
    site.fetch()
    ledger = Ledger(site.git, "origin", lambda _event: lambda _commit: None)
    attempt = site.ledger.state("staging").attempts.copy().popitem()[1].event
    event = site.event("approve", "done", "staging", attempt=attempt.attempt, notebooks=("count",), bound=attempt.bound)
    with pytest.MonkeyPatch.context() as patched:
        real = Repository.commit
        patched.setattr(Repository, "commit", lambda *args, at, **more: real(*args, at="2020-01-01T00:00:00Z", **more))
        ledger.append(event, expect=lambda _state: None)

    done = team.rik.nbpromote("advance", "--env", "staging")

    assert done.returncode == 1
    assert "has a commit dated 2020-01-01T00:00:00.000Z, before the record that it follows" in done.stderr


def test_a_key_that_is_taken_off_the_list_counts_no_more(team):
    team.allow("Rik", "Bob", "Cy")
    team.policy(SIGNED.replace("approvals: 1", "approvals: 2"))
    team.requested()
    for person in (team.bob, team.cy):
        assert person.nbpromote("approve", "count", "--env", "staging").returncode == 0

    team.allow("Rik", "Cy")
    team.rik.pull()
    (waits,) = team.rik.json("advance", "--env", "staging")["promotions"]

    assert waits["waits"][0]["reason"].startswith("1 of 2 approvals missing")
    assert "is none of the allowed signers'" in waits["waits"][0]["reason"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("bob@example.org {key}", ""),
        ("bob@example.org,bob-login {key}", ""),
        ('bob@example.org namespaces="git" {key}', ""),
        ("*@example.org {key}", "its key is allowed for *@example.org, which is nobody's name"),
        ('bob@example.org namespaces="file" {key}', "its signature does not hold"),
        ('bob@example.org valid-before="20200101" {key}', "is none of the allowed signers'"),
        ("", "is none of the allowed signers'"),
    ],
)
def test_whose_key_it_is_is_what_the_policy_s_file_says(tmp_path, line, told):
    repository, key = signing(tmp_path, "ssh")
    commit = repository.commit({"a": b"1"}, "an event", parent=None, sign=True)
    allowed = line.format(key=key) + "\n# a comment\n"

    found = people.identity_of(repository, event_in(commit), allowed)

    assert (found.source, found.name.split(",")[0]) == ("git", "Bob") if told else ("signature", "bob@example.org")
    assert told in found.detail


def test_a_gpg_key_is_known_by_its_fingerprint_in_the_policy_and_by_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("GNUPGHOME", str(short_folder()))
    repository, fingerprint = signing(tmp_path, "openpgp")
    commit = repository.commit({"a": b"1"}, "an event", parent=None, sign=True)

    known = people.identity_of(repository, event_in(commit), f"bob@example.org gpg {fingerprint}\n")
    stranger = people.identity_of(repository, event_in(commit), "bob@example.org gpg 0123456789ABCDEF\n")
    subprocess.run(["gpgconf", "--kill", "all"], check=True)

    assert (known.name, known.source, known.detail) == ("bob@example.org", "signature", fingerprint)
    assert (stranger.source, "none of the allowed signers'" in stranger.detail) == ("git", True)


def short_folder() -> Path:
    """gpg's agent listens on a socket, and the path of one is short."""
    folder = Path(f"/tmp/nbpromote-gpg-{os.getpid()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def signing(folder: Path, form: str):
    repository = Repository(folder)
    git(folder, "init", "--quiet")
    for name, value in {"user.name": "Bob", "user.email": "bob@example.org", "gpg.format": form}.items():
        git(folder, "config", name, value)
    if form == "ssh":
        new_key(folder / "bob.key")
        git(folder, "config", "user.signingkey", str(folder / "bob.key"))
        return repository, (folder / "bob.key.pub").read_text().strip()
    made = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key", "bob@example.org", "ed25519", "sign"]
    subprocess.run(made, check=True, capture_output=True)
    shown = subprocess.run(["gpg", "--with-colons", "-K"], check=True, capture_output=True, text=True).stdout
    fingerprint = next(line.split(":")[9] for line in shown.splitlines() if line.startswith("fpr"))
    git(folder, "config", "user.signingkey", fingerprint)
    return repository, fingerprint


def event_in(commit: str) -> Event:
    return Event(
        id="staging-000001",
        at="",
        actor="Bob",
        verb="approve",
        step="done",
        environment="staging",
        notebooks=("count",),
        attempt="a",
        vouched="signature SHA256:whatever",
        commit=commit,
    )


# -- who makes live --------------------------------------------------------------------------------------------------


def test_anybody_asks_and_only_the_appliers_make_live(team, monkeypatch):
    team.policy("apply: ci\nappliers: [deploy-bot]\n")
    asked = team.requested()
    by_hand = team.bob.nbpromote("advance", "--env", "staging")
    in_a_job(monkeypatch, "deploy-bot")

    done = team.cy.json("advance", "--env", "staging")["promotions"][0]

    assert [wait["kind"] for wait in asked["waits"]] == ["applier"]
    assert by_hand.returncode == 4
    assert "apply: ci lets deploy-bot alone make live, and this is Bob <bob@example.org>" in by_hand.stdout
    assert done["state"] == "verified"
