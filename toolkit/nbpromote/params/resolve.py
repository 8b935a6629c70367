"""What one notebook gets in one environment: layers, texts, types, paths. Problems are collected."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from nbpromote.errors import nearest
from nbpromote.model import Environment, Finding, Json, Limits, Parameter, Policy, Schema
from nbpromote.params import interpolation, protection, types
from nbpromote.params.around import BUILT_IN, Around
from nbpromote.params.demands import PolicyFile, PolicyPart
from nbpromote.params.given import Given
from nbpromote.params.scope import Scope
from nbpromote.params.tree import Value, shown
from nbpromote.params.values import REFERENCE, ParamsFile, Part, uri_fault

CELL = "parameters cell"
MANY = 100  # of one kind; finding the nearest name of each of 20,000 would take minutes


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """All that an environment is worked out from."""

    environment: str
    base: ParamsFile
    own: ParamsFile
    policy: PolicyFile
    around: Around = field(default_factory=Around)

    @property
    def files(self) -> tuple[ParamsFile, ParamsFile]:
        """In the order of inheritance."""
        return self.base, self.own

    @property
    def shared(self) -> Mapping[str, Value]:
        """The parameters of the whole environment."""
        return {**self.base.parameters, **self.own.parameters}

    def parts(self, notebook: str) -> tuple[Part, Part]:
        return self.base.part(notebook), self.own.part(notebook)

    def kinds(self, notebook: str) -> Mapping[str, str]:
        """Which of the notebook's parameters are an input or an output."""
        found: dict[str, str] = {}
        for part in self.parts(notebook):
            found.update(dict.fromkeys(part.inputs, "input"))
            found.update(dict.fromkeys(part.outputs, "output"))
        return found

    def values(self, notebook: str) -> Mapping[str, Value]:
        """Everything that the files give a notebook, the later layers over the earlier."""
        base, own = self.parts(notebook)
        return {**self.shared, **base.values, **own.values}

    def secrets(self, notebook: str) -> Mapping[str, Value]:
        """The references that a notebook gets."""
        base, own = self.parts(notebook)
        return {**self.base.secrets, **self.own.secrets, **base.secrets, **own.secrets}

    def demands(self, notebook: str) -> Policy:
        part = self.policy.notebooks.get(notebook)
        return Policy(
            promotes_from=self.policy.sources,
            protects=tuple(glob.value for glob in self.policy.protects),
            strategy=part.strategy if part else Policy.strategy,
            isolation=self.policy.isolation,
            fresh=self.policy.fresh,
            gates=self.policy.gates + (part.gates if part else ()),
            **{**self.policy.demands, **(part.demands if part else {})},
        )


@dataclass
class Answer:
    """The final values of one notebook's parameters, and what is wrong with them."""

    parameters: dict[str, Json] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    tracking_uri: str = ""
    wrong: list[Finding] = field(default_factory=list)
    unset: list[Finding] = field(default_factory=list)  # variables that are not set here
    unbuilt: list[Finding] = field(default_factory=list)

    def fault(self, value: Value, what: str, fault: interpolation.Fault) -> None:
        """Note that a text cannot be filled in."""
        told = self.unset if isinstance(fault, interpolation.Unset) else self.wrong
        told.append(value.finding(f"{what} {fault}"))


def environment(sheet: Sheet, notebook: str, answer: Answer) -> Environment:
    """The record, from an answer without problems."""
    base, own = sheet.parts(notebook)
    limits = {**sheet.base.limits, **sheet.own.limits, **base.limits, **own.limits}
    pass_env = dict.fromkeys((*sheet.base.pass_env, *sheet.own.pass_env))
    secrets = sheet.secrets(notebook)
    return Environment(
        name=sheet.environment,
        tracking_uri=answer.tracking_uri,
        policy=sheet.demands(notebook),
        parameters=answer.parameters,
        inputs=answer.inputs,
        outputs=answer.outputs,
        declares=base.declares | own.declares == {"inputs", "outputs"},
        origins=answer.origins,
        kernel=own.kernel or base.kernel or sheet.own.kernel or sheet.base.kernel,
        limits=Limits(**limits),
        pass_env=tuple(pass_env),
        secrets={name: secret.value for name, secret in secrets.items()},
        secret_origins={name: secret.where for name, secret in secrets.items()},
    )


