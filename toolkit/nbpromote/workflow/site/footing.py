"""What the last run of a notebook in an environment rests on, so that it can be told whether it still stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nbpromote import clock, files, itself
from nbpromote.model import Environment, Evidence, File, digest, dump, load, sha256
from nbpromote.workflow.site import Site
from nbpromote.workflow.site.lineage import Stamp


@dataclass(frozen=True, kw_only=True)
class Footing:
    """`rests` maps each thing to a digest or a name; empty for a run that others cannot stand on.

    `files` are its declared inputs and what it published, `memory` is in bytes, of its kernel at the peak.
    """

    run: str
    passed: bool
    rests: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, File] = field(default_factory=dict)
    stamps: Mapping[str, Stamp] = field(default_factory=dict)
    start: str = ""
    memory: int = 0


def rests(
    site: Site, environment: Environment, *, code: str, kernel: str, baseline: str, lock: bytes | None
) -> dict[str, str]:
    """Everything that a result rests on, but for the declared files and live models."""
    settings = {
        "settings": environment.settings(site.project.root),
        "limits": asdict(environment.limits),
        "isolation": environment.policy.keeps,
    }
    return {
        "code": code,
        "parameters or settings": digest(settings),
        "kernel": environment.kernel or kernel,
        "baseline": baseline,
        "lock": sha256(lock) if lock is not None else "",
        "installed packages": digest(itself.installed()),
        "toolkit": sha256(itself.toolkit().encode()),
    }


def on_models(models: Mapping[str, str]) -> dict[str, str]:
    """The same of what `live:NAME` stands for, by parameter."""
    return {f"live model {name}": uri for name, uri in models.items()}


def read(site: Site, environment: str, name: str) -> Footing | None:
    """None where the last run left none, or in a form that is no longer read."""
    try:
        return load(Footing, json.loads(_path(site, environment, name).read_bytes()))
    except (OSError, ValueError):
        return None


def drop(site: Site, environment: str, name: str) -> None:
    """Before each run: whatever comes of it, nobody stands on the one before."""
    _path(site, environment, name).unlink(missing_ok=True)


def leave(site: Site, evidence: Evidence, rests: Mapping[str, str]) -> None:
    """Once a run has ended and its outputs are in their places. No `rests`: it published nothing."""
    run = evidence.run
    whole = evidence.passed and all(name in run.files for name in (*run.inputs, *run.outputs))
    # an input that is fresh now is stale some day, though no byte of it changes
    lasts = whole and all(rule.max_age is None for rule in run.contract.inputs.values())
    footing = Footing(
        run=run.id,
        passed=evidence.passed,
        rests={**rests, **on_models(run.resolved)} if rests and lasts and not _moved(site, run.files) else {},
        files=run.files,
        stamps=site.seen.stamps(file.path for file in run.files.values()),
        start=run.start,
        memory=max((cell.memory or 0 for cell in run.cells), default=0) * 1024,
    )
    write(site, run.environment, run.notebook, footing)


def _moved(site: Site, known: Mapping[str, File]) -> bool:
    return any(site.seen.measure(file.path) != file for file in known.values())


def write(site: Site, environment: str, name: str, footing: Footing) -> None:
    site.keep_out_of_git()
    files.write(_path(site, environment, name), json.dumps(dump(footing), ensure_ascii=False))


def stood_on(site: Site, footing: Footing) -> None:
    """Note in the folder of a run that another one was skipped for it."""
    line = json.dumps({"at": clock.now(), "by": site.actor}, ensure_ascii=False)
    files.append(site.project.runs / footing.run / "stood.jsonl", line)


def runs(site: Site) -> set[str]:
    """Those that a later one may stand on."""
    found = set()
    for path in (site.project.state / "footing").rglob("*.json"):
        with suppress(OSError, ValueError):
            found.add(load(Footing, json.loads(path.read_bytes())).run)
    return found


def _path(site: Site, environment: str, name: str) -> Path:
    return site.project.state / "footing" / environment / f"{name}.json"
