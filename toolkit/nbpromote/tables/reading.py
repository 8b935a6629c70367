"""Some columns of a table as numpy arrays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nbpromote.errors import nearest

_FORMATS = {".parquet": "parquet", ".pq": "parquet", ".feather": "feather", ".arrow": "feather", ".csv": "csv"}


def columns(path: Path, names: Iterable[str]) -> dict[str, Any]:
    """Missing numbers are NaN, any other missing value is None. Raises `ValueError` for what cannot be had."""
    import pyarrow as pa  # type: ignore[import-untyped]  # 0.2 s
    import pyarrow.dataset as datasets  # type: ignore[import-untyped]

    names = tuple(dict.fromkeys(names))
    try:
        table = datasets.dataset(path, format=_FORMATS.get(path.suffix.lower(), "parquet"))
        for name in names:
            if name not in (known := table.schema.names):
                told = f"no column {name!r} in {path.name}{nearest(name, known)}"
                raise ValueError(f"{told} (it has {', '.join(known)})")
        found = table.to_table(columns=list(names))
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path.name} cannot be read as a table: {str(error).splitlines()[0]}") from error
    return {name: _array(found[name]) for name in names}


def _array(column: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.to_numpy()
