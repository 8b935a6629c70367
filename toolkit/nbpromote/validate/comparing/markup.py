"""HTML as a person reads it: the cells of its tables and the text around them. Attributes and styles do not count."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from nbpromote.validate.comparing.lines import Line
from nbpromote.validate.comparing.phrases import joined, phrase

_UNSEEN = ("script", "style", "template", "title")
_BREAKS = (
    "p",
    "div",
    "br",
    "li",
    "tr",
    "table",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "pre",
    "hr",
    "ul",
    "ol",
    "section",
)
_BLANKS = re.compile(r"\s+")
_BETWEEN = " | "


@dataclass
class _Row:
    """A row of a table, or a stretch of text outside of any. `heads` are those of its cells that are `th`."""

    cells: list[str] = field(default_factory=list)
    heads: int = 0
    table: int = 0  # 0: text

    @property
    def is_head(self) -> bool:
        return bool(self.table) and self.heads == len(self.cells)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[_Row] = []
        self._text: list[str] = []
        self._unseen = 0
        self._tables = 0
        self._open = 0  # tables that are not closed yet

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        if tag in _BREAKS or tag in ("td", "th"):
            self._flush()
        if tag == "table":
            self._tables += 1
            self._open += 1
        if tag == "tr" and self._open:
            self.rows.append(_Row(table=self._tables))
        if tag == "img":  # a picture inside of HTML is what its address says
            self._text.append(dict(attrs).get("src") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        if tag in ("td", "th") and self._open and self.rows and self.rows[-1].table:
            self.rows[-1].cells.append(self._taken())
            self.rows[-1].heads += tag == "th"
        elif tag in _BREAKS:
            self._flush()
        if tag == "table":
            self._open = max(0, self._open - 1)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._text.append(data)

    def _taken(self) -> str:
        text = _BLANKS.sub(" ", "".join(self._text)).strip()
        self._text.clear()
        return text

    def _flush(self) -> None:
        if text := self._taken():
            self.rows.append(_Row(cells=[text]))

    def close(self) -> None:
        super().close()
        self._flush()


def lines(html: str, sanitize: Callable[[str], str], *, unordered: bool = False) -> list[Line]:
    """A line for each row of a table, in which each number knows its column, and for each stretch of text."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    rows = [row for row in reader.rows if row.cells]
    if unordered:
        _without_counts(rows)
    return list(_lines(rows, sanitize))


def _lines(rows: list[_Row], sanitize: Callable[[str], str]) -> Iterator[Line]:
    columns: list[str] = []
    table = number = 0
    for row in rows:
        if row.table != table:
            table, number, columns = row.table, 0, []
        cells = [sanitize(cell) for cell in row.cells]
        if row.is_head:
            # of two rows of heads, the last that names a column names it
            columns = [new or old for new, old in zip(cells, columns or cells, strict=False)] + columns[len(cells) :]
            place = "the head"
        else:
            number += 1
            place = f"row {cells[0]!r}" if row.table and row.heads and cells[0] else f"row {number}"
        yield _line(place if row.table else "text", cells, columns)


def _line(place: str, cells: list[str], columns: list[str]) -> Line:
    phrases = [phrase(cell) for cell in cells]
    # a row of a MultiIndex has fewer cells than columns: counted from the right
    names = columns[len(columns) - len(cells) :] if len(columns) >= len(cells) else [""] * len(cells)
    at = tuple(name for name, each in zip(names, phrases, strict=True) for _ in each.numbers)
    return Line(place, _BETWEEN.join(cells), joined(phrases, _BETWEEN), at)


def _without_counts(rows: list[_Row]) -> None:
    """Take the index out of tables whose index only counts their rows: in another order, it counts other rows."""
    for table in {row.table for row in rows if row.table}:
        body = [row for row in rows if row.table == table and not row.is_head]
        if body and all(row.heads == 1 and row.cells[0] == str(at) for at, row in enumerate(body)):
            for row in body:
                row.cells = row.cells[1:]
