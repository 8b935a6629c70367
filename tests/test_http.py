"""A history shared over git's HTTP transport, by a host that wants a password: real clones, real pushes."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import servers
from ground import Ground, build, git
from histories import event
from nbpromote.errors import LostRace, Unavailable
from nbpromote.git import Repository
from nbpromote.ledger import Ledger
from nbpromote.model import State
from proxy import Proxy


@dataclass(frozen=True)
class Team:
    folder: Path
    host: servers.GitHost
    ada: Ground

    def clone(self, name: str, *options: str) -> Ground:
        root = self.folder / name
        helper = ("-c", f"credential.helper={self.helper('ada')}")
        git(self.folder, *helper, "clone", "--quiet", *options, self.host.url("hub.git"), name)
        return Ground(self.known(root, "ada"), self.ada.empty_store)

    def known(self, root: Path, user: str, password: str = "") -> Path:
        """A clone of somebody's, with what git needs to answer for them."""
        git(root, "config", "user.name", user.title())
        git(root, "config", "user.email", f"{user}@example.org")
        git(root, "config", "--replace-all", "credential.helper", self.helper(user, password))
        return root

    def helper(self, user: str, password: str = "") -> str:
        return f"!f() {{ echo username={user}; echo password={password or self.host.password}; }}; f"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Team]:
    """Ada's release of `count` is live in dev; `origin` is behind HTTP."""
    folder = tmp_path_factory.mktemp("http")
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "hub.git")
    with servers.git_http(folder) as host:
        ada = build(folder / "ada", empty_store)
        team = Team(folder, host, ada)
        store = f'remote = "origin"\nstore = "{folder}/store"'
        ada.edit("pyproject.toml", 'project = "small"', f'project = "small"\n{store}')
        ada.commit("Share it")
        ada.git("remote", "add", "origin", host.url("hub.git"))
        team.known(ada.root, "ada")
        ada.git("push", "--quiet", "--set-upstream", "origin", "main")
        ada.released("count")
        ada.git("push", "--quiet", "origin", "main")
        yield team


@pytest.fixture
def hers(team: Team, request: pytest.FixtureRequest) -> Iterator[Ground]:
    """Ada's clone, until the test ends, in the hands of somebody else."""
    yield team.ada
    team.known(team.ada.root, "ada")
    team.ada.git("remote", "set-url", "origin", team.host.url("hub.git"))


def book(ground: Ground) -> Ledger:
    return Ledger(Repository(ground.root), "origin")


def whatever(_state: State) -> None:
    pass


def test_another_clone_one_commit_deep_promotes_what_the_first_released(team: Team) -> None:
    bob = team.clone("bob", "--depth=1")

    done = bob.nbpromote("promote", "count", "--to", "staging")

    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["name"]: row["notebooks"] for row in team.ada.json("status")["environments"]}
    assert [one["state"] for one in rows["staging"]] == ["verified"]
    assert rows["staging"][0]["alias"] == rows["dev"][0]["alias"]
    assert bob.git("rev-list", "--count", "refs/remotes/origin/nbpromote/dev") == "1"  # and no past of it
    assert team.ada.json("history", "--env", "dev")["events"] == bob.json("history", "--env", "dev")["events"]


def test_of_two_who_push_at_once_the_second_is_told(team: Team) -> None:
    one, two = book(team.clone("one")), book(team.clone("two", "--depth=1"))
    two.fetch()

    def expect(state: State) -> None:
        if state.count:
            raise LostRace("somebody was first")

    one.append(event("promote", "live", "otter"), expect=expect)
    with pytest.raises(LostRace):
        two.append(event("promote", "live", "heron"), expect=expect)
    two.append(event("promote", "live", "heron", "score"), expect=whatever)

    one.fetch()
    assert [e.digests for e in one.events("prod")] == [("otter",), ("heron",)]


# -- a host that does not let us in ----------------------------------------------------------------------------------


