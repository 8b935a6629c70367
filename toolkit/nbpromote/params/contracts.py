"""The shape of `X.contract.yaml`: what must hold of one notebook's data and scraps. Whether it does, a run is asked."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nbpromote.errors import BadInput, nearest
from nbpromote.model import Contract, DataRule, Evaluation, Finding, Sanitizer, ScrapRule, Tolerance
from nbpromote.params import keys, yaml
from nbpromote.params.reading import tell
from nbpromote.params.tree import ReadBytes, Reader, Value, shown, text_of
from nbpromote.params.values import WANTS_DURATION, seconds
from nbpromote.params.yaml import Node

SUFFIX = ".contract.yaml"


@dataclass(frozen=True, kw_only=True)
class ContractFile:
    """A contract, with the places of the names in it that other files have to bear out.

    `tables` are what evaluations stand on; `files` the schemas and sanitize files that it names, by path from the root.
    """

    contract: Contract = field(default_factory=Contract)
    inputs: Mapping[str, Value] = field(default_factory=dict)
    outputs: Mapping[str, Value] = field(default_factory=dict)
    scraps: Mapping[str, Value] = field(default_factory=dict)
    tables: tuple[Value, ...] = ()
    files: Mapping[str, Value] = field(default_factory=dict)
    wrong: tuple[Finding, ...] = ()


def is_contract(path: str) -> bool:
    """Also of a file that somebody meant to be one: `.yml` is not read, and is told."""
    return path.endswith((SUFFIX, SUFFIX.replace("yaml", "yml")))


def path_of(notebook: str) -> str:
    """Where the contract of a notebook stands, whichever side of it is named."""
    return f"{notebook.rsplit('.', 1)[0]}{SUFFIX}"


def files(notebook: str, read: ReadBytes) -> tuple[str, ...]:
    """The contract of a notebook and the files that it names, there or not; nothing where there is no contract."""
    found = contract_file(notebook, read)
    return (found.contract.path, *found.files) if found.contract.path else ()


def contract(notebook: str, read: ReadBytes, *, inputs: Collection[str], outputs: Collection[str]) -> Contract:
    """What holds of a notebook in an environment that declares these inputs and outputs.

    Raises `BadInput` with everything that is wrong with it.
    """
    found = contract_file(notebook, read)
    tell([*found.wrong, *strangers(found, inputs=inputs, outputs=outputs)], about="the contract")
    return found.contract


def strangers(file: ContractFile, *, inputs: Collection[str], outputs: Collection[str]) -> Iterator[Finding]:
    """Rules for what nothing declares, which would never be asked."""
    for what, named, declared in (("input", file.inputs, inputs), ("output", file.outputs, outputs)):
        for name, value in named.items():
            if name not in declared:
                known = ", ".join(sorted(declared)) or "none"
                message = f"{name!r} is no declared {what}{nearest(name, declared)}"
                yield value.finding(message, hint=f"{what}s that params/*.yaml declare: {known}")


def contract_file(notebook: str, read: ReadBytes) -> ContractFile:
    """Never raises for what is in the files. A contract that is not there asks for nothing."""
    path = path_of(notebook)

    def text(name: str) -> str | None:
        try:
            data = read(name)
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror}", where=name) from error
        return data.decode() if data is not None else None

    found = text_of(text, path, path)
    if isinstance(found, Finding):
        return ContractFile(contract=Contract(path=path), wrong=(found,))
    return _read(found, path, text) if found or read(path) is not None else ContractFile()


def _read(text: str, path: str, others: Callable[[str], str | None]) -> ContractFile:
    document = yaml.parse(text, path)
    reader = _Contract(path, document.findings, others)
    fields = reader.fields(document.root, keys.CONTRACT, "a contract")
    rules = {kind: reader.items(fields.get(kind), kind) for kind in ("scraps", "inputs", "outputs", "evaluation")}
    compare = reader.fields(fields.get("compare") or Node(), keys.COMPARE, "compare")
    tolerance = reader.tolerance(compare, Tolerance())
    asked = Contract(
        path=path,
        tolerance=tolerance,
        sanitizers=tuple(reader.sanitizers(fields.get("sanitize"))),
        scraps={name: reader.scrap(name, node, tolerance) for name, node in rules["scraps"].items()},
        inputs={name: reader.data("inputs", name, node) for name, node in rules["inputs"].items()},
        outputs={name: reader.data("outputs", name, node) for name, node in rules["outputs"].items()},
        evaluations=reader.evaluations(rules["evaluation"]),
    )
    places = {kind: {name: reader.value(node) for name, node in nodes.items()} for kind, nodes in rules.items()}
    return ContractFile(
        contract=asked,
        inputs=places["inputs"],
        outputs=places["outputs"],
        scraps=places["scraps"],
        tables=tuple(reader.tables),
        files=reader.files,
        wrong=tuple(reader.wrong),
    )


_SCHEMA = re.compile(r"(?P<file>[^:]+\.ya?ml|[^:]+\.py(?=:))(:(?P<name>[^\W\d]\w*))?")
_SANITIZE = re.compile(r"^regex: (.*)$\n^replace: (.*)$", re.MULTILINE)  # as nbval reads such a file


class _Contract(Reader):
    """A reader with the words of this file; it notes which other files and tables are named."""

    def __init__(self, path: str, findings: Iterable[Finding], others: Callable[[str], str | None]) -> None:
        super().__init__(path, findings, elsewhere=keys.OF_DATA)
        self._others = others
        self._folder = posixpath.dirname(path)
        self.files: dict[str, Value] = {}
        self.tables: list[Value] = []

    # -- how outputs are compared

    def tolerance(self, fields: Mapping[str, Node], base: Tolerance) -> Tolerance:
        given: dict[str, Any] = {}
        for key, most in (("rtol", None), ("atol", None), ("figures", 1)):
            number = self.number(fields[key], key) if key in fields else None
            if number is not None and (number < 0 or (most is not None and number > most)):
                wants = "is at least 0" if most is None else f"is from 0 to {most}"
                self.say(fields[key], f"{key} {wants}, got {shown(fields[key].value)}")
            elif number is not None:
                given[key] = number
        if "unordered" in fields:
            given["unordered"] = self.flag(fields["unordered"], "unordered")
        return replace(base, **given)

    def sanitizers(self, node: Node | None) -> Iterator[Sanitizer]:
        """From a list, whose entries may be names of files, or from one file."""
        if node is not None and isinstance(node.value, str):
            yield from self._sanitize_file(node)
            return
        for entry in self.entries(node, "sanitize"):
            if isinstance(entry.value, str):
                yield from self._sanitize_file(entry)
                continue
            fields = self.fields(entry, ("regex", "replace"), "an entry of sanitize")
            regex = self.text(fields.get("regex"), "regex")
            if isinstance(entry.value, dict) and "regex" not in entry.items:
                self.say(entry, "an entry of sanitize wants a regex")
            replacement = fields.get("replace", Node(value=""))
            if not isinstance(replacement.value, str):
                self.say(replacement, f"replace wants text, got {shown(replacement.value)}")
            elif regex is not None and self._is_regex(entry, regex, replacement.value):
                yield Sanitizer(regex=regex, replace=replacement.value)

    def _sanitize_file(self, node: Node) -> Iterator[Sanitizer]:
        name = self.text(node, "sanitize")
        text = self._named_file(node, name, "the sanitize file") if name else None
        pairs = _SANITIZE.findall(text or "")
        if text is not None and not pairs:
            self.say(node, f"{node.value} holds no `regex: ...` with a `replace: ...` on the next line")
        yield from (Sanitizer(regex=one, replace=other) for one, other in pairs if self._is_regex(node, one, other))

    def _is_regex(self, node: Node, regex: str, replacement: str) -> bool:
        try:
            re.compile(regex).sub(replacement, "")
        except (re.error, IndexError, RecursionError, OverflowError) as error:
            self.say(node, f"{shown(regex)} with {shown(replacement)} is no regular expression: {error}")
            return False
        return True

    # -- what scraps, data and evaluations are

    def scrap(self, name: str, node: Node, base: Tolerance) -> ScrapRule:
        what = f"scraps.{name}"
        fields = self.fields(node, keys.SCRAP, what)
        kind = self.choice(fields.get("type"), "type", keys.KINDS)
        bounds = {key: self.number(fields[key], key) for key in ("min", "max") if key in fields}
        if bounds and kind not in (None, "number", "integer"):
            self.say(node, f"{what}: {' and '.join(bounds)} can bound a number, and its type is {kind}")
        self._in_order(node, what, bounds.get("min"), bounds.get("max"))
        return ScrapRule(
            kind=kind or ("number" if bounds else None),
            **bounds,
            tolerance=self.tolerance(fields, base) if fields.keys() & {*keys.COMPARE} else None,
            where=self.value(node).where,
        )

    def data(self, section: str, name: str, node: Node) -> DataRule:
        what = f"{section}.{name}"
        fields = self.fields(node, keys.INPUT if section == "inputs" else keys.OUTPUT, what)
        counts = {key: self._count(fields[key], key) for key in ("min_rows", "max_rows") if key in fields}
        self._in_order(node, what, counts.get("min_rows"), counts.get("max_rows"))
        return DataRule(
            schema=self._schema(fields.get("schema")),
            **counts,
            max_age=self._age(fields.get("max_age")),
            versus_live=self._range(fields.get("rows_versus_live")),
            may_change=tuple(self._texts(fields.get("may_change"), "may_change")),
            where=self.value(node).where,
        )

    def evaluations(self, nodes: Mapping[str, Node]) -> dict[str, Evaluation]:
        """Those that are whole."""
        found = {}
        for name, node in nodes.items():
            fields = self.fields(node, keys.EVALUATION, f"evaluation.{name}")
            texts = {key: self.text(fields.get(key), key) for key in keys.EVALUATION}
            missing = [key for key in keys.EVALUATION if key not in fields]
            if missing and isinstance(node.value, dict | type(None)):
                self.say(node, f"evaluation.{name} wants {', '.join(missing)}")
            if texts["on"]:
                self.tables.append(self.value(fields["on"]))
            if texts["target"] and texts["target"] == texts["prediction"]:
                self.say(node, f"evaluation.{name}: the truth is no prediction; target and prediction are two columns")
            if all(texts.values()):
                found[name] = Evaluation(**texts, where=self.value(node).where)  # type: ignore[arg-type]
        return found

    # -- single values

    def _in_order(self, node: Node, what: str, low: float | None, high: float | None) -> None:
        if low is not None and high is not None and low > high:
            self.say(node, f"{what}: its least, {low:g}, is above its most, {high:g}")

    def _count(self, node: Node, what: str) -> int | None:
        value = node.value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1e15:
            return value
        if not node.broken:
            self.say(node, f"{what} wants a whole number from 0, got {shown(value)}")
        return None

    def _age(self, node: Node | None) -> float | None:
        age = seconds(node.value) if node else None
        if node and age is None and not node.broken:
            self.say(node, f"max_age {WANTS_DURATION}, got {shown(node.value)}")
        return age

    def _range(self, node: Node | None) -> tuple[float, float] | None:
        entries = self.entries(node, "rows_versus_live")
        shares = [share for entry in entries if (share := self.number(entry, "rows_versus_live")) is not None]
        if node is None or node.broken or len(shares) < len(entries) or not isinstance(node.value, list):
            return None
        if len(shares) != 2 or not 0 <= shares[0] <= shares[1]:
            self.say(node, f"rows_versus_live wants two shares such as [0.5, 2.0], got {shown(node.value)}")
            return None
        return shares[0], shares[1]

    def _texts(self, node: Node | None, what: str) -> Iterator[str]:
        return (text for entry in self.entries(node, what) if (text := self.text(entry, what)))

    def _schema(self, node: Node | None) -> str | None:
        """pandera's schema by path from the root: `notebooks/flights.schema.yaml`, `notebooks/contracts.py:flights`."""
        text = self.text(node, "schema")
        if node is None or text is None:
            return None
        found = _SCHEMA.fullmatch(text)
        if found is None or (found["name"] is None) == found["file"].endswith(".py"):
            self.say(node, f"schema wants pandera's NAME.yaml or FILE.py:NAME beside the notebook, got {text!r}")
            return None
        if self._named_file(node, found["file"], "the schema") is None:
            return None
        path = self._path(found["file"])
        return f"{path}:{found['name']}" if found["name"] else path

    def _named_file(self, node: Node, name: str, what: str) -> str | None:
        """The text of a file that the contract counts on; None where there is none, which is told."""
        path = self._path(name)
        if path.partition("/")[0] in ("", ".."):
            self.say(node, f"{what} {name!r} leads out of the project")
            return None
        self.files[path] = self.value(node)
        text = text_of(self._others, path, path)
        if isinstance(text, Finding):
            self.say(node, f"{what} {path} {text.message}")
            return None
        if not text:
            self.say(node, f"{what} {path} is not there, or empty")
        return text or None

    def _path(self, name: str) -> str:
        return posixpath.normpath(posixpath.join(self._folder, name))
