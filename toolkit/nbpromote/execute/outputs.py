"""What cells give out, as far as it is kept: streams joined as they come, and no more than the caps.

Beyond a cap a cell has one marker; everything that it gave out goes to a log file instead, without secrets.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import IO, Any

from nbformat.v4 import new_output

from nbpromote.errors import Unavailable
from nbpromote.execute.hiding import Scanner, clean, said
from nbpromote.execute.records import LOGS
from nbpromote.model import Json, Limits, size_told

_RESERVE = 1_000_000  # bytes of what counts (errors, glued values) that a cell may add beyond its cap
_LINES = 10_000  # characters of an error's value, and of each entry of its traceback, beyond the cap


@dataclass
class Capped:
    """Changes while the cells run. `folder` is the run's; without one what is cut off is gone."""

    limits: Limits
    folder: Path | None = None
    scanner: Scanner | None = None
    leaks: set[str] = field(default_factory=set)  # secrets in what went to a log
    given: int = 0  # bytes of the present cell, also what was cut off
    replaced: int = 0  # characters that stand for bytes which are no text
    cut: str = ""  # where all of the present cell's output is
    _all: int = 0  # bytes kept of the cells before
    _here: int = 0
    _name: str = ""
    _reserve: int = _RESERVE
    _joined: Any = None
    _text: StringIO = field(default_factory=StringIO)
    _logs: ExitStack = field(default_factory=ExitStack)
    _log: IO[bytes] | None = None

    def begin(self, name: str) -> None:
        """A new cell, and the name of its log."""
        self._name, self._joined, self._log = name, None, None
        self._here = self.given = self.replaced = 0
        self._reserve, self.cut = _RESERVE, ""
        self.leaks = set()

    def end(self) -> None:
        self.settle()
        self._joined, self._log = None, None
        self._all += self._here
        try:
            self._logs.close()
        except OSError as error:
            raise self._unwritten(error) from error

    def settle(self) -> None:
        """Streams are gathered apart from the cell; from now on it has what was said so far."""
        if self._joined is not None:
            self._joined.text = self._text.getvalue()

    def cleared(self) -> None:
        """What the cell had shown is gone; what it shows from now on has its room."""
        self._joined, self._here = None, 0

    # -- streams ------------------------------------------------------------------------------------------------

    def stream(self, outputs: list[Any], name: str, text: str) -> Any:
        """Add to a cell's outputs what fits. Gives all of it, as an output of its own."""
        text = whole(text)
        size = _length(text)
        self.given += size
        self.replaced += text.count("\ufffd")
        if self._log is not None:
            self._write(text)
        elif size <= self._room:
            self._add(outputs, name, text)
            self._here += size
        else:
            fits = text.encode()[: int(self._room)].decode(errors="ignore")
            self._add(outputs, name, fits)
            self._here += _length(fits)
            self._cut(outputs)
            self._write(text[len(fits) :])
        return new_output("stream", name=name, text=text)

    def _add(self, outputs: list[Any], name: str, text: str) -> None:
        if self._joined is None or not outputs or outputs[-1] is not self._joined or self._joined.name != name:
            self.settle()
            self._joined, self._text = new_output("stream", name=name), StringIO()
            outputs.append(self._joined)
        self._text.write(text)

    @property
    def _room(self) -> float:
        return max(0, min(self.limits.cell_output - self._here, self.limits.notebook_output - self._all - self._here))

    # -- everything else ----------------------------------------------------------------------------------------

    def admits(self, outputs: list[Any], content: dict[str, Any], *, instead_of: int = 0) -> bool:
        """Whether a display, a result or an error has room. What has none is in the log, as a line of JSON.

        What counts has a little room of its own: an error, cut to a bearable length, and glued values.
        """
        self.settle()
        self._joined = None
        content.update(_mended(content))
        size = weight(content)
        self.given += size
        grown = size - instead_of
        if grown <= self._room and self._log is None:
            self._here += grown
            return True
        if self._log is None:
            self._cut(outputs)
        self._write(json.dumps(self._clean(content)) + "\n")
        if "evalue" in content:
            _shorten(content)
        counts = "evalue" in content or any("scrapbook" in mime for mime in content.get("data", {}))
        if counts and weight(content) <= self._reserve:
            self._reserve -= weight(content)
            return True
        return False

    def _clean(self, content: Json) -> Json:
        return clean(content, self.scanner, self.leaks) if self.scanner else content

    # -- the cut ------------------------------------------------------------------------------------------------

    def _cut(self, outputs: list[Any]) -> None:
        """From here on the cell's log has everything, from its beginning."""
        self.settle()
        self._joined = None
        whose, limit = self._passed()
        self.cut = f"{LOGS}/{self._name}.log" if self.folder else "nowhere"
        where = f"all of it: {self.cut}" if self.folder else "the rest is gone"
        self._log = self._opened()
        for output in outputs:
            if output.output_type == "stream":
                self._write(output.text)
            else:
                self._write(json.dumps(self._clean(dict(output))) + "\n")
        marker = f"[nbpromote: output cut at {size_told(limit)}{whose}; {where}]\n"
        outputs.append(new_output("stream", name="stderr", text=marker))

    def _passed(self) -> tuple[str, float]:
        if self.limits.notebook_output - self._all < self.limits.cell_output:
            return " of the notebook", self.limits.notebook_output
        return "", self.limits.cell_output

    def _opened(self) -> IO[bytes]:
        if self.folder is None:
            return self._logs.enter_context(open(os.devnull, "wb"))
        path = self.folder / LOGS / f"{self._name}.log"
        try:
            path.parent.mkdir(exist_ok=True)
            return self._logs.enter_context(said(path, self.scanner, found=self.leaks))
        except OSError as error:
            raise self._unwritten(error) from error

    def _write(self, text: str) -> None:
        assert self._log is not None
        try:
            self._log.write(text.encode(errors="replace"))
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> Unavailable:
        return Unavailable(
            f"cannot write {self.folder}/{self.cut}: {error.strerror}",
            hint="make room, or set limits.cell: a cell's output beyond limits.cell_output goes there",
        )


def whole(text: str) -> str:
    """Without halves of surrogate pairs, which no file can hold: a sign stands for each."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _mended(value: Json) -> Any:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, Mapping):
        return {whole(key): _mended(item) for key, item in value.items()}
    return [_mended(item) for item in value] if isinstance(value, list | tuple) else value


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def weight(value: Json) -> int:
    """Bytes of a message's content, near enough: those of its texts, and a few for everything else."""
    if isinstance(value, str):
        return _length(value)
    if isinstance(value, Mapping):
        return sum(weight(key) + weight(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return sum(map(weight, value))
    return 8


def _shorten(error: dict[str, Any]) -> None:
    error["ename"], error["evalue"] = error["ename"][:_LINES], error["evalue"][:_LINES]
    error["traceback"] = [line[:_LINES] for line in error["traceback"][-20:]]
