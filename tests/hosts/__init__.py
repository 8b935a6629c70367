"""What GitHub and GitLab do with the workflows of `init --ci`: each job in a fresh folder, step by step, for real.

Git, bash, pip, curl and nbpromote are the real ones. The hosts' own actions are carried out as they are documented; an
expression, an action or a key that is not known here fails the test, so that nothing is passed over.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import servers
from ground import git

_TOOLKIT = Path(__file__).parents[2] / "toolkit"


@dataclass
class Done:
    """A job as it ended: `code` is that of the step that failed, 0 where none did; None where it was left out.

    `given` are the variables that it began with, and `waits` that a person has to let it into its environment first.
    """

    code: int | None
    log: str = ""
    folder: Path = Path()
    given: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False


@dataclass
class Hub:
    """A team's host: the bare remote, what it hands from job to job, and what it gives to which environment."""

    remote: Path
    host: servers.GitHost  # of the same, over HTTP
    home: Path  # jobs, artifacts and caches
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by environment; "" is for every job
    protected: frozenset[str] = frozenset()  # environments that a person lets each job into
    count: int = 0

    def folder(self, kind: str, name: str) -> Path:
        place = self.home / kind / name
        place.mkdir(parents=True, exist_ok=True)
        return place

    def job(self) -> Path:
        """A machine that nothing was left on."""
        self.count += 1
        return self.folder("jobs", f"{self.count:02}")

    def head(self, branch: str = "main") -> str:
        return git(self.remote, "rev-parse", branch)


def clean(folder: Path) -> dict[str, str]:
    """All that a fresh runner has: programs, a home, and no network but loopback for pip."""
    home, short = folder / "home", Path("/tmp") / f"nbh-{os.getpid()}-{folder.name}"
    for place in (home, short):
        place.mkdir(exist_ok=True, mode=0o700)
    programs = [str(folder.parents[1] / "bin"), str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    return {
        "PATH": ":".join(programs),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "CI": "true",
        "XDG_RUNTIME_DIR": str(short),  # sockets have short names
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",  # they are there; looking through them all would take five seconds a job
        "PYTHONPATH": str(_TOOLKIT),  # this tree, whichever one the environment was made for
    }


def bash(script: str, folder: Path, env: Mapping[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    return done.returncode, f"$ {script.strip()}\n{done.stdout}"


def clone(url: str, workspace: Path, commit: str, *, branch: str = "", header: str = "", depth: int = 1) -> None:
    """Of that depth, as runners fetch it, 0 is all; `header` is how a host leaves the token of a job in the clone."""
    workspace.mkdir(exist_ok=True)
    git(workspace, "init", "--quiet")
    git(workspace, "remote", "add", "origin", url)
    if header:
        git(workspace, "config", "http.extraHeader", header)
    shadow = f"refs/remotes/origin/{branch}" if branch else "refs/remotes/pull/merge"
    deep = [f"--depth={depth}"] if depth else []
    git(workspace, "fetch", "--quiet", "--no-tags", *deep, "origin", f"+{commit}:{shadow}")
    git(workspace, "checkout", "--quiet", "--force", *(["-B", branch] if branch else ["--detach"]), shadow)


def known(table: Mapping[str, Any], keys: Sequence[str]) -> None:
    assert set(table) <= set(keys), f"keys that nothing here carries out: {set(table) - set(keys)}"
