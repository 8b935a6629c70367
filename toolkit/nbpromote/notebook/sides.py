"""Turn the bytes of either side into a notebook, or say everything that keeps them from being one."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from nbpromote.errors import BadInput, Conflict
from nbpromote.model import Finding, Json, Pair
from nbpromote.notebook import cells, violations

if TYPE_CHECKING:
    from nbformat import NotebookNode

PYTHON = {"display_name": "Python 3", "language": "python", "name": "python3"}
_R = {"display_name": "R", "language": "R", "name": "ir"}
# what a script that names no kernel is given; all of these languages comment with `#`
KERNELS = {".py": PYTHON, ".R": _R, ".r": _R, ".jl": {"display_name": "Julia", "language": "julia", "name": "julia"}}
SUFFIXES = (".ipynb", *KERNELS)

_HEADER = re.compile(r"\A((?:#!.*\n)?(?:#.*coding[:=].*\n)?)# ---\n((?:#.*\n)*?)# ---[ \t]*(?:\n|\Z)")


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a pair as read: the notebook where it could be read at all, and what is wrong with it."""

    path: str
    text: str = ""
    node: NotebookNode | None = None
    findings: tuple[Finding, ...] = ()


def parse(path: str, data: bytes) -> NotebookNode:
    """The notebook in the bytes of either side: nbformat 4.5, every cell with an id that stays.

    Raises `BadInput` with everything that keeps it from being a valid notebook, each with its place.
    """
    return sound(look(path, data))


def sound(side: Side) -> NotebookNode:
    """The notebook of a side that nothing is wrong with. Raises `BadInput` with everything that is."""
    if side.findings or side.node is None:
        raise _refusal(side)
    return side.node


def read(pair: Pair) -> NotebookNode:
    """The notebook to execute: the `.ipynb` where there is one, else the script.

    Raises `Conflict` when the two sides disagree in code.
    """
    nodes = {side: load(side) for side in (pair.ipynb, pair.script) if side}
    if len({json.dumps(cells.code(node)) for node in nodes.values()}) > 1:
        raise disagreement(pair.name, *nodes.values())
    return nodes[pair.path]


def load(path: Path) -> NotebookNode:
    return parse(path.name, content(path))


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", where=str(path)) from error


def disagreement(name: str, one: NotebookNode, other: NotebookNode) -> Conflict:
    index = cells.first_difference(cells.code(one), cells.code(other))
    return Conflict(
        f"the two sides of {name} disagree from code cell {index + 1} on (empty ones not counted)",
        hint=f"nbpromote sync {name}",
    )


def language(node: NotebookNode) -> str:
    """The kernel's language in lower case; a notebook that names none is Python."""
    kernel, info = (node.metadata.get(key, {}) for key in ("kernelspec", "language_info"))
    named = kernel.get("language") or info.get("name")
    spelled = str(named or "python").lower()
    return "python" if spelled.startswith("python") else spelled


def kernel(node: NotebookNode) -> str:
    """The kernel that a notebook names for itself; empty where it names none."""
    return str(node.metadata.get("kernelspec", {}).get("name") or "")


def script_suffix(node: NotebookNode) -> str | None:
    """How the script of a notebook ends; None for a language that has none here."""
    return {"python": ".py", "r": ".R", "julia": ".jl"}.get(language(node))


def script_format(suffix: str) -> dict[str, str]:
    """The percent format of a script, as jupytext names it."""
    return {"extension": suffix, "format_name": "percent"}


def look(path: str, data: bytes) -> Side:
    """Read either side, raising nothing."""
    from nbpromote import lean  # noqa: F401  # 0.2 s

    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        return Side(path=path, findings=(Finding(path=path, message=f"not UTF-8: byte {error.start}"),))
    side = Side(path=path, text=text)
    if conflicts := _conflicts(path, text):
        return replace(side, findings=conflicts)
    return _look_at_json(side) if path.endswith(".ipynb") else _look_at_script(side)


def _refusal(side: Side) -> BadInput:
    findings = side.findings or (Finding(path=side.path, message="not a notebook"),)
    if len(findings) == 1:
        return BadInput(findings[0].message, where=_where(findings[0]), hint=findings[0].hint)
    problems = [f"{_where(finding)}: {finding.message}" for finding in findings]
    return BadInput(f"{len(findings)} things are wrong", where=side.path, problems=problems)


def _where(finding: Finding) -> str:
    line = f" line {finding.line}" if finding.line else ""
    return replace(finding, line=None, path=finding.path + line).place


def _conflicts(path: str, text: str) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            path=path,
            line=line,
            message="unresolved merge conflict",
            code=violations.CONFLICT,
            hint="edit the file to what it should say, without the markers",
        )
        for line in violations.marked_lines(text)
    )


# -- .ipynb --------------------------------------------------------------------------------------------------


