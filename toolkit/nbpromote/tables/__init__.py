"""Declared inputs and outputs as tables: what is in them, from outside. Judges nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpromote.model import Column, Profile

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_PARQUET = (".parquet", ".pq")


def profile(path: Path) -> Profile | None:
    """Rows and columns of a Parquet file; None for what is no table that can be read."""
    if path.suffix not in _PARQUET or not path.is_file():
        return None
    import pyarrow.parquet as parquet  # type: ignore[import-untyped]  # 0.2 s

    return _profile(parquet.read_table(path))


def _profile(table: pa.Table) -> Profile:
    return Profile(rows=table.num_rows, columns=tuple(_column(name, table[name]) for name in table.column_names))


def _column(name: str, values: Any) -> Column:
    import pyarrow.compute as compute  # type: ignore[import-untyped]

    distinct = compute.count_distinct(values, mode="only_valid").as_py()
    return Column(name=name, kind=str(values.type), nulls=values.null_count, constant=distinct == 1)
