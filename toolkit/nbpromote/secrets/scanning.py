"""Find secrets in whatever spelling they appear, and put marks in their place. Knows no run and no file format.

What was made of a secret otherwise (compressed, encrypted, spelled backwards) is not found.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import AnyStr
from urllib.parse import quote, quote_plus

_CHUNK = 4 * 1024 * 1024  # bytes of a file that are looked at together
# a run of a key's characters in a secret of several lines: a line of a PEM file, a private key in JSON
_PIECE = re.compile(r"[A-Za-z0-9+/=_-]{20,}")

_Span = tuple[int, int, str]  # where a secret begins and ends, and its name


@dataclass(frozen=True)
class Scanner:
    """Looks for `values`, by name. Without any it finds nothing and changes nothing."""

    values: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.values)

    def found(self, data: str | bytes) -> frozenset[str]:
        """The names of the secrets that are in a text or in bytes."""
        if isinstance(data, str):
            return frozenset(name for form, name in self._forms if form in data)
        return frozenset(name for form, name in self._raw if form in data)

    def found_in(self, file: Path) -> frozenset[str]:
        """The same of a file of any size."""
        names: set[str] = set()
        held = b""
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                held = held[-self._overlap :] + chunk if self._overlap else chunk
                names |= self.found(held)
        return frozenset(names)

    def redact(self, text: str) -> str:
        """The text with `[secret NAME]` in place of each secret."""
        return self.redact_parts([text])[0]

    def redact_parts(self, parts: Sequence[str]) -> list[str]:
        """Texts that are read one after the other: a secret that begins in one may end in another."""
        whole = "".join(parts)
        spans = _merged(whole, self._forms)
        if not spans:
            return list(parts)
        ends = [0]
        for part in parts:
            ends.append(ends[-1] + len(part))
        cleaned = [_between(whole, spans, start, end) for start, end in pairwise(ends)]
        # a mark may make up a secret with what stands beside it; then none of the text is kept
        again = self.found("".join(cleaned))
        return [mark(min(again)), *("" for _ in cleaned[1:])] if again else cleaned

    def redact_stream(self, chunks: Iterable[bytes], found: set[str] | None = None) -> Iterator[bytes]:
        """Bytes as they come, each held back for as long as it may be the beginning of a secret.

        Adds to `found` the names of those that were in them.
        """
        held = b""
        for chunk in chunks:
            held += chunk
            spans = _merged(held, self._raw)
            if found is not None:
                found.update(name for _, _, name in spans)
            sure = max(0, len(held) - self._overlap)
            sure = next((start for start, end, _ in spans if start < sure < end), sure)
            yield _between(held, spans, 0, sure)
            held = held[sure:]
        yield _between(held, _merged(held, self._raw), 0, len(held))

    @cached_property
    def _forms(self) -> tuple[tuple[str, str], ...]:
        return tuple((form, name) for name, value in self.values.items() for form in sorted(spellings(value)))

    @cached_property
    def _raw(self) -> tuple[tuple[bytes, str], ...]:
        return tuple((form.encode(), name) for form, name in self._forms)

    @cached_property
    def _overlap(self) -> int:
        """A byte less than the longest form: so much of one may stand at the end of a chunk."""
        return max((len(form) for form, _ in self._raw), default=1) - 1


def mark(name: str) -> str:
    return f"[secret {name}]"


def spellings(value: str) -> frozenset[str]:
    """Everything that shows a secret to whoever reads it: itself, its usual encodings, the lines of a key."""
    data = value.encode()
    quoted = {quote(value), quote(value, safe=""), quote_plus(value)}
    return frozenset(
        {
            value,
            *_escaped(value),
            *quoted,
            *(re.sub("%..", lambda found: found[0].lower(), text) for text in quoted),
            *_base64(data),
            data.hex(),
            data.hex().upper(),
            *_pieces(value),
        }
    )


def _escaped(value: str) -> Iterator[str]:
    """As JSON, also within JSON, as Python shows text and bytes, and as HTML."""
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield from (once, json.dumps(once, ensure_ascii=ascii_only)[1:-1])
    yield repr(value)[1:-1]
    yield repr(value.encode())[2:-1]
    yield from (html.escape(value), html.escape(value, quote=False))


def _base64(data: bytes) -> Iterator[str]:
    """The characters that are the same whatever stands before and after: three bytes make four of them."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + data).decode()
        core = text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield from (core, core.replace("+", "-").replace("/", "_"))


def _pieces(value: str) -> Iterator[str]:
    """Of a secret in several lines. A run without digits is a word: `-----BEGIN`, a key's name in JSON."""
    if "\n" in value or "\\n" in value:
        runs = (found[0] for line in re.split(r"\s|\\[nr]", value) for found in _PIECE.finditer(line))
        yield from (run for run in runs if any(c.isdigit() for c in run) and any(c.isalpha() for c in run))


def _merged(text: AnyStr, forms: Iterable[tuple[AnyStr, str]]) -> list[_Span]:
    """Where the secrets are, in order; those that overlap are one, so that no rest of either stays."""
    merged: list[_Span] = []
    for start, end, name in sorted(_spans(text, forms)):
        if merged and start < merged[-1][1]:
            first, last, named = merged[-1]
            merged[-1] = (first, max(last, end), named)
        else:
            merged.append((start, end, name))
    return merged


def _spans(text: AnyStr, forms: Iterable[tuple[AnyStr, str]]) -> Iterator[_Span]:
    for form, name in forms:
        at = text.find(form)
        while at >= 0:
            yield at, at + len(form), name
            at = text.find(form, at + 1)


def _between(text: AnyStr, spans: Sequence[_Span], start: int, end: int) -> AnyStr:
    """A stretch of the text with marks for secrets; one that lies across its beginning was marked before."""
    pieces = []
    at = start
    for first, last, name in spans:
        if last <= start or first >= end:
            continue
        pieces.append(text[at : max(first, at)])
        if first >= start:
            said = mark(name)
            pieces.append(said if isinstance(text, str) else said.encode())
        at = min(last, end)
    pieces.append(text[at:end])
    return text[:0].join(pieces)
