"""Which job of which CI host this is, by what the host says in variables and in its event file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from nbpromote.model import CiContext, Json


def here(environ: Mapping[str, str]) -> CiContext | None:
    """None where no host that is known runs this. What cannot be told of a pull request counts as a fork's."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return _github(environ)
    if environ.get("GITLAB_CI") == "true":
        return _gitlab(environ)
    return None


def _github(environ: Mapping[str, str]) -> CiContext:
    said, event = environ.get, environ.get("GITHUB_EVENT_NAME", "")
    payload = _payload(said("GITHUB_EVENT_PATH", ""))
    page = f"{said('GITHUB_SERVER_URL', '')}/{said('GITHUB_REPOSITORY', '')}/actions/runs/{said('GITHUB_RUN_ID', '')}"
    return CiContext(
        host="github",
        # of a job that was started again, GITHUB_ACTOR is still whoever started it first
        actor=said("GITHUB_TRIGGERING_ACTOR") or said("GITHUB_ACTOR", ""),
        event=event,
        url=page,
        ref=said("GITHUB_REF", ""),
        sha=said("GITHUB_SHA", ""),
        pull_request=_request(payload),
        fork=_is_from_a_fork(event, payload),
    )


def _payload(path: str) -> Json:
    """What GitHub tells of the event; None where that cannot be read."""
    with suppress(OSError, ValueError):
        return json.loads(Path(path).read_bytes())
    return None


def _request(payload: Json) -> int | None:
    number = _at(payload, "pull_request", "number") or _at(payload, "issue", "number")
    return number if isinstance(number, int) else None


# events that never bring the code of a pull request along
_OWN = ("push", "schedule", "workflow_dispatch", "repository_dispatch", "merge_group", "release")


def _is_from_a_fork(event: str, payload: Json) -> bool:
    """Whether the code's repository is another than the one that the job works for, or may be."""
    if event in _OWN:
        return False
    if event == "workflow_run":  # a follow-up of another workflow, perhaps of a fork's
        source, base = _at(payload, "workflow_run", "head_repository"), _at(payload, "repository")
    else:
        source, base = _at(payload, "pull_request", "head", "repo"), _at(payload, "pull_request", "base", "repo")
    name = _at(source, "full_name")
    return name is None or name != _at(base, "full_name")  # of a fork that is gone, `repo` is null


def _at(value: Json, *keys: str) -> Json:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _gitlab(environ: Mapping[str, str]) -> CiContext:
    said, event = environ.get, environ.get("CI_PIPELINE_SOURCE", "")
    number = said("CI_MERGE_REQUEST_IID", "")
    source, target = said("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), said("CI_MERGE_REQUEST_PROJECT_ID")
    is_request = bool(number) or event in ("merge_request_event", "external_pull_request_event")
    return CiContext(
        host="gitlab",
        actor=said("GITLAB_USER_LOGIN", ""),
        event=event,
        url=said("CI_JOB_URL", ""),
        ref=said("CI_COMMIT_REF_NAME", ""),
        sha=said("CI_COMMIT_SHA", ""),
        pull_request=int(number) if number.isdecimal() else None,
        # a fork's pipeline runs in the fork or, when a member starts it, in the project that it asks to merge into
        fork=is_request and (not source or source != target or source != said("CI_PROJECT_ID")),
    )
