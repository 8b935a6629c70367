"""Where a project is and how it is laid out: `[tool.nbpromote]`, read once. Nothing of git or of params/."""

from __future__ import annotations

import os
import re
import string
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbpromote.errors import BadInput, NotFound, Unavailable, nearest


@dataclass(frozen=True, kw_only=True)
class CheckTable:
    """`[tool.nbpromote.check]`: codes or beginnings of codes; `per_notebook` by glob over notebooks' names.

    `places` says for each code where it stands: `pyproject.toml:12 NBP3`.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_notebook: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KernelTable:
    """`[tool.nbpromote.kernel]`: whether kernels may be forked from one that has imported `preload`.

    Without a `preload` each notebook's own imports are. `idle` is how many seconds without a kernel end that one.
    """

    warm: bool = True
    preload: tuple[str, ...] | None = None
    idle: float = 600.0


@dataclass(frozen=True, kw_only=True)
class Project:
    """`notebooks` and `params` are absolute; `include`, `lock` and `store` stay as they were written."""

    root: Path
    name: str
    notebooks: Path
    params: Path
    include: tuple[str, ...] = ()
    lock: str | None = None
    store: str = ".nbpromote/store"
    remote: str | None = None
    model_name: str = "{environment}.{notebook}"
    kernel: KernelTable = field(default_factory=KernelTable)
    check: CheckTable = field(default_factory=CheckTable, hash=False)  # its mappings have no hash

    @property
    def state(self) -> Path:
        """What the toolkit keeps for itself; never committed."""
        return self.root / ".nbpromote"

    @property
    def runs(self) -> Path:
        return self.state / "runs"

    def relative(self, path: Path) -> str:
        """From the project's root, as git and every record have it."""
        return path.resolve().relative_to(self.root).as_posix()


def find(start: Path) -> Project:
    """The project that `start` lies in: the nearest folder at or above it with a `[tool.nbpromote]` table.

    Raises `NotFound` where there is none, `BadInput` with everything that is wrong with the table.
    """
    start = start.resolve()
    if not start.is_dir():
        raise NotFound(f"there is no folder {start}")
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        text = _read(file)
        table = None if text is None else _table(text, file)
        if text is not None and table is not None:
            return _project(folder, table, text)
    raise NotFound(
        f"no nbpromote project at or above {start}",
        hint="`nbpromote init` makes one here; `-C DIR` names another folder",
    )


# where things are: a branch that says it otherwise would bring its own values, demands or history along
PLACES = ("project", "params", "include", "lock", "store", "remote", "model_name")


def settings(data: bytes, *, where: str) -> Mapping[str, Any]:
    """`[tool.nbpromote]` of a pyproject.toml as it is written, unjudged. Raises `BadInput` where it is not TOML."""
    return _table(data.decode(errors="replace"), where) or {}


def policy_ref(data: bytes, *, where: str) -> str | None:
    """The setting `policy_ref` of a pyproject.toml as some commit has it; None where it names none.

    Raises `BadInput` for a text that is not TOML, and for a value that cannot be a branch.
    """
    named = settings(data, where=where).get("policy_ref")
    fault = _ref_fault(Path(), named) if named is not None else ""
    if fault:
        raise BadInput(f"policy_ref {fault}", where=f"{where}:{_line(data.decode(errors='replace'), 'policy_ref')}")
    return named


def _read(file: Path) -> str | None:
    """The file's text; None where it is not there or never mentions the toolkit."""
    try:
        data = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise Unavailable(f"cannot read {file}: {error.strerror}") from error
    if b"nbpromote" not in data:
        return None
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInput("not UTF-8", where=f"{file}:{line}") from error


def _table(text: str, file: Path | str) -> Mapping[str, Any] | None:
    try:
        tool = tomllib.loads(text).get("tool", {})
    except (ValueError, RecursionError) as error:  # ValueError also for a number of thousands of digits
        message, line = _toml_fault(error)
        raise BadInput(f"not TOML: {message}", where=f"{file}{line}") from error
    table = tool.get("nbpromote") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise BadInput("tool.nbpromote wants a table", where=f"{file}:{_line(text, 'nbpromote')}")
    return table


def _toml_fault(error: Exception) -> tuple[str, str]:
    # the position is an attribute only from Python 3.14 on
    found = re.search(r"^(.*) \(at line (\d+), column \d+\)$", str(error), re.DOTALL)
    if found:
        return found[1], f":{found[2]}"
    return str(error).removesuffix(" (at end of document)"), ""


# -- one table, key by key -----------------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(::[A-Za-z][A-Za-z0-9+.-]*)*://")
_FIELDS = ("project", "environment", "notebook")


