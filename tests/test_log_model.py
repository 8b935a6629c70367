"""`nbpromote.log_model`, and what MLflow's own does under nbpromote."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import nbpromote
from ground import HEADER, begun
from nbpromote.errors import BadInput, Refused
from nbpromote.track import requirements
from nbpromote.track.models import folder_of

X = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) % 7})
Y = X["a"] + 2 * X["b"]

FEATURES = """
from sklearn.base import BaseEstimator, TransformerMixin

class Ratio(BaseEstimator, TransformerMixin):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X.assign(ratio=X["a"] / (X["b"] + 1))

def halved(X):
    return X / 2
"""

processes: list[str] = []  # that this one has started
sys.addaudithook(
    lambda event, args: processes.append(args[0]) if event == "subprocess.Popen" and "python" in str(args[0]) else None
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[str]:
    """MLflow as it is without nbpromote's run: a store that the notebook has chosen itself."""
    from mlflow import MlflowClient

    place = tmp_path_factory.mktemp("plain")
    uri = f"sqlite:///{shutil.copy(empty_store, place / 'mlflow.db')}"
    experiment = MlflowClient(uri).create_experiment("plain", artifact_location=(place / "kept").as_uri())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
        yield uri


@pytest.fixture
def features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module of the user's own, beside the notebook."""
    (tmp_path / "features.py").write_text(FEATURES)
    monkeypatch.syspath_prepend(tmp_path)
    import features  # type: ignore[import-not-found]

    yield features
    del sys.modules["features"]


def kept(info: Any, uri: str) -> tuple[dict[str, Any], list[str]]:
    """The `MLmodel` file of what was logged, and its requirements."""
    import yaml

    folder = folder_of(uri, info.model_uri, Path())
    told = yaml.safe_load((folder / "MLmodel").read_text())
    return told, (folder / "requirements.txt").read_text().split()


def names(pins: list[str]) -> set[str]:
    assert all("==" in pin for pin in pins), pins
    return {pin.partition("==")[0] for pin in pins}


def started() -> list[str]:
    """Python's own processes: MLflow asks git too."""
    return [program for program in processes if "python" in program]


def loaded(info: Any) -> list[float]:
    import mlflow

    return [float(value) for value in np.ravel(mlflow.pyfunc.load_model(info.model_uri).predict(X.head(3)))]


# -- outside of a run --------------------------------------------------------------------------------------------------


def test_scikit_learn_is_kept_as_skops_with_its_types_named_and_its_packages_pinned(store: str) -> None:
    model = make_pipeline(StandardScaler(), HistGradientBoostingRegressor(max_iter=3)).fit(X, Y)
    processes.clear()

    info = nbpromote.log_model(model, input_example=X.head(), params={"max_iter": 3})

    told, pins = kept(info, store)
    assert told["flavors"]["sklearn"]["serialization_format"] == "skops"
    assert (
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
        in told["flavors"]["sklearn"]["skops_trusted_types"]
    )
    assert [column["name"] for column in json.loads(told["signature"]["inputs"])] == ["a", "b"]
    assert json.loads(told["signature"]["outputs"])
    assert names(pins) == {"mlflow", "numpy", "pandas", "scikit-learn", "skops"}
    assert loaded(info) == pytest.approx(model.predict(X.head(3)))
    assert started() == []


def test_mlflow_is_as_it_was_afterwards(store: str) -> None:
    import mlflow.sklearn

    before = (mlflow.models.infer_pip_requirements, mlflow.sklearn._save_model)
    nbpromote.log_model(LinearRegression().fit(X, Y), input_example=X.head())
    with pytest.raises(Exception, match="no_such"):
        nbpromote.log_model(LinearRegression().fit(X, Y), input_example=X.head(), no_such=1)

    assert (mlflow.models.infer_pip_requirements, mlflow.sklearn._save_model) == before


def test_what_the_notebook_gives_itself_is_taken(store: str) -> None:
    model = LinearRegression().fit(X, Y)

    info = nbpromote.log_model(model, input_example=X.head(), name="mine", pip_requirements=["scikit-learn", "mlflow"])

    assert kept(info, store)[1] == ["scikit-learn", "mlflow"]
    assert info.name == "mine"


def test_lightgbm_is_kept_in_its_own_format_and_its_estimators_as_skops(store: str) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMRegressor(n_estimators=3, min_child_samples=2, verbose=-1).fit(X, Y)
    processes.clear()

    estimator = nbpromote.log_model(model, input_example=X.head())
    booster = nbpromote.log_model(model.booster_, input_example=X.head())

    for info, file in ((estimator, "model.skops"), (booster, "model.lgb")):
        told, pins = kept(info, store)
        assert told["flavors"]["lightgbm"]["data"] == file
        assert {"lightgbm", "mlflow", "numpy", "pandas"} <= names(pins)
        assert loaded(info) == pytest.approx(model.predict(X.head(3)))
    assert "scikit-learn" in names(kept(estimator, store)[1])
    assert started() == []


