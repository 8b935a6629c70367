"""The workflows of `init --ci`, carried out: a request to its comment, a merge to staging, prod, and back.

`make test` goes half of the way on each host: on GitHub with the request, on GitLab with the merge. `make pipelines`
goes all of it on both, by the buttons that people press.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import servers
from ground import COUNT, HEADER, Ground, begun, git
from hosts import Done
from hosts.github import GitHub, gh
from hosts.gitlab import GitLab

whole = pytest.mark.skipif(
    os.environ.get("PIPELINES") != "whole", reason="PIPELINES ARE RUN TO PROD AND BACK BY: make pipelines"
)
with_jq = pytest.mark.skipif(
    not shutil.which("jq"), reason="GITHUB'S COMMENT WAS NOT TRIED: gh asks with jq, which is not here"
)
HUSH = "hush-hush"
TYPED = "it's; $(touch /tmp/owned) `touch /tmp/owned` time"
PROJECT = '[tool.nbpromote]\nproject = "small"\nremote = "origin"\nstore = "{store}"\n'
VALUES = "notebooks:\n  count:\n    parameters: {{top: {top}}}\n    outputs: {{result: data/{name}/result.csv}}\n"
# who commits by mail and presses buttons by login is one person
CONSENT = """\
groups: {people: ["ada@example.org, ada", "bob@example.org, bob"]}
approvals: {count: 1, groups: [people]}
soak: 1s
"""
POLICY = """\
promotes_from: [{below}]
{more}notebooks:
  count:
    gates:
      - {{metric: rows, min: 2}}
      - {{metric: error, versus: live, max_relative_increase: 0.1}}
