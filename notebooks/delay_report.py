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
# # Delay report
#
# When, with whom and in which weather are flights late? An analysis without a model; it is promoted like the others.

# %% tags=["parameters"]
late_after: int = 15  # minutes after which an arrival counts as late
min_flights: int = 30  # groups with fewer flights are left out
flights: str = "../data/dev/flights.parquet"  # the table of prepare_flights

# %%
import matplotlib.pyplot as plt
import pandas as pd
from scrapbook import glue

plt.rcParams["figure.dpi"] = 64

# %%
table = pd.read_parquet(flights)
table["late"] = table["arr_delay"] > late_after


def late_by(group: pd.Series) -> pd.DataFrame:
    """Flights and the share of late ones, a row for each group that has enough flights."""
    rows = table.groupby(group, observed=True).agg(
        flights=("late", "size"), share_late=("late", "mean"), median_delay=("arr_delay", "median")
    )
    return rows[rows["flights"] >= min_flights]


# %% [markdown]
# ## By hour
#
# Delays pile up over the day: an aircraft that is late at noon is late for the rest of it.

# %%
# NBVAL_CHECK_OUTPUT
by_hour = late_by(table["hour"])
by_hour.round(2)

# %%
fig, ax = plt.subplots(figsize=(6, 2.5), layout="constrained")
ax.bar(by_hour.index, by_hour["share_late"], color="tab:blue")
ax.set(xlabel="hour of scheduled departure", ylabel="share late", title="Late arrivals by hour")
plt.show()

# %% [markdown]
# ## By carrier

# %%
# NBVAL_CHECK_OUTPUT
by_carrier = late_by(table["carrier"]).sort_values("share_late")
by_carrier.round(2)

# %%
fig, ax = plt.subplots(figsize=(6, 2.5), layout="constrained")
ax.bar(by_carrier.index, by_carrier["share_late"], color="tab:orange")
ax.set(xlabel="carrier", ylabel="share late", title="Late arrivals by carrier")
plt.show()

# %% [markdown]
# ## By weather

# %%
# NBVAL_CHECK_OUTPUT
visibility = pd.cut(
    table["visib"], [-1, 2, 5, 9, 10], labels=["up to 2", "over 2", "over 5", "over 9"]
).rename("visibility (miles)")
by_visibility = late_by(visibility)
by_visibility.round(2)

# %%
fig, ax = plt.subplots(figsize=(6, 2.5), layout="constrained")
ax.bar(by_visibility.index.astype(str), by_visibility["share_late"], color="tab:green")
ax.set(xlabel="visibility at departure (miles)", ylabel="share late", title="Late arrivals by visibility")
plt.show()

# %% [markdown]
# ## In short

# %%
glue("flights", len(table))
glue("share_late", float(table["late"].mean()))
glue("worst_hour", int(by_hour["share_late"].idxmax()))
