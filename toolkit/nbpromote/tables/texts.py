"""CSV and JSON lines in pieces. They name no types, so kinds are those that a reader would find: number, text, ..."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from functools import reduce
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nbpromote.tables.arrow import held
from nbpromote.tables.parts import MANY, Part, Seen, kind_of_both

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_BLOCK = 4 * 1024 * 1024  # bytes of a piece; also the longest row
_ROWS = 10_000  # of a piece


def commas(path: Path) -> Iterator[Part]:
    return _delimited(path, ",")


def tabs(path: Path) -> Iterator[Part]:
    return _delimited(path, "\t")


def _delimited(path: Path, delimiter: str) -> Iterator[Part]:
    """As bytes, so that neither another encoding nor a value of another kind further down is in the way.

    Rows with more or fewer values than the header count as rows without values.
    """
    import pyarrow as pa
    import pyarrow.csv as csv  # type: ignore[import-untyped]  # 0.2 s

    ragged = 0

    def skip(_row: object) -> str:
        nonlocal ragged
        ragged += 1
        return "skip"

    read = csv.ReadOptions(block_size=_BLOCK, use_threads=False)
    parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip)
    try:
        with csv.open_csv(str(path), read_options=read, parse_options=parse) as file:
            names = file.schema.names
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):
            return
        raise
    as_bytes = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=True)
    ragged = 0
    yield Part(rows=0, columns={name: Seen(kind="null") for name in names})
    with csv.open_csv(str(path), read_options=read, parse_options=parse, convert_options=as_bytes) as file:
        for batch in file:
            columns = {name: _seen(values) for name, values in zip(names, batch.columns, strict=True)}
            yield Part(rows=batch.num_rows, columns=columns)
    yield Part(rows=ragged, columns={})


def _seen(values: pa.Array) -> Seen:
    valid = values.drop_null()
    return Seen(kind=_kind(valid), nulls=len(values) - len(valid), held=held(valid))


def _kind(valid: pa.Array) -> str:
    """The first kind that every value fits."""
    import pyarrow as pa

    if not len(valid):
        return "null"
    for kind, type_ in (("number", pa.float64()), ("flag", pa.bool_()), ("time", pa.timestamp("us"))):
        try:
            valid.cast(pa.string()).cast(type_)
        except pa.ArrowInvalid:
            continue
        return kind
    return "text"


def lines(path: Path) -> Iterator[Part]:
    """JSON objects, one a line; a key that is not there is null."""
    with _opened(path) as file:
        rows = _objects(file)
        while piece := list(islice(rows, _ROWS)):
            yield _part(piece)


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def _objects(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    number = 0
    while line := file.readline(_BLOCK):
        number += 1
        if len(line) == _BLOCK:
            raise ValueError(f"line {number} is longer than {_BLOCK:,} bytes")
        if line.strip():
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is no JSON object")
            yield row


def _part(rows: list[dict[str, Any]]) -> Part:
    values: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            values[name] += () if value is None else (value,)
    columns = {name: _column(found, len(rows)) for name, found in values.items()}
    return Part(rows=len(rows), columns=columns)


def _column(valid: list[Any], rows: int) -> Seen:
    kind = reduce(kind_of_both, {_KINDS[type(value)] for value in valid}, "null")
    if not valid:
        return Seen(kind=kind, nulls=rows)
    same = all(value == valid[0] for value in valid)
    return Seen(kind=kind, nulls=rows - len(valid), held=valid[0] if same else MANY)


_KINDS = {bool: "flag", int: "number", float: "number", str: "text", list: "list", dict: "mapping"}
