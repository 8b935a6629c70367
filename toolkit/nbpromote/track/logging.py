"""`log_model`: a model from a notebook to MLflow, as its own library keeps it. For kernels that have nbpromote.

Works within a run of nbpromote and without one: what attaches a model to the toolkit's run is in the kernel already.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from nbpromote.errors import BadInput, Refused, Unavailable
from nbpromote.track import requirements


@dataclass(frozen=True, kw_only=True)
class Flavour:
    """A module of MLflow, what it calls the model, and how it keeps one: in the library's own format if it has any."""

    module: str
    argument: str
    format: str = "own"  # own, skops or pickle


# by the module that a model's class, or one that it is derived from, comes from: a library before what it builds on
FLAVOURS: Mapping[str, Flavour] = {
    "sklearn": Flavour(module="mlflow.sklearn", argument="sk_model", format="skops"),
    "lightgbm.sklearn": Flavour(module="mlflow.lightgbm", argument="lgb_model", format="skops"),
    "lightgbm": Flavour(module="mlflow.lightgbm", argument="lgb_model"),
    "xgboost": Flavour(module="mlflow.xgboost", argument="xgb_model"),
    "statsmodels": Flavour(module="mlflow.statsmodels", argument="statsmodels_model", format="pickle"),
    "mlflow.pyfunc": Flavour(module="mlflow.pyfunc", argument="python_model", format="pickle"),
}


def log_model(
    model: Any,
    *,
    input_example: Any,
    name: str = "model",
    trust: Collection[str] = (),
    allow_pickle: bool = False,
    **more: Any,
) -> Any:
    """Log a fitted model, and give MLflow's `ModelInfo`.

    `input_example` is a few rows of what it predicts from: the signature is inferred from them, and a run of nbpromote
    asks the loaded model about them. `trust` names types, such as `features.Ratio`, that may be made when the model is
    loaded; those of installed libraries need no naming. `allow_pickle` keeps the model as a pickle, which runs whatever
    code is in it when it is loaded. `more` goes to MLflow: `registered_model_name`, `code_paths`, `pip_requirements`...

    Raises `BadInput` for what is no model of a known library, `Refused` for one that only a pickle could keep.
    """
    flavour = flavour_of(model)
    if flavour.format == "pickle" and not allow_pickle:
        raise Refused(f"{_kind(model)} can be kept only as a pickle, {_PICKLE}")
    data = None
    if flavour.format == "skops":
        if allow_pickle:
            more.setdefault("serialization_format", "cloudpickle")
        elif "serialization_format" in more:
            raise Refused(f"serialization_format={more['serialization_format']!r} is a pickle, {_PICKLE}")
        else:
            data = _dumped(model)
            more["skops_trusted_types"] = trusted(data, trust)
    given = {flavour.argument: model, "name": name, "input_example": input_example, **more}
    import mlflow  # two seconds, unless the notebook has it

    with _saved_at_once(mlflow, data):
        return importlib.import_module(flavour.module).log_model(**given)


_PICKLE = "which runs code when it is loaded: log_model(..., allow_pickle=True) if everybody who loads it may trust it"


# -- what kind of model it is


def flavour_of(model: Any) -> Flavour:
    """By the modules of its class and of those that this is derived from: no library is imported to find out."""
    for kind in type(model).__mro__:
        for prefix, flavour in sorted(FLAVOURS.items(), reverse=True):  # the longer name first
            if f"{kind.__module__}.".startswith(f"{prefix}."):
                return _able(model, flavour)
    raise BadInput(
        f"{_kind(model)} is no model that log_model knows: scikit-learn, xgboost, lightgbm, statsmodels (fitted), "
        "and mlflow.pyfunc.PythonModel; for others there is mlflow.<flavour>.log_model"
    )


def _able(model: Any, flavour: Flavour) -> Flavour:
    needed = ["predict", "save"] if flavour.argument == "statsmodels_model" else ["predict"]
    lacking = [verb for verb in needed if not hasattr(model, verb)]
    if lacking:
        raise BadInput(f"{_kind(model)} has no {lacking[0]}(): log the fitted model")
    return flavour


def _kind(model: Any) -> str:
    kind = type(model)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


# -- skops


def _dumped(model: Any) -> bytes:
    try:
        import skops.io
    except ImportError as error:
        raise Unavailable("skops, which keeps models without pickles, is not installed: pip install skops") from error
    try:
        data: bytes = skops.io.dumps(model)
    except Exception as error:  # whatever the parts of a model do when they are asked for their state
        reason = f"{type(error).__name__}: {error}"
        raise Refused(f"{_kind(model)} can be kept only as a pickle ({reason}), {_PICKLE}") from error
    return data


def trusted(data: bytes, trust: Collection[str]) -> list[str]:
    """The types that must be named for a skops file to be loaded. Raises `Refused` where somebody has to vouch for one.

    Types of installed libraries made the model just now. A function could do anything, so each is named by hand.
    """
    import skops.io

    found = {name: _meant(name) for name in skops.io.get_untrusted_types(data=data)}
    lost = ", ".join(name for name, meant in found.items() if meant is None)
    if lost:
        raise Refused(
            f"{lost}: defined in the notebook or in a function, where nobody who loads the model finds it. Move it to "
            "a file that the notebook imports, and log_model(..., code_paths=[that file], trust=[its new name])"
        )
    strangers = [name for name, meant in found.items() if not (name in trust or _is_of_library(meant))]
    if strangers:
        raise Refused(
            f"the model holds {', '.join(strangers)}, and loading it would make or run it. If everybody may trust it: "
            f"log_model(..., trust={strangers})"
        )
    return list(found)


def _meant(name: str) -> Any:
    """What goes by a name for another process, which has no notebook; None where there is no such thing."""
    module, _, thing = name.rpartition(".")
    return None if module == "__main__" else getattr(sys.modules.get(module), thing, None)


def _is_of_library(meant: Any) -> bool:
    home = getattr(meant, "__module__", "").partition(".")[0]
    # Python's own containers are no stranger to anybody
    return isinstance(meant, type) and (home == "collections" or home in requirements.distributions())


# -- MLflow


_ONE_AT_A_TIME = Lock()  # MLflow's functions belong to the whole process


@contextmanager
def _saved_at_once(mlflow: Any, data: bytes | None) -> Iterator[None]:
    """MLflow without its detours: a process that loads the model to see what it imports, and dumping it once more."""
    with _ONE_AT_A_TIME:
        undo = [requirements.read_from_files(mlflow)]
        if data is not None:
            undo.append(_writing(importlib.import_module("mlflow.sklearn"), data))
        try:
            yield
        finally:
            for put_back in undo:
                put_back()


def _writing(saving: Any, data: bytes) -> Any:
    """MLflow would dump the model once more, and load it to see whether the types suffice: that is known."""
    save = saving._save_model

    def write(sk_model: Any, output_path: str, *_: Any, **__: Any) -> None:  # called with these names, and without
        Path(output_path).write_bytes(data)

    saving._save_model = write
    return lambda: setattr(saving, "_save_model", save)
