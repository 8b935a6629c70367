"""Find notebooks by name or path. Opens files only to tell a notebook's script from any other module."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

from nbpromote.errors import NotFound, Usage, nearest
from nbpromote.model import Pair
from nbpromote.notebook import sides

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")  # no hidden file, no option
_LETTERS = "letters, digits, '.', '_' and '-', with '/' between folders"
_PERCENT = re.compile(rb"^#\s?%%(\s|$)", re.MULTILINE)
_HEADER = re.compile(rb"^#\s+jupytext:\s*$", re.MULTILINE)


def find(root: Path, folder: Path, name: str) -> Pair:
    """The notebook called `name` in `folder`, or the one at the path `name` anywhere inside `root`.

    A name is relative to `folder`; its last part will do where only one notebook carries it.
    Raises `Usage` for a name that could lead out of `root`, `NotFound` for one that nothing carries.
    """
    pair = _at_path(root, folder, name) if name.endswith(sides.SUFFIXES) else _at_name(root, folder, name)
    if pair is None:
        known = [pair.name for pair in find_all(folder)]
        raise NotFound(
            f"no notebook {name!r} in {folder}{nearest(name, known)}",
            hint=f"known: {', '.join(known) or 'none'}",
        )
    return pair


def find_all(folder: Path) -> tuple[Pair, ...]:
    """Every notebook below `folder`, by name, but for hidden folders and names that `find` refuses."""
    stems = sorted({path.relative_to(folder).with_suffix("").as_posix() for path in _files(folder)})
    pairs = (_pair(folder / stem, stem) for stem in stems if is_name(stem))
    return tuple(pair for pair in pairs if pair)


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in names if name.endswith(sides.SUFFIXES) and not name.startswith("."))


def _at_name(root: Path, folder: Path, name: str) -> Pair | None:
    if not is_name(name):
        raise Usage(f"{name!r} cannot name a notebook", hint=f"names are made of {_LETTERS}")
    exact = _pair_below(root, folder, folder / name) or _pair_below(root, folder, root / name)
    return exact or _by_last_part(folder, name)


def _by_last_part(folder: Path, name: str) -> Pair | None:
    found = [pair for pair in find_all(folder) if pair.name.endswith(f"/{name}")]
    if len(found) > 1:
        names = ", ".join(pair.name for pair in found)
        raise Usage(f"{name!r} could be any of {names}", hint="give its folder too")
    return found[0] if found else None


def _at_path(root: Path, folder: Path, name: str) -> Pair | None:
    stem = PurePath(name).with_suffix("")
    places = [base / stem for base in (Path.cwd(), root, folder)]
    inside = [place for place in places if _inside(root, place)]
    if not inside:
        raise Usage(f"{name!r} leads out of the project {root}; nothing was read")
    found = (_pair_below(root, folder, place) for place in inside)
    return next((pair for pair in found if pair), None) or _by_last_part(folder, stem.as_posix())


def _pair_below(root: Path, folder: Path, stem: Path) -> Pair | None:
    """The pair at a path without suffix, named from `folder`, or from `root` where it is not in `folder`."""
    if not _inside(root, stem):
        raise Usage(f"{str(stem)!r} leads out of the project {root}; nothing was read")
    place = root / stem.resolve().relative_to(root.resolve())
    at_home = _inside(folder, place)
    base = folder if at_home else root
    name = place.resolve().relative_to(base.resolve()).as_posix()
    pair = _pair(place, name)
    if pair and not all(_inside(root, side) for side in (pair.ipynb, pair.script) if side):
        raise Usage(f"{pair.path} is a link that leads out of the project {root}")
    if pair and not is_name(name):
        raise Usage(f"{str(pair.path)!r} cannot name a notebook", hint=f"rename it, with {_LETTERS}")
    if pair and not at_home and _pair(folder / name, name):
        both = f"{pair.path} and {folder / name}"
        raise Usage(f"two notebooks would be called {name!r}: {both}", hint="rename one")
    return pair


def _pair(stem: Path, name: str) -> Pair | None:
    ipynb, *scripts = (stem.parent / f"{stem.name}{suffix}" for suffix in sides.SUFFIXES)
    has_ipynb = ipynb.is_file()
    there = [script for script in scripts if script.is_file()]
    if not has_ipynb or len(there) > 1:
        # of helper modules and scripts in several languages, the one with cells is the notebook's
        there = [script for script in there if _is_notebook(script)] or (there if has_ipynb else [])
    if not has_ipynb and not there:
        return None
    return Pair(name=name, ipynb=ipynb if has_ipynb else None, script=there[0] if there else None)


def _is_notebook(script: Path) -> bool:
    return has_cells(sides.content(script))


def has_cells(script: bytes) -> bool:
    """What tells a notebook's script from any other module."""
    return bool(_PERCENT.search(script) or _HEADER.search(script))


def is_name(name: str) -> bool:
    """Whether a notebook may be called so: no hidden file is one, nor anything that reads like an option."""
    return all(_PART.fullmatch(part) for part in name.split("/"))


def _inside(folder: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
