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
# # Score flights
#
# Predicts a month with the model that is live in this environment. `live:train_delay` names it; nbpromote puts the exact
# model in its place when it runs the notebook. Any address that MLflow knows will do, too: `models:/NAME@champion`.
#
# Plain `pytest --nbval-lax` has no live model, so the cells are tagged to be passed by.

# %% tags=["parameters", "nbval-skip"]
month: int = 1  # month of 2013 to score
model: str = "live:train_delay"  # the model to score with
flights: str = "../data/dev/flights.parquet"  # the table of prepare_flights
scores: str = "../data/dev/scores.parquet"  # flights with their predictions, to write

# %% tags=["nbval-skip"]
import warnings
from pathlib import Path

warnings.filterwarnings("ignore", message="IProgress not found")  # MLflow's progress bars, without ipywidgets

import mlflow
import pandas as pd
from scrapbook import glue
from threadpoolctl import threadpool_limits

# %% [markdown]
# ## Predict
#
# The model's signature names its columns and their types, so nothing of the training needs to be repeated here.

# %% tags=["nbval-skip"]
predictor = mlflow.pyfunc.load_model(model)
threadpool_limits(1)  # as in train_delay
table = pd.read_parquet(flights).query("month == @month").reset_index(drop=True)

columns = {
    column.name: float if column.type.name == "double" else object
    for column in predictor.metadata.get_input_schema()
}
table["predicted_delay"] = predictor.predict(table[list(columns)].astype(columns))

# %% [markdown]
# ## Hand over

# %% tags=["nbval-skip"]
scored = table[["date", "carrier", "flight", "origin", "dest", "dep_delay", "predicted_delay"]]
Path(scores).parent.mkdir(parents=True, exist_ok=True)
scored.to_parquet(scores, index=False)

# %% tags=["nbval-skip"]
glue("rows_scored", len(scored))
glue("mean_predicted_delay", float(scored["predicted_delay"].mean()))

# %% tags=["nbval-skip"]
scored.nlargest(5, "predicted_delay").round({"predicted_delay": 1})
