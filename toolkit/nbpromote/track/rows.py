"""What a model says of the rows of a table. Shipped into a kernel as text, beside what else runs inside."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from typing import Any


def say_of_rows(uri: str, table: str, answers: str) -> dict[str, Any]:
    """`{"rows": 3}`, with an answer for each in a file of numpy's; or `{"error": ...}`.

    It raises where a server or database cannot be reached: that says nothing about the model.
    """
    import mlflow
    import numpy

    try:
        with tempfile.TemporaryDirectory() as folder:  # MLflow notes the name of a registered model where it lies
            model = mlflow.pyfunc.load_model(uri, dst_path=folder, suppress_warnings=True)
            said = one_a_row(model.predict(features(model, read_rows(table))))
        numpy.save(answers, said, allow_pickle=False)
        return {"rows": len(said)}
    except Exception as error:
        if globals()["is_unreachable"](error):  # of `inside`, which is shipped before
            raise
        told = str(error) if isinstance(error, LookupError) else f"{type(error).__name__}: {error}"
        return {"error": told}


def read_rows(path: str) -> Any:
    import pandas  # type: ignore[import-untyped]

    readers = {".csv": pandas.read_csv, ".feather": pandas.read_feather, ".arrow": pandas.read_feather}
    return readers.get(os.path.splitext(path)[1].lower(), pandas.read_parquet)(path)


def features(model: Any, rows: Any) -> Any:
    """The columns that the model's signature names, in its types where they can be had."""
    inputs = model.metadata.get_input_schema()
    if inputs is None or not inputs.has_input_names():
        raise LookupError("it was logged without a signature, so nobody knows which columns it takes")
    names = [name for name in inputs.input_names() if name in rows]
    missing = [name for name in inputs.required_input_names() if name not in rows]
    if missing:
        raise LookupError(f"it takes columns that the table lacks: {', '.join(map(str, missing))}")
    rows = rows[names].copy()
    for column in inputs.inputs:
        if column.name in rows and hasattr(column.type, "to_pandas"):
            with suppress(TypeError, ValueError):  # MLflow says better than this what does not fit
                rows[column.name] = rows[column.name].astype(column.type.to_pandas())
    return rows


def one_a_row(said: Any) -> Any:
    """An array with one answer a row: of two chances that add up to 1, that of the second class."""
    import numpy

    found = numpy.asarray(said)
    if found.ndim == 2 and found.shape[1] == 2 and numpy.allclose(found.astype(float).sum(axis=1), 1):
        found = found[:, 1]
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1:
        raise LookupError(f"it answers with {' by '.join(map(str, found.shape))} values; one a row is wanted")
    return numpy.asarray(found.tolist()) if found.dtype == object else found
