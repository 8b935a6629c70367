"""Fixtures shared by the rooms' tests."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import records
import servers
from ground import Ground, build
from nbpromote.model import Deployment, Evidence


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's migrations take seconds; the toolkit keeps an empty database a version, and so do the tests."""
    from nbpromote.track.store import client

    folder = tmp_path_factory.mktemp("store")
    client(f"sqlite:///{folder}/any.db")
    return next(folder.glob(".empty-*.db"))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[servers.Tracking]:
    """MLflow's server with a password, on SQLite and a folder: up in five seconds. Tests of one file share it."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(empty_store, folder / "served.db")
    with servers.mlflow(f"sqlite:///{folder}/served.db", artifacts=f"{folder}/kept", password=True) as served:
        yield served


@pytest.fixture(scope="session")
def bucket() -> Iterator[servers.Bucket]:
    """S3, up in four seconds."""
    with servers.s3() as bucket:
        yield bucket


@pytest.fixture
def ground(tmp_path: Path, empty_store: Path) -> Ground:
    """Two notebooks, `count` and `train`, in three environments; nothing released."""
    return build(tmp_path / "small", empty_store)


@pytest.fixture
def good() -> Evidence:
    return records.good()


@pytest.fixture
def bad() -> Evidence:
    return records.bad()


@pytest.fixture
def live() -> Deployment:
    return records.live()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 96 kB, at `runs`."""
    disk = tmp_path / "runs"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "none", disk], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"A FULL DISK WAS NOT TRIED: mounting one wants root ({mounted.stderr.strip()})")
    yield disk
    subprocess.run(["umount", disk], check=True)
