"""Hours to go live in, as a policy file says them: `Mon-Fri 09:00-17:00`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from nbpromote import hours
from nbpromote.errors import BadInput
from nbpromote.model import Window
from nbpromote.params import keys
from nbpromote.params.tree import Reader, shown
from nbpromote.params.yaml import Node

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(
    r"(?P<days>[A-Za-z]+([-,]\s?[A-Za-z]+)*)"
    r"(\s+(?P<from>[0-9]{2}:[0-5][0-9])\s?-\s?(?P<to>[0-9]{2}:[0-5][0-9]))?"
)
_MIDNIGHT = 24 * 60
_WANTS = "wants days and hours such as `Mon-Fri 09:00-17:00`, `Sat,Sun` or `daily 22:00-04:00`"
_ANY_DAY = "2026-01-01T00:00:00.000Z"  # hours repeat, so that it does not matter from when on they are looked at


def windows(reader: Reader, node: Node, key: str) -> tuple[Window, ...]:
    known = len(reader.wrong)
    found = tuple(window for entry in reader.entries(node, key) for window in _windows(reader, entry))
    if len(reader.wrong) == known and hours.opens(found, _ANY_DAY) is None:
        reader.say(node, f"{key} never open: what is allowed is denied all the time, so that nothing could go live")
    return found


def _windows(reader: Reader, node: Node) -> Iterator[Window]:
    """None for what is not sound, two for a span that goes past midnight."""
    fields = reader.fields(node, keys.WINDOW, "a window")
    said = [key for key in ("allow", "deny") if key in fields]
    if len(said) != 1:
        if isinstance(node.value, dict):
            reader.say(node, "a window either allows or denies: {allow: Mon-Fri 09:00-17:00, zone: Europe/Berlin}")
        return
    zone = _zone(reader, fields.get("zone"))
    text = reader.text(fields[said[0]], said[0])
    if text is None or zone is None:
        return
    spans = _spans(text)
    if not spans:
        reader.say(fields[said[0]], f"{said[0]} {_WANTS}, got {shown(text)}")
    where = f"{reader.path}:{node.line}"
    yield from (replace(span, allow=said[0] == "allow", zone=zone, where=where) for span in spans)


def _zone(reader: Reader, node: Node | None) -> str | None:
    if node is None:
        return Window.zone
    name = reader.text(node, "zone")
    try:
        return name if name is None or hours.zone(name) else None
    except BadInput as error:
        reader.wrong.append(reader.value(node).finding(error.message, hint=error.hint))
        return None


def _spans(text: str) -> tuple[Window, ...]:
    found = _SPAN.fullmatch(text.strip())
    days = _days(found["days"]) if found else ()
    if found is None or not days:
        return ()
    start, end = _minutes(found["from"] or "00:00"), _minutes(found["to"] or "24:00")
    if start == end or start >= _MIDNIGHT or end > _MIDNIGHT:
        return ()
    if start < end:
        return (Window(allow=True, days=days, start=start, end=end),)
    morning = Window(allow=True, days=tuple(sorted((day + 1) % 7 for day in days)), start=0, end=end)
    return (Window(allow=True, days=days, start=start, end=_MIDNIGHT), *((morning,) if end else ()))


def _days(text: str) -> tuple[int, ...]:
    """Counted from Monday, 0; none for what names no days."""
    if text.lower() == "daily":
        return tuple(range(7))
    found: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = part.strip().partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            return ()
        low, high = _DAYS.index(first), _DAYS.index(last or first)
        found.update((low + step) % 7 for step in range((high - low) % 7 + 1))
    return tuple(sorted(found))


def _minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)
