"""The shape of `<env>.policy.yaml`: what an environment demands. Whether it is met is the gate's to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from nbpromote.model import Finding, Gate, Isolation
from nbpromote.params import consents, gates, keys, yaml
from nbpromote.params.consents import Demands
from nbpromote.params.tree import Read, Reader, Value, text_of
from nbpromote.params.yaml import Node


@dataclass(frozen=True, kw_only=True)
class PolicyPart:
    """What a policy file demands of one notebook."""

    strategy: str = "retrain"
    gates: tuple[Gate, ...] = ()
    checks: tuple[Value, ...] = ()
    demands: Demands = field(default_factory=dict)  # in place of what the file demands of all
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
    demands: Demands = field(default_factory=dict)
    signers: Value | None = None  # the file of whose keys count
    wrong: tuple[Finding, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(source.value for source in self.promotes_from)


def policy_file(read: Read, environment: str, folder: str) -> PolicyFile:
    """A file that is not there demands nothing."""
    path = f"{folder}/{environment}.policy.yaml"
    text = text_of(read, f"{environment}.policy.yaml", path)
    if isinstance(text, Finding):
        return PolicyFile(path=path, wrong=(text,))
    file = _policy(text, path)
    return replace(file, wrong=(*file.wrong, *_unsigned(read, file.signers, folder)))


def _unsigned(read: Read, named: Value | None, folder: str) -> Iterator[Finding]:
    """Without the file of keys nobody could sign for anything."""
    if named is None:
        return
    text = text_of(read, named.value, f"{folder}/{named.value}")
    if isinstance(text, Finding):
        yield text
    elif not any(line.strip() and not line.startswith("#") for line in text.splitlines()):
        yield named.finding(f"allowed_signers: {folder}/{named.value} is not there or names nobody", hint=_SIGNERS)


_SIGNERS = (
    "one line each, as `man ssh-keygen` has it under ALLOWED SIGNERS: ada@example.org ssh-ed25519 AAAA...; commit it"
)


@lru_cache(maxsize=64)
def _policy(text: str, path: str) -> PolicyFile:
    document = yaml.parse(text, path)
    reader = Reader(path, document.findings, elsewhere={**keys.OF_PARAMS, **keys.OF_PROJECT})
    fields = reader.fields(document.root, keys.POLICY, "a policy file")
    notebooks = reader.items(fields.get("notebooks"), "notebooks")
    is_entry = "promotes_from" not in fields or not fields["promotes_from"].value
    demands = consents.demands(reader, fields, is_entry=is_entry)
    return PolicyFile(
        path=path,
        promotes_from=_promotes_from(reader, fields.get("promotes_from")),
        protects=_protects(reader, fields.get("protects")),
        isolation=_isolation(reader, fields.get("isolation")),
        fresh=reader.flag(fields.get("fresh"), "fresh"),
        gates=gates.gates(reader, fields.get("gates")),
        checks=gates.named(reader, fields.get("gates"), "check"),
        notebooks={name: _policy_part(reader, name, node, demands, is_entry) for name, node in notebooks.items()},
        demands=demands,
        signers=reader.value(fields["allowed_signers"]) if demands.get("allowed_signers") else None,
        wrong=tuple(reader.wrong),
    )


def _policy_part(reader: Reader, name: str, node: Node, of_all: Demands, is_entry: bool) -> PolicyPart:
    fields = reader.fields(node, keys.POLICY_OF_A_NOTEBOOK, f"notebooks.{name}")
    strategy = reader.choice(fields.get("strategy"), "strategy", ("retrain", "copy"))
    return PolicyPart(
        strategy=strategy or "retrain",
        gates=gates.gates(reader, fields.get("gates")),
        checks=gates.named(reader, fields.get("gates"), "check"),
        demands=consents.demands(reader, fields, of_all=of_all, is_entry=is_entry),
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
