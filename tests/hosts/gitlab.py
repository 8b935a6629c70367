"""GitLab's part: pipelines, rules and jobs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from hosts import Done, Hub, bash, clean, clone, known

_JOB = ("image", "stage", "extends", "rules", "needs", "variables", "cache", "before_script", "script", "after_script",
        "artifacts", "environment", "resource_group", "allow_failure", "interruptible")  # fmt: skip


@dataclass
class GitLab(Hub):
    deployers: tuple[str, ...] = ()  # who may deploy to protected environments

    def run(
        self,
        variables: Mapping[str, str],
        *,
        ref: str = "main",
        pressed: Mapping[str, Mapping[str, str]] | None = None,
        user: str = "ada",
    ) -> dict[str, Done]:
        """A pipeline of `user`'s: its jobs by stage, where their rules say so; of manual ones those that are `pressed`.

        A protected environment is for those alone who may deploy there, whatever starts the job.
        """
        commit = self.head(ref)
        top = self.job()
        clone(f"file://{self.remote}", top, commit)
        jobs = _gitlab_jobs(top)
        done: dict[str, Done] = {}
        stages = ("build", "test", "deploy")
        for name, job in sorted(jobs.items(), key=lambda item: stages.index(item[1].get("stage", "test"))):
            known(job, _JOB)
            own = {**self._host(ref, commit, user), **variables, **self._scoped(job, ref)}
            when = _when(job.get("rules", []), own)
            by_hand = (pressed or {}).get(name)
            needs = [one if isinstance(one, str) else one["job"] for one in job.get("needs", [])]
            failed = any(done[other].code not in (0, None) for other in needs if other in done)
            if when is None or (when == "manual" and by_hand is None) or (failed and when != "always"):
                done[name] = Done(code=None)
                continue
            if job.get("environment") in self.protected and user not in self.deployers:
                done[name] = Done(code=None, waits=True)
                continue
            done[name] = self._carry_out(job, {**own, **(by_hand or {})}, needs, name, ref, commit)
        return done

    def _host(self, ref: str, commit: str, user: str) -> dict[str, str]:
        return {
            "GITLAB_CI": "true",
            "GITLAB_USER_LOGIN": user,
            "GITLAB_USER_NAME": f"{user.title()} Test",
            "GITLAB_USER_EMAIL": f"{user}@example.org",
            "CI_PROJECT_ID": "1",
            "CI_PROJECT_URL": self.host.url("hub"),
            "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_SHA": commit,
            "CI_COMMIT_REF_NAME": ref,
            "CI_JOB_URL": "https://gitlab.example/jobs/5",
            **({"CI_COMMIT_BRANCH": ref} if not ref.startswith("refs/") else {}),
        }

    def _scoped(self, job: Mapping[str, Any], ref: str) -> dict[str, str]:
        """Variables for every job, those that are protected as the branch is, and those of an environment."""
        protected = {} if ref.startswith("refs/") else self.secrets.get("protected", {})
        return {**self.secrets.get("", {}), **protected, **self.secrets.get(job.get("environment", ""), {})}

    def _carry_out(
        self, job: Mapping[str, Any], given: Mapping[str, str], needs: Sequence[str], name: str, ref: str, commit: str
    ) -> Done:
        machine = self.job()
        work = machine / "work"
        own = {key: str(value) for key, value in job.get("variables", {}).items()}
        env = {**clean(machine), "CI_PROJECT_DIR": str(work), **given, **own}
        work.mkdir()
        if env.get("GIT_STRATEGY") != "none":
            url = self.host.url("hub.git").replace("//", f"//eve:{self.host.password}@")  # a job's own token reads
            clone(url, work, commit, branch="" if ref.startswith("refs/") else ref, depth=int(env["GIT_DEPTH"]))
        for other in needs:
            shutil.copytree(self.folder("artifacts", other), work, dirs_exist_ok=True)
        for cached in job.get("cache", {}).get("paths", []):
            _copied(self.folder("caches", "one"), work, cached)
        code, log = bash("\n".join([*job.get("before_script", []), *job["script"]]), work, env)
        if "after_script" in job:
            log += bash("\n".join(job["after_script"]), work, env)[1]
        for path in job.get("artifacts", {}).get("paths", []):
            _copied(work, self.folder("artifacts", name), path)
        for cached in job.get("cache", {}).get("paths", []):
            _copied(work, self.folder("caches", "one"), cached)
        allowed = job.get("allow_failure") or {}
        ended = 0 if isinstance(allowed, dict) and code in allowed.get("exit_codes", []) else code
        return Done(code=ended, log=log, folder=work, given=env)


def _copied(source: Path, target: Path, pattern: str) -> None:
    for found in source.glob(pattern.rstrip("/")):
        place = target / found.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if found.is_dir():
            shutil.copytree(found, place, dirs_exist_ok=True)
        else:
            shutil.copy(found, place)


@dataclass(frozen=True)
class _Reference:
    path: tuple[str, ...]


def _referred(loader: Any, node: Any) -> _Reference:
    return _Reference(tuple(loader.construct_sequence(node)))


def _gitlab_jobs(top: Path) -> dict[str, dict[str, Any]]:
    """Every job with what it extends; hidden ones only lend what they have."""
    yaml = YAML(typ="safe")
    yaml.constructor.add_constructor("!reference", _referred)
    tables: dict[str, Any] = {}
    for include in yaml.load((top / ".gitlab-ci.yml").read_text())["include"]:
        tables |= yaml.load((top / include["local"]).read_text())
    whole = {name: _extended(tables, name) for name in tables}
    for job in whole.values():
        for key in ("before_script", "script", "after_script"):
            if key in job:
                job[key] = list(_lines(job[key], whole))
    return {name: job for name, job in whole.items() if not name.startswith(".")}


def _extended(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A job over what it extends: tables are merged key by key, everything else takes the place of what was there."""
    table = dict(tables[name])
    under = _extended(tables, table["extends"]) if "extends" in table else {}
    merged = {key: {**under[key], **table[key]} for key in table if _is_table(under.get(key)) and _is_table(table[key])}
    return {**under, **table, **merged}


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _lines(script: Sequence[Any], jobs: Mapping[str, Any]) -> Iterator[str]:
    for line in script:
        if isinstance(line, _Reference):
            yield from _lines(jobs[line.path[0]][line.path[1]], jobs)
        else:
            assert isinstance(line, str), f"YAML takes this line for something else: {line}"
            yield line


def _when(rules: Sequence[Mapping[str, str]], variables: Mapping[str, str]) -> str | None:
    """What the first rule that holds says; None where none does."""
    for rule in rules:
        known(rule, ("if", "when", "allow_failure"))
        if _holds(rule["if"], variables):
            return rule.get("when", "on_success")
    return None


def _holds(condition: str, variables: Mapping[str, str]) -> bool:
    assert "||" not in condition
    return all(_is_so(part.strip(), variables) for part in condition.split("&&"))


def _is_so(part: str, variables: Mapping[str, str]) -> bool:
    sides = [side.strip() for side in part.split("==")]
    values = [side[1:-1] if side.startswith('"') else variables.get(side.removeprefix("$"), "") for side in sides]
    assert all(re.fullmatch(r'\$\w+|"[^"$]*"', side) for side in sides), f"not understood: {part}"
    return bool(values[0]) if len(values) == 1 else values[0] == values[1]
