"""A promotion that runs in its target, told to everybody before it has come to anything. It keeps nobody out.

This machine knows by a lock whether it still runs: one that was killed is ended as `aborted` by whoever comes next.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nbpromote import clock, files
from nbpromote.errors import Error, LostRace
from nbpromote.model import Event, Plan, State
from nbpromote.workflow.site import Site

# of another machine nobody knows; notebooks have time limits, so that no run lasts for ever
_UNHEARD = 24 * 3600.0  # seconds


@contextmanager
def told(site: Site, planned: Plan, *, attempt: str, reason: str) -> Iterator[None]:
    """Say that it runs, until the block has written what came of it; without that it is ended as aborted."""
    event = site.event(
        "promote",
        "running",
        planned.target,
        attempt=attempt,
        notebooks=planned.notebooks,
        releases=tuple(move.release for move in planned.moves),
        reason=reason,
    )
    mark = _mark(site, event)
    mark.parent.mkdir(parents=True, exist_ok=True)
    with files.held(mark, aside=mark.parent):
        with suppress(LostRace):  # where so much happens that this finds no room, it goes on untold
            site.ledger.append(event, expect=lambda _state: None)
        try:
            yield
        except Error as error:
            end(site, event, error.message)
            raise
        except BaseException as error:  # what others' errors say may be anything, and this is kept for good
            end(site, event, "interrupted" if isinstance(error, KeyboardInterrupt) else type(error).__name__)
            raise


def end_killed(site: Site, state: State) -> None:
    """End those whose process is gone; of another machine's, those that nobody has heard of for a day."""
    for attempt in state.attempts.values():
        if attempt.runs and (why := gone(site, attempt.event)):
            end(site, attempt.event, why)


def end(site: Site, event: Event, why: str) -> None:
    """Where it has ended otherwise, or begun to go live, that stands. Where the ledger cannot be written, later."""

    def runs(state: State) -> None:
        known = state.attempts.get(event.attempt)
        if known is None or not known.runs:
            raise _Ended

    try:
        site.ledger.append(site.mine(event, step="aborted", reason=why), expect=runs)
    except _Ended:
        pass
    except Error:
        return
    _mark(site, event).unlink(missing_ok=True)


class _Ended(Exception):
    """Somebody has written down already what came of it."""


def gone(site: Site, event: Event) -> str:
    """Why a promotion runs no more; empty as far as it may still run."""
    mark = _mark(site, event)
    if mark.exists():
        with files.taken_over(mark) as is_ours:
            return "its process was killed" if is_ours else ""
    return "nothing was heard of it for a day" if clock.after(event.at, _UNHEARD) < clock.now() else ""


def _mark(site: Site, event: Event) -> Path:
    return site.project.state / "locks" / f"{event.attempt}.running"
