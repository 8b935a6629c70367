"""Answers kept in a file, each for as long as what it rests on stays the same. Never stale."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from types import TracebackType
from typing import Any

from nbpromote import files, itself
from nbpromote.errors import Unavailable
from nbpromote.model import Json
from nbpromote.workflow.site import Site
from nbpromote.workflow.site.asked import Files

_FORMAT = 1


class Memory:
    """Asks, or takes what was answered before; written down when the block ends well.

    Names of answers are `KIND NOTEBOOK`, or of one word; those about notebooks that are gone are dropped.
    """

    def __init__(self, site: Site, file: str) -> None:
        self._site = site
        self._path = site.project.state / file
        self._before: dict[str, Any] = {}
        self._now: dict[str, Any] = {}

    def __enter__(self) -> Memory:
        with suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
            kept = json.loads(self._path.read_bytes())
            self._before = dict(kept["answers"]) if kept.get("toolkit") == self._toolkit else {}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        there = {pair.name for pair in self._site.pairs}
        before = {name: record for name, record in self._before.items() if name.partition(" ")[2] in {"", *there}}
        kept = {**before, **self._now}
        if kind is None and kept != self._before:
            with suppress(Unavailable):  # a full disk makes the next time slow, and this one no less true
                self._site.keep_out_of_git()
                text = json.dumps({"toolkit": self._toolkit, "answers": kept}, ensure_ascii=False)
                files.write(self._path, text.encode("utf-8", "backslashreplace"))

    def answer(self, name: str, rests: str, look: Callable[[], Mapping[str, Json]]) -> Mapping[str, Any]:
        """The answer called `name`; `rests` digests what it rests on, but for the project files in its own `files`."""
        known = self._now.get(name) or self._before.get(name)
        if known and known["rests"] == rests and self._files.states(known.get("files", ())) == known.get("files", {}):
            return known  # type: ignore[no-any-return]
        self._now[name] = {"rests": rests, **look()}
        return self._now[name]  # type: ignore[no-any-return]

    @cached_property
    def _toolkit(self) -> str:
        """What would answer differently though no file changed."""
        return f"{_FORMAT} {itself.toolkit()} {self._site.project.root}"

    @cached_property
    def _files(self) -> Files:
        return Files(self._site.project.root, self._site.git.tracked())
