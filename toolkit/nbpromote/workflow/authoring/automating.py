"""Workflows for a CI host, written for the project's own environments: `init --ci`. What they run are verbs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from nbpromote import files, git, project
from nbpromote.errors import NotFound, Usage, nearest
from nbpromote.project import Project
from nbpromote.workflow.site import Site

# where each template goes, from the top of the repository
_PLACES: Mapping[str, Mapping[str, str]] = {
    "github": {
        "actions/nbpromote/action.yml": ".github/actions/nbpromote/action.yml",
        **{
            f"workflows/nbpromote-{name}.yml": f".github/workflows/nbpromote-{name}.yml"
            for name in ("check", "comment", "release", "advance", "act", "rollback")
        },
    },
    "gitlab": {"nbpromote.yml": ".gitlab/nbpromote.yml", "gitlab-ci.yml": ".gitlab-ci.yml"},
}
HOSTS = tuple(_PLACES)

_SECRET = re.compile(r"\benv:([A-Za-z_]\w*)")
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_OF_A_SERVER = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
_OF_A_BUCKET = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Names of what the host is to give the jobs of one environment."""

    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Automation:
    """`written` are the files that were not there before; `to_do` is what a person sets on the host."""

    written: tuple[Path, ...]
    to_do: tuple[str, ...]


def automate(folder: Path, host: str) -> Automation:
    """Write the workflows that are missing; one that is there stays as it is.

    Raises `NotFound` for a host that is not known, `Usage` where nothing is above the entry environment.
    """
    if host not in HOSTS:
        raise NotFound(f"no CI host {host!r}{nearest(host, HOSTS)}", hint=f"known: {', '.join(HOSTS)}")
    site = Site(project.find(folder))
    top = git.committing(folder).root
    facts = _facts(site, top)
    texts = {top / place: _filled(f"{host}/{name}", facts) for name, place in _PLACES[host].items()}
    written = tuple(files.write(path, text) for path, text in texts.items() if not path.exists())
    return Automation(written=written, to_do=tuple(_to_do(site, host, top, facts)))


def _facts(site: Site, top: Path) -> dict[str, Any]:
    """What the templates ask for."""
    entry, above = site.entry(), [name for name in site.environments if not site.policy(name, "").is_entry]
    if not above:
        raise Usage("there is no environment above the entry to promote to", hint="params/prod.yaml makes one")
    folder = site.project.root.relative_to(top).as_posix()
    prefix = "" if folder == "." else f"{folder}/"
    lock = site.project.lock
    needs = {name: _needs(site, name) for name in site.environments}
    return {
        "entry": entry,
        "above": above,
        "first": above[0],
        "branch": _branch(site),
        "folder": prefix.rstrip("/"),
        "prefix": prefix,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "cached": [f"{prefix}{name}" for name in ("pyproject.toml", lock) if name],
        "install": f"-r {prefix}{lock}" if lock else "nbpromote",
        "needs": needs,
        "given": {name: _given(each) for name, each in needs.items()},
    }


def _branch(site: Site) -> str:
    """The one that is merged into."""
    name = site.trusted.name.rpartition("/")[2]
    return name if name != "HEAD" else site.git.ask("symbolic-ref", "--short", "HEAD") or "main"


def _needs(site: Site, environment: str) -> Needs:
    """By what the files of an environment refer to, and where its back ends are."""
    texts = [site.values.working(file) or "" for file in ("base.yaml", f"{environment}.yaml")]
    lines = [line.partition(" #")[0] for text in texts for line in text.splitlines()]
    served = any(re.match(r"\s*tracking_uri:\s*[\"']?(https?://|\$\{)", line) for line in lines)
    stored = site.project.store.startswith("s3://")
    secrets = [*_found(_SECRET, lines), *(_OF_A_SERVER if served else ()), *(_OF_A_BUCKET if stored else ())]
    return Needs(secrets=tuple(dict.fromkeys(secrets)), variables=tuple(dict.fromkeys(_found(_VARIABLE, lines))))


def _found(pattern: re.Pattern[str], lines: Sequence[str]) -> list[str]:
    return [name for line in lines for name in pattern.findall(line)]


def _given(needs: Needs) -> list[str]:
    """Lines of a job's `env` on GitHub."""
    secrets = [f"{name}: ${{{{ secrets.{name} }}}}" for name in needs.secrets]
    return [*secrets, *(f"{name}: ${{{{ vars.{name} }}}}" for name in needs.variables)]


def _filled(template: str, facts: Mapping[str, Any]) -> str:
    """A template for these facts. Its marks are none that a host knows."""
    from jinja2 import Environment, StrictUndefined

    jinja = Environment(
        variable_start_string="<{",
        variable_end_string="}>",
        block_start_string="<%",
        block_end_string="%>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    jinja.filters |= {"quoted": lambda text: f"'{text}'", "job": lambda name: name.replace(".", "-")}
    source = resources("nbpromote") / "templates"
    for part in template.split("/"):
        source = source / part
    return jinja.from_string(source.read_text()).render(facts)


# -- what is left to a person ----------------------------------------------------------------------------------------


def _to_do(site: Site, host: str, top: Path, facts: Mapping[str, Any]) -> Iterator[str]:
    yield from _shared(site.project)
    yield from _of_the_host(host, top, facts)
    for name, needs in facts["needs"].items():
        if needs.secrets:
            yield f"secrets of the environment {name}: {', '.join(needs.secrets)}"
        if needs.variables:
            yield f"variables of the environment {name}: {', '.join(needs.variables)}"


def _shared(project: Project) -> Iterator[str]:
    """A runner keeps nothing, so that whatever the next one is to know must be elsewhere."""
    if project.remote is None:
        yield 'pyproject.toml, [tool.nbpromote]: remote = "origin", so that a fresh clone knows where the history is'
    if "://" not in project.store and not project.store.startswith("/"):
        yield 'pyproject.toml, [tool.nbpromote]: store = "s3://BUCKET/PREFIX", or another place that all runners reach'
    if project.lock is None:
        yield 'pyproject.toml: lock = "requirements.txt", with hashes, so that each runner installs what was reviewed'
    yield "params/*.yaml: a tracking_uri of a server, and data where all runners reach it"


def _of_the_host(host: str, top: Path, facts: Mapping[str, Any]) -> Iterator[str]:
    names = ", ".join([facts["entry"], *facts["above"]])
    last, branch = facts["above"][-1], facts["branch"]
    if host == "github":
        yield f"Settings, Environments: {names}; each with deployments from {branch} alone"
        yield f"for {last}: required reviewers, or approvals in its policy; each scheduled job asks reviewers too"
        yield f"Settings, Rules: {branch} by pull request; nbpromote/* neither deleted nor force-pushed"
        return
    yield f"Operate, Environments: {names}; Settings, CI/CD, Protected environments: {last}"
    yield f"Settings, Repository, Protected branches: {branch}, and nbpromote/* for whom NBPROMOTE_TOKEN belongs to"
    yield "variable NBPROMOTE_TOKEN, protected and masked: a project access token with write_repository"
    yield "variable NBPROMOTE_COMMENT_TOKEN, masked: one of a reporter with api, for the note on merge requests"
    yield f"Build, Pipeline schedules: one for {branch}, which looks again at what waits"
    if "nbpromote.yml" not in (top / ".gitlab-ci.yml").read_text():
        yield ".gitlab-ci.yml was there: add `include: [{local: .gitlab/nbpromote.yml}]` to it"