"""


@dataclass
class Team:
    """`ada` is the clone of whoever began it, `bob` that of another; what they know of others comes from `hub`."""

    folder: Path
    ada: Ground
    host: servers.GitHost

    @property
    def hub(self) -> Path:
        return self.folder / "hub.git"

    @cached_property
    def bob(self) -> Ground:
        git(self.folder, "clone", "--quiet", str(self.hub), "bob")
        bob = Ground(self.folder / "bob", self.ada.empty_store)
        bob.git("config", "user.name", "Bob")
        bob.git("config", "user.email", "bob@example.org")
        return bob

    def row(self, environment: str) -> dict[str, Any]:
        return {each["name"]: each for each in self.ada.json("status")["environments"]}[environment]

    def live(self, environment: str) -> str | None:
        """The release that is live and verified."""
        live = self.row(environment)["notebooks"]
        assert [one["state"] for one in live] in ([], ["verified"])
        return live[0]["alias"] if live else None

    def waits(self, environment: str) -> list[str]:
        """What the promotions that wait there lack."""
        return [wait["kind"] for one in self.row(environment)["waiting"] for wait in one["waits"]]

    def last(self, environment: str) -> dict[str, Any]:
        return self.ada.json("history", "--env", environment)["events"][-1]

    def proposed(self, branch: str, error: str) -> str:
        """A branch with an edit, and the ref that a host makes of a request to merge it. Gives its commit."""
        self.ada.git("switch", "--quiet", "--create", branch)
        code = self.ada.root / "notebooks/count.py"
        self.ada.write("notebooks/count.py", re.sub(r"[\d.]+ / len", f"{error} / len", code.read_text()))
        self.ada.nbpromote("sync", "count")
        self.ada.commit("Count with less error")
        self.ada.git("push", "--quiet", "--force", "origin", branch, f"{branch}:refs/pull/12/merge")
        return self.ada.git("rev-parse", branch)

    def merge(self, branch: str) -> None:
        """Squashed, as by the button."""
        self.ada.git("switch", "--quiet", "main")
        self.ada.git("merge", "--quiet", "--squash", branch)
        self.ada.commit("Count with less error (#12)")
        self.ada.git("push", "--quiet", "origin", "main")

    def merged(self, branch: str, error: str) -> None:
        self.proposed(branch, error)
        self.merge(branch)


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("tracking")
    shutil.copy(empty_store, folder / "mlflow.db")
    with servers.mlflow(f"sqlite:///{folder}/mlflow.db", artifacts=str(folder / "artifacts")) as served:
        yield served.uri


@pytest.fixture(scope="module")
def begun_team(tmp_path_factory: pytest.TempPathFactory, empty_store: Path, tracking: str) -> Iterator[Team]:
    """A project on a remote, with workflows for both hosts, whose `count` is live in dev."""
    folder = tmp_path_factory.mktemp("team")
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "hub.git")
    ada = begun(folder / "ada", empty_store)
    ada.write("pyproject.toml", PROJECT.format(store=folder / "store"))
    ada.write(".gitignore", ".nbpromote/\ndata/\n")
    ada.write("notebooks/count.py", HEADER + COUNT)
    ada.write("params/base.yaml", f"tracking_uri: {tracking}\nlimits: {{cell: 60s, notebook: 2m}}\n")
    for below, name, top in ((None, "dev", 3), ("dev", "staging", 4), ("staging", "prod", 5)):
        secrets = 'secrets: {warehouse: "env:WAREHOUSE_PASSWORD"}\n' if name == "prod" else ""
        ada.write(f"params/{name}.yaml", secrets + VALUES.format(top=top, name=name))
        if below:
            more = CONSENT if name == "prod" else ""
            ada.write(f"params/{name}.policy.yaml", POLICY.format(below=below, more=more))
    ada.nbpromote("sync")
    ada.nbpromote("run", "count")
    ada.nbpromote("baseline", "count", "--yes")
    ada.commit("start")
    for host in ("github", "gitlab"):
        done = ada.nbpromote("init", str(ada.root), "--ci", host)
        assert done.returncode == 0, done.stderr
    ada.commit("Let the hosts do it")
    ada.git("remote", "add", "origin", str(folder / "hub.git"))
    ada.git("push", "--quiet", "--set-upstream", "origin", "main")
    done = ada.nbpromote("release", "count")
    assert done.returncode == 0, done.stdout + done.stderr
    with servers.git_http(folder) as served:
        yield Team(folder, ada, served)


@pytest.fixture
def github(begun_team: Team, tmp_path: Path) -> GitHub:
    secrets = {"prod": {"WAREHOUSE_PASSWORD": HUSH}}
    team = begun_team
    return GitHub(remote=team.hub, host=team.host, home=tmp_path, secrets=secrets, protected=frozenset({"prod"}))


@pytest.fixture
def gitlab(begun_team: Team, tmp_path: Path) -> GitLab:
    secrets = {
        "": {"NBPROMOTE_COMMENT_TOKEN": "comments"},
        "protected": {"NBPROMOTE_TOKEN": begun_team.host.password},
        "prod": {"WAREHOUSE_PASSWORD": HUSH},
    }
    return GitLab(
        remote=begun_team.hub,
        host=begun_team.host,
        home=tmp_path,
        secrets=secrets,
        protected=frozenset({"prod"}),
        deployers=("ada", "bob"),
    )


def good(jobs: dict[str, Done], *names: str) -> dict[str, Done]:
    for name in names or jobs:
        assert jobs[name].code == 0, f"{name}: {jobs[name].log}"
    return jobs


def holders(jobs: dict[str, Done], secret: str) -> set[str]:
    """Jobs that began with a secret among their variables."""
    return {name for name, job in jobs.items() if secret in job.given.values()}


# -- GitHub ----------------------------------------------------------------------------------------------------------


def pull_request(head: str) -> dict[str, Any]:
    return {
        "pull_request": {
            "number": 12,
            "head": {"repo": {"full_name": head}},
            "base": {"repo": {"full_name": "team/small"}},
        }
    }


def finished(owner: str, branch: str, head: str) -> dict[str, Any]:
    """What GitHub tells the workflow that follows a check."""
    run = {
        "event": "pull_request",
        "conclusion": "success",
        "id": 77,
        "html_url": "https://github.example/team/small/actions/runs/77",
        "head_sha": head,
        "head_branch": branch,
        "head_repository": {"owner": {"login": owner}, "full_name": f"{owner}/small"},
    }
    return {"workflow_run": run}


@with_jq
def test_on_github_a_pull_request_is_told_of_in_one_comment(begun_team: Team, github: GitHub) -> None:
    team = begun_team
    head = team.proposed("further", "9.9")
    state = gh(github.home, head=head, label="team:further")

    checked = good(github.run("nbpromote-check", "pull_request", pull_request("team/small"), ref="refs/pull/12/merge"))
    for _ in range(2):  # the second replaces the first
        good(github.run("nbpromote-comment", "workflow_run", finished("team", "further", head)))
    (comment,) = json.loads(state.read_text())["comments"]
    assert comment["issue"] == 12
    assert "1 notebook as it should be, against origin/main" in comment["body"]
    assert "| `error` | 3.3 | 3.333 |" in comment["body"]
    assert "page for each notebook](https://github.example/team/small/actions/runs/77)" in comment["body"]
    assert "code of a fork" not in comment["body"]
    assert "::error" not in checked["check"].log
    team.ada.git("switch", "--quiet", "main")


@whole
@with_jq
def test_on_github_a_fork_is_told_as_much_and_gets_nothing(begun_team: Team, github: GitHub, tmp_path: Path) -> None:
    team = begun_team
    head = team.proposed("forked", "9.8")
    state = gh(github.home, head=head, label="eve:forked")
    before = git(team.hub, "for-each-ref", "refs/heads/nbpromote")
    github.secrets = {"": {"ANY": HUSH}, **github.secrets}

    checked = good(github.run("nbpromote-check", "pull_request", pull_request("eve/small"), ref="refs/pull/12/merge"))
    told = good(github.run("nbpromote-comment", "workflow_run", finished("eve", "forked", head)))

    assert holders({**checked, **told}, HUSH) == set()
    (comment,) = json.loads(state.read_text())["comments"]
    assert comment["body"].startswith("<!-- nbpromote -->\n*What follows was written by code of a fork.*\n")
    assert "1 notebook as it should be" in comment["body"]
    assert git(team.hub, "for-each-ref", "refs/heads/nbpromote") == before

    team.merge("forked")
    (run,) = (checked["check"].folder / ".nbpromote/runs").glob("*count*")
    shutil.copytree(run, team.ada.root / ".nbpromote/runs" / run.name)  # handed on, as by an artifact
    refused = team.ada.nbpromote("release", "count", "--run", run.name)
    assert refused.returncode == 1
    assert "is of a fork's code, or may be (pull_request for pull request 12, " in refused.stderr
    pushed = subprocess.run(
        ["git", "-C", checked["check"].folder, "push", "origin", "HEAD:refs/heads/nbpromote/dev"],
        capture_output=True,
        text=True,
    )
    assert "403" in pushed.stderr


def pressed(github: GitHub, verb: str, *, by: str = "ada", reviewed: tuple[str, ...] = ("prod",)) -> Done:
    """The button for what people decide, about `count` in prod."""
    inputs = {"verb": verb, "environment": "prod", "name": "count", "reason": TYPED}
    jobs = github.run("nbpromote-act", "workflow_dispatch", inputs=inputs, actor=by, reviewed=reviewed)
    assert jobs["staging"].code is None
    return jobs["prod"]


def released(team: Team, github: GitHub, branch: str, error: str) -> str:
    """What a merge makes live in staging."""
    team.merged(branch, error)
    jobs = good(github.run("nbpromote-release", "push"))
    assert holders(jobs, HUSH) == set()
    alias = team.live("staging")
    assert alias == team.live("dev")
    assert alias
    return alias


@whole
def test_on_github_from_a_merge_to_prod_and_back(begun_team: Team, github: GitHub) -> None:
    team = begun_team
    first = released(team, github, "one", "9.0")

    assert pressed(github, "promote", reviewed=()).waits  # for whoever the host lets decide
    assert team.waits("prod") == []
    asked = pressed(github, "promote")
    assert (asked.code, holders({"prod": asked}, HUSH)) == (0, {"prod"})
    assert "::notice title=nbpromote::waiting at the door of prod" in asked.log
    assert (team.live("prod"), team.waits("prod")) == (None, ["approval"])

    assert github.run("nbpromote-advance", "schedule")["prod"].waits
    looked = good(github.run("nbpromote-advance", "schedule", reviewed=["prod"]))
    assert "something still waits at the door of prod" in looked["prod"].log
    assert holders(looked, HUSH) == {"prod"}
    assert team.live("prod") is None
    team.bob.nbpromote("approve", "count", "--env", "prod")  # on a machine of his own
    good(github.run("nbpromote-advance", "schedule", reviewed=["prod"]))
    assert (team.live("prod"), team.waits("prod")) == (first, [])

    second = released(team, github, "two", "8.0")
    assert pressed(github, "promote").code == 0
    assert pressed(github, "reject", by="bob").code == 0
    said = team.last("prod")
    assert (said["verb"], said["actor"], said["reason"]) == ("reject", "bob", TYPED)
    assert said["vouched"] == "ci https://github.example/team/small/actions/runs/77"
    assert (team.live("prod"), team.waits("prod")) == (first, [])

    assert pressed(github, "promote").code == 0
    own = pressed(github, "approve")
    assert own.code == 1
    assert "the approval of ada would not count" in own.log
    assert team.live("prod") == first
    assert pressed(github, "approve", by="bob").code == 0
    assert (team.live("prod"), team.waits("prod")) == (second, [])

    back = {"environment": "prod", "notebook": "count", "reason": TYPED}
    jobs = github.run("nbpromote-rollback", "workflow_dispatch", inputs=back, reviewed=["prod"])
    assert {name: job.code for name, job in jobs.items()} == {"prod": 0, "staging": None, "dev": None}
    assert (team.live("prod"), team.row("prod")["held"]) == (first, {"count": [second]})
    assert team.live("staging") == second
    assert not Path("/tmp/owned").exists()  # what was typed as a reason


# -- GitLab ----------------------------------------------------------------------------------------------------------


class Notes(BaseHTTPRequestHandler):
    """GitLab's notes of a merge request, as far as the templates ask."""

    kept: list[dict[str, Any]]

    def do_GET(self) -> None:
        self._answer(self.kept)

    def do_POST(self) -> None:
        self.kept.append({"id": len(self.kept) + 1, "body": self._body()})
        self._answer(self.kept[-1])

    def do_PUT(self) -> None:
        number = int(self.path.rpartition("/")[2])
        self.kept[number - 1]["body"] = self._body()
        self._answer(self.kept[number - 1])

    def _body(self) -> str:
        """The one field of a form, as curl sends it."""
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        return form.split("\r\n\r\n", 1)[1].rsplit("\r\n--", 1)[0]

    def _answer(self, value: object) -> None:
        known = self.headers["PRIVATE-TOKEN"] == "comments" and "/projects/1/merge_requests/9/notes" in self.path
        data = json.dumps(value).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def notes() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of an API with no notes, and what it holds."""
    kept: list[dict[str, Any]] = []
    handler = type("Kept", (Notes,), {"kept": kept})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", kept
        server.shutdown()
        thread.join()


MERGED = ("nbpromote-release", "nbpromote-promote")
REQUEST = ("nbpromote-check", "nbpromote-comment")


def ran(jobs: dict[str, Done]) -> list[str]:
    return [name for name, job in jobs.items() if job.code is not None]


def test_on_gitlab_a_merge_is_released_and_promoted(begun_team: Team, gitlab: GitLab) -> None:
    team = begun_team
    before = team.live("staging")
    team.merged("nearer", "7.0")

    jobs = good(gitlab.run({"CI_PIPELINE_SOURCE": "push"}), *MERGED)

    assert ran(jobs) == [*MERGED]
    assert team.live("staging") == team.live("dev") != before
    assert holders(jobs, HUSH) == set()


@whole
def test_on_gitlab_a_merge_request_is_told_of_in_one_note(begun_team: Team, gitlab: GitLab) -> None:
    team = begun_team
    base = team.ada.git("rev-parse", "origin/main")
    team.proposed("asked", "6.9")
    request = {
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_MERGE_REQUEST_IID": "9",
        "CI_MERGE_REQUEST_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
    }

    with notes() as (address, kept):
        for _ in range(2):  # the second replaces the first
            jobs = good(gitlab.run({**request, "CI_API_V4_URL": address}, ref="refs/pull/12/merge"), *REQUEST)
    (note,) = kept
    assert note["body"].startswith("<!-- nbpromote -->")
    assert "1 notebook as it should be" in note["body"]
    assert ran(jobs) == [*REQUEST]
    assert holders(jobs, team.host.password) == set()
    team.ada.git("switch", "--quiet", "main")


@whole
def test_on_gitlab_from_a_merge_to_prod_and_back(begun_team: Team, gitlab: GitLab) -> None:
    team = begun_team

    def press(job: str, *, by: str = "ada", **given: str) -> Done:
        return gitlab.run({"CI_PIPELINE_SOURCE": "web"}, pressed={job: given}, user=by)[job]

    team.merged("third", "6.0")
    good(gitlab.run({"CI_PIPELINE_SOURCE": "push"}), *MERGED)
    before, third = team.live("prod"), team.live("staging")

    assert press("nbpromote-act-prod", by="eve", VERB="promote", NAME="count", REASON="").waits
    asked = press("nbpromote-act-prod", VERB="promote", NAME="count", REASON=TYPED)
    assert (asked.code, holders({"act": asked}, HUSH)) == (0, {"act"})
    assert (team.live("prod"), team.waits("prod")) == (before, ["approval"])
    looked = good(gitlab.run({"CI_PIPELINE_SOURCE": "schedule"}), "nbpromote-advance-staging", "nbpromote-advance-prod")
    assert ran(looked) == ["nbpromote-advance-staging", "nbpromote-advance-prod"]
    assert holders(looked, HUSH) == {"nbpromote-advance-prod"}
    assert (team.live("prod"), team.waits("prod")) == (before, ["approval"])
    team.bob.nbpromote("approve", "count", "--env", "prod")
    good(gitlab.run({"CI_PIPELINE_SOURCE": "schedule"}), "nbpromote-advance-prod")
    assert (team.live("prod"), team.waits("prod")) == (third, [])

    team.merged("fourth", "5.0")
    good(gitlab.run({"CI_PIPELINE_SOURCE": "push"}), *MERGED)
    fourth = team.live("staging")
    assert press("nbpromote-act-prod", VERB="promote", NAME="count", REASON="").code == 0
    assert press("nbpromote-act-prod", by="bob", VERB="reject", NAME="count", REASON=TYPED).code == 0
    assert (team.last("prod")["actor"], team.last("prod")["reason"]) == ("bob", TYPED)
    assert press("nbpromote-act-prod", VERB="promote", NAME="count", REASON="").code == 0
    assert press("nbpromote-act-prod", by="bob", VERB="approve", NAME="count", REASON="").code == 0
    assert team.live("prod") == fourth
    assert press("nbpromote-act-prod", VERB="forget", NAME="count", REASON="").code == 2

    assert press("nbpromote-rollback-prod", NOTEBOOK="count", REASON=TYPED).code == 0
    assert (team.live("prod"), team.live("staging")) == (third, fourth)
    assert fourth in team.row("prod")["held"]["count"]
    assert not Path("/tmp/owned").exists()