def tracking_uri(sheet: Sheet, answer: Answer) -> str:
    """The store's address; a relative SQLite file is one of the project's. As it is written where it has a fault."""
    given = sheet.own.tracking_uri or sheet.base.tracking_uri
    uri = given.value if given else f"sqlite:///.nbpromote/mlflow/{sheet.environment}/mlflow.db"
    if given:
        try:
            uri = interpolation.address(given.value, sheet.around.variables)
        except interpolation.Fault as fault:
            answer.fault(given, "tracking_uri", fault)
            return str(given.value)
        if refused := uri_fault(uri):
            answer.wrong.append(given.finding(f"tracking_uri {refused}"))
    scheme, slashes, file = uri.partition(":///")
    if not scheme.startswith("sqlite") or not slashes or file.startswith("/"):
        return uri
    return f"{scheme}:///{os.path.normpath(sheet.around.root / file)}"


# -- one notebook's values -----------------------------------------------------------------------------------


def resolve(sheet: Sheet, notebook: str, schema: Schema, overrides: Mapping[str, Given]) -> Answer:
    """Work out every parameter of the schema: file, command line or default."""
    answer = Answer()
    answer.tracking_uri = tracking_uri(sheet, answer)
    given = sheet.values(notebook)
    typed = _overrides(notebook, schema, overrides, answer)
    scope = Scope(
        sheet.environment,
        schema,
        given=given,
        typed=typed,
        paths=sheet.kinds(notebook),
        variables=sheet.around.variables,
    )
    answer.wrong += islice(_undeclared(sheet, notebook, schema), MANY)
    _unfilled(scope, sheet.shared, schema, answer)
    for parameter in schema.parameters:
        name = parameter.name
        if name in overrides:
            if name in typed:
                answer.parameters[name], answer.origins[name] = typed[name], _origin(overrides[name])
        elif name in given:
            _from_file(notebook, parameter, given[name], scope, answer)
        else:
            answer.parameters[name], answer.origins[name] = parameter.default, CELL
    _paths(sheet, notebook, schema, answer)
    _stays_out(sheet, notebook, overrides, answer)
    answer.wrong += _one_variable(sheet.secrets(notebook))
    return answer


def _overrides(notebook: str, schema: Schema, overrides: Mapping[str, Given], answer: Answer) -> dict[str, Json]:
    typed = {}
    for name, given in overrides.items():
        if name not in schema.names:
            message = f"unknown parameter {name!r}{nearest(name, schema.names)}"
            answer.wrong.append(_by_hand(given, message, where="", hint=_declared(notebook, schema)))
            continue
        try:
            typed[name] = _typed(given, schema[name].type)
        except types.Mismatch:
            message = _wants(notebook, schema[name], given if isinstance(given, str) else given.value)
            answer.wrong.append(_by_hand(given, message))
    return typed


def _typed(given: Given, kind: str) -> Json:
    return types.from_text(given, kind) if isinstance(given, str) else types.check(given.value, kind)


def _by_hand(given: Given, message: str, *, where: str = "-p", hint: str = "") -> Finding:
    if isinstance(given, str):
        return Finding(path=where, message=message, hint=hint)
    return given.finding(message, hint=hint)


def _origin(given: Given) -> str:
    return "-p" if isinstance(given, str) else given.where


def _declared(notebook: str, schema: Schema) -> str:
    return f"{notebook} declares {', '.join(schema.names) or 'no parameters'}"


def _wants(notebook: str, parameter: Parameter, value: Json) -> str:
    return f"parameter {parameter.name!r} of {notebook} wants {parameter.type}, got {shown(value)}" + types.close(
        value, parameter.type
    )


