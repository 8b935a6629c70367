"""One parser for all threads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from nbpromote import grammar

SOURCE = "\n".join(f"x{i} = [[{i}, (1, 2, {{'a': f(b, c=[d])}})], g(lambda y: y + {i})]" for i in range(200))


class Litter:
    """Collected in the middle of somebody's parsing, it lets the other threads in."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        for _ in range(100):
            pass


@pytest.fixture
def hasty() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_that_read_python_at_once_do_not_disturb_each_other(hasty: None) -> None:
    def read(_: int) -> int:
        Litter()
        return len(grammar.module(SOURCE).body)

    with ThreadPoolExecutor(max_workers=4) as pool:
        assert set(pool.map(read, range(60))) == {200}
