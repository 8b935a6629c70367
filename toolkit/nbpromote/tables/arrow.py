"""Parquet and Arrow files in pieces. What a footer says of its columns is not read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpromote.tables.parts import MANY, NOTHING, Part, Seen, joined

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_ROWS = 65_536  # of a piece
_CHUNKS = 200_000  # columns times row groups that are looked at: some milliseconds a thousand


def parquet(path: Path) -> Iterator[Part]:
    """The whole file by the statistics of its row groups, then those columns in pieces that have none."""
    import pyarrow.parquet as format  # type: ignore[import-untyped]  # 0.2 s

    with format.ParquetFile(path) as file:
        metadata, kinds = file.metadata, {field.name: kind(field.type) for field in file.schema_arrow}
        if metadata.num_row_groups * metadata.num_columns > _CHUNKS:
            raise ValueError(f"{metadata.num_row_groups:,} row groups of {metadata.num_columns:,} columns")
        leaves = {metadata.schema.column(at).path: at for at in range(metadata.num_columns)}
        told = {name: _by_footer(metadata, leaves.get(name), kinds[name]) for name in kinds}
        columns = {name: seen or Seen(kind=kinds[name]) for name, seen in told.items()}
        yield Part(rows=metadata.num_rows, columns=columns)
        untold = [name for name, seen in told.items() if seen is None]
        for batch in file.iter_batches(batch_size=_ROWS, columns=untold) if untold else ():
            yield Part(rows=0, columns=_columns(batch))


def _by_footer(metadata: Any, at: int | None, kind: str) -> Seen | None:
    """What the statistics say of a column; None where they do not say enough, or it is made of several."""
    seen = Seen(kind=kind)
    if at is None:
        return None
    for group in range(metadata.num_row_groups):
        column = metadata.row_group(group).column(at)
        statistics = column.statistics
        if statistics is None or not statistics.has_null_count:
            return None
        held: Any = NOTHING
        if statistics.null_count < column.num_values:
            if not statistics.has_min_max:  # nothing but NaN, or a type that has no order
                return None
            low, high = statistics.min_raw, statistics.max_raw
            held = low if low == high else MANY
        seen = joined(seen, Seen(kind=kind, nulls=statistics.null_count, held=held))
    return seen


def arrow(path: Path) -> Iterator[Part]:
    """Feather's second version is the file format of Arrow."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        try:
            file = pa.ipc.open_file(source)
            batches = (file.get_batch(at) for at in range(file.num_record_batches))
        except pa.ArrowInvalid:  # the other of Arrow's two formats
            source.seek(0)
            batches = file = pa.ipc.open_stream(source)
        yield Part(rows=0, columns={field.name: Seen(kind=kind(field.type)) for field in file.schema})
        for batch in batches:
            yield Part(rows=batch.num_rows, columns=_columns(batch))


def _columns(batch: pa.RecordBatch) -> dict[str, Seen]:
    return {name: seen(values) for name, values in zip(batch.schema.names, batch.columns, strict=True)}


def seen(values: pa.Array) -> Seen:
    import pyarrow as pa
    import pyarrow.compute as compute  # type: ignore[import-untyped]

    valid = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    valid = valid.filter(compute.is_valid(valid))
    if pa.types.is_floating(valid.type):
        valid = valid.filter(compute.invert(compute.is_nan(valid)))
    return Seen(kind=kind(values.type), nulls=len(values) - len(valid), held=held(valid))


def held(valid: pa.Array) -> Any:
    """The one value of an array without nulls."""
    import pyarrow as pa
    import pyarrow.compute as compute

    if not len(valid):
        return NOTHING
    first = valid[0]
    try:
        same = compute.all(compute.equal(valid, first)).as_py()
    except pa.ArrowNotImplementedError:  # lists and structs
        same = all(value == first for value in valid)
    return first if same else MANY


def kind(found: pa.DataType) -> str:
    """Without what depends on the writer only: how wide offsets are, and the numbers of categories."""
    import pyarrow as pa

    if pa.types.is_dictionary(found):
        found = found.value_type
    return str(found).replace("large_", "").replace("_view", "")
