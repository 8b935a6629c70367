"""Notebooks side by side, in threads of this process: as many as are allowed, each after those it waits for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event

from nbpromote.model import Fate, Member
from nbpromote.workflow.fleet.ordering import Upstream, order

Work = Callable[[str], Member]
HasRoom = Callable[[str, Sequence[str]], bool]

_LOOK_AGAIN = 1.0  # seconds after which memory may have become free


class Schedule:
    """Who may start next. Those of `last` let others go first that may start as well."""

    def __init__(self, upstream: Upstream, *, keep_going: bool, last: Collection[str] = ()) -> None:
        self._upstream = upstream
        self._last = last
        self._keep_going = keep_going
        self.waiting = list(order(upstream))
        self.done: dict[str, Member] = {}

    def ready(self) -> list[str]:
        found = [name for name in self.waiting if self._upstream[name] <= self.done.keys()]
        return sorted(found, key=lambda name: name in self._last)

    def start(self, name: str) -> None:
        self.waiting.remove(name)

    def end(self, name: str, member: Member) -> dict[str, str]:
        """Enter what became of a notebook. Gives those that will not run for it, and why."""
        self.done[name] = member
        if not member.fate.bad and member.fate is not Fate.NOT_RUN:
            return {}
        needing = {other for other in self.waiting if name in self._upstream[other]}
        left = needing if self._keep_going else self.waiting
        return {
            other: f"it reads what {name} writes, which {_did(member)}"
            if other in needing
            else f"{name} {_did(member)}; --keep-going would run this"
            for other in left
        }


def _did(member: Member) -> str:
    return "was not run" if member.fate is Fate.NOT_RUN else str(member.fate.value).replace("errored", "had an error")


def conduct(
    schedule: Schedule, work: Work, leave_out: Callable[[str, str], Member], *, jobs: int, room: HasRoom, stop: Event
) -> dict[str, Member]:
    """Do the work for every notebook, and give what became of each.

    `work` ends early with a member that was interrupted once `stop` is set; ^C sets it. `leave_out` makes the member
    of a notebook that is not run.
    """
    running: dict[Future[Member], str] = {}

    def enter(name: str, member: Member) -> None:
        for other, why in schedule.end(name, member).items():
            if other in schedule.waiting:
                schedule.start(other)
                enter(other, leave_out(other, why))

    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="notebook") as pool:
        try:
            while schedule.waiting or running:
                for name in schedule.ready():
                    if len(running) < jobs and room(name, list(running.values())):
                        schedule.start(name)
                        running[pool.submit(work, name)] = name
                finished, _ = wait(running, timeout=_LOOK_AGAIN, return_when=FIRST_COMPLETED)
                for future in finished:
                    enter(running.pop(future), future.result())
        except KeyboardInterrupt:
            stop.set()
            for future, name in running.items():
                schedule.done[name] = future.result()
            for name in schedule.waiting:
                schedule.done[name] = leave_out(name, "interrupted")
        finally:
            stop.set()  # whatever went wrong here, nothing runs on unseen
    return schedule.done
