"""References to secrets -> their values, which stay in this process's memory. A value is in no message here.

`env:NAME` and `file:PATH` are built in; the entry-point group `nbpromote.secrets` adds others: a scheme's name, and
a callable that takes what stands after the colon and returns text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from nbpromote.errors import BadInput, nearest
from nbpromote.secrets.scanning import mark, spellings

SHORTEST = 6  # characters: shorter ones would be found everywhere
LONGEST = 64 * 1024  # bytes: Linux lets a variable have twice as much
_GROUP = "nbpromote.secrets"
_BUILT_IN = ("env", "file")


def schemes() -> tuple[str, ...]:
    """What a reference may begin with on this machine."""
    return (*_BUILT_IN, *sorted(_plugins().keys() - {*_BUILT_IN}))


def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=_GROUP)}


def resolve(
    references: Mapping[str, str],
    *,
    root: Path,
    is_tracked: Callable[[Path], bool] = lambda _: False,
    places: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The values by name. Files count from `root`; `is_tracked` says which are in git, so that everybody has them.

    `places` maps names to the file and line of the reference.
    Raises `BadInput` with everything that is wrong, before any of it is used.
    """
    values, faults = {}, []
    for name, reference in references.items():
        try:
            values[name] = _value(reference, root, is_tracked)
        except _Fault as fault:
            faults.append((name, str(fault)))
    faults += list(_in_marks(values))
    problems = [((places or {}).get(name, ""), f"secret {name!r} {fault}") for name, fault in faults]
    if len(problems) == 1:
        raise BadInput(problems[0][1], where=problems[0][0], hint=_BEFORE)
    if problems:
        told = [f"{place}: {message}" if place else message for place, message in problems]
        raise BadInput(f"{len(problems)} problems with secrets", problems=told, hint=_BEFORE)
    return values


_BEFORE = "nothing was run; docs/secrets.md says what a reference may be"


class _Fault(Exception):
    """Why a reference gives no secret, to be read after the secret's name."""


def _value(reference: str, root: Path, is_tracked: Callable[[Path], bool]) -> str:
    scheme, _, rest = reference.partition(":")
    match scheme:
        case "env":
            value = _variable(rest)
        case "file":
            value = _content(rest, root, is_tracked)
        case _:
            value = _asked(scheme, rest)
    fault = _unfit(value)
    if fault:
        raise _Fault(f"({reference}) {fault}")
    return value


def _variable(name: str) -> str:
    if name not in os.environ:
        raise _Fault(f"stands in the variable {name}, and that is not set here{nearest(name, os.environ)}")
    return os.environ[name]


def _content(written: str, root: Path, is_tracked: Callable[[Path], bool]) -> str:
    path = root / written
    if is_tracked(Path(os.path.normpath(path))) or is_tracked(path.resolve()):
        raise _Fault(f"stands in {written}, which git tracks, so everybody has it: change it, and keep it elsewhere")
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST + 3)
        return data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise _Fault(f"stands in {written}, which is not UTF-8; a key of bytes can be kept as base64") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _Fault(f"stands in {written}, which cannot be read: {reason}") from error


def _asked(scheme: str, rest: str) -> str:
    point = _plugins().get(scheme)
    if point is None:
        known = schemes()
        close = nearest(scheme, known)
        raise _Fault(f"wants a reference that begins with one of {', '.join(f'{one}:' for one in known)}{close}")
    ask: Callable[[str], object]
    try:
        ask = point.load()
        value = ask(rest)
    except Exception as error:  # whatever somebody else's code does
        said = next(iter(str(error).splitlines()), "")[:200]
        raise _Fault(
            f"was asked of {scheme}: ({point.value}), and it failed: {type(error).__name__}: {said}"
        ) from error
    if not isinstance(value, str):
        raise _Fault(f"was asked of {scheme}: ({point.value}), and it gave {type(value).__name__} instead of text")
    return value


def _unfit(value: str) -> str:
    if len(value) < SHORTEST:
        return f"has fewer than {SHORTEST} characters: it would be found in everything that a run writes"
    if "\0" in value:
        return "holds a zero byte, which no variable can"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "is not UTF-8"
    return f"is longer than {LONGEST:,} bytes" if size > LONGEST else ""


def _in_marks(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A secret that is a word of the marks which take its place could not be taken out of anything."""
    marks = [mark(name) for name in values]
    for name, value in values.items():
        if any(form in text for form in spellings(value) for text in marks):
            yield name, "is a part of `secret` or of a secret's name, so anybody would guess it; change it"
