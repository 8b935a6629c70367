"""kill -9 at every place that a verb comes to, and at random ones; then the same command once more, and the judge."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from faults import judging, places
from faults.forks import Fork, fork, forked
from faults.grounds import Plot
from faults.judging import Attempt
from faults.places import Place
from ground import Done, Ground


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A command on a project as it was kept, and what has come of it when it is done."""

    name: str
    kept: str
    command: tuple[str, ...]
    attempt: Attempt
    code: int = 0  # with which the command ends
    renew: Callable[[Ground], None] | None = None  # what a server remembers, and laying anew does not put back

    def of(self, **releases: str) -> Scenario:
        """The notebooks that go live, each with its release."""
        return replace(self, attempt=replace(self.attempt, releases=releases))

    def run(self, ground: Ground) -> Done:
        return ground.nbpromote(*self.command)


def laid(plot: Plot, scenario: Scenario) -> Ground:
    """The project as it was kept."""
    ground = plot.lay(scenario.kept)
    if renew := scenario.renew:
        value(plot, lambda: renew(ground))
    return ground


def places_of(plot: Plot, scenario: Scenario) -> list[Place]:
    """Every place that the whole command comes to."""
    ground = laid(plot, scenario)

    def count() -> tuple[list[Place], Done]:
        return places.seen(ground.root), scenario.run(ground)

    found, done = value(plot, count)
    assert done.returncode == scenario.code, done.stdout + done.stderr
    return found


def seconds_of(plot: Plot, scenario: Scenario) -> float:
    """What the whole command takes, on this machine as it is now."""
    ground = laid(plot, scenario)
    began = time.monotonic()
    value(plot, lambda: scenario.run(ground).returncode)
    return time.monotonic() - began


def killed_at(plot: Plot, scenario: Scenario, place: Place) -> list[str]:
    """What is wrong after a kill at a place and one more run of the command."""
    ground = laid(plot, scenario)

    def run() -> None:
        places.killed_at(ground.root, place)
        scenario.run(ground)

    ended = forked(inside(plot, run))
    faults = [ended.error] if ended.error else after(plot, scenario)
    return [f"{scenario.name} killed at {place}: {fault}" for fault in faults]


def killed_randomly(plot: Plot, scenario: Scenario, chance: random.Random, *, times: int, seconds: float) -> list[str]:
    """What is wrong after so many kills in a row, each with all that the command had begun, git too."""
    ground = laid(plot, scenario)
    for _ in range(times):
        running = fork(inside(plot, lambda: scenario.run(ground).returncode))
        time.sleep(chance.uniform(0, seconds))
        running.kill()
        running.wait()
    return [f"{scenario.name} killed {times} times at random: {fault}" for fault in after(plot, scenario)]


def after(plot: Plot, scenario: Scenario) -> list[str]:
    """The command once more, unless it was done, and what is wrong then."""
    ground, attempt = plot.ground, scenario.attempt

    def again() -> list[str]:
        faults = []
        if not judging.is_done(ground, attempt):
            done = scenario.run(ground)
            if done.returncode != scenario.code:
                faults.append(f"once more: exit {done.returncode}: {(done.stdout + done.stderr).strip()[-300:]}")
        return [*faults, *judging.judged(ground, attempt), *judging.doctored(ground)]

    return value(plot, again)


def value(plot: Plot, act: Callable[[], Any]) -> Any:
    """What a function gives back that is carried out in a process of its own."""
    return ended(fork(inside(plot, act)))


def ended(running: Fork) -> Any:
    found = running.wait()
    assert not found.error, found.error
    assert not found.signal, f"ended by signal {found.signal}"
    return found.value


def inside(plot: Plot, act: Callable[[], Any]) -> Callable[[], Any]:
    """The same, with a temporary folder of the plot's: it goes when the project is laid anew."""

    def acting() -> Any:
        tempfile.tempdir = str(plot.temporary)
        return act()

    return acting
