"""A ledger of 100,000 events beside one of 1,000: what is asked of it daily must not cost more as years go by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from measure import medians, shell, told

from ground import COMMAND, Ground, build
from histories import event, grow
from nbpromote import git, ledger
from nbpromote.ledger import Ledger
from nbpromote.workflow.site import Site

YOUNG, OLD = 1_000, 100_000

Pair = tuple[Ground, Ground]


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Pair:
    """The same project with a short history and with a long one; making that takes two minutes."""
    young, old = (build(tmp_path_factory.mktemp("bench") / name, empty_store) for name in ("young", "old"))
    for ground, count in ((young, YOUNG), (old, OLD)):
        revision = Site(ground.project).values.revision("prod", entry=False)  # nothing was edited since
        grow(book(ground), count, revision=revision)
    return young, old


def book(ground: Ground) -> Ledger:
    return Ledger(git.find(ground.root))


def compare(grounds: Pair, what: str, work: Callable[[Ground], Callable[[], object]], *, goal: str = "") -> None:
    young, old = medians(*(work(ground) for ground in grounds))
    told(f"{what}, {OLD:,} events", old, young, f"{YOUNG:,} events", goal=goal)


def bench_an_event_appended(grounds: Pair) -> None:
    def append(ground: Ground) -> Callable[[], object]:
        return lambda: book(ground).append(event("promote", "intent", "otter"), expect=lambda _state: None)

    compare(grounds, "an event appended", append, goal="< 0.1 s")


def bench_status(grounds: Pair) -> None:
    compare(grounds, "nbpromote status", lambda ground: shell(ground.root, *COMMAND, "status"), goal="< 0.5 s")


def bench_what_was_live_at_a_moment(grounds: Pair) -> None:
    def history(ground: Ground) -> Callable[[], object]:
        events = book(ground).events("prod")
        return shell(ground.root, *COMMAND, "history", "--at", events[len(events) // 2].at)

    compare(grounds, "nbpromote history --at", history, goal="< 1 s")


def bench_history_of_a_notebook(grounds: Pair) -> None:
    compare(grounds, "nbpromote history NAME", shell_of("history", "train", "--env", "prod"))


def bench_an_export(grounds: Pair) -> None:
    compare(grounds, "nbpromote history --format csv", shell_of("history", "--format", "csv"))


def shell_of(*arguments: str) -> Callable[[Ground], Callable[[], object]]:
    return lambda ground: shell(ground.root, *COMMAND, *arguments)


def bench_an_audit(grounds: Pair) -> None:
    def audit(ground: Ground) -> Callable[[], object]:
        return lambda: ledger.broken(book(ground), "prod")

    compare(grounds, "every record audited", audit)
