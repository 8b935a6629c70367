"""What is different in every run and says nothing: taken out of both sides before they are compared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from nbpromote.model import Sanitizer
from nbpromote.validate.case import plain

_Rules = tuple[tuple[re.Pattern[str], str], ...]

# `<Forest at 0x7f3a2c>`; a number in hexadecimal that stands for itself is no address
_ADDRESS = (re.compile(r"\bat 0x[0-9a-fA-F]{4,}"), "at 0x…")
# the folders are this machine's and this run's, the name at the end is not; 0.5/0.6 and https://host/ are no paths
_CELL_FILE = (re.compile(r"(?:/[^\s/:]+)*/ipykernel_\d+/\d+\.py"), "<cell>")
_PATH = (re.compile(r"(?:file://|(?<![\w.:/<>]))/(?:[A-Za-z_.~@][\w.@%+~-]*/)(?:[\w.@%+~-]+/)*(?=[\w.@%+~-]*)"), "/…/")
_WINDOWS_PATH = (re.compile(r"\b[A-Za-z]:\\(?:[^\\/:*?\"<>|\s]+\\)+"), "/…/")
_TEMPORARY = (re.compile(r"(?<=/)tmp[a-z0-9_]{8}\b"), "tmp…")  # as Python names them
_ANYWHERE: _Rules = (_ADDRESS, _CELL_FILE, _PATH, _WINDOWS_PATH, _TEMPORARY)

_DATE = r"\d{4}[-/]\d{2}[-/]\d{2}"
_TIME = r"\d{2}:\d{2}:\d{2}"
_ZONE = r"(?:Z|\s?[+-]\d{2}:?\d{2}|\s?UTC)?"
_DURATION = r"\d+(?:\.\d+)?\s?(?:ns|[µμu]s|ms|s|min|h|d)\b"
_CLOCK = r"(?:\d+:)?\d+:\d{2}"
_LEVEL = "TRACE|DEBUG|INFO|NOTICE|SUCCESS|WARN|WARNING|ERROR|CRITICAL|FATAL"
_TELLING: _Rules = (
    # a clock that ticked while a cell ran, or what begins a line of a log: a day or an hour in a table is data
    (re.compile(rf"\b{_DATE}[T ]{_TIME}[.,]\d{{3,}}{_ZONE}"), "<time>"),
    (re.compile(rf"(?m)^(?:{_DATE}[T ])?{_TIME}{_ZONE}(?=\s(?:-\s)?(?:{_LEVEL})\b)"), "<time>"),
    (re.compile(rf"(?m)^([\[(])(?:{_DATE}[T ])?{_TIME}{_ZONE}(?=[\])])"), r"\1<time>"),
    (re.compile(rf"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{{2}} [ \d]\d {_TIME} (?:[A-Z]+ )?\d{{4}}\b"), "<time>"),
    # %time and %timeit
    (re.compile(r"(?m)^(\s*(?:CPU times|Wall time):).*$"), r"\1 <duration>"),
    (re.compile(r"(?m)^.* per loop \(mean ± std\. dev\. of .*\)$"), "<duration> per loop"),
    # a bar of tqdm: what is counted and what follows in the brackets (loss=0.3) stays
    (re.compile(r"(\d+%\|)[^|\n]*\|"), r"\1<bar>|"),
    (
        re.compile(
            rf"(\|\s*[\d.]+\w*/[\d.]+\w*\s|\d[A-Za-z]+\s)"
            rf"\[{_CLOCK}(?:<(?:{_CLOCK}|\?))?,\s*(?:[\d.]+|\?)\s*[^\s,\]/\d]*/[^\s,\]]+"
        ),
        r"\1[<duration>",
    ),
    # a bar of Keras, and its `1s 3ms/step`
    (re.compile(r"\[=*>?\.*\](?= - )|[━╸╺]{3,}"), "<bar>"),
    (re.compile(rf"\b{_DURATION}(?: {_DURATION})*/(?:step|epoch|sample)\b"), "<duration>"),
)


def as_seen(text: str) -> str:
    """Without terminal codes; of a line that was written over, what stands there in the end."""
    lines = plain(text).replace("\r\n", "\n").split("\n")
    return "\n".join(_written_over(line) if "\r" in line else line for line in lines)


def _written_over(line: str) -> str:
    seen = ""
    for part in line.split("\r"):
        seen = part + seen[len(part) :]
    return seen


class Sanitizing:
    """The contract's own rules, which come first, and those that need no asking."""

    def __init__(self, own: Sequence[Sanitizer] = ()) -> None:
        self.own = _compiled(tuple(own))

    def telling(self, text: str) -> str:
        """Of what a cell says: streams, errors, plain text."""
        lines = _applied((*self.own, *_ANYWHERE, *_TELLING), as_seen(text)).splitlines()
        return "\n".join(line.rstrip() for line in lines).rstrip("\n")

    def value(self, text: str) -> str:
        """Of what stands in a table or in JSON, where a time is data."""
        return _applied((*self.own, *_ANYWHERE), text)

    def own_only(self, text: str) -> str:
        return _applied(self.own, text)


def _applied(rules: _Rules, text: str) -> str:
    for pattern, replacement in rules:
        text = pattern.sub(replacement, text)
    return text


@lru_cache(maxsize=32)
def _compiled(own: tuple[Sanitizer, ...]) -> _Rules:
    return tuple((re.compile(sanitizer.regex), sanitizer.replace) for sanitizer in own)
