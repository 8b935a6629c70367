"""The shape of `<env>.yaml`: what an environment gives. Whether a notebook wants it is not asked here."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from nbpromote.model import SIZES, Finding, Json
from nbpromote.params import interpolation, keys, yaml
from nbpromote.params.tree import Read, Reader, Value, shown, text_of
from nbpromote.params.yaml import Node


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a params file gives one notebook."""

    parameters: Mapping[str, Value] = field(default_factory=dict)
    inputs: Mapping[str, Value] = field(default_factory=dict)
    outputs: Mapping[str, Value] = field(default_factory=dict)
    kernel: str | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    secrets: Mapping[str, Value] = field(default_factory=dict)
    declares: frozenset[str] = frozenset()  # inputs, outputs: those that are given, if only as {}
    line: int = 1
    column: int = 1

    @property
    def values(self) -> Mapping[str, Value]:
        return {**self.parameters, **self.inputs, **self.outputs}


@dataclass(frozen=True, kw_only=True)
class ParamsFile:
    path: str
    tracking_uri: Value | None = None
    kernel: str | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)
    notebooks: Mapping[str, Part] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    pass_env: tuple[str, ...] = ()
    secrets: Mapping[str, Value] = field(default_factory=dict)
    wrong: tuple[Finding, ...] = ()

    @property
    def used(self) -> frozenset[str]:
        """Every name that some text of this file interpolates."""
        parts = [part.values for part in self.notebooks.values()]
        values = [value for mapping in (self.parameters, *parts) for value in mapping.values()]
        return frozenset(name for value in values for name in interpolation.names(value.value))

    @property
    def references(self) -> Iterator[tuple[str, Value]]:
        """Every secret of this file, whoever gets it."""
        for secrets in (self.secrets, *(part.secrets for part in self.notebooks.values())):
            yield from secrets.items()

    def part(self, notebook: str) -> Part:
        return self.notebooks.get(notebook, Part())


def params_file(read: Read, environment: str, folder: str) -> ParamsFile:
    """A file that is not there is an empty one."""
    path = f"{folder}/{environment}.yaml"
    text = text_of(read, f"{environment}.yaml", path)
    return ParamsFile(path=path, wrong=(text,)) if isinstance(text, Finding) else _params(text, path)


@lru_cache(maxsize=64)
def _params(text: str, path: str) -> ParamsFile:
    document = yaml.parse(text, path)
    reader = Reader(path, document.findings, elsewhere={**keys.OF_POLICY, **keys.OF_PROJECT})
    fields = reader.fields(document.root, keys.PARAMS, "a params file")
    notebooks = reader.items(fields.get("notebooks"), "notebooks")
    return ParamsFile(
        path=path,
        tracking_uri=_tracking_uri(reader, fields.get("tracking_uri")),
        kernel=reader.word(fields.get("kernel"), "kernel"),
        parameters=_values(reader, fields.get("parameters"), "parameters"),
        notebooks={name: _part(reader, name, node) for name, node in notebooks.items()},
        limits=_limits(reader, fields.get("limits")),
        pass_env=_pass_env(reader, fields.get("pass_env")),
        secrets=_secrets(reader, fields.get("secrets")),
        wrong=tuple(reader.wrong),
    )


def _part(reader: Reader, name: str, node: Node) -> Part:
    fields = reader.fields(node, keys.PARAMS_OF_A_NOTEBOOK, f"notebooks.{name}")
    part = Part(
        parameters=_values(reader, fields.get("parameters"), "parameters"),
        inputs=_values(reader, fields.get("inputs"), "inputs"),
        outputs=_values(reader, fields.get("outputs"), "outputs"),
        kernel=reader.word(fields.get("kernel"), "kernel"),
        limits=_limits(reader, fields.get("limits")),
        secrets=_secrets(reader, fields.get("secrets")),
        declares=frozenset(kind for kind in ("inputs", "outputs") if _is_mapping(fields.get(kind))),
        line=node.line,
        column=node.column,
    )
    _told_once(reader, name, part)
    return part


def _is_mapping(node: Node | None) -> bool:
    return node is not None and isinstance(node.value, dict)


def _told_once(reader: Reader, name: str, part: Part) -> None:
    kinds = {"parameters": part.parameters, "inputs": part.inputs, "outputs": part.outputs}
    given: dict[str, str] = {}
    for kind, values in kinds.items():
        for key, value in values.items():
            if key in given:
                message = f"{key!r} of {name} is given under {given[key]} and under {kind}"
                reader.wrong.append(value.finding(message))
            given[key] = kind