@pytest.fixture
def askpass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hers: Ground) -> Path:
    """A program that would ask a person, wherever git looks for one. Gives the file that tells that it was called."""
    asked, program = tmp_path / "asked", tmp_path / "askpass"
    program.write_text(f"#!/bin/sh\ntouch {asked}\necho guess\n")
    program.chmod(0o755)
    for name, value in (("SSH_ASKPASS", str(program)), ("DISPLAY", ":0"), ("SSH_ASKPASS_REQUIRE", "force")):
        monkeypatch.setenv(name, value)
    hers.git("config", "core.askPass", str(program))
    return asked


@pytest.mark.parametrize(
    ("user", "password", "code", "told"),
    [
        ("", "", 3, "the remote 'origin' does not let us in: could not read Username for"),
        ("ada", "wrong", 3, "the remote 'origin' does not let us in: Authentication failed for"),
        ("eve", "", 1, "the remote 'origin' does not let you push nbpromote/dev; nothing was changed"),
    ],
)
def test_who_may_not_is_told_in_a_line_and_never_asked(
    user: str, password: str, code: int, told: str, team: Team, hers: Ground, askpass: Path
) -> None:
    if user:
        team.known(hers.root, user, password)
    else:
        hers.git("config", "--unset-all", "credential.helper")
    before, began = hers.refs(), time.monotonic()

    done = hers.nbpromote("hold", "count", "--env", "dev")

    assert time.monotonic() - began < 5
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert done.stderr.startswith("error: ")
    assert "\nerror: " not in done.stderr
    assert hers.refs() == before
    assert not askpass.exists()


@pytest.mark.parametrize(
    ("user", "outcome", "told"),
    [
        ("ada", "passed", "would take nbpromote/dev"),
        ("eve", "failed", "does not let you push nbpromote/dev"),
    ],
)
def test_doctor_tells_who_may_push(user: str, outcome: str, told: str, team: Team, hers: Ground) -> None:
    team.known(hers.root, user)

    (push,) = [check for check in hers.json("doctor", "--env", "dev")["checks"] if check["name"] == "dev: push"]

    assert push["outcome"] == outcome
    assert told in push["summary"]


# -- a host that does not answer well --------------------------------------------------------------------------------


def test_status_of_a_host_that_is_slow_is_stale_within_its_two_seconds(team: Team, hers: Ground) -> None:
    with Proxy(team.host.address) as proxy:
        proxy.rule("GET", "/info/refs", "delay 1.2", count=99)  # each question of its own would have been in time
        hers.git("remote", "set-url", "origin", f"{proxy.address}/hub.git")
        began = time.monotonic()
        seen = hers.json("status")
        took = time.monotonic() - began

    assert seen["stale"]
    assert took < 3.5  # the limit, and what status takes


def test_a_host_that_is_gone_is_told_at_once(team: Team, hers: Ground) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        hers.git("remote", "set-url", "origin", f"http://127.0.0.1:{free.getsockname()[1]}/hub.git")
        began = time.monotonic()
        told, refused = hers.nbpromote("status").stdout, hers.nbpromote("promote", "count", "--to", "staging")

    assert time.monotonic() - began < 10
    assert "STALE: as of " in told
    assert "the remote 'origin' cannot be reached: unable to access" in told
    assert refused.returncode == 3
    assert "the remote 'origin' cannot be reached: " in refused.stderr


def test_a_reply_that_is_lost_after_a_push_makes_no_second_event(team: Team, hers: Ground) -> None:
    with Proxy(team.host.address) as proxy:
        hers.git("remote", "set-url", "origin", f"{proxy.address}/hub.git")
        history = book(hers)
        rule = proxy.rule("POST", "/git-receive-pack", "drop after")
        first = history.append(event("promote", "live", "lost", "lost"), expect=whatever)
        proxy.rule("POST", "/git-receive-pack", "503 before")
        with pytest.raises(Unavailable, match="this was read back: nothing was changed"):
            history.append(event("promote", "verified", "lost", "lost"), expect=whatever)

    assert rule.met == 1
    assert history.state("prod") == first
    assert git(team.folder / "hub.git", "rev-parse", "nbpromote/prod") == first.head
