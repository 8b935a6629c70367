"""What a policy file demands besides gates: consent by people, time, hours. Whether it is met is the gate's to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nbpromote import persons
from nbpromote.errors import nearest
from nbpromote.model import Approvals
from nbpromote.params import keys
from nbpromote.params.tree import Reader, shown
from nbpromote.params.values import WANTS_DURATION, seconds
from nbpromote.params.windows import windows
from nbpromote.params.yaml import Node

Demands = Mapping[str, Any]  # fields of a Policy that a file gives
_Fields = Mapping[str, Node]


def demands(reader: Reader, fields: _Fields, *, of_all: Demands | None = None, is_entry: bool = False) -> Demands:
    """What those keys demand that are given. `of_all` is what the file demands of all notebooks, when it is of one."""
    fields = {key: node for key, node in fields.items() if key in _READS and node.value is not None}
    said = {key: _READS[key](reader, node, key) for key, node in fields.items()}
    _faults(reader, fields, said, (said if of_all is None else of_all).get("groups", {}))
    if of_all is None:
        _faults_of_a_file(reader, fields, said)
    if is_entry:
        _faults_of_an_entry(reader, fields)
    return said


def _faults(reader: Reader, fields: _Fields, said: Demands, groups: Mapping[str, tuple[str, ...]]) -> None:
    """Tell what does not go together."""
    for key in ("approvals", "override"):
        for node in _named(fields.get(key)):
            if isinstance(node.value, str) and node.value not in groups:
                reader.say(node, f"{key}: there is no group {node.value!r}{nearest(node.value, groups)}")
    approvals = said.get("approvals")
    if approvals and approvals.groups and groups.keys() >= set(approvals.groups):
        people = _people(groups, approvals.groups)
        if people < approvals.count:
            told = f"{approvals.count} approvals are demanded of {' and '.join(approvals.groups)}, which have {people}"
            reader.say(fields["approvals"], f"{told} {'person' if people == 1 else 'people'}")
    review, expires = said.get("review_by"), said.get("expires")
    if review and expires and review >= expires:
        reader.say(fields["review_by"], "review_by is not before expires: there would be nothing left to look at")


def _faults_of_a_file(reader: Reader, fields: _Fields, said: Demands) -> None:
    if said.get("apply") == "ci" and "appliers" not in fields:
        reader.say(fields["apply"], "apply: ci wants appliers: those whose CI jobs may make live")
    if "appliers" in fields and said.get("apply") != "ci":
        reader.say(fields["appliers"], "appliers are for apply: ci; without it, everybody applies")
    if said.get("signatures") and "allowed_signers" not in fields:
        reader.say(fields["signatures"], "signatures: required wants allowed_signers, the file of whose keys count")
    if "allowed_signers" in fields and not said.get("signatures"):
        reader.say(fields["allowed_signers"], "allowed_signers are for signatures: required; without it, none is asked")


def _faults_of_an_entry(reader: Reader, fields: _Fields) -> None:
    """Nothing is promoted into an entry environment, so nobody would be asked."""
    for key, node in fields.items():
        if key not in _OF_WHAT_IS_LIVE:
            reader.say(node, f"{key} is about promotions, and without promotes_from there are none to here")


def _named(node: Node | None) -> Iterator[Node]:
    """The entries of a list of groups, or of the `groups` of approvals."""
    if node is not None:
        yield from node.items["groups"].entries if "groups" in node.items else node.entries


def _people(known: Mapping[str, tuple[str, ...]], groups: tuple[str, ...]) -> int:
    aliases = persons.aliases(entry for entries in known.values() for entry in entries)
    return len({aliases[persons.keys(entry)[0]] for group in groups for entry in known[group]})


# -- single keys


def _approvals(reader: Reader, node: Node, key: str) -> Approvals | None:
    """A number, or what is said of it."""
    if not isinstance(node.value, dict):
        return _approvals_of(_count(reader, node, key))
    fields = reader.fields(node, keys.APPROVALS, key)
    count = _count(reader, fields["count"], f"{key}.count") if "count" in fields else Approvals.count
    entries = reader.entries(fields.get("groups"), f"{key}.groups")
    groups = tuple(name for entry in entries if (name := reader.word(entry, f"{key}.groups")))
    expires = _duration(reader, fields["expires"], f"{key}.expires") if "expires" in fields else None
    return _approvals_of(count, groups, expires)


def _approvals_of(count: int, groups: tuple[str, ...] = (), expires: float | None = None) -> Approvals | None:
    return Approvals(count=count, groups=groups, expires=expires) if count else None


def _count(reader: Reader, node: Node, key: str) -> int:
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MANY:
        return value
    if not node.broken:
        reader.say(node, f"{key} wants a number of people, 0 for none, got {shown(value)}")
    return 0


_MANY = 100


def _groups(reader: Reader, node: Node, key: str) -> Mapping[str, tuple[str, ...]]:
    return {name: _group(reader, name, child) for name, child in reader.items(node, key).items()}


def _group(reader: Reader, name: str, node: Node) -> tuple[str, ...]:
    known = len(reader.wrong)
    people = _people_of(reader, node, f"group {name!r}")
    if not people and len(reader.wrong) == known and not node.broken:
        reader.say(node, f"group {name!r} has nobody in it")
    return people


def _people_of(reader: Reader, node: Node, key: str) -> tuple[str, ...]:
    found = []
    for entry in reader.entries(node, key):
        text = reader.text(entry, key)
        if text and persons.is_entry(text):
            found.append(text)
        elif text:
            reader.say(entry, f"{key} {persons.WANTS}; got {shown(text)}")
    return tuple(found)


def _names(reader: Reader, node: Node, key: str) -> tuple[str, ...]:
    return tuple(name for entry in reader.entries(node, key) if (name := reader.word(entry, key)))


def _duration(reader: Reader, node: Node, key: str) -> float | None:
    found = seconds(node.value)
    if found is None and not node.broken:
        reader.say(node, f"{key} {WANTS_DURATION}, got {shown(node.value)}")
    return found


def _soak(reader: Reader, node: Node, key: str) -> float:
    """0 takes away what the file demands of all notebooks."""
    return 0 if node.value == 0 and not isinstance(node.value, bool) else _duration(reader, node, key) or 0


def _signatures(reader: Reader, node: Node, key: str) -> bool:
    return reader.choice(node, key, ("required",)) is not None


def _apply(reader: Reader, node: Node, key: str) -> str:
    return reader.choice(node, key, ("ci", "anyone")) or "anyone"


def _file(reader: Reader, node: Node, key: str) -> str:
    return reader.word(node, key) or ""


_READS: Mapping[str, Callable[[Reader, Node, str], Any]] = {
    "approvals": _approvals,
    "soak": _soak,
    "windows": windows,
    "auto": Reader.flag,
    "override": _names,
    "review_by": _duration,
    "expires": _duration,
    "groups": _groups,
    "signatures": _signatures,
    "allowed_signers": _file,
    "apply": _apply,
    "appliers": _people_of,
}
_OF_WHAT_IS_LIVE = ("review_by", "expires")
