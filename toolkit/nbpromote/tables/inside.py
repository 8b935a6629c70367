"""What runs in a kernel of the notebook's environment. Shipped as text, so nothing of the toolkit is needed there.

pandera's schemas, in YAML or Python, are held against files; what fails is told by column and check.
"""

import contextlib
import importlib.util
import os
import sys

BREACHES = 50  # of one table
SHOWN = 5  # rows of a breach


def judge(asked):
    """`asked` has a name, a schema, a name in it (empty for YAML), the data and the folder that imports start from."""
    with contextlib.redirect_stdout(sys.stderr):  # what a schema's module prints is no answer
        return {one["name"]: judged(one) for one in asked}


def judged(one):
    try:
        import pandera.errors
        import pandera.pandas
    except ImportError as error:
        return {"error": f"the kernel cannot import pandera: {error}", "missing": True}
    try:
        schema = schema_of(one)
    except Exception as error:
        return {"error": f"the schema cannot be read: {told(error)}"}
    try:
        table = table_of(one["data"])
    except Exception as error:
        return {"error": f"the table cannot be read: {told(error)}"}
    answer = {"rows": len(table), "checks": checks_of(schema)}
    try:
        schema.validate(table, lazy=True)
    except pandera.errors.SchemaErrors as error:
        return {**answer, "breaches": breaches(error.failure_cases)}
    except Exception as error:
        return {**answer, "error": f"the schema could not be asked: {told(error)}"}
    return answer


def told(error):
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


# -- what is read


def schema_of(one):
    if not one["attribute"]:
        try:
            from pandera.io.pandas_io import from_yaml
        except ImportError:  # before 0.20
            from pandera.io import from_yaml
        return from_yaml(one["schema"])
    sys.path[:0] = [folder for folder in one["path"] if folder not in sys.path]
    spec = importlib.util.spec_from_file_location("_nbpromote_schema", one["schema"])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, one["attribute"])
    schema = found.to_schema() if hasattr(found, "to_schema") else found
    if not callable(getattr(schema, "validate", None)):
        raise TypeError(f"{one['attribute']} is no schema of pandera's")
    return schema


def table_of(path):
    import pandas

    name = path.lower()
    if os.path.isdir(path) or name.endswith((".parquet", ".pq")):
        return pandas.read_parquet(path)
    if name.endswith((".feather", ".arrow", ".ipc")):
        return pandas.read_feather(path)
    if name.endswith((".tsv", ".tsv.gz")):
        return pandas.read_csv(path, sep="\t")
    if name.endswith((".csv", ".csv.gz")):
        return pandas.read_csv(path)
    if name.endswith((".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")):
        return pandas.read_json(path, lines=True)
    raise TypeError("pandas is asked to read Parquet, Feather, CSV and JSON lines")


def checks_of(schema):
    """How many things are compared: each column's presence, type and nulls count as one, each of its checks as one."""
    columns = getattr(schema, "columns", None) or {}
    own = getattr(schema, "checks", None) or []
    return sum(1 + len(getattr(column, "checks", None) or []) for column in columns.values()) + len(own)


# -- what is told


def breaches(cases):
    """Of pandera's list of failing values, one entry a column and check, the most rows first."""
    of_table = cases["schema_context"].astype(str) == "DataFrameSchema"  # its column is then the schema's own name
    groups = cases.assign(column=cases["column"].astype(str).mask(of_table, ""), check=cases["check"].astype(str))
    found = []
    for (column, check), group in groups.groupby(["column", "check"], sort=False):
        first = group.head(SHOWN)
        rows = first["index"].dropna()
        found.append(
            {
                "column": column,
                "check": check,
                "count": len(group),
                "rows": [str(row)[:40] for row in rows],
                "values": [repr(value)[:80] for value in first["failure_case"]],
            }
        )
    return sorted(found, key=lambda breach: -breach["count"])[:BREACHES]
