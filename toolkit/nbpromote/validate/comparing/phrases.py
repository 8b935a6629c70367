"""Text taken apart: words, which must be the same, and the numbers between them, which must be close."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

from nbpromote.model import Tolerance

# What holds digits and is no quantity, before what is one. An alternative that begins earlier wins, then the first.
_NUMBER = re.compile(
    r"""
    (   \d{4}-\d{2}(?:-\d{2})?(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?(?!\w)   # dates
      | \d{1,4}/\d{1,2}/\d{1,4}(?!\w)
      | \d{1,3}:\d{2}(?::\d{2}(?:\.\d+)?)?(?!\w)                                             # times of day
      | [0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}                                # UUIDs
      | \d+(?:\.\d+){2,}\w*                                                                 # versions, addresses
      | (?<=\w[/\\])\d+(?![.,]?\d)                                                          # data/2013, 45/100
      | \#\d+
    )
  | (
        (?<!\w)(?<!\w\.)(?<![^\W\d]-)         # v1.2, col_1, us-east-1: names
        [-+\u2212]?
        (?: \d{0,300}\.\d{1,300}(?=[^\W\d_]{1,3}(?!\w))           # 1.5s, 2.25GB; but 3d is a name
          | (?: (?<![,(\[{])(?<![,(\[{][-+])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])(?:\.\d+)?(?!,?\d)  # 1,234.5; no list
              | (?:0(?!\d)|[1-9]\d{0,300})(?:\.\d*)?              # 007 is a name
              | \.\d+
            )
            (?:[eE][-+]?\d{1,3})?(?!\w)(?!\.\w)
        )
      | (?<![\w.])[-+]?(?i:nan|inf|infinity)(?!\w)
    )
    """,
    re.VERBOSE,
)


class Phrase(NamedTuple):
    """`words` has one more than `numbers`; numbers are as they were spelled."""

    words: tuple[str, ...]
    numbers: tuple[str, ...]


def phrase(text: str) -> Phrase:
    words, numbers, held = list[str](), list[str](), ""
    pieces = _NUMBER.split(text)
    for at in range(0, len(pieces) - 1, 3):
        before, name, number = pieces[at : at + 3]
        held += before + (name or "")
        if number:
            words.append(held)
            numbers.append(number)
            held = ""
    return Phrase((*words, held + pieces[-1]), tuple(numbers))


def joined(phrases: Iterable[Phrase], between: str) -> Phrase:
    """One phrase of several, with words in between."""
    words, numbers = [""], list[str]()
    for count, each in enumerate(phrases):
        words[-1] += (between if count else "") + each.words[0]
        words += each.words[1:]
        numbers += each.numbers
    return Phrase(tuple(words), tuple(numbers))


def is_close(accepted: str, now: str, tolerance: Tolerance) -> bool:
    """By `atol + rtol * |accepted|`; NaN is close to NaN only, infinity to the same infinity.

    Whole numbers lose nothing in the last digits, which the default `rtol` is for: 1234567 rows are not 1234568. One
    that somebody asked for, wider than the default, counts for them too.
    """
    a, b = number(accepted), number(now)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if math.isinf(a) or math.isinf(b):
        return a == b and not (_overflows(accepted) or _overflows(now))
    whole = isinstance(a, int) and isinstance(b, int) and tolerance.rtol <= Tolerance().rtol
    return abs(a - b) <= tolerance.atol + (0 if whole else tolerance.rtol * abs(a))


def number(spelled: str) -> float:
    """An int for what has neither digits after a point nor an exponent."""
    plain = spelled.replace(",", "").replace("\u2212", "-").rstrip(".")
    if plain.lstrip("+-").isdigit():
        return int(plain) if len(plain) <= _DIGITS else math.inf
    return float(plain)


_DIGITS = 300  # more than a float can be multiplied with


def _overflows(spelled: str) -> bool:
    """Whether an infinity is only a number too large to be held: two of them need not be the same."""
    return any(character.isdigit() for character in spelled)


def apart(accepted: str, now: str) -> float:
    """How far two numbers are apart, as a share of the accepted one; infinite where that has no meaning."""
    a, b = number(accepted), number(now)
    if a == b:
        return 0.0
    if not (math.isfinite(a) and math.isfinite(b)) or a == 0:
        return math.inf
    return float(abs(a - b) / abs(a))
