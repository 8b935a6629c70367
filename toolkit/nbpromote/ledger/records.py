"""How records stand in the ledger: under which name, and as which bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nbpromote.errors import Unavailable
from nbpromote.model import Event, Json, State, dump, load

Record = TypeVar("Record", Event, State)

STATE = "state.json"

# stands in the ledger for the project's folder: another clone, or the same one moved, has its own
_PROJECT = "<project>/"


def event_id(environment: str, number: int) -> str:
    return f"{environment}-{number:06d}"


def number_of(event: Event) -> int:
    return int(event.id.rpartition("-")[2])


def place(number: int) -> str:
    """The path of an event: a hundred to a folder, so that an append rewrites little of a long history."""
    return f"events/{number // 10_000:02d}/{number // 100 % 100:02d}/{number % 100:02d}.json"


def number_at(path: str) -> int | None:
    """The number of the event that a path is the place of."""
    digits = path.removeprefix("events/").removesuffix(".json").replace("/", "")
    return int(digits) if digits.isdecimal() and place(int(digits)) == path else None


@dataclass(frozen=True)
class Spelling:
    """`root` is the project's folder in this clone."""

    root: Path

    def read(self, kind: type[Record], blob: bytes, *, where: str) -> Record:
        """Raises `Unavailable` for what is no such record."""
        try:
            return load(kind, self.plain(blob))
        except (ValueError, RecursionError) as error:
            raise Unavailable(f"the ledger cannot be read: {error}", where=where, hint="nbpromote doctor") from error

    def plain(self, blob: bytes) -> Json:
        """The JSON of a record. Raises `ValueError` for what is none."""
        return json.loads(blob.decode().replace(_PROJECT, self._root))

    def written(self, record: Event | State) -> bytes:
        """An event is for people too, who see it in `git show`; a state grows long, and indenting takes Python."""
        indent = 1 if isinstance(record, Event) else None
        text = json.dumps(dump(record), indent=indent, sort_keys=True, ensure_ascii=False)
        return (text.replace(self._root, _PROJECT) + "\n").encode()

    @property
    def _root(self) -> str:
        """As it stands in a JSON string."""
        return json.dumps(f"{self.root}/", ensure_ascii=False)[1:-1]
