"""What runs inside the kernel. Shipped there as text, so nothing of the toolkit is needed in that environment.

Existing MLflow notebooks run unchanged: their first `start_run()` joins the run that the toolkit opened, later
ones become its children, a bare `log_model` is attached to it, and what would lead results elsewhere is redirected.
"""

import functools
import importlib.abc
import inspect
import json
import os
import re
import sys

RUN = os.environ.get("NBPROMOTE_MLFLOW_RUN", "")
FOLDER = os.environ.get("NBPROMOTE_RUN_FOLDER", "")
URI = os.environ.get("MLFLOW_TRACKING_URI", "")
EXPERIMENT = os.environ.get("MLFLOW_EXPERIMENT_ID", "")

models = []  # the URI of each model logged in this kernel and the run it belongs to, in order


def note(text):
    """For the run's record, in which no password belongs."""
    text = re.sub(r"//[^/@\s]*@", "//***@", text)
    for name in os.environ.get("NBPROMOTE_SECRETS", "").split():
        text = text.replace(os.environ.get(name.upper()) or "\0", f"[secret {name}]")
    with open(os.path.join(FOLDER, "notes.jsonl"), "a") as file:
        file.write(json.dumps(text) + "\n")


class WhenImported(importlib.abc.MetaPathFinder):
    """Patches mlflow when, and only if, the notebook imports it."""

    def find_spec(self, name, path=None, target=None):
        if name != "mlflow":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_patch(module):
                execute(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                patch(module)

            spec.loader.exec_module = execute_and_patch
        return spec


def patch(mlflow):
    try:
        stay(mlflow)
        join_runs(mlflow)
        attach_models(mlflow)
        read_requirements(mlflow)
    except Exception as error:  # whatever a strange version does, the notebook's own import is none the worse
        note(f"this MLflow ({mlflow.__version__}) is not known to the toolkit: {error!r}")
    if mlflow.__version__.startswith(("1.", "2.")):
        note(f"models that MLflow {mlflow.__version__} logs are not seen; the toolkit reads those of MLflow 3")


# -- runs


def join_runs(mlflow):
    from mlflow.tracking import fluent

    runs = Runs(mlflow, fluent)

    @functools.wraps(runs.begin)
    def start_run(*args, **kwargs):
        return runs.start(*args, **kwargs)

    fluent.start_run = mlflow.start_run = start_run
    fluent._get_or_start_run = runs.get_or_start
    # MLflow would take a child for this run
    os.environ.pop("MLFLOW_RUN_ID", None)


class Runs:
    """What the notebook starts: the toolkit's own run first, and children of it afterwards."""

    def __init__(self, mlflow, fluent):
        self.mlflow, self.fluent = mlflow, fluent
        self.begin = fluent.start_run  # MLflow's own
        self.signature = inspect.signature(self.begin)
        self.joined = set()
        self.mine = {RUN}

    def start(self, *args, **kwargs):
        given = self.signature.bind(*args, **kwargs).arguments
        given = {name: value for name, value in given.items() if value is not None}
        if "tags" in given:
            given["tags"] = dict(given["tags"])  # MLflow writes the description of a run that it resumes there
        run = self.resume(given) if "run_id" in given else self.join_or_start(given)
        self.mine.add(run.info.run_id)
        return run

    def resume(self, given):
        if given["run_id"] not in self.mine:
            note(f"start_run(run_id={given['run_id']!r}) wrote to a run that is not this one's")
        # a run of another experiment may be resumed where the notebook has set none
        self.fluent._active_experiment_id = None
        try:
            return self.begin(**given)
        finally:
            self.fluent._active_experiment_id = EXPERIMENT

    def join_or_start(self, given):
        elsewhere = given.pop("experiment_id", EXPERIMENT)
        if str(elsewhere) != EXPERIMENT:
            note(f"start_run(experiment_id={elsewhere!r}) stayed in this run's experiment")
        if self.mlflow.active_run() is None:
            if self.is_first("mlflow.autologging" in given.get("tags", {})):
                given.pop("nested", None)
                given.pop("parent_run_id", None)
                return self.begin(run_id=RUN, **given)
            given.setdefault("parent_run_id", RUN)
        return self.begin(experiment_id=EXPERIMENT, **given)

    def is_first(self, automatic):
        """A `fit` that is logged by itself does not use up the place of the notebook's first `start_run`."""
        first = not self.joined if automatic else "by hand" not in self.joined
        self.joined.add("automatic" if automatic else "by hand")
        return first

    def get_or_start(self):
        """A bare `log_metric` belongs to the toolkit's run, before the first `start_run` and after it ended."""
        return self.mlflow.active_run() or self.begin(run_id=RUN)


# -- models


def attach_models(mlflow):
    from mlflow.models.model import Model
    from mlflow.tracking._model_registry import fluent as registry

    log = Model.log.__func__
    register = registry._register_model

    @functools.wraps(log)
    def log_attached(cls, *args, **kwargs):
        active = mlflow.active_run()
        if kwargs.get("run_id") is None:
            kwargs["run_id"] = active.info.run_id if active else RUN
        info = log(cls, *args, **kwargs)
        models.append((info.model_uri, kwargs["run_id"]))
        return info

    @functools.wraps(register)
    def register_noted(model_uri, name, *args, **kwargs):
        version = register(model_uri, name, *args, **kwargs)
        note(
            f"the notebook registered version {version.version} of {name!r} itself; "
            "releases and promotions check and register their own"
        )
        return version

    Model.log = classmethod(log_attached)
    registry._register_model = register_noted


def read_requirements(mlflow):
    """The text that was shipped with this one. Not before MLflow is there: without it nobody wants what it imports."""
    names = {}
    exec(compile(globals()["REQUIREMENTS"], "<nbpromote>", "exec"), names)
    names["read_from_files"](mlflow)


# -- where results go


def stay(mlflow):
    """The environment's server and experiment are configuration; a notebook that names others is told so."""
    from mlflow.tracking import fluent

    look_at_variables()
    # from here on MLflow does not look at the variables any more
    mlflow.set_tracking_uri(URI)
    mlflow.set_registry_uri(URI)
    fluent._active_experiment_id = EXPERIMENT

    @functools.wraps(fluent.set_experiment)
    def set_experiment(experiment_name=None, experiment_id=None, *_args, **_more):
        ours = mlflow.MlflowClient().get_experiment(EXPERIMENT)
        wanted = experiment_name or experiment_id
        if str(wanted) not in (ours.name, EXPERIMENT):
            note(f"set_experiment({wanted!r}) was redirected to the environment's experiment")
        return ours

    fluent.set_experiment = mlflow.set_experiment = set_experiment
    for name in ("set_tracking_uri", "set_registry_uri"):
        stayed = staying(getattr(mlflow, name))
        for module in (mlflow, mlflow.tracking, sys.modules.get("mlflow.config")):
            if hasattr(module, name):
                setattr(module, name, stayed)


def staying(setter):
    @functools.wraps(setter)
    def stayed(uri=None, *_args, **_more):
        if str(uri) != URI:
            note(f"{setter.__name__}({str(uri)!r}) was redirected to the environment's server")

    return stayed


def look_at_variables():
    """A notebook may have set MLflow's own variables."""
    for name, ours in (
        ("MLFLOW_TRACKING_URI", URI),
        ("MLFLOW_REGISTRY_URI", URI),
        ("MLFLOW_EXPERIMENT_ID", EXPERIMENT),
        ("MLFLOW_EXPERIMENT_NAME", None),
    ):
        wanted = os.environ.get(name)
        if wanted not in (ours, None):
            note(f"{name}={wanted} was redirected to the environment's server and experiment")
            os.environ.pop(name)
            if ours is not None:
                os.environ[name] = ours


# -- what a model says


def finish():
    """After the last cell: what the run's model says to its own input example, written beside the run."""
    if "mlflow" in sys.modules:
        look_at_variables()
        getattr(sys.modules["mlflow"], "flush_async_logging", bool)()
    if models:
        own = [uri for uri, run in models if run == RUN]
        uri = own[-1] if own else models[-1][0]
        said = {uri: predict(uri)}
        with open(os.path.join(FOLDER, "predictions.json"), "w") as file:
            json.dump(said, file)


def predict(uri, into=None):
    """`{"values": [...]}`, `{"missing": ...}` without an input example, or `{"error": ...}`.

    `into` is a folder to fetch it to: MLflow notes the name of a registered model among its files where they lie.
    """
    try:
        import mlflow

        model = mlflow.pyfunc.load_model(uri, dst_path=into, suppress_warnings=True)  # they cost a second
        example = model.input_example
        if example is None:
            return {"missing": "the model has no input example"}
        return {"values": plain(model.predict(example))}
    except Exception as error:  # whatever a model does when it is loaded is the answer
        if is_unreachable(error):
            raise
        return {"error": f"{type(error).__name__}: {error}"}


def is_unreachable(error):
    """Whether a server or database was the trouble: that says nothing about the model."""
    while error is not None:
        if type(error).__module__.split(".")[0] in ("requests", "urllib3", "sqlalchemy"):
            return True
        error = error.__cause__ or error.__context__
    return False


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
