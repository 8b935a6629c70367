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
# # Starter
#
# A notebook with everything that nbpromote looks at, to be replaced by yours. It estimates π by throwing points at a
# square and counting those inside the circle.
#
# Run it here cell by cell, or with `nbpromote run starter --env dev`.

# %% [markdown]
# ## Parameters
#
# The cell tagged `parameters` holds plain values: the name, the type, the default and the help of each parameter.
# `params/*.yaml` gives other values in other environments; the code stays the same. The defaults are dev's values.

# %% tags=["parameters"]
points: int = 1000  # points to throw
seed: int = 1  # where the random numbers start
result: str = "../data/dev/result.csv"  # the table to write, an output in params/base.yaml

# %%
import csv
import math
import random
from pathlib import Path

from scrapbook import glue

# %% [markdown]
# ## Compute

# %%
rng = random.Random(seed)
inside = sum(math.hypot(rng.random(), rng.random()) <= 1 for _ in range(points))
estimate = 4 * inside / points

# %% [markdown]
# ## Check
#
# A cell that begins with `NBVAL_CHECK_OUTPUT` is compared with the output that was accepted: `nbpromote baseline starter`.
# Print what is the same in every run: rounded numbers, no times and no paths.

# %%
# NBVAL_CHECK_OUTPUT
print(f"{inside} of {points} points inside, so π is about {estimate:.2f}")

# %% [markdown]
# ## Hand over
#
# An output is written to the path that its parameter holds. During a run that is a folder of the run; only when all
# checks have passed is it put in place.

# %%
Path(result).parent.mkdir(parents=True, exist_ok=True)
with open(result, "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["points", "inside", "estimate"])
    writer.writerow([points, inside, estimate])

# %% [markdown]
# What is glued is a metric of the run: tracked in MLflow, and asked for by the gates in `params/*.policy.yaml`.

# %%
glue("estimate", estimate)
glue("error", abs(estimate - math.pi))
