"""The time, spelled in the one way that records spell it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from nbpromote.errors import BadInput


def now() -> str:
    """`2026-01-31T12:00:00.000Z`: strings that sort as times do."""
    return spelled(datetime.now(UTC))


def ago(seconds: float) -> str:
    return spelled(datetime.now(UTC) - timedelta(seconds=seconds))


def after(moment: str, seconds: float) -> str:
    """So many seconds after a moment that a record has."""
    return spelled(datetime.fromisoformat(moment) + timedelta(seconds=seconds))


def spelled(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def at(nanoseconds: int) -> str:
    """A file's time; empty for one that no calendar holds."""
    try:
        return spelled(datetime.fromtimestamp(nanoseconds / 1e9, UTC))
    except (ValueError, OverflowError, OSError):
        return ""


def parse(text: str) -> str:
    """A date (its last moment is meant) or a time, as a person types it; without an offset it is local time.

    Raises `BadInput` for anything that is neither.
    """
    return _moment(text, of_a_date=timedelta(days=1, milliseconds=-1), hint="write 2026-01-31 or 2026-01-31T12:00")


def since(text: str) -> str:
    """A moment that lies back: `90m`, `24h`, `7d`, `2w`, a date (its first moment is meant) or a time.

    Raises `BadInput` for anything else.
    """
    span = _SPAN.fullmatch(text)
    if span is None:
        return _moment(text, of_a_date=timedelta(), hint="write 24h, 7d, 2026-01-31 or 2026-01-31T12:00")
    try:
        return spelled(datetime.now(UTC) - timedelta(**{_UNITS[span["unit"]]: int(span["count"])}))
    except OverflowError as error:
        raise BadInput(f"{text!r} is before every calendar", hint="write 24h or 7d") from error


_SPAN = re.compile(r"(?P<count>[0-9]{1,9})(?P<unit>[mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _moment(text: str, *, of_a_date: timedelta, hint: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
        return spelled(moment + of_a_date if len(text) == len("2026-01-31") else moment)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{text!r} is no date", hint=hint) from error
