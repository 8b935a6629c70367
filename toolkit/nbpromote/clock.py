"""The time, spelled in the one way that records spell it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nbpromote.errors import BadInput


def now() -> str:
    """`2026-01-31T12:00:00.000Z`: strings that sort as times do."""
    return spelled(datetime.now(UTC))


def ago(seconds: float) -> str:
    return spelled(datetime.now(UTC) - timedelta(seconds=seconds))


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
    try:
        moment = datetime.fromisoformat(text)
        if len(text) == len("2026-01-31"):
            moment += timedelta(days=1, milliseconds=-1)
        return spelled(moment)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{text!r} is no date", hint="write 2026-01-31 or 2026-01-31T12:00") from error
