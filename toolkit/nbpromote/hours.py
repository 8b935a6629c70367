"""Weekly hours: whether an instant is within, and when it next is. Pure, but for the tables of time zones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from nbpromote import clock
from nbpromote.errors import BadInput, nearest
from nbpromote.model import Window

_WEEK = timedelta(days=7)
_WEEKS = 54  # a year has all that zones can do to hours that repeat every week


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """Raises `BadInput` for one that this machine does not know."""
    if name == "UTC":  # needs no table
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # of a folder, such as Europe, it is an OSError
        known = sorted(available_timezones())
        if not known:
            hint = "pip install tzdata, or install the system's"
            raise BadInput(f"time zone {name!r} cannot be looked up: this machine has no table", hint=hint) from error
        raise BadInput(f"there is no time zone {name!r}{nearest(name, known)}", hint="as in Europe/Berlin") from error


def closed(windows: Sequence[Window], moment: datetime) -> str:
    """Why nothing goes live at an instant; empty where it may. Denials win; with denials alone, all else is allowed."""
    for window in windows:
        if not window.allow and _within(window, moment):
            return f"denied by {window.where}"
    allowing = [window for window in windows if window.allow]
    if not allowing or any(_within(window, moment) for window in allowing):
        return ""
    return f"outside of what {' and '.join(dict.fromkeys(window.where for window in allowing))} allows"


def opens(windows: Sequence[Window], now: str) -> str | None:
    """The first instant from `now` on that is open, which is `now` where it is; None: never."""
    start = datetime.fromisoformat(now)
    if not closed(windows, start):
        return now
    for week in range(_WEEKS):
        since = start + week * _WEEK
        edges = (edge for edge in _edges(windows, since, since + _WEEK) if not closed(windows, edge))
        if first := min(edges, default=None):
            return clock.spelled(first)
    return None


def _within(window: Window, moment: datetime) -> bool:
    local = moment.astimezone(zone(window.zone))
    return local.weekday() in window.days and window.start <= local.hour * 60 + local.minute < window.end


def _edges(windows: Iterable[Window], since: datetime, until: datetime) -> Iterator[datetime]:
    """Every instant of a week at which something may open: where a span begins or ends, and where clocks are moved."""
    instants = [instant for window in windows for instant in _ends(window, since, until)]
    for name in {window.zone for window in windows}:
        instants += _moved(zone(name), since, until)
    return (instant for instant in instants if since < instant <= until)


def _ends(window: Window, since: datetime, until: datetime) -> Iterator[datetime]:
    here = zone(window.zone)
    day = since.astimezone(here).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    last = until.astimezone(here).replace(tzinfo=None)
    while day <= last:
        for minutes in (window.start, window.end) if day.weekday() in window.days else ():
            wall = day + timedelta(minutes=minutes)
            # in autumn an hour comes twice, and each time is an instant of its own
            yield from {wall.replace(tzinfo=here, fold=fold).astimezone(UTC) for fold in (0, 1)}
        day += timedelta(days=1)


def _moved(here: tzinfo, since: datetime, until: datetime) -> Iterator[datetime]:
    """The minutes at which clocks are put forward or back."""
    low = since.astimezone(UTC).replace(second=0, microsecond=0)
    while low < until:
        high = low + timedelta(days=1)
        if low.astimezone(here).utcoffset() != high.astimezone(here).utcoffset():
            yield _first_after(here, low, high)
        low = high


def _first_after(here: tzinfo, low: datetime, high: datetime) -> datetime:
    before = low.astimezone(here).utcoffset()
    while high - low > timedelta(minutes=1):
        middle = low + (high - low) // timedelta(minutes=2) * timedelta(minutes=1)
        if middle.astimezone(here).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high
