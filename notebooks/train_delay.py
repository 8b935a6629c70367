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
# # Train delay
#
# How late will a flight arrive? Asked at push-back, when its departure delay is known and nothing of the flight itself
# is. The model has to beat two honest baselines: the mean, and the departure delay itself.

# %% tags=["parameters"]
months: list[int] = [1]  # months of 2013 to use
held_out_every: int = 4  # every so many days, a whole day is held out to test on
max_iter: int = 100  # trees to boost
learning_rate: float = 0.1  # of the boosting
flights: str = "../data/dev/flights.parquet"  # the table of prepare_flights
residuals: str = "../data/dev/residuals.parquet"  # held-out flights with their predictions, to write

# %%
import warnings
from importlib.metadata import version
from pathlib import Path

warnings.filterwarnings("ignore", message="IProgress not found")  # MLflow's progress bars, without ipywidgets

import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from scrapbook import glue
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

threadpool_limits(1)  # on shared cores, threads that wait for one another cost more than they bring
plt.rcParams["figure.dpi"] = 64

# %% [markdown]
# ## What is known at push-back

# %%
CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = [
    "dep_delay",
    "sched_dep_minute", "sched_duration", "distance", "weekday",
    "temp", "wind_speed", "precip", "visib", "pressure",
]

table = pd.read_parquet(flights).query("month in @months")
X = table[CATEGORIES + NUMBERS].astype(dict.fromkeys(NUMBERS, float) | dict.fromkeys(CATEGORIES, object))
y = table["arr_delay"]

# %% [markdown]
# ## Hold out whole days
#
# Flights of one day share its weather and its queues: split at random, the test would know the day already.

# %%
# NBVAL_CHECK_OUTPUT
held_out = (table["date"].dt.day % held_out_every == 0).to_numpy()
X_train, X_test = X[~held_out], X[held_out]
y_train, y_test = y[~held_out], y[held_out]

table.assign(part=np.where(held_out, "test", "train")).groupby("part").agg(
    days=("date", "nunique"), flights=("flight", "size"), mean_arr_delay=("arr_delay", "mean")
).round(1)

# %% [markdown]
# ## The model
#
# A line carries the departure delay over to the arrival, and holds far out, where trees have seen too few flights;
# trees add what is not a line. The answer is a weighted mean of the two.

# %%
line = make_pipeline(
    make_column_transformer(
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20), CATEGORIES),
        (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
    ),
    Ridge(),
)
trees = make_pipeline(
    make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), CATEGORIES),
        ("passthrough", NUMBERS),
    ),
    HistGradientBoostingRegressor(
        max_iter=max_iter,
        learning_rate=learning_rate,
        min_samples_leaf=40,
        early_stopping=False,
        random_state=0,
    ),
)
model = VotingRegressor([("line", line), ("trees", trees)], weights=[2, 1])

model.fit(X_train, y_train)
predicted = model.predict(X_test)

# %% [markdown]
# ## Against the baselines

# %%
# NBVAL_CHECK_OUTPUT
answers = {
    "the mean": np.full(len(y_test), y_train.mean()),
    "departure delay": table.loc[held_out, "dep_delay"],
    "this model": predicted,
}
scores = pd.DataFrame(
    {
        "mae": {name: mean_absolute_error(y_test, answer) for name, answer in answers.items()},
        "rmse": {name: root_mean_squared_error(y_test, answer) for name, answer in answers.items()},
        "r2": {name: r2_score(y_test, answer) for name, answer in answers.items()},
    }
)
scores.round({"mae": 1, "rmse": 1, "r2": 2})

# %%
glue("mae", float(scores.loc["this model", "mae"]))
glue("rmse", float(scores.loc["this model", "rmse"]))
glue("r2", float(scores.loc["this model", "r2"]))
glue("baseline_mae", float(scores.loc["the mean", "mae"]))
glue("baseline_mae_departure", float(scores.loc["departure delay", "mae"]))

# %% [markdown]
# ## Where it errs

# %%
# every column, so that another model can be asked about the same flights
tested = table[held_out].assign(predicted=predicted, residual=y_test - predicted)
Path(residuals).parent.mkdir(parents=True, exist_ok=True)
tested.to_parquet(residuals, index=False)

# %%
by_month = tested.groupby("month", as_index=False).agg(
    flights=("residual", "size"), mae=("residual", lambda residual: residual.abs().mean())
)
glue("mae_by_month", by_month, "pandas")

# %%
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.hexbin(tested["predicted"], tested["residual"], gridsize=40, bins="log", mincnt=1, cmap="viridis")
ax.axhline(0, color="black", linewidth=0.8)
ax.set(xlabel="predicted delay (min)", ylabel="actual − predicted (min)", title="Residuals, held-out days")
plt.close(fig)
glue("residual_plot", fig, "display")

# %% [markdown]
# ## Log the model
#
# MLflow keeps scikit-learn models as skops files, and refuses types it does not know unless they are named.

# %%
example = X_train.head(5)

with mlflow.start_run():
    mlflow.sklearn.log_model(
        model,
        name="model",
        signature=infer_signature(example, model.predict(example)),
        input_example=example,
        skops_trusted_types=[
            "numpy.dtype",
            "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
            "sklearn.utils._bunch.Bunch",
        ],
        # named here, since MLflow would load the model once more to find out
        pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow", "pandas", "scikit-learn", "skops")],
    )