def _look_at_json(side: Side) -> Side:
    try:
        raw = json.loads(side.text)
    except json.JSONDecodeError as error:
        finding = Finding(path=side.path, line=error.lineno, message=f"not JSON: {error.msg}")
        return replace(side, findings=(finding,))
    except (ValueError, RecursionError) as error:
        return replace(side, findings=(Finding(path=side.path, message=f"not JSON: {error}"),))
    versions = (raw.get("nbformat"), raw.get("nbformat_minor", 0)) if isinstance(raw, dict) else (None,)
    if not all(isinstance(version, int) for version in versions):
        return replace(side, findings=(Finding(path=side.path, message="JSON, but not a notebook"),))
    return _upgrade(side, raw)


def _upgrade(side: Side, raw: dict[str, Json]) -> Side:
    findings = tuple(violations.of_format(side.path, raw)) if raw["nbformat"] == 4 else ()
    if findings:
        return replace(side, findings=findings)
    try:
        node = _latest(raw)
    except Exception as error:  # nbformat raises what the broken place happens to raise
        reason = f"not a notebook that can be upgraded from format {raw['nbformat']}: {error}"
        return replace(side, findings=(Finding(path=side.path, message=reason),))
    is_upgraded = (raw["nbformat"], raw.get("nbformat_minor", 0)) != (4, node.nbformat_minor)
    findings = tuple(violations.of_format(side.path, node)) if is_upgraded else ()
    findings = findings or tuple(violations.of_sources(side.path, node))
    return replace(side, node=node, findings=findings)


def _latest(raw: dict[str, Json]) -> NotebookNode:
    import nbformat

    has_ids = (raw["nbformat"], raw.get("nbformat_minor", 0)) >= (4, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        node: NotebookNode = nbformat.versions[raw["nbformat"]].to_notebook_json(
            raw, minor=raw.get("nbformat_minor", 0)
        )
        if raw["nbformat"] != 4:
            node = nbformat.convert(node, 4)
    if not has_ids:
        # nbformat's own upgrade draws ids at random
        for cell in node.cells:
            cell.pop("id", None)
        cells.identify(node.cells)
        node["nbformat_minor"] = 5
    return node


# -- .py -----------------------------------------------------------------------------------------------------


def _look_at_script(side: Side) -> Side:
    import jupytext  # 0.3 s

    try:
        # `reads` with a format looks for no configuration; other ways into jupytext execute a .jupytext.py
        node = jupytext.reads(_completed(side.text), script_format(PurePosixPath(side.path).suffix))
    except Exception as error:  # YAML's, nbformat's, or what the broken place happens to raise
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        return replace(side, findings=(Finding(path=side.path, message=f"not a py:percent script: {reason}"),))
    findings = tuple(_script_faults(side, node))
    for cell in node.cells:
        cell.pop("id", None)  # drawn at random
    cells.identify(node.cells)
    # a text notebook need not name a kernel, and papermill will not guess one
    if "kernelspec" not in node.metadata:
        node.metadata["kernelspec"] = dict(KERNELS.get(PurePosixPath(side.path).suffix, PYTHON))
    return replace(side, node=node, findings=findings)


def _script_faults(side: Side, node: NotebookNode) -> Iterator[Finding]:
    kind = node.metadata.get("jupytext", {}).get("text_representation", {}).get("format_name", "percent")
    if kind != "percent":
        yield Finding(
            path=side.path,
            message=f"a script in jupytext's {kind} format; only py:percent is read",
            hint=f"jupytext --to py:percent {side.path}",
        )
    for cell in node.cells:
        # jupytext keeps what it cannot read under this key; lost tags would mean no parameters
        broken = cell.metadata.get("incorrectly_encoded_metadata", "")
        if "tags" in broken:
            yield Finding(path=side.path, line=_line_with(side.text, broken), message=f"cannot read {broken!r}")


def _line_with(text: str, fragment: str) -> int | None:
    start = text.find(fragment)
    return None if start < 0 else text.count("\n", 0, start) + 1


def _completed(text: str) -> str:
    """The script with a kernelspec that nbformat takes: jupytext raises where one has no `display_name`."""
    found = _HEADER.match(text)
    if not found or "kernelspec" not in found[2]:
        return text
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    header = yaml.load("".join(line[1:].removeprefix(" ") for line in found[2].splitlines(keepends=True)))
    spec = header.get("jupyter", {}).get("kernelspec") if isinstance(header, dict) else None
    if not isinstance(spec, dict) or {"name", "display_name"} <= spec.keys():
        return text
    spec.setdefault("name", PYTHON["name"])
    spec.setdefault("display_name", spec["name"])
    out = StringIO()
    yaml.default_flow_style = False
    yaml.dump(header, out)
    lines = "".join(f"# {line}\n" for line in out.getvalue().splitlines())
    return f"{found[1]}# ---\n{lines}# ---\n{text[found.end() :]}"
