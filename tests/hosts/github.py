"""GitHub's part: workflows, jobs, steps and actions."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from hosts import Done, Hub, bash, clean, clone, known
from hosts.expressions import filled, wanted

_JOB = ("runs-on", "timeout-minutes", "environment", "concurrency", "permissions", "env", "steps", "needs", "if")


@dataclass
class GitHub(Hub):
    def run(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any] | None = None,
        *,
        ref: str = "refs/heads/main",
        inputs: Mapping[str, str] | None = None,
        actor: str = "ada",
        reviewed: Collection[str] = (),
    ) -> dict[str, Done]:
        """Every job of a workflow for an event that `actor` caused, each after those that it needs.

        Into a protected environment goes only what somebody has `reviewed`. A fork's jobs get neither secrets nor a
        token that may write.
        """
        commit = self.head(ref)
        top = self.job()
        clone(f"file://{self.remote}", top, commit)
        fork = _is_from_a_fork(payload or {})
        plan = YAML(typ="safe").load((top / f".github/workflows/{workflow}.yml").read_text())
        assert event in plan["on"], f"{workflow} does not start on {event}"
        known(plan, ("name", "on", "permissions", "concurrency", "defaults", "jobs"))
        context = {
            "github": {
                "event_name": event,
                "event": dict(payload or {}),
                "repository": "team/small",
                "base_ref": "main",
                "token": "a-token",
                "actor": actor,
            },
            "inputs": dict(inputs or {}),
            "runner": {"os": "Linux"},
        }
        done: dict[str, Done] = {}
        for name, job in plan["jobs"].items():
            needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            failed = any(done[other].code != 0 for other in needs)
            if not wanted(job.get("if", ""), context, failed=failed):
                done[name] = Done(code=None)
                continue
            where = job.get("environment", "")
            if where in self.protected and where not in reviewed:
                done[name] = Done(code=None, waits=True)
                continue
            rights = {**plan["permissions"], **job.get("permissions", {})}
            given = {} if fork else {**self.secrets.get("", {}), **self.secrets.get(where, {})}
            own = {**context, "secrets": given, "vars": {}}
            if fork:
                rights = dict.fromkeys(rights, "read")
            done[name] = _Job(self, job, own, plan.get("defaults", {}), ref, commit, rights).carry_out()
        return done


def _is_from_a_fork(payload: Mapping[str, Any]) -> bool:
    request = payload.get("pull_request")
    return bool(request) and request["head"]["repo"] != request["base"]["repo"]


@dataclass
class _Job:
    hub: GitHub
    job: Mapping[str, Any]
    context: dict[str, Any]
    defaults: Mapping[str, Any]
    ref: str
    commit: str
    rights: Mapping[str, str]

    def carry_out(self) -> Done:
        known(self.job, _JOB)
        self.machine = self.hub.job()
        self.workspace = self.machine / "work"
        self.workspace.mkdir()
        self.env = {**clean(self.machine), **self._host(), **self._filled(self.job.get("env", {}))}
        self.log, self.code, self.after = "", 0, []
        for step in self.job["steps"]:
            self._step(step)
        for last in reversed(self.after):
            last()
        return Done(code=self.code, log=self.log, folder=self.workspace, given=self.env)

    def _host(self) -> dict[str, str]:
        event = self.machine / "event.json"
        event.write_text(json.dumps(self.context["github"]["event"]))
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": self.context["github"]["event_name"],
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_ACTOR": self.context["github"]["actor"],
            "GITHUB_TRIGGERING_ACTOR": self.context["github"]["actor"],
            "GITHUB_REPOSITORY": "team/small",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_RUN_ID": "77",
            "GITHUB_REF": self.ref,
            "GITHUB_SHA": self.commit,
            "GITHUB_STEP_SUMMARY": str(self.machine / "summary.md"),
            "GH_STATE": str(self.hub.home / "gh.json"),
        }

    def _step(self, step: Mapping[str, Any]) -> None:
        known(step, ("name", "if", "uses", "with", "run", "env", "shell", "continue-on-error"))
        if not wanted(step.get("if", ""), self.context, failed=self.code != 0, root=self.workspace):
            return
        if "run" in step:
            shell = step.get("shell") or self.defaults.get("run", {}).get("shell")
            assert shell == "bash", f"no shell is named for: {step['run']}"
            assert "${{" not in step["run"], "what a person typed must not become code"
            code, told = bash(step["run"], self.workspace, {**self.env, **self._filled(step.get("env", {}))})
        else:
            code, told = self._uses(step["uses"], self._filled(step.get("with", {})))
        self.log += told
        if code and not step.get("continue-on-error"):
            self.code = self.code or code

    def _filled(self, values: Mapping[str, Any]) -> dict[str, str]:
        return {name: filled(str(value), self.context, self.workspace) for name, value in values.items()}

    def _uses(self, what: str, given: Mapping[str, str]) -> tuple[int, str]:
        if what.startswith("./"):
            action = YAML(typ="safe").load((self.workspace / what / "action.yml").read_text())
            assert action["runs"]["using"] == "composite"
            for step in action["runs"]["steps"]:
                self._step(step)
            return 0, ""
        name, _, version = what.partition("@")
        assert re.fullmatch(r"[0-9a-f]{40}", version), f"{what} can be moved under us"
        return self._actions[name](self, given)

    def _checkout(self, given: Mapping[str, str]) -> tuple[int, str]:
        known(given, ("fetch-depth",))
        branch = self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else ""
        user = {"write": "ada", "read": "eve"}[self.rights["contents"]]
        url, header = self.hub.host.url("hub.git"), self.hub.host.header(user)
        depth = int(given.get("fetch-depth", "1"))
        clone(url, self.workspace, self.commit, branch=branch, header=header, depth=depth)
        return 0, ""

    def _python(self, given: Mapping[str, str]) -> tuple[int, str]:
        files = given["cache-dependency-path"].split()
        assert all((self.workspace / file).is_file() for file in files), "setup-python refuses a path that is not there"
        return 0, ""

    def _cache(self, given: Mapping[str, str]) -> tuple[int, str]:
        kept = self.hub.folder("caches", hashlib.sha256(given["key"].encode()).hexdigest())
        if any(kept.iterdir()):
            shutil.copytree(kept, self.workspace, dirs_exist_ok=True)
            return 0, ""

        def keep() -> None:
            for file in self.workspace.glob(given["path"]):
                place = kept / file.relative_to(self.workspace)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, place)

        self.after.append(keep)
        return 0, ""

    def _upload(self, given: Mapping[str, str]) -> tuple[int, str]:
        shutil.copytree(self.workspace / given["path"], self.hub.folder("artifacts", given["name"]), dirs_exist_ok=True)
        return 0, ""

    def _download(self, given: Mapping[str, str]) -> tuple[int, str]:
        kept = self.hub.home / "artifacts" / given["name"]
        if not kept.is_dir():
            return 1, "no artifact of this name\n"
        shutil.copytree(kept, self.workspace / given["path"], dirs_exist_ok=True)
        return 0, ""

    _actions = {  # noqa: RUF012
        "actions/checkout": _checkout,
        "actions/setup-python": _python,
        "actions/cache": _cache,
        "actions/upload-artifact": _upload,
        "actions/download-artifact": _download,
    }


GH = """\
#!{python}
# GitHub's `gh api`, as far as the templates ask: pull requests and comments, kept in a file
import json, os, subprocess, sys
from urllib.parse import unquote
args, given, method, query, paths = sys.argv[2:], {{}}, "GET", "", []
assert sys.argv[1] == "api" and os.environ["GH_TOKEN"] == "a-token"
while args:
    word = args.pop(0)
    if word == "-X": method = args.pop(0)
    elif word == "--jq": query = args.pop(0)
    elif word in ("-f", "-F"):
        name, value = args.pop(0).split("=", 1)
        given[name] = open(value[1:]).read() if word == "-F" and value.startswith("@") else value
    elif word not in ("--paginate", "--silent"): paths.append(word)