def test_statsmodels_is_a_pickle_that_must_be_asked_for(store: str) -> None:
    linear = pytest.importorskip("statsmodels.regression.linear_model")
    fitted = linear.OLS(Y, X).fit()

    with pytest.raises(Refused, match=r"RegressionResults\w* can be kept only as a pickle, .*allow_pickle=True"):
        nbpromote.log_model(fitted, input_example=X.head())
    with pytest.raises(BadInput, match=r"OLS has no save\(\): log the fitted model"):
        nbpromote.log_model(linear.OLS(Y, X), input_example=X.head(), allow_pickle=True)
    info = nbpromote.log_model(fitted, input_example=X.head(), allow_pickle=True)

    assert {"statsmodels", "mlflow", "numpy", "pandas"} <= names(kept(info, store)[1])
    assert loaded(info) == pytest.approx(fitted.predict(X.head(3)))


def test_a_model_of_ones_own_is_a_pickle_whose_imports_are_pinned(store: str) -> None:
    import mlflow

    class Own(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any) -> Any:
            import scipy.stats  # known to the function alone

            return scipy.stats.rankdata(model_input["a"])

    Own.__module__ = "__main__"  # as in a notebook: kept by its code and not by its name

    with pytest.raises(Refused, match="can be kept only as a pickle"):
        nbpromote.log_model(Own(), input_example=X.head())
    processes.clear()
    info = nbpromote.log_model(Own(), input_example=X.head(), allow_pickle=True)

    assert names(kept(info, store)[1]) == {"cloudpickle", "mlflow", "numpy", "pandas", "scipy"}
    assert loaded(info) == [1, 2, 3]
    assert started() == []


def test_somebody_vouches_for_types_of_ones_own(store: str, features: Any) -> None:
    model = make_pipeline(features.Ratio(), LinearRegression()).fit(X, Y)

    with pytest.raises(Refused, match=r"holds features\.Ratio, .*trust=\['features\.Ratio'\]"):
        nbpromote.log_model(model, input_example=X.head())
    with pytest.raises(Refused, match=r"'cloudpickle' is a pickle"):
        nbpromote.log_model(model, input_example=X.head(), serialization_format="cloudpickle")
    info = nbpromote.log_model(model, input_example=X.head(), trust=["features.Ratio"], code_paths=[features.__file__])

    assert kept(info, store)[0]["flavors"]["sklearn"]["skops_trusted_types"] == ["features.Ratio"]
    assert loaded(info) == pytest.approx(model.predict(X.head(3)))


def test_functions_and_what_a_notebook_defines_are_not_trusted_by_themselves(features: Any) -> None:
    halving = make_pipeline(FunctionTransformer(features.halved), LinearRegression()).fit(X, Y)
    with pytest.raises(Refused, match=r"trust=\['features\.halved'\]"):
        nbpromote.log_model(halving, input_example=X.head())

    reading = make_pipeline(FunctionTransformer(pd.get_dummies), LinearRegression()).fit(X, Y)
    with pytest.raises(Refused, match=r"trust=\['pandas\..*get_dummies'\]"):
        nbpromote.log_model(reading, input_example=X.head())


@pytest.mark.parametrize("how", ["a class of the notebook", "a function without a name"])
def test_what_nobody_else_could_find_must_move_to_a_file(features: Any, how: str) -> None:
    if how == "a class of the notebook":
        features.Ratio.__module__ = "__main__"
        sys.modules["__main__"].Ratio = features.Ratio  # type: ignore[attr-defined]
        part = features.Ratio()
    else:
        part = FunctionTransformer(lambda frame: frame / 2)

    with pytest.raises(Refused, match=r"(__main__\.Ratio|<lambda>): defined in the notebook .* Move it to a file"):
        nbpromote.log_model(make_pipeline(part, LinearRegression()).fit(X, Y), input_example=X.head(), trust=["any"])


def test_what_no_format_but_a_pickle_can_keep_says_so(store: str) -> None:
    line = LinearRegression().fit(X, Y)
    line.coefficients_ = (value for value in line.coef_)
    with pytest.raises(Refused, match=r"LinearRegression can be kept only as a pickle \(\w+: .*allow_pickle=True"):
        nbpromote.log_model(line, input_example=X.head())

    model = make_pipeline(FunctionTransformer(lambda frame: frame / 2), LinearRegression()).fit(X, Y)
    info = nbpromote.log_model(model, input_example=X.head(), allow_pickle=True)

    assert kept(info, store)[0]["flavors"]["sklearn"]["serialization_format"] == "cloudpickle"


@pytest.mark.parametrize("thing", [object(), {"a": 1}, "model.pkl", LinearRegression, len])
def test_what_is_no_model_is_told_which_are(thing: Any) -> None:
    with pytest.raises(BadInput, match="scikit-learn, xgboost, lightgbm, statsmodels"):
        nbpromote.log_model(thing, input_example=X.head())


def test_a_model_that_cannot_predict_is_told_so() -> None:
    with pytest.raises(BadInput, match=r"sklearn.preprocessing._data.StandardScaler has no predict\(\)"):
        nbpromote.log_model(StandardScaler().fit(X), input_example=X.head())