def _from_file(notebook: str, parameter: Parameter, value: Value, scope: Scope, answer: Answer) -> None:
    if value.broken:
        return
    try:
        filled = scope.value(parameter.name)
    except interpolation.Fault as fault:
        answer.fault(value, f"parameter {parameter.name!r}", fault)
        return
    try:
        answer.parameters[parameter.name] = types.check(filled, parameter.type)
        variables = ", ".join(f"${{{name}}}" for name in scope.variables(parameter.name))
        answer.origins[parameter.name] = value.where + (f" ({variables})" if variables else "")
    except types.Mismatch:
        answer.wrong.append(value.finding(_wants(notebook, parameter, filled)))


def _unfilled(scope: Scope, shared: Mapping[str, Value], schema: Schema, answer: Answer) -> None:
    """The environment's own texts that cannot be filled in, whether or not this notebook wants them."""
    told = 0
    for name, value in shared.items():
        if name in schema.names or value.broken or told == MANY:
            continue
        try:
            scope.value(name)
        except interpolation.Fault as fault:
            told += 1
            answer.fault(value, f"parameter {name!r}", fault)


def _undeclared(sheet: Sheet, notebook: str, schema: Schema) -> Iterator[Finding]:
    for part in sheet.parts(notebook):
        for kind in ("parameters", "inputs", "outputs"):
            for name, value in getattr(part, kind).items():
                if name not in schema.names:
                    close = nearest(name, schema.names)
                    message = f"{kind.removesuffix('s')} {name!r} is not declared by {notebook}{close}"
                    yield value.finding(message, hint=_declared(notebook, schema))


# -- inputs and outputs --------------------------------------------------------------------------------------


def _paths(sheet: Sheet, notebook: str, schema: Schema, answer: Answer) -> None:
    """Make inputs and outputs absolute, and keep outputs out of each other's way."""
    places = sheet.values(notebook)
    for name, kind in sheet.kinds(notebook).items():
        if name not in schema.names or name not in answer.parameters:
            continue
        path = answer.parameters[name]
        if not types.is_text(schema[name].type) or not isinstance(path, str):
            message = f"{kind} {name!r} of {notebook} is declared as {schema[name].type}; a path is str"
            answer.wrong.append(places[name].finding(message))
        elif kind == "output" and "://" in path:
            message = f"output {name!r} of {notebook} goes to {path!r}: object stores are not built yet"
            answer.unbuilt.append(places[name].finding(message))
        elif fault := _path_fault(sheet.around.root, path, kind):
            answer.wrong.append(places[name].finding(f"{kind} {name!r} of {notebook} {fault}"))
        else:
            path = path if "://" in path else os.path.normpath(sheet.around.root / path)
            answer.parameters[name] = path
            (answer.inputs if kind == "input" else answer.outputs)[name] = path
    answer.wrong += _collisions(notebook, answer.outputs, places)


def _path_fault(root: Path, path: str, kind: str) -> str:
    if not path or not path.isprintable():
        return f"wants a path, got {path!r}"
    if path.startswith("~"):
        return f"starts with '~', which differs from user to user: {path!r}"
    if kind == "output" and root.is_relative_to(os.path.normpath(root / path)):
        return f"would replace the project itself: {path!r}"
    return ""


def _stays_out(sheet: Sheet, notebook: str, overrides: Mapping[str, Given], answer: Answer) -> None:
    """No value names what another environment protects, wherever it comes from."""
    others = {owner: globs for owner, globs in sheet.around.protected.items() if owner != sheet.environment}
    places = sheet.values(notebook)
    for name, value in answer.parameters.items() if others else ():
        if told := protection.trespass(value, others, sheet.around.root):
            message = f"{sheet.kinds(notebook).get(name, 'parameter')} {name!r} of {notebook} {told}"
            place = overrides.get(name) or places.get(name)
            found = _by_hand(place, message) if place else Finding(path=CELL, message=message)
            answer.wrong.append(replace(found, code=protection.CODE))
    uri = sheet.own.tracking_uri or sheet.base.tracking_uri
    if uri and others and (told := protection.trespass(answer.tracking_uri, others, sheet.around.root)):
        answer.wrong.append(replace(uri.finding(f"tracking_uri {told}"), code=protection.CODE))


