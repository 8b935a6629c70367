"""`protects`: what one environment has for itself, so that no other may write there or name it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from nbpromote import globs
from nbpromote.model import Json
from nbpromote.params import interpolation

CODE = "NBP306"  # as `check` names a leak between environments


def trespass(value: Json, protected: Mapping[str, Iterable[str]], root: Path) -> str:
    """Whose ground a value's texts name first; empty where nobody's. `protected` maps environments to their globs."""
    for text in interpolation.texts(value):
        for name in _names(text, str(root)):
            for owner, own in protected.items():
                for glob in own:
                    if globs.pattern(glob).fullmatch(name):
                        return f"names {name!r}, which {owner} protects: {glob}"
    return ""


_BETWEEN = re.compile(r"[\s,;'\"=<>()|]+")


def _names(text: str, root: str) -> Iterator[str]:
    """What a text may name: itself and each of its words, as an address and its host, or as a path from the root.

    A notebook works in its own folder, so what leads up from there counts from the root as well.
    """
    for word in dict.fromkeys([text, *_BETWEEN.split(text)]):
        if "://" in word:
            yield word.rstrip("/")
            yield _host(word)
        elif word:
            path = os.path.normpath(word)
            yield path
            yield os.path.relpath(path, root) if os.path.isabs(path) else re.sub(r"^(\.\./)+", "", path)


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
