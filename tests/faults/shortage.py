"""Disks that are full or may not be written, and things of MLflow and the store that somebody has deleted."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faults import judging
from faults.flipping import flip
from faults.grounds import Plot
from faults.killing import Scenario, value
from ground import Done, Ground
from nbpromote import workflow
from nbpromote.model import Check, Deployment
from nbpromote.track.store import client
from nbpromote.workflow.site import Site

PAGE = 4096
ROOMY = 256 * 2**20


def can_mount(folder: Path) -> bool:
    with _mounted("tmpfs", folder, "size=96k") as mounted:
        return mounted


@contextmanager
def small_disk(plot: Plot) -> Iterator[Path]:
    """The project's folder on a disk of its own."""
    root = plot.ground.root
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    with _mounted("tmpfs", root, f"size={ROOMY}"):
        yield root
    root.rmdir()


@contextmanager
def _mounted(kind: str, folder: Path, options: str) -> Iterator[bool]:
    mounted = _mount("-t", kind, "-o", options, "none", str(folder))
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True).returncode == 0


def with_room(plot: Plot, scenario: Scenario, root: Path, pages: int) -> list[str]:
    """What is wrong with a command that has so much room, and with one that has enough afterwards."""
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    subprocess.run(["cp", "-a", f"{plot.folder}/kept-{scenario.kept}/{root.name}/.", root], check=True)
    ground, before = plot.ground, value(plot, lambda: lived(plot.ground, scenario))
    _resized(root, _used(root) + pages * PAGE)
    told = value(plot, lambda: _told(scenario.run(ground)))
    _resized(root, ROOMY)
    faults = [told] if told else []
    faults += value(plot, lambda: _still(ground, scenario, before))
    faults += value(plot, lambda: _once_more(ground, scenario))
    return [f"{scenario.name} with {pages * PAGE // 1024} KiB of room: {fault}" for fault in faults]


def _used(root: Path) -> int:
    found = os.statvfs(root)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def _resized(root: Path, size: int) -> None:
    assert _mount("-o", f"remount,size={size}", str(root))


def _told(done: Done) -> str:
    said = done.stdout + done.stderr
    if "Traceback" in said:
        return f"a traceback: {said[-600:]}"
    if done.returncode not in (0, 3):
        return f"exit {done.returncode}: {said[-400:]}"
    return ""


def lived(ground: Ground, scenario: Scenario) -> Deployment | None:
    return Site(ground.project).ledger.state(scenario.attempt.environment)["model"].live


def _still(ground: Ground, scenario: Scenario, before: Deployment | None) -> list[str]:
    """What was live is live, or what was wanted: nothing in between."""
    now = lived(ground, scenario)
    wanted = (before.release if before else None, scenario.attempt.releases["model"])
    return [] if (now.release if now else None) in wanted else [f"{now} is live"]


def _once_more(ground: Ground, scenario: Scenario) -> list[str]:
    faults = []
    if not judging.is_done(ground, scenario.attempt):
        done = scenario.run(ground)
        faults += [f"once more: {(done.stdout + done.stderr)[-300:]}"] if done.returncode else []
    return faults + judging.judged(ground, scenario.attempt)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """For root too, who may write whatever its mode says."""
    assert _mount("--bind", str(folder), str(folder))
    try:
        assert _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


# -- what somebody deleted before a rollback ----------------------------------------------------------------------


def dev_is_gone(ground: Ground) -> None:
    shutil.rmtree(ground.root / ".nbpromote/mlflow/dev")


def runs_are_gone(ground: Ground) -> None:
    shutil.rmtree(ground.root / ".nbpromote/runs")


def stable_version_is_gone(ground: Ground) -> None:
    back = _back(ground)
    assert back.model is not None
    client(back.tracking_uri).delete_model_version(back.model.name, back.model.version)


def live_version_is_gone(ground: Ground) -> None:
    live = Site(ground.project).ledger.state("staging")["model"].live
    assert live is not None
    assert live.model is not None
    client(live.tracking_uri).delete_model_version(live.model.name, live.model.version)


def registered_model_is_gone(ground: Ground) -> None:
    client(_back(ground).tracking_uri).delete_registered_model("small.staging.model")


def files_at_mlflow_are_gone(ground: Ground) -> None:
    shutil.rmtree(ground.root / ".nbpromote/mlflow/staging/mlflow-artifacts")


def release_is_gone(ground: Ground) -> None:
    """From the store, and from MLflow as well: nobody has its bytes."""
    back = _back(ground)
    for sealed in back.sealed.values():
        (ground.root / ".nbpromote/store/sha256" / sealed.sha256[:2] / sealed.sha256[2:]).unlink(missing_ok=True)
    files_at_mlflow_are_gone(ground)


def manifest_is_gone(ground: Ground) -> None:
    digest = _back(ground).release
    (ground.root / ".nbpromote/store/sha256" / digest[:2] / digest[2:]).unlink()


def sealed_model_has_another_bit(ground: Ground) -> None:
    back = _back(ground)
    digest = next(sealed.sha256 for path, sealed in back.sealed.items() if path.startswith("model/"))
    flip(ground.root / ".nbpromote/store/sha256" / digest[:2] / digest[2:], random.Random(1))


def ways_back(ground: Ground) -> tuple[Check, Check]:
    """What `doctor` and `plan` say today of going back."""
    asked = workflow.doctor(ground.project, env="staging")
    (move,) = workflow.plan(ground.project, ["model"], to="staging").moves
    assert move.prospect is not None
    return next(one for one in asked if one.name == "staging: model rollback"), move.prospect.back


def _back(ground: Ground) -> Deployment:
    back = Site(ground.project).ledger.state("staging")["model"].back
    assert back is not None
    return back


DELETED: tuple[Callable[[Ground], None], ...] = (
    dev_is_gone,
    runs_are_gone,
    stable_version_is_gone,
    live_version_is_gone,
    registered_model_is_gone,
    files_at_mlflow_are_gone,
)

# after which nobody can put the last stable one back as it was
LOST: tuple[Callable[[Ground], None], ...] = (release_is_gone, manifest_is_gone, sealed_model_has_another_bit)