def _project(root: Path, table: Mapping[str, Any], text: str) -> Project:
    problems = list(_problems(root, table, text))
    if problems:
        _refuse(problems)
    return Project(
        root=root,
        name=table.get("project", _plain(root.name)),
        notebooks=_within(root, table.get("notebooks", "notebooks")),
        params=_within(root, table.get("params", "params")),
        include=tuple(table.get("include", ())),
        lock=table.get("lock"),
        store=table.get("store", Project.store),
        remote=table.get("remote"),
        model_name=table.get("model_name", Project.model_name),
        kernel=_kernel_table(table.get("kernel", {})),
        check=_check_table(root, table.get("check", {}), text),
    )


def _problems(root: Path, table: Mapping[str, Any], text: str) -> Iterator[tuple[str, str]]:
    """(place, message) of everything that is wrong."""
    for key, value in table.items():
        place = f"{root / 'pyproject.toml'}:{_line(text, key)}"
        if key not in _KEYS:
            yield place, f"unknown key {key!r} in [tool.nbpromote]{nearest(key, _KEYS)}"
            continue
        fault = _KEYS[key](root, value)
        if fault:
            yield place, f"{key} {fault}"
    if isinstance(table.get("check"), dict):
        yield from _check_problems(root, table["check"], text)
    if isinstance(table.get("kernel"), dict):
        yield from _kernel_problems(root, table["kernel"], text)


_OF_CHECK = ("select", "ignore", "per-notebook")


def _check_problems(root: Path, table: Mapping[str, Any], text: str) -> Iterator[tuple[str, str]]:
    """What is wrong with `[tool.nbpromote.check]`; whether there is such a code is asked by `check` itself."""
    lists = {key: value for key, value in table.items() if key != "per-notebook"}
    per_notebook = table.get("per-notebook", {})
    lists |= per_notebook if isinstance(per_notebook, dict) else {"per-notebook": per_notebook}
    for key, value in lists.items():
        place = f"{root / 'pyproject.toml'}:{_line(text, key, 'tool.nbpromote.check')}"
        if key in table and key not in _OF_CHECK:
            yield place, f"unknown key {key!r} in [tool.nbpromote.check]{nearest(key, _OF_CHECK)}"
        elif key == "per-notebook":
            yield place, f"per-notebook wants a table of lists by notebook, got {value!r}"
        elif not isinstance(value, list) or not all(isinstance(code, str) for code in value):
            yield place, f"{key} wants a list of codes, got {value!r}"


def _check_table(root: Path, table: Mapping[str, Any], text: str) -> CheckTable:
    lists = {"select": table.get("select", []), "ignore": table.get("ignore", []), **table.get("per-notebook", {})}
    return CheckTable(
        select=tuple(lists["select"]),
        ignore=tuple(lists["ignore"]),
        per_notebook={glob: tuple(codes) for glob, codes in table.get("per-notebook", {}).items()},
        places={
            f"pyproject.toml:{_line(text, key, 'tool.nbpromote.check')} {key}, {code}": code
            for key, codes in lists.items()
            for code in codes
        },
    )


