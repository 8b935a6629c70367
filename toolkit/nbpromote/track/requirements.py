"""Which packages a saved model needs, read from its files. Shipped into kernels as text, so it needs MLflow alone.

To find out, MLflow loads the model in another process, which takes seconds. But a skops file and a pickle name the
modules of all that they hold, Python files import theirs, and a flavour knows its own library.
"""

import ast
import functools
import importlib.metadata
import json
import os
import re
import sys
import zipfile

# flavours whose models say in their files what they are made of; those of all others MLflow has to load
FLAVOURS = ("lightgbm", "python_function", "sklearn", "statsmodels", "xgboost")
# MLflow names itself; the other is in every environment
_ANYWAY = {"mlflow", "mlflow-skinny", "mlflow-tracing", "setuptools"}
# every flavour turns what it is asked into these
_DATA = {"numpy", "pandas"}


def read_from_files(mlflow):
    """From now on MLflow reads the requirements of these flavours' models. Returns how to have it as it was."""
    models = mlflow.models
    infer = models.infer_pip_requirements

    @functools.wraps(infer)
    def read(model_uri, flavor, fallback=None, **more):
        found = attempt(model_uri, fallback) if flavor in FLAVOURS and fallback else None
        if found is None:
            return infer(model_uri, flavor, fallback, **more)
        # the flavour adds this list of its own to the answer: a lock that pins another version would contradict it
        fallback[:] = found
        return found

    models.infer_pip_requirements = read
    return lambda: setattr(models, "infer_pip_requirements", infer)


def attempt(path, known):
    """None for a model, or an MLflow, that is not as it is known here: MLflow's own way is slow, and always there."""
    try:
        return pinned(os.path.dirname(path) if os.path.isfile(path) else path, known)
    except Exception:
        return None


def pinned(folder, known):
    """What the model in a folder needs, with the `known` needs of its flavour, as the lock or this kernel has it."""
    homes = distributions()
    modules = {name.partition(".")[0] for name in modules_of(folder)} | (_DATA & sys.modules.keys())
    names = {canonical(home) for module in modules for home in homes.get(module, ())}
    names |= {canonical(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in known}
    pins = locked()
    return sorted(f"{name}=={pins.get(name) or version(name)}" for name in names - _ANYWAY)


def distributions():
    """Who brings each importable name. MLflow asks it itself once a process, and that takes half a second."""
    from mlflow.utils import requirements_utils

    requirements_utils._init_modules_to_packages_map()
    return requirements_utils._MODULES_TO_PACKAGES


def locked():
    """What the lock pins, by canonical name, where this is a run of nbpromote and its record knows one."""
    record = os.path.join(os.environ.get("NBPROMOTE_RUN_FOLDER", ""), "run.json")
    if not os.environ.get("NBPROMOTE_MLFLOW_RUN") or not os.path.exists(record):
        return {}
    with open(record, encoding="utf-8") as file:
        return json.load(file)["locked"]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def version(name):
    # a local label such as 2.13.0+cpu says where a build is from, and an index knows nothing of it
    return importlib.metadata.version(name).partition("+")[0]


# -- what the files of a model name


def modules_of(folder):
    """Modules that loading the model will import, as far as its files name any."""
    for place, _, files in os.walk(folder):
        for file in files:
            yield from named_by(os.path.join(place, file))


def named_by(path):
    if os.path.basename(path) == "MLmodel":
        return classes_of(path)
    if path.endswith(".py"):
        return imports_of(path)
    with open(path, "rb") as file:
        start = file.read(4)
        file.seek(0)
        if start == b"PK\x03\x04":
            return skops_of(path)
        # strings of a pickle are names of modules where such modules are; a function knows those that it imports
        return pickled(file) & sys.modules.keys() if start[:1] == b"\x80" else ()


def classes_of(path):
    """A library's own format is loaded into the class that MLflow noted, and what that is derived from."""
    with open(path, encoding="utf-8") as file:
        noted = re.findall(r"^\s*(?:model_class|loader_module): ([\w.]+)$", file.read(), re.MULTILINE)
    for name in noted:
        module, _, kind = name.rpartition(".")
        yield name
        yield from (base.__module__ for base in getattr(getattr(sys.modules.get(module), kind, None), "__mro__", ()))


def imports_of(path):
    with open(path, "rb") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def skops_of(path):
    with zipfile.ZipFile(path) as file:
        schema = file.read("schema.json") if "schema.json" in file.namelist() else b""
    return {name.decode() for name in re.findall(rb'"__module__": "([^"]*)"', schema)}


def pickled(file):
    """Every text in a pickle; old protocols write a module's name and that of what is in it as one."""
    import pickletools

    return {text.partition(" ")[0] for _, text, _ in pickletools.genops(file) if isinstance(text, str)}
