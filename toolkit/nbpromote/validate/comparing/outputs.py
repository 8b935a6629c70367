"""The outputs of a cell on both sides: paired by what they are, each pair compared as what it is."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from nbpromote.model import Likeness, Shown, Tolerance
from nbpromote.validate.case import short
from nbpromote.validate.comparing import entries, figures, markup
from nbpromote.validate.comparing.lines import Found, Line, bounded, compare
from nbpromote.validate.comparing.phrases import phrase
from nbpromote.validate.comparing.sanitizing import Sanitizing
from nbpromote.validate.glued import PAYLOAD, TABLE, rows

Output = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One output in one form: of those that Jupyter offers, the one that tells most.

    `form` is text, html, json, figure, rows or error. `name` keeps apart what must not be paired: stdout and stderr,
    scraps of two names. `scrap` is the name of the one that it shows.
    """

    form: str
    content: Any
    name: str = ""
    mime: str = ""
    scrap: str = ""

    @property
    def kind(self) -> str:
        """As `Shown` calls it."""
        if self.form == "rows" or (self.form == "html" and "<table" in self.content):
            return "table"
        return self.form


# the first that an output has is compared: the text beside a picture or a table says less
_FORMS = (
    ("figure", re.compile(r"image/(png|jpeg|gif|svg\+xml)")),
    ("html", re.compile(r"text/html")),
    ("json", re.compile(r"application/(.*\+)?json")),
    ("text", re.compile(r"text/(latex|markdown)")),
    ("text", re.compile(r".*")),
)
# shown by a server that is gone; its model's id is another in every run
_WIDGET = "application/vnd.jupyter.widget-view+json"


def pieces(outputs: Iterable[Output]) -> list[Piece]:
    """What there is to compare, in order; a stream in one piece however it arrived."""
    found: list[Piece] = []
    streams = defaultdict[str, list[str]](list)
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            if output["name"] not in streams:
                found.append(Piece(form="text", name=output["name"], content=streams[output["name"]]))
            streams[output["name"]].append(_text(output["text"]))
        elif kind == "error":
            found.append(Piece(form="error", content=f"{output['ename']}: {output['evalue']}"))
        elif (shown := _shown(output)) is not None:
            found.append(shown)
    return [Piece(form=p.form, name=p.name, content="".join(p.content)) if p.name in streams else p for p in found]


def _shown(output: Output) -> Piece | None:
    data: Mapping[str, Any] = output.get("data", {})
    told = output.get("metadata", {}).get("scrapbook")
    scrap = str(told.get("name", "")) if isinstance(told, Mapping) else ""
    for mime, payload in data.items():
        if mime.startswith(PAYLOAD) and isinstance(payload, Mapping):
            scrap = str(payload.get("name", ""))
            return _payload(mime, payload.get("data"), scrap)
    if _WIDGET in data or not data:
        return None
    form, mime = next((form, mime) for form, asked in _FORMS for mime in data if asked.fullmatch(mime))
    content = data[mime] if form == "json" else _text(data[mime])
    return Piece(form=form, mime=mime, content=content, scrap=scrap, name=scrap and f"scrap {scrap}")


def _payload(mime: str, data: Any, scrap: str) -> Piece:
    return Piece(form="rows" if mime == TABLE else "json", mime=mime, content=data, scrap=scrap, name=f"scrap {scrap}")


def _text(value: Any) -> str:
    """nbformat allows a list of lines where a text is meant."""
    return value if isinstance(value, str) else "".join(map(str, value)) if isinstance(value, list) else str(value)


# -- pairs --


def compared(
    before: Sequence[Piece], after: Sequence[Piece], *, tolerance: Callable[[str], Tolerance], sanitizing: Sanitizing
) -> tuple[Shown, ...]:
    """The first table with the first, the second figure with the second, and so on; what is left has no other side.

    `tolerance` is asked by the name of the scrap that an output shows, or with "".
    """
    return tuple(_compared(one, other, tolerance, sanitizing) for one, other in _pairs(before, after))


def _pairs(before: Sequence[Piece], after: Sequence[Piece]) -> Iterator[tuple[Piece | None, Piece | None]]:
    sides: defaultdict[tuple[str, str], tuple[list[Piece], list[Piece]]] = defaultdict(lambda: ([], []))
    for side, found in enumerate((before, after)):
        for piece in found:
            sides[piece.form, piece.name][side].append(piece)
    for ours, theirs in sides.values():
        yield from zip_longest(ours, theirs)


def _compared(
    before: Piece | None, after: Piece | None, tolerance: Callable[[str], Tolerance], sanitizing: Sanitizing
) -> Shown:
    if before is None or after is None:
        return _alone(before, after)
    asked = tolerance(after.scrap)
    if after.form == "figure":
        return _figure(before, after, asked, sanitizing)
    found = _COMPARED[after.form](before.content, after.content, asked, sanitizing)
    return Shown(
        kind=after.kind, likeness=found.likeness, summary=found.summary, places=found.places, lines=found.lines
    )


