"""The workflows of `init --ci`, carried out: a pull request to its comment, a merge to staging, prod, and back.

In `make test` GitHub's story ends at staging and GitLab's at the note; `make pipelines` goes all the way.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import servers
from ground import COUNT, HEADER, Ground, begun, git
from hosts import Done
from hosts.github import GitHub, gh
from hosts.gitlab import GitLab

WHOLE = os.environ.get("PIPELINES") == "whole"
PROJECT = '[tool.nbpromote]\nproject = "small"\nremote = "origin"\nstore = "{store}"\n'
VALUES = "notebooks:\n  count:\n    parameters: {{top: {top}}}\n    outputs: {{result: data/{name}/result.csv}}\n"
POLICY = """\
promotes_from: [{below}]
{soak}notebooks:
  count:
    gates:
      - {{metric: rows, min: 2}}
      - {{metric: error, versus: live, max_relative_increase: 0.1}}
"""


@dataclass
class Team:
    """`ada` is the clone of the person who began it; what it knows of the others comes from `hub`."""

    folder: Path
    ada: Ground

    @property
    def hub(self) -> Path:
        return self.folder / "hub.git"

    def live(self, environment: str) -> dict[str, Any] | None:
        rows = {each["name"]: each["notebooks"] for each in self.ada.json("status")["environments"]}[environment]
        return rows[0] if rows else None

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


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("tracking")
    shutil.copy(empty_store, folder / "mlflow.db")
    with servers.mlflow(f"sqlite:///{folder}/mlflow.db", artifacts=str(folder / "artifacts")) as served:
        yield served.uri


@pytest.fixture(scope="module")
def begun_team(tmp_path_factory: pytest.TempPathFactory, empty_store: Path, tracking: str) -> Team:
    """A project on a remote, with workflows for both hosts, whose `count` is live in dev and staging."""
    folder = tmp_path_factory.mktemp("team")
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "hub.git")
    ada = begun(folder / "ada", empty_store)
    ada.write("pyproject.toml", PROJECT.format(store=folder / "store"))
    ada.write(".gitignore", ".nbpromote/\ndata/\n")
    ada.write("notebooks/count.py", HEADER + COUNT)
    ada.write("params/base.yaml", f"tracking_uri: {tracking}\nlimits: {{cell: 60s, notebook: 2m}}\n")
    for below, name, top in ((None, "dev", 3), ("dev", "staging", 4), ("staging", "prod", 5)):
        ada.write(f"params/{name}.yaml", VALUES.format(top=top, name=name))
        if below:
            soak = "soak: 1s\n" if name == "prod" else ""
            ada.write(f"params/{name}.policy.yaml", POLICY.format(below=below, soak=soak))
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
    for line in (("release", "count"), ("promote", "count", "--to", "staging")):
        done = ada.nbpromote(*line)
        assert done.returncode == 0, done.stdout + done.stderr
    return Team(folder, ada)


def good(jobs: dict[str, Done], *names: str) -> dict[str, Done]:
    for name in names or jobs:
        assert jobs[name].code == 0, f"{name}: {jobs[name].log}"
    return jobs


def pull_request(head: str) -> dict[str, Any]:
    return {
        "pull_request": {
            "number": 12,
            "head": {"repo": {"full_name": head}},
            "base": {"repo": {"full_name": "team/small"}},
        }
    }


@pytest.mark.skipif(not shutil.which("jq"), reason="GITHUB'S COMMENT WAS NOT TRIED: gh asks with jq, which is not here")
def test_on_github_from_a_pull_request_to_prod_and_back(begun_team: Team, tmp_path: Path) -> None:
    team = begun_team
    hub = GitHub(remote=team.hub, home=tmp_path)
    before = team.live("staging")
    head = team.proposed("further", "9.0")
    state = gh(tmp_path, head=head, label="team:further")

    checked = good(hub.run("nbpromote-check", "pull_request", pull_request("team/small"), ref="refs/pull/12/merge"))
    finished = {
        "event": "pull_request",
        "conclusion": "success",
        "id": 77,
        "html_url": "https://github.example/team/small/actions/runs/77",
        "head_sha": head,
        "head_branch": "further",
        "head_repository": {"owner": {"login": "team"}},
    }
    for _ in range(2):  # the second replaces the first
        good(hub.run("nbpromote-comment", "workflow_run", {"workflow_run": finished}))
    (comment,) = json.loads(state.read_text())["comments"]
    assert comment["issue"] == 12
    assert "1 notebook as it should be, against origin/main" in comment["body"]
    assert "| `error` | 3 | 3.333 |" in comment["body"]
    assert "page for each notebook](https://github.example/team/small/actions/runs/77)" in comment["body"]
    assert "::error" not in checked["check"].log

    team.merge("further")
    good(hub.run("nbpromote-release", "push"))
    assert team.live("staging") != before
    assert team.live("prod") is None
    if WHOLE:
        _to_prod_and_back(team, hub, before)


def _to_prod_and_back(team: Team, hub: GitHub, before: dict[str, Any] | None) -> None:
    pressed = {"verb": "promote", "environment": "prod", "name": "count", "reason": "it's; $(touch /tmp/owned) time"}
    acted = hub.run("nbpromote-act", "workflow_dispatch", inputs=pressed)
    assert acted["staging"].code is None
    good(acted, "prod")
    good(hub.run("nbpromote-advance", "schedule"))
    live = team.live("prod")
    assert live is not None
    assert live["state"] == "verified"

    back = {"environment": "staging", "notebook": "count", "reason": "too few"}
    good(hub.run("nbpromote-rollback", "workflow_dispatch", inputs=back), "staging")
    assert team.live("staging")["alias"] == before["alias"]
    assert not Path("/tmp/owned").exists()  # what was typed as a reason


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


def test_on_gitlab_from_a_merge_request_to_prod_and_back(begun_team: Team, tmp_path: Path) -> None:
    team = begun_team
    base = team.ada.git("rev-parse", "origin/main")
    hub = GitLab(remote=team.hub, home=tmp_path, secrets={"": {"NBPROMOTE_COMMENT_TOKEN": "comments"}})
    before = team.live("staging")
    team.proposed("nearer", "8.0")
    request = {
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_MERGE_REQUEST_IID": "9",
        "CI_MERGE_REQUEST_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
    }

    with notes() as (address, kept):
        ran = good(hub.run({**request, "CI_API_V4_URL": address}, ref="refs/pull/12/merge"), *REQUEST)
        assert [name for name, job in ran.items() if job.code is not None] == [*REQUEST]
    (note,) = kept
    assert note["body"].startswith("<!-- nbpromote -->")
    assert "1 notebook as it should be" in note["body"]

    if WHOLE:
        _merged_and_back(team, hub, before)


def _merged_and_back(team: Team, hub: GitLab, before: dict[str, Any] | None) -> None:
    team.merge("nearer")
    ran = good(hub.run({"CI_PIPELINE_SOURCE": "push"}), "nbpromote-release", "nbpromote-promote")
    assert team.live("staging") != before
    assert ran["nbpromote-rollback-prod"].code is None

    back = {"nbpromote-rollback-staging": {"NOTEBOOK": "count", "REASON": "too near"}}
    good(hub.run({"CI_PIPELINE_SOURCE": "web"}, pressed=back), *back)
    assert team.live("staging")["alias"] == before["alias"]


REQUEST = ("nbpromote-check", "nbpromote-comment")