# modules by their dotted names; a number with s, m, h
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_SPAN = re.compile(r"(\d+)([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_OF_KERNEL = ("warm", "preload", "idle")


def _kernel_problems(root: Path, table: Mapping[str, Any], text: str) -> Iterator[tuple[str, str]]:
    """What is wrong with `[tool.nbpromote.kernel]`."""
    for key, value in table.items():
        place = f"{root / 'pyproject.toml'}:{_line(text, key, 'tool.nbpromote.kernel')}"
        if key not in _OF_KERNEL:
            yield place, f"unknown key {key!r} in [tool.nbpromote.kernel]{nearest(key, _OF_KERNEL)}"
        elif key == "warm" and not isinstance(value, bool):
            yield place, f"warm wants true or false, got {value!r}"
        elif key == "idle" and (not isinstance(value, str) or seconds(value) is None):
            yield place, f'idle wants a time such as "10m", got {value!r}'
        elif key == "preload" and not (isinstance(value, list) and all(is_module(name) for name in value)):
            yield place, f"preload wants a list of modules, got {value!r}"


def _kernel_table(table: Mapping[str, Any]) -> KernelTable:
    preload = table.get("preload")
    return KernelTable(
        warm=table.get("warm", True),
        preload=None if preload is None else tuple(preload),
        idle=seconds(table.get("idle", "10m")) or 0.0,
    )


def is_module(name: object) -> bool:
    """Whether it is spelled as a module is: `sklearn.ensemble`."""
    return isinstance(name, str) and bool(_MODULE.fullmatch(name))


def seconds(span: str) -> float | None:
    """Of `30s`, `10m` or `2h`; None for anything else."""
    found = _SPAN.fullmatch(span)
    return float(found[1]) * _SECONDS[found[2]] if found else None


def _refuse(problems: list[tuple[str, str]]) -> None:
    """One problem is told as it is, several as a list."""
    if len(problems) == 1:
        place, message = problems[0]
        raise BadInput(message, where=place)
    raise BadInput(
        f"{len(problems)} problems in [tool.nbpromote]",
        problems=[f"{place}: {message}" for place, message in problems],
    )


def _name_fault(root: Path, value: object) -> str:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return ""
    return f"wants a name of letters, digits, '.', '_' and '-', got {value!r}"


def _ref_fault(root: Path, value: object) -> str:
    if isinstance(value, str) and _REF.fullmatch(value) and ".." not in value:
        return ""
    return f"wants a branch, such as origin/main, got {value!r}"


def _text_fault(root: Path, value: object) -> str:
    if not isinstance(value, str):
        return f"wants text, got {value!r}"
    if not value or not value.isprintable():
        return f"wants one line of text, got {value!r}"
    return ""


def _inside_fault(root: Path, value: object) -> str:
    fault = _text_fault(root, value)
    if not fault and not _within(root, str(value)).resolve().is_relative_to(root):
        return f"{value!r} lies outside of the project"
    return fault


def _table_fault(root: Path, value: object) -> str:
    return "" if isinstance(value, dict) else f"wants a table, got {value!r}"


def _include_fault(root: Path, value: object) -> str:
    if not isinstance(value, list):
        return f"wants a list of globs, got {value!r}"
    for glob in value:
        fault = _text_fault(root, glob)
        if fault:
            return fault
        if Path(glob).is_absolute() or ".." in Path(glob).parts:
            return f"{glob!r} reaches outside of the project"
    return ""


def _store_fault(root: Path, value: object) -> str:
    fault = _text_fault(root, value)
    if fault or _URL.match(str(value)) or Path(str(value)).is_absolute():
        return fault
    fault = _inside_fault(root, value)
    return f"{fault}; a store elsewhere is named in full" if fault else ""


def _model_name_fault(root: Path, value: object) -> str:
    fault = _text_fault(root, value)
    if fault:
        return fault
    try:
        parts = list(string.Formatter().parse(str(value)))
    except ValueError as error:
        return f"is no template: {error}"
    for literal, name, spec, conversion in parts:
        if "/" in literal or ":" in literal:
            return f"{value!r} holds '/' or ':', which MLflow does not allow in a model's name"
        if name is not None and name not in _FIELDS:
            return f"has no field {name!r}{nearest(name, _FIELDS)} (known: {', '.join(_FIELDS)})"
        if spec or conversion:
            return f"{value!r}: {{{name}}} takes no format"
    if "notebook" not in [name for _, name, _, _ in parts]:
        return f"{value!r} lacks {{notebook}}: two notebooks would share one model"
    return ""


_KEYS: Mapping[str, Callable[[Path, object], str]] = {
    "project": _name_fault,
    "notebooks": _inside_fault,
    "params": _text_fault,  # a checkout of another repository may lie anywhere
    "include": _include_fault,
    "lock": _inside_fault,
    "store": _store_fault,
    "remote": _name_fault,
    "policy_ref": _ref_fault,  # read from the branch that is trusted, never from the working tree
    "model_name": _model_name_fault,
    "kernel": _table_fault,
    "check": _table_fault,
}


def _within(root: Path, value: str) -> Path:
    return Path(os.path.normpath(root / value))


def _plain(folder: str) -> str:
    """A folder's name as a project's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder).strip("-._") or "project"


# -- lines, which tomllib does not tell ----------------------------------------------------------------------

_HEADER = re.compile(r"\s*\[\[?(?P<name>[^\[\]=,]+)\]\]?\s*(#.*)?")
_KEY = r"""\s*(?:["']?\w+["']?\s*\.\s*)*["']?{}["']?\s*[.=]"""


def _line(text: str, key: str, of: str = "tool.nbpromote") -> int:
    """The line of a key of the table `of` or of one below it, else of the table, else 1."""
    table = 1
    ours = False
    for number, line in enumerate(text.split("\n"), 1):
        header = _HEADER.fullmatch(line)
        if header:
            name = re.sub(r"[\s\"']", "", header["name"])
            ours = name == of or (of != "tool.nbpromote" and name.startswith(f"{of}."))
            if ours or name == f"{of}.{key}":
                table = number
        elif ours and re.match(_KEY.format(re.escape(key)), line):
            return number
        elif not ours and table == 1 and re.match(_KEY.format("nbpromote"), line):
            table = number
    return table