(path,) = paths
state = json.load(open(os.environ["GH_STATE"]))
parts = path.removeprefix("repos/team/small/").split("/")
if parts == ["pulls"]:
    answer = [pull for pull in state["pulls"] if pull["state"] == given["state"] and pull["label"] == given["head"]]
elif method == "GET" and parts[0] == "issues" and parts[2] == "comments":
    answer = [one for one in state["comments"] if one["issue"] == int(parts[1])]
elif method == "POST" and parts[0] == "issues" and parts[2] == "comments":
    answer = {{"id": len(state["comments"]) + 1, "issue": int(parts[1]), "user": {{"type": "Bot"}}, **given}}
    state["comments"].append(answer)
elif method == "PATCH" and parts[:2] == ["issues", "comments"]:
    (answer,) = [one for one in state["comments"] if one["id"] == int(parts[2])]
    answer.update(given)
else: sys.exit("gh: not known here: " + method + " " + path)
json.dump(state, open(os.environ["GH_STATE"], "w"))
if query:
    sys.stdout.flush()
    subprocess.run(["jq", "-r", query], input=json.dumps(answer), text=True, check=True)
"""


def gh(home: Path, *, head: str, label: str) -> Path:
    """Put `gh` on the runners' path, with one open pull request. Gives the file of what it knows."""
    state = home / "gh.json"
    state.write_text(
        json.dumps({"pulls": [{"number": 12, "state": "open", "label": label, "head": {"sha": head}}], "comments": []})
    )
    program = home / "bin" / "gh"
    program.parent.mkdir(exist_ok=True)
    program.write_text(GH.format(python=sys.executable))
    program.chmod(0o755)
    return state