def test_xgboost_goes_by_the_name_of_its_module() -> None:
    from nbpromote.track.logging import flavour_of

    # its wheel is of hundreds of megabytes, so it is not among the tests' packages
    made = type("XGBRegressor", (LinearRegression,), {"__module__": "xgboost.sklearn"})
    derived = type("Mine", (made,), {"__module__": "__main__"})

    assert flavour_of(derived()).module == "mlflow.xgboost"


# -- what a model's files name -----------------------------------------------------------------------------------------


def test_each_kind_of_file_names_its_modules(tmp_path: Path) -> None:
    import pickle

    import skops.io

    model = LinearRegression().fit(X, Y)
    skops.io.dump(model, tmp_path / "model.skops")
    (tmp_path / "old.pkl").write_bytes(pickle.dumps(model, protocol=2))
    (tmp_path / "new.pkl").write_bytes(pickle.dumps(model))
    (tmp_path / "code.py").write_text("import json.tool\nfrom scipy import stats\nfrom . import own\n")
    (tmp_path / "model.lgb").write_text("tree\nversion=v4\n")
    (tmp_path / "empty.bin").write_bytes(b"")
    (tmp_path / "MLmodel").write_text(
        "flavors:\n  any:\n    model_class: sklearn.linear_model._base.LinearRegression\n"
    )

    named = {file.name: set(requirements.named_by(str(file))) for file in tmp_path.iterdir()}

    assert {"sklearn.linear_model._base", "numpy"} <= named["model.skops"]
    assert "sklearn.linear_model._base" in named["old.pkl"] & named["new.pkl"]
    assert named["code.py"] == {"json.tool", "scipy"}
    assert named["model.lgb"] == named["empty.bin"] == set()
    assert "sklearn.base" in named["MLmodel"]


def test_a_model_that_cannot_be_read_is_left_to_mlflow(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("this: is not Python")

    assert requirements.attempt(str(tmp_path), ["scikit-learn==1.0"]) is None


# -- in a run of nbpromote ---------------------------------------------------------------------------------------------

NOTEBOOK = """
# %%
import sys
processes = []
sys.addaudithook(lambda event, args: processes.append(args[0]) if event == "subprocess.Popen" else None)

import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from nbpromote import log_model

X = pd.DataFrame({"a": [1.0, 2.0, 4.0] * 10, "b": [0.0, 1.0] * 15})
line = LinearRegression().fit(X, X["a"])
trees = HistGradientBoostingRegressor(max_iter=3).fit(X, X["a"])

# %%
import mlflow
with mlflow.start_run():
    mlflow.sklearn.log_model(line, name="plain", input_example=X.head())
    mlflow.sklearn.log_model(line, name="more", input_example=X.head(), extra_pip_requirements=["click<9"])
    mlflow.sklearn.log_model(line, name="given", input_example=X.head(), pip_requirements=["scikit-learn"])

# %%
log_model(trees, input_example=X.head())
print("started:", [name for name in processes if "python" in name])
"""


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> dict[str, list[str]]:
    """Each model of one run by its name, with its requirements; `last` is the one that the evidence has."""
    from nbpromote import workflow

    ground = begun(tmp_path_factory.mktemp("logged") / "small", empty_store)
    ground.write("pyproject.toml", '[tool.nbpromote]\nproject = "small"\nlock = "lock.txt"\n')
    # other packages than the kernel has: the check says so, and requirements are the lock's
    ground.write("lock.txt", "scikit-learn==1.0.1\nnumpy==1.0.2\nskops==1.0.3\npandas==1.0.4\n")
    ground.write("params/dev.yaml", "limits: {cell: 60s, notebook: 2m}\n")
    ground.write("notebooks/fit.py", HEADER + NOTEBOOK)
    ground.commit("start")

    evidence = workflow.run(ground.project, "fit", env="dev")

    assert evidence.run.failure is None, evidence.run.failure
    assert evidence.check("packages-match").outcome == "failed"
    assert evidence.check("model-predicts").outcome == "passed"
    assert evidence.model is not None
    assert "started: []" in evidence.run.notebook_file.read_text()
    found = {}
    for model in evidence.run.models:
        folder = folder_of(evidence.run.tracking_uri, model.uri, Path())
        found[client_name(evidence.run.tracking_uri, model.uri)] = (folder / "requirements.txt").read_text().split()
    assert list(found)[-1] == "model"
    return found


def client_name(uri: str, model_uri: str) -> str:
    from nbpromote.track.store import client

    return str(client(uri).get_logged_model(model_uri.removeprefix("models:/")).name)


def test_what_a_notebook_logs_is_pinned_as_its_lock_pins_it(logged: dict[str, list[str]]) -> None:
    own = next(pin for pin in logged["plain"] if pin.startswith("mlflow=="))
    pins = ["numpy==1.0.2", "pandas==1.0.4", "scikit-learn==1.0.1", "skops==1.0.3"]

    assert logged["plain"] == logged["model"] == [own, *pins]
    assert logged["more"] == [own, *pins, "click<9"]
    assert logged["given"] == [own, "scikit-learn"]
