"""Fixtures of the fault suite: everything imported once, kernels forked from one process, a project for each lane."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from faults import forks, grounds, verbs
from faults.lanes import LANES
from faults.verbs import Prepared


@pytest.fixture(scope="session", autouse=True)
def warm() -> Iterator[None]:
    forks.imported()
    with grounds.warm():
        yield


@pytest.fixture(scope="session")
def prepared(warm: None, empty_store: Path) -> Iterator[list[Prepared]]:
    """The verbs to be killed, on MLflow's SQLite."""
    with ExitStack() as stack:
        plots = [stack.enter_context(grounds.plot()) for _ in range(LANES)]
        yield verbs.prepared(plots, empty_store)
