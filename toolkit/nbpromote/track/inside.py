"""What runs inside the kernel. Shipped there as text, so nothing of the toolkit is needed in that environment.

Existing MLflow notebooks run unchanged: their first `start_run()` joins the run that the toolkit opened, later
ones become its children, a bare `log_model` is attached to it, and nothing can lead the results elsewhere.
"""

import importlib.abc
import importlib.util
import json
import os
import sys

RUN = os.environ.get("NBPROMOTE_MLFLOW_RUN", "")
FOLDER = os.environ.get("NBPROMOTE_RUN_FOLDER", "")
models = []  # URIs of the models logged in this kernel, in order


def note(text):
    with open(os.path.join(FOLDER, "notes.jsonl"), "a") as file:
        file.write(json.dumps(text) + "\n")


class WhenImported(importlib.abc.MetaPathFinder):
    """Patches mlflow when, and only if, the notebook imports it."""

    def find_spec(self, name, path=None, target=None):
        if name != "mlflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_patch(module):
                execute(module)
                patch(module)

            spec.loader.exec_module = execute_and_patch
        return spec


def patch(mlflow):
    try:
        join_runs(mlflow)
        attach_models(mlflow)
        stay(mlflow)
    except (AttributeError, ImportError) as error:
        note(f"this MLflow ({mlflow.__version__}) is not known to the toolkit: {error!r}")


def join_runs(mlflow):
    from mlflow.tracking import fluent

    start = fluent.start_run
    joined = []

    def start_run(run_id=None, experiment_id=None, run_name=None, nested=False, parent_run_id=None, **more):
        if experiment_id is not None:
            note(f"start_run(experiment_id={experiment_id!r}) stayed in this run's experiment")
        if run_id is not None:
            return start(run_id=run_id, run_name=run_name, nested=nested, **more)
        if mlflow.active_run() is None:
            if not joined:
                joined.append(True)
                # the variable would otherwise be taken for another first run
                os.environ.pop("MLFLOW_RUN_ID", None)
                return start(run_id=RUN, run_name=run_name, **more)
            parent_run_id = parent_run_id or RUN
        return start(run_name=run_name, nested=nested, parent_run_id=parent_run_id, **more)

    def get_or_start_run():
        """A bare `log_metric` belongs to the toolkit's run, before the first `start_run` and after it ended."""
        return mlflow.active_run() or start(run_id=RUN)

    fluent.start_run = mlflow.start_run = start_run
    fluent._get_or_start_run = get_or_start_run


def attach_models(mlflow):
    from mlflow.models.model import Model

    log = Model.log.__func__

    def log_attached(cls, *args, **kwargs):
        if kwargs.get("run_id") is None and mlflow.active_run() is None:
            kwargs["run_id"] = RUN
        info = log(cls, *args, **kwargs)
        models.append(info.model_uri)
        return info

    Model.log = classmethod(log_attached)


def stay(mlflow):
    """The environment's server and experiment are configuration; a notebook that names others is told so."""
    from mlflow.tracking import fluent

    def set_experiment(experiment_name=None, experiment_id=None, **_more):
        note(f"set_experiment({experiment_name or experiment_id!r}) was redirected to the environment's experiment")
        return mlflow.MlflowClient().get_experiment(os.environ["MLFLOW_EXPERIMENT_ID"])

    def redirect(name):
        def stayed(uri=None, *_more, **_named):
            note(f"{name}({str(uri)!r}) was redirected to the environment's server")

        return stayed

    fluent.set_experiment = mlflow.set_experiment = set_experiment
    mlflow.set_tracking_uri = redirect("set_tracking_uri")
    mlflow.set_registry_uri = redirect("set_registry_uri")


def answer():
    """After the last cell: what the last model says to its own input example, written beside the run."""
    if models:
        with open(os.path.join(FOLDER, "predictions.json"), "w") as file:
            json.dump(predict(models[-1]), file)


def predict(uri):
    """`{"values": [...]}`, `{"missing": ...}` without an input example, or `{"error": ...}`."""
    try:
        import mlflow

        model = mlflow.pyfunc.load_model(uri)
        example = model.input_example
        if example is None:
            return {"missing": "the model has no input example"}
        return {"values": plain(model.predict(example))}
    except Exception as error:  # whatever a model does when it is loaded is the answer
        return {"error": f"{type(error).__name__}: {error}"}


def plain(values):
    """Predictions of any flavour as JSON: arrays, frames and series become lists."""
    if hasattr(values, "to_dict") and hasattr(values, "columns"):
        return plain({str(name): column.tolist() for name, column in values.items()})
    if hasattr(values, "tolist"):
        return plain(values.tolist())
    if isinstance(values, dict):
        return {str(name): plain(value) for name, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [plain(value) for value in values]
    if isinstance(values, float) and (values != values or values in (float("inf"), float("-inf"))):
        return str(values)
    return values if isinstance(values, (bool, int, float, str, type(None))) else str(values)


if __name__ == "_nbpromote":
    if "mlflow" in sys.modules:
        patch(sys.modules["mlflow"])
    else:
        sys.meta_path.insert(0, WhenImported())
