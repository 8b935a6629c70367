"""The shape of `<env>.policy.yaml`: what an environment demands. Whether it is met is the gate's to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from nbpromote.model import Finding, Gate, Isolation, Mode
from nbpromote.params import keys, yaml
from nbpromote.params.tree import Read, Reader, Value, text_of
from nbpromote.params.yaml import Node


@dataclass(frozen=True, kw_only=True)
class PolicyPart:
    """What a policy file demands of one notebook."""

    strategy: str = "retrain"
    gates: tuple[Gate, ...] = ()
    checks: tuple[Value, ...] = ()
    line: int = 1
    column: int = 1


@dataclass(frozen=True, kw_only=True)
class PolicyFile:
    path: str
    promotes_from: tuple[Value, ...] = ()
    protects: tuple[Value, ...] = ()
    isolation: Isolation | None = None
    fresh: bool = False
    gates: tuple[Gate, ...] = ()
    checks: tuple[Value, ...] = ()  # the names that gates ask for
    notebooks: Mapping[str, PolicyPart] = field(default_factory=dict)
    wrong: tuple[Finding, ...] = ()
    unbuilt: tuple[Finding, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(source.value for source in self.promotes_from)


def policy_file(read: Read, environment: str, folder: str) -> PolicyFile:
    """A file that is not there demands nothing."""
    path = f"{folder}/{environment}.policy.yaml"
    text = text_of(read, f"{environment}.policy.yaml", path)
    return PolicyFile(path=path, wrong=(text,)) if isinstance(text, Finding) else _policy(text, path)


@lru_cache(maxsize=64)
def _policy(text: str, path: str) -> PolicyFile:
    document = yaml.parse(text, path)
    reader = Reader(path, document.findings, elsewhere=keys.OF_PARAMS)
    fields = reader.fields(document.root, keys.POLICY, keys.POLICY_UNBUILT, "a policy file")
    notebooks = reader.items(fields.get("notebooks"), "notebooks")
    return PolicyFile(
        path=path,
        promotes_from=_promotes_from(reader, fields.get("promotes_from")),
        protects=_protects(reader, fields.get("protects")),
        isolation=_isolation(reader, fields.get("isolation")),
        fresh=reader.flag(fields.get("fresh"), "fresh"),
        gates=_gates(reader, fields.get("gates")),
        checks=_checks(reader, fields.get("gates")),
        notebooks={name: _policy_part(reader, name, node) for name, node in notebooks.items()},
        wrong=tuple(reader.wrong),
        unbuilt=tuple(reader.unbuilt),
    )


def _policy_part(reader: Reader, name: str, node: Node) -> PolicyPart:
    fields = reader.fields(node, keys.POLICY_OF_A_NOTEBOOK, keys.POLICY_UNBUILT, f"notebooks.{name}")
    strategy = reader.choice(fields.get("strategy"), "strategy", ("retrain", "copy"))
    return PolicyPart(
        strategy=strategy or "retrain",
        gates=_gates(reader, fields.get("gates")),
        checks=_checks(reader, fields.get("gates")),
        line=node.line,
        column=node.column,
    )


def _promotes_from(reader: Reader, node: Node | None) -> tuple[Value, ...]:
    return tuple(
        reader.value(entry) for entry in reader.entries(node, "promotes_from") if reader.word(entry, "promotes_from")
    )


def _protects(reader: Reader, node: Node | None) -> tuple[Value, ...]:
    """Globs over paths from the project's root, or over addresses: `data/prod/**`, `s3://bucket/**`."""
    return tuple(reader.value(entry) for entry in reader.entries(node, "protects") if reader.text(entry, "protects"))


def _isolation(reader: Reader, node: Node | None) -> Isolation | None:
    said = reader.choice(node, "isolation", [mode.value for mode in Isolation])
    return Isolation(said) if said else None


def _gates(reader: Reader, node: Node | None) -> tuple[Gate, ...]:
    gates = (_gate(reader, entry) for entry in reader.entries(node, "gates"))
    return tuple(gate for gate in gates if gate)


def _checks(reader: Reader, node: Node | None) -> tuple[Value, ...]:
    asked = (entry.items.get("check") for entry in (node.entries if node else ()))
    return tuple(reader.value(name) for name in asked if name is not None and isinstance(name.value, str))


def _gate(reader: Reader, node: Node) -> Gate | None:
    """None for a gate that says nothing sound."""
    known = len(reader.wrong)
    fields = reader.fields(node, keys.GATE, {}, "a gate")
    bounds = (*keys.ABSOLUTE, *keys.RELATIVE)
    given: dict[str, Any] = {key: reader.number(fields[key], key) for key in bounds if key in fields}
    given |= {key: reader.text(fields.get(key), key) for key in ("metric", "check")}
    given["versus"] = reader.choice(fields.get("versus"), "versus", ("live",))
    mode = reader.choice(fields.get("mode"), "mode", [mode.value for mode in Mode])
    if len(reader.wrong) == known and not node.broken:
        for fault in _gate_faults(fields, low=given.get("min"), high=given.get("max")):
            reader.say(node, fault)
    if len(reader.wrong) > known or node.broken:
        return None
    return Gate(**given, mode=Mode(mode or Mode.ENFORCE), where=f"{reader.path}:{node.line}")


def _gate_faults(fields: Mapping[str, Node], *, low: float | None, high: float | None) -> list[str]:
    absolute = [key for key in keys.ABSOLUTE if key in fields]
    relative = [key for key in keys.RELATIVE if key in fields]
    if ("metric" in fields) == ("check" in fields):
        return ["a gate names one metric or one check"]
    if "check" in fields:
        stray = [key for key in (*absolute, *relative, "versus") if key in fields]
        return [f"a gate on a check has no {', '.join(stray)}: it passes or it does not"] if stray else []
    bounds = ", ".join(keys.RELATIVE)
    if "versus" in fields:
        faults = [f"{key} is absolute; a gate versus live takes {bounds}" for key in absolute]
        return faults or ([] if relative else [f"a gate versus live wants one of {bounds}"])
    if relative:
        return [f"{key} compares: add `versus: live`" for key in relative]
    if not absolute:
        return ["a gate on a metric wants max, min or versus: live"]
    return ["min is above max"] if low is not None and high is not None and low > high else []