def _alone(before: Piece | None, after: Piece | None) -> Shown:
    piece = before or after
    assert piece is not None
    likeness, sign = (Likeness.ADDED, "+") if before is None else (Likeness.REMOVED, "-")
    what = piece.name or {"rows": "table"}.get(piece.form, piece.kind)
    summary = f"{what}: {'was not there before' if before is None else 'is missing'}"
    lines = () if piece.form == "figure" else bounded(f"{sign}{line}" for line in _spelled(piece).splitlines())
    return Shown(
        kind=piece.kind,
        likeness=likeness,
        summary=summary,
        lines=lines,
        before=_address(before),
        after=_address(after),
    )


def _spelled(piece: Piece) -> str:
    if piece.form == "rows":
        return "\n".join(line.text for line in entries.lines(rows(piece.content), str))
    if piece.form == "html":
        return "\n".join(line.text for line in markup.lines(piece.content, str))
    return piece.content if isinstance(piece.content, str) else _written(piece.content)


def _address(piece: Piece | None) -> str:
    if piece is None or piece.form != "figure":
        return ""
    return figures.address(piece.mime, piece.content)


# -- each as what it is --


def _texts(before: str, after: str, tolerance: Tolerance, sanitizing: Sanitizing) -> Found:
    one, other = sanitizing.telling(before), sanitizing.telling(after)
    if one == other:
        return Found(likeness=Likeness.SAME)
    return compare(_lines(one), _lines(other), tolerance)


def _lines(text: str) -> list[Line]:
    return [Line(f"line {number}", line, phrase(line)) for number, line in enumerate(text.split("\n"), 1)]


def _markup(before: str, after: str, tolerance: Tolerance, sanitizing: Sanitizing) -> Found:
    one, other = sanitizing.own_only(before), sanitizing.own_only(after)
    if one == other:
        return Found(likeness=Likeness.SAME)
    ours, theirs = (markup.lines(side, sanitizing.value, unordered=tolerance.unordered) for side in (one, other))
    return compare(ours, theirs, tolerance, noun="row")


def _values(before: Any, after: Any, tolerance: Tolerance, sanitizing: Sanitizing) -> Found:
    if _written(before) == _written(after):
        return Found(likeness=Likeness.SAME)
    one, other = (_sanitized(side, sanitizing) for side in (before, after))
    return compare(entries.lines(one, sanitizing.value), entries.lines(other, sanitizing.value), tolerance, noun="item")


def _written(value: Any) -> str:
    """As JSON, in which True is not 1."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=str)


def _rows(before: Any, after: Any, tolerance: Tolerance, sanitizing: Sanitizing) -> Found:
    """Tables that scrapbook keeps as parquet."""
    if before == after:
        return Found(likeness=Likeness.SAME)
    one, other = rows(before), rows(after)
    if one is None or other is None:
        return Found(likeness=Likeness.DIFFERENT, summary="a table that cannot be read, and is not the same")
    ours, theirs = (entries.lines(side, sanitizing.value, noun="row") for side in (one, other))
    return compare(ours, theirs, tolerance, noun="row")


def _sanitized(value: Any, sanitizing: Sanitizing) -> Any:
    """The contract's own patterns see JSON as it is written; what they leave may be none any more."""
    if not sanitizing.own:
        return value
    text = _written(value)
    left = sanitizing.own_only(text)
    try:
        return json.loads(left) if left != text else value
    except ValueError:
        return left.splitlines()


_COMPARED: Mapping[str, Callable[[Any, Any, Tolerance, Sanitizing], Found]] = {
    "text": _texts,
    "error": _texts,
    "html": _markup,
    "json": _values,
    "rows": _rows,
}


def _figure(before: Piece, after: Piece, tolerance: Tolerance, sanitizing: Sanitizing) -> Shown:
    one, other = _address(before), _address(after)
    if "svg" in before.mime or "svg" in after.mime:
        found = _texts(figures.drawn(before.content), figures.drawn(after.content), tolerance, sanitizing)
        return Shown(kind="figure", likeness=found.likeness, summary=found.summary, before=one, after=other)
    if one == other:
        return Shown(kind="figure", likeness=Likeness.SAME, distance=0.0, before=one, after=other)
    try:
        seen = figures.look(before.content, after.content)
    except (OSError, ValueError) as error:
        told = f"a picture that cannot be read, and is not the same: {short(str(error), 80)}"
        return Shown(kind="figure", likeness=Likeness.DIFFERENT, summary=told, before=one, after=other)
    if seen.distance > tolerance.figures:
        likeness = Likeness.DIFFERENT
    else:
        likeness = Likeness.CLOSE if seen.distance else Likeness.SAME
    return Shown(
        kind="figure",
        likeness=likeness,
        summary=seen.summary,
        distance=seen.distance,
        before=one,
        after=other,
        difference=seen.picture() if seen.distance else "",
    )
