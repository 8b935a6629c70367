"""Fixtures of the fault suite: everything imported once, kernels forked from one process, a project for each lane."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import servers
from faults import forks, grounds, lanes, verbs
from faults.lanes import LANES
from faults.verbs import Prepared
from faults.wares import Wares, made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last those parts that have no number of trials to reach: they get what the others have left of their time."""
    if lanes.WHOLE:
        items.sort(key=lambda item: item.path.stem in ("test_flips", "test_shortage"))


@pytest.fixture(scope="session", autouse=True)
def warm() -> Iterator[None]:
    forks.imported()
    with grounds.warm():
        yield


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An MLflow server on PostgreSQL."""
    artifacts = str(tmp_path_factory.mktemp("artifacts"))
    with servers.postgres() as database:
        address = database.replace("postgresql:", "postgresql+psycopg:")
        with servers.mlflow(address, artifacts=artifacts) as served:
            yield served.uri


@pytest.fixture(scope="session")
def prepared_on_postgres(warm: None, postgres: str, empty_store: Path) -> Iterator[list[Prepared]]:
    with ExitStack() as stack:
        plots = [stack.enter_context(grounds.plot()) for _ in range(LANES)]
        yield verbs.prepared(plots, empty_store, tracking=postgres)


@pytest.fixture(scope="session")
def prepared(warm: None, empty_store: Path) -> Iterator[list[Prepared]]:
    """The verbs to be killed, on MLflow's SQLite."""
    with ExitStack() as stack:
        plots = [stack.enter_context(grounds.plot()) for _ in range(LANES)]
        yield verbs.prepared(plots, empty_store)


@pytest.fixture(scope="session")
def wares(warm: None, empty_store: Path) -> Iterator[Wares]:
    with grounds.plot() as own:
        yield made(own, empty_store)