def _values(reader: Reader, node: Node | None, what: str) -> Mapping[str, Value]:
    values = {}
    for key, child in reader.items(node, what).items():
        if not key.isidentifier() or keyword.iskeyword(key):
            reader.say(child, f"{shown(key)} cannot be a parameter: a name is a Python identifier")
            continue
        values[key] = reader.value(child)
    return values


_SCHEMES = ("sqlite", "http", "https", "postgresql", "mysql", "mssql", "databricks")


def _tracking_uri(reader: Reader, node: Node | None) -> Value | None:
    uri = reader.text(node, "tracking_uri")
    if node is None or uri is None:
        return None
    if any(interpolation.variables(uri)):  # judged when it is filled in
        return reader.value(node)
    fault = uri_fault(uri)
    if fault:
        reader.say(node, f"tracking_uri {fault}")
    return None if fault else reader.value(node)


def uri_fault(uri: str) -> str:
    """Why a store cannot be there; empty where it can."""
    try:
        parts = urlsplit(uri)
        password = parts.password
    except ValueError as error:
        return f"is no address: {error}"
    if parts.scheme.split("+")[0] not in _SCHEMES:
        return f"wants sqlite:///path.db or http(s)://server, got {uri!r}"
    if password:  # it would be written to every record
        return "holds a password; MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD keep it out of files"
    if parts.scheme == "sqlite" and (parts.path in ("", "/") or ":memory:" in uri):
        return f"names no file, so nothing would be kept: {uri!r}"
    return ""


_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?P<count>[0-9]+(\.[0-9]+)?)\s*(?P<unit>[smhd]?)")
_YEAR = 365 * 86400
WANTS_DURATION = "wants a duration such as 90s, 10m, 1h or 1d"
WANTS_SIZE = "wants a size such as 500kB, 10MB or 1GB"
_SIZE = re.compile(r"(?P<count>[0-9]+(\.[0-9]+)?)\s*(?P<unit>kB|MB|GB|B)")
_LEAST, _MOST = 1e3, 1e12  # bytes


def _limits(reader: Reader, node: Node | None) -> Mapping[str, float]:
    if node is None:
        return {}
    limits = {}
    for key, child in reader.fields(node, keys.LIMITS, "limits").items():
        is_size = key in keys.OUTPUTS
        limit = size(child.value) if is_size else seconds(child.value)
        if limit is not None:
            limits[key] = limit
        elif not child.broken:
            wants = WANTS_SIZE if is_size else WANTS_DURATION
            reader.say(child, f"limits.{key} {wants}, got {shown(child.value)}")
    return limits


def seconds(value: Json) -> float | None:
    """None for what is no duration of up to a year."""
    if isinstance(value, str):
        found = _DURATION.fullmatch(value)
        value = float(found["count"]) * _UNITS[found["unit"]] if found else None
    sound = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _YEAR
    return float(value) if sound else None


def size(value: Json) -> float | None:
    """Bytes; None for what is no size of 1 kB to 1000 GB. A bare number says too little."""
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    count = float(found["count"]) * SIZES.get(found["unit"], 1) if found else 0
    return count if _LEAST <= count <= _MOST else None


def _pass_env(reader: Reader, node: Node | None) -> tuple[str, ...]:
    names = (reader.variable(entry, "pass_env") for entry in reader.entries(node, "pass_env"))
    return tuple(name for name in names if name)


REFERENCE = "wants a reference, never a value: env:NAME or file:/path"
_REFERENCE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9_.+-]*):(?P<rest>.+)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _secrets(reader: Reader, node: Node | None) -> Mapping[str, Value]:
    """References by name. What is none may be the secret itself, so it is in no message."""
    if node is None or node.value is None or node.broken:
        return {}
    if not isinstance(node.value, dict):
        reader.say(node, "secrets wants names with references: {warehouse_password: env:WAREHOUSE_PASSWORD}")
    found = {}
    for key, child in node.items.items():
        if not _NAME.fullmatch(key):
            reader.say(child, "the name of a secret is made of letters, digits and '_': it becomes a variable's name")
        elif not child.broken and not _is_reference(child.value):
            reader.say(child, f"secret {key!r} {REFERENCE}")
        elif not child.broken:
            found[key] = Value(value=child.value, path=reader.path, line=child.line)
    return found


def _is_reference(value: Json) -> bool:
    """Whether it has a reference's form; which schemes there are is not asked here."""
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) and value.isprintable() else None
    if found is None or found["rest"] != found["rest"].strip():
        return False
    return found["scheme"] != "env" or _NAME.fullmatch(found["rest"]) is not None
