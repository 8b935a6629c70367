"""One function a parser. Anything but an answer or one of the toolkit's typed errors is a fault."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat

from nbpromote import notebook, params, project, secrets, validate
from nbpromote.errors import Error
from nbpromote.model import Pair, Parameter, Schema
from nbpromote.params.given import from_yaml
from nbpromote.workflow.authoring.hooks import installing

SECONDS = 1.0  # of CPU; the clock on the wall would blame a busy machine

SCHEMA = Schema(
    parameters=(
        Parameter(name="months", type="list[int]", default=[1]),
        Parameter(name="model", type="str", default=""),
        Parameter(name="rate", type="float | None", default=None),
    )
)


class TooSlow(Exception):
    """One input took more than `SECONDS` of CPU."""


def ipynb(data: bytes) -> None:
    node = notebook.parse("fuzz.ipynb", data)
    notebook.schema(node, "fuzz.ipynb")


def script(data: bytes) -> None:
    notebook.parse("fuzz.py", data)


def julia(data: bytes) -> None:
    notebook.parse("fuzz.jl", data)


def both_sides(data: bytes) -> None:
    """A pair whose sides were edited by strangers: the notebook, a zero byte, the script, a zero byte, the base."""
    one, other, base = (*data.split(b"\0", 2), b"", b"")[:3]
    pair = Pair(name="fuzz", ipynb=Path("fuzz.ipynb"), script=Path("fuzz.py"))
    known = notebook.read_agreed(base)
    contents = notebook.Contents(notebook=one, script=other)
    notebook.settle(pair, contents, bases=[known.base] if known else [], ours="script")


def agreement(data: bytes) -> None:
    notebook.read_agreed(data)


def checked(data: bytes) -> None:
    """Every rule of `check`, which promises to raise nothing."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "fuzz.py")
        script.write_bytes(data)
        notebook.check(Pair(name="fuzz", script=script), Path(folder), notebook.Around(secrets=_secrets))


def parameters_cell(data: bytes) -> None:
    cell = nbformat.v4.new_code_cell(_text(data), metadata={"tags": ["parameters"]})
    notebook.schema(nbformat.v4.new_notebook(cells=[cell]), "fuzz.ipynb")


def imports(data: bytes) -> None:
    """A notebook's code with a module that it imports: both from strangers."""
    files = {"fuzz.py": b"# %%\nimport other\n", "other.py": data}
    notebook.code(["fuzz.py"], files.get, files, ["*.py"])


def values(data: bytes) -> None:
    _environment({"dev.yaml": data})


def policy(data: bytes) -> None:
    _environment({"dev.yaml": b"", "dev.policy.yaml": data})


def contract(data: bytes) -> None:
    """A contract that names itself, and is its own sanitize file."""
    params.contracts.contract("fuzz.py", lambda path: data, inputs={"flights"}, outputs={"residuals"})


def argument(data: bytes) -> None:
    """`-p NAME VALUE`: the type is the first line, the value the rest."""
    kind, _, text = _text(data).partition("\n")
    schema = Schema(parameters=(Parameter(name="x", type=kind, default=None),))
    _loaded({"dev.yaml": ""}, schema, {"x": text})


def given(data: bytes) -> None:
    """`-y`: values by hand."""
    from_yaml(_text(data))


def interpolated(data: bytes) -> None:
    """A value with texts that ask for other values, itself among them."""
    texts = {"model": _text(data), "data_dir": "data/{rate}", "rate": 1}
    values(json.dumps({"parameters": texts}).encode())


def settings(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pyproject.toml").write_bytes(b"[tool.nbpromote]\n" + data)
        project.find(Path(folder))


def hooks(data: bytes) -> None:
    """A configuration of pre-commit that the hooks are added to."""
    installing.added(_text(data), Path(installing.CONFIG))


def lock(data: bytes) -> None:
    validate.pins(data)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        ipynb,
        script,
        julia,
        both_sides,
        agreement,
        checked,
        parameters_cell,
        imports,
        values,
        policy,
        contract,
        argument,
        given,
        interpolated,
        settings,
        hooks,
        lock,
    )
}


def feed(name: str, data: bytes) -> None:
    """Give a target its input. Lets through whatever it should not have raised."""
    with _in_time(), suppress(Error):
        TARGETS[name](data)


def _secrets(text: str, style: str) -> list[tuple[int, str]]:
    return [(suspect.line, suspect.kind) for suspect in secrets.detect(text, style)]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _environment(files: Mapping[str, bytes]) -> None:
    texts = {name: _text(data) for name, data in files.items()}
    params.findings(texts.get, texts, params.Around(notebooks={"train": SCHEMA}))
    _loaded(texts, SCHEMA, {})


def _loaded(texts: Mapping[str, str], schema: Schema, overrides: Mapping[str, str]) -> None:
    params.load(texts.get, "dev", "train", schema, params.Around(root=Path("/project")), overrides=overrides)


@contextmanager
def _in_time() -> Iterator[None]:
    def late(_number: int, _frame: object) -> None:
        raise TooSlow(f"more than {SECONDS:g} s of CPU")

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
