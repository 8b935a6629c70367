"""What a table looks like from outside, in one pass and little memory however large its files are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path

from nbpromote.model import Column, Profile
from nbpromote.tables import arrow, texts
from nbpromote.tables.parts import MANY, NOTHING, Part, Seen, joined

_READ: Mapping[str, Callable[[Path], Iterator[Part]]] = {
    **dict.fromkeys((".parquet", ".pq"), arrow.parquet),
    **dict.fromkeys((".feather", ".arrow", ".ipc"), arrow.arrow),
    **dict.fromkeys((".csv", ".csv.gz"), texts.commas),
    **dict.fromkeys((".tsv", ".tsv.gz"), texts.tabs),
    **dict.fromkeys((".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz"), texts.lines),
}

_COLUMNS = 10_000  # a record of more is nothing that anybody reads
_NAME = 200  # characters


def profile(place: Path) -> Profile | None:
    """Rows and columns of a file, or of a folder of files of one format; None for what is no table by its name.

    What cannot be read has a `fault` that says why. Raises nothing for what is in the files.
    """
    paths = _files(place)
    formats = {_format(path) for path in paths}
    read = formats.pop() if len(formats) == 1 else None
    if read is None:
        return None
    try:
        return _summed(part for path in paths for part in read(path))
    except (ValueError, OSError, LookupError, TypeError, ArithmeticError, RuntimeError, MemoryError, EOFError) as error:
        # pyarrow's own are kinds of these; of strange files there is no end, and none of them ends a run
        said = str(error).strip().partition("\n")[0]
        return Profile(rows=0, fault=said[:_NAME] or type(error).__name__)


def begin(places: Iterable[str]) -> None:
    """Import what reading them will want, where their names promise a table."""
    if any(_format(Path(place)) for place in places):
        import_module("pyarrow.parquet")  # 0.2 s


def _format(path: Path) -> Callable[[Path], Iterator[Part]] | None:
    return next((read for ending, read in _READ.items() if path.name.lower().endswith(ending)), None)


def _files(place: Path) -> list[Path]:
    """Without what writers of datasets leave beside the data: `_SUCCESS`, `_metadata`, `.crc`."""
    if not place.is_dir():
        return [place] if place.is_file() else []
    found = (path for path in sorted(place.rglob("*")) if path.is_file())
    return [path for path in found if not any(part[0] in "._" for part in path.relative_to(place).parts)]


def _summed(found: Iterator[Part]) -> Profile:
    rows = 0
    columns: dict[str, Seen] = {}
    for part in found:
        for name in columns.keys() - part.columns.keys():
            columns[name] = joined(columns[name], Seen(kind="null", nulls=part.rows))
        for name, seen in part.columns.items():
            columns[name] = joined(columns.get(name) or Seen(kind="null", nulls=rows), seen)
        rows += part.rows
        if len(columns) > _COLUMNS:
            raise ValueError(f"more than {_COLUMNS:,} columns")
    return Profile(rows=rows, columns=tuple(_column(name, seen) for name, seen in columns.items()))


def _column(name: str, seen: Seen) -> Column:
    constant = seen.held is not NOTHING and seen.held is not MANY
    return Column(name=name[:_NAME], kind=seen.kind, nulls=seen.nulls, constant=constant)
