"""Which cells are compared, and how closely: nbval's own marks, and the tags of nbpromote."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from nbpromote.errors import nearest
from nbpromote.model import Contract, Tolerance

if TYPE_CHECKING:
    from nbformat import NotebookNode

_CHECK, _UNORDERED = "nbpromote-check", "nbpromote-unordered"
_LARGEST: Mapping[str, float] = {"rtol": math.inf, "atol": math.inf, "figures": 1.0}
_SETTING = re.compile(r"\s*([\w-]+)\s*=\s*(.*?)\s*")


def is_marked(cell: NotebookNode) -> bool:
    """Whether its output is compared, by nbval or with tolerance."""
    return is_tolerant(cell) or by_nbval(cell)


def is_tolerant(cell: NotebookNode) -> bool:
    return _CHECK in _tags(cell)


def by_nbval(cell: NotebookNode) -> bool:
    """As nbval's collector decides it: a comment is stronger than a tag."""
    options = _options(cell)
    return bool(options.get("check")) and not options.get("skip")


def is_silenced(cell: NotebookNode) -> bool:
    """Whether its output should be compared, and nbval is told not even to run it."""
    options = _options(cell)
    return bool(options.get("check") and options.get("skip"))


def _options(cell: NotebookNode) -> dict[str, bool]:
    if "nbval" not in f"{cell.source} {cell.metadata.get('tags')}".lower():
        return {}
    from nbval.plugin import (  # 0.3 s; only notebooks with marks pay
        find_comment_markers,
        find_metadata_tags,
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # contradicting marks: nbval takes the last
        return dict(find_metadata_tags(cell.metadata)) | dict(find_comment_markers(cell.source))


def tolerances(cell: NotebookNode | None, contract: Contract) -> Callable[[str], Tolerance]:
    """The cell's tags over the rule of a scrap, asked for by its name, over the notebook's contract.

    A tag with a `problem` sets nothing. Without a cell there are no tags.
    """
    tags = _tags(cell) if cell is not None else []
    given: dict[str, Any] = dict(_settings(tags))
    if _UNORDERED in tags:
        given["unordered"] = True

    def asked(scrap: str) -> Tolerance:
        rule = contract.scraps.get(scrap)
        return replace(rule.tolerance if rule and rule.tolerance else contract.tolerance, **given)

    return asked


def _settings(tags: Iterable[str]) -> Iterator[tuple[str, float]]:
    for tag in tags:
        if setting := _SETTING.fullmatch(tag):
            number = _number(*setting.groups())
            if number is not None:
                yield setting[1], number


def mistagged(cell: NotebookNode) -> Iterator[str]:
    """What is wrong with the tags that say how a cell is compared: nobody should think that they hold."""
    tags = _tags(cell)
    for tag in tags:
        setting = _SETTING.fullmatch(tag)
        if setting is not None:
            yield from _of_setting(tag, *setting.groups(), alone=_CHECK not in tags)
        elif tag.startswith("nbpromote-") and tag not in (_CHECK, _UNORDERED):
            yield f"there is no tag {tag!r}{nearest(tag, (_CHECK, _UNORDERED))}"
        elif tag == _UNORDERED and _CHECK not in tags:
            yield f"the tag {tag!r} does nothing without {_CHECK!r}"
    for name in _LARGEST:
        if len([tag for tag in tags if tag.replace(" ", "").startswith(f"{name}=")]) > 1:
            yield f"{name} is set more than once"


def _of_setting(tag: str, name: str, value: str, *, alone: bool) -> Iterator[str]:
    if name not in _LARGEST:
        if get_close_matches(name.lower(), _LARGEST, cutoff=0.75):
            yield f"there is no tag {name}={nearest(name.lower(), _LARGEST)}"
    elif _number(name, value) is None:
        most = f" to {_LARGEST[name]:g}" if math.isfinite(_LARGEST[name]) else " up"
        yield f"{tag!r} is no {name}: a number from 0{most} is wanted"
    elif alone:
        yield f"the tag {tag!r} does nothing without {_CHECK!r}"


def _number(name: str, value: str) -> float | None:
    """None for what is no tolerance of that name."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if name in _LARGEST and math.isfinite(number) and 0 <= number <= _LARGEST[name] else None


def _tags(cell: NotebookNode) -> list[str]:
    tags = cell.metadata.get("tags", [])
    return [str(tag) for tag in tags] if isinstance(tags, list) else []