def _collisions(notebook: str, outputs: Mapping[str, str], places: Mapping[str, Value]) -> Iterator[Finding]:
    """Outputs are published one by one, so that the second would replace the first."""
    seen: dict[str, Path] = {}
    for name, destination in outputs.items():
        path = Path(destination)
        for other, taken in seen.items():
            if path.is_relative_to(taken) or taken.is_relative_to(path):
                how = "the same place" if path == taken else "places inside each other"
                yield places[name].finding(f"outputs {other!r} and {name!r} of {notebook} go to {how}")
        seen[name] = path


# -- secrets -------------------------------------------------------------------------------------------------


def _one_variable(secrets: Mapping[str, Value]) -> Iterator[Finding]:
    """A secret is handed over under its name in capitals."""
    seen: dict[str, str] = {}
    for name, secret in secrets.items():
        other = seen.setdefault(name.upper(), name)
        if other != name:
            yield secret.finding(f"secrets {other!r} and {name!r} would both be the variable {name.upper()}")


def strange_schemes(files: Iterable[ParamsFile], known: Callable[[], Iterable[str]]) -> Iterator[Finding]:
    """References that nothing here can follow. What stands there may be a secret with a colon in it: not told."""
    for file in files:
        for name, secret in file.references:
            scheme = secret.value.partition(":")[0]
            if scheme not in BUILT_IN and scheme not in (schemes := tuple(known())):
                offered = ", ".join(f"{one}:" for one in schemes)
                message = f"secret {name!r} {REFERENCE}; this begins with none of {offered}{nearest(scheme, schemes)}"
                yield secret.finding(message, hint="entry points of nbpromote.secrets add others: docs/secrets.md")


# -- what a set of files says of notebooks and parameters ----------------------------------------------------


def strangers(sheet: Sheet, used: frozenset[str]) -> Iterator[Finding]:
    """Notebooks that are not there, and parameters that no notebook declares and no text uses.

    `used` are the names that other environments' files interpolate: base.yaml may serve them alone.
    """
    if sheet.around.notebooks is None:
        return
    yield from islice(_unknown_notebooks(sheet, sheet.around.notebooks), MANY)
    if None in sheet.around.notebooks.values():  # it may declare anything
        return
    declared = {name for schema in sheet.around.notebooks.values() if schema for name in schema.names}
    own = sheet.base.used | sheet.own.used
    for file, allowed in ((sheet.base, declared | own | used), (sheet.own, declared | own)):
        stray = (item for item in file.parameters.items() if item[0] not in allowed)
        for name, value in islice(stray, MANY):
            yield value.finding(f"no notebook declares parameter {name!r}{nearest(name, declared)}")


def _unknown_notebooks(sheet: Sheet, known: Iterable[str]) -> Iterator[Finding]:
    parts: list[tuple[str, str, Part | PolicyPart]]
    parts = [(file.path, name, part) for file in sheet.files for name, part in file.notebooks.items()]
    parts += [(sheet.policy.path, name, part) for name, part in sheet.policy.notebooks.items()]
    for path, name, part in parts:
        if name not in known:
            message = f"there is no notebook {name!r}{nearest(name, known)}"
            yield Finding(path=path, line=part.line, column=part.column, message=message)


def others(sheet: Sheet, notebook: str) -> Iterator[Finding]:
    """What the files give notebooks other than this one that those do not declare."""
    for name, schema in (sheet.around.notebooks or {}).items():
        if name != notebook and schema:
            yield from islice(_undeclared(sheet, name, schema), MANY)
