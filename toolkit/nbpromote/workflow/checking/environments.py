"""The rules over params and policies, and what each environment owns that no other may name."""

from __future__ import annotations

import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path, PurePosixPath

from nbpromote import notebook, params, secrets, validate
from nbpromote.errors import BadInput, Error, nearest
from nbpromote.model import Environment, Finding, Json, Policy, Schema, Severity, digest, sha256
from nbpromote.notebook import Resource
from nbpromote.workflow.site import Site


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a notebook says that other files are held against. None: it cannot be read, or does not say."""

    path: str
    schema: Schema | None = None
    metrics: frozenset[str] | None = None
    kernel: str | None = None


@dataclass(frozen=True, kw_only=True)
class Configured:
    """The environments of a project as its working tree has them."""

    site: Site
    facts: Mapping[str, Facts] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        return self.site.project.params.name

    @cached_property
    def files(self) -> tuple[str, ...]:
        return tuple(sorted(path.name for path in self.site.project.params.glob("*")))

    @cached_property
    def environments(self) -> tuple[str, ...]:
        return params.environments(self.files)

    @cached_property
    def told(self) -> tuple[Finding, ...]:
        """What the params room finds wrong."""
        schemas = {name: facts.schema for name, facts in self.facts.items()}
        root = self.site.project.root
        return params.findings(
            self.site.params_file,
            self.files,
            schemas,
            self.folder,
            root=root,
            checks=validate.CHECKS,
            variables=os.environ,
            schemes=secrets.schemes,
        )

    @property
    def faults(self) -> Iterator[Finding]:
        """What it finds wrong with the files themselves."""
        return (finding for finding in self.told if not finding.code)

    def policy(self, environment: str, name: str = "") -> Policy:
        """Demands as the working tree has them, which is what is about to be committed; none where they are wrong."""
        try:
            return params.policy(self.site.params_file, environment, name, folder=self.folder)
        except Error:
            return Policy()

    @cached_property
    def entries(self) -> tuple[str, ...]:
        return tuple(name for name in self.environments if self.policy(name).is_entry)

    def given(self, environment: str) -> Iterator[Environment]:
        """What each notebook gets there, but for those whose files are wrong."""
        for name, facts in self.facts.items():
            if facts.schema is not None:
                try:
                    yield params.load(
                        self.site.params_file,
                        environment,
                        name,
                        facts.schema,
                        known_environments=self.environments,
                        root=self.site.project.root,
                        folder=self.folder,
                        variables=os.environ,
                        schemes=secrets.schemes,
                    )
                except Error:
                    continue

    def lines(self, file: str) -> Iterator[tuple[int, str]]:
        """The lines of a params or policy file without their comments, where it is text at all."""
        try:
            text = self.site.params_file(file) or ""
        except (UnicodeDecodeError, BadInput):
            return
        for number, line in enumerate(text.split("\n"), 1):
            yield number, "" if line.lstrip().startswith("#") else line.split(" #")[0]

    @cached_property
    def used_alone(self) -> tuple[Resource, ...]:
        return tuple(_used_alone(self))

    @cached_property
    def owned(self) -> tuple[Resource, ...]:
        return (*_protected(self), *self.used_alone)


# -- what is one environment's alone -------------------------------------------------------------------------


def _protected(configured: Configured) -> Iterator[Resource]:
    for environment in configured.environments:
        file = f"{configured.folder}/{environment}.policy.yaml"
        for glob in configured.policy(environment).protects:
            yield Resource(environment=environment, text=glob, where=file)


def _used_alone(configured: Configured) -> Iterator[Resource]:
    paths: dict[str, dict[str, str]] = defaultdict(dict)
    addresses: dict[str, dict[str, str]] = defaultdict(dict)
    for environment in configured.environments:
        for value, where in _values(configured, environment):
            if "://" in value:
                addresses[environment].setdefault(value, where)
            else:
                paths[environment].setdefault(_from_root(value, configured.site.project.root), where)
    yield from _alone(paths, lambda path: str(PurePosixPath(path).parent))
    yield from _alone(addresses, _host)


def _values(configured: Configured, environment: str) -> Iterator[tuple[str, str]]:
    """The paths and addresses that an environment gives, and where it does."""
    root = configured.site.project.root
    own = f"{configured.folder}/{environment}.yaml"
    try:
        uri = params.tracking_uri(configured.site.params_file, environment, root=root, folder=configured.folder)
    except Error:
        uri = ""
    scheme, _, file = uri.partition(":///")
    if scheme.startswith("sqlite"):
        yield f"/{file.lstrip('/')}" if file else uri, own
    elif uri:
        yield uri, own
    for given in configured.given(environment):
        for name, path in {**given.inputs, **given.outputs}.items():
            yield path, given.origins.get(name, own)
        for name, value in given.parameters.items():
            yield from ((text, given.origins.get(name, own)) for text in _texts(value) if "://" in text)


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _from_root(path: str, root: Path) -> str:
    return os.path.relpath(path, root) if Path(path).is_relative_to(root) else path


def _host(address: str) -> str:
    """The host or bucket of an address, without who logs in."""
    return address.partition("://")[2].partition("/")[0].rpartition("@")[2]


def _alone(given: Mapping[str, Mapping[str, str]], around: Callable[[str], str]) -> Iterator[Resource]:
    """What holds values of one environment only: the folder or host around them, else each value itself."""
    homes = {environment: {around(value) for value in values} for environment, values in given.items()}
    for environment, values in given.items():
        others = set(chain.from_iterable(v for name, v in given.items() if name != environment))
        taken = set(chain.from_iterable(h for name, h in homes.items() if name != environment))
        own: dict[str, str] = {}
        for value, where in values.items():
            home = around(value)
            free = home not in ("", ".", "/") and not any(_inside(one, home) for one in (*taken, *others))
            if free or value not in others:
                own.setdefault(home if free else value, where)
        yield from (Resource(environment=environment, text=text, where=where) for text, where in own.items())


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


# -- the rules -----------------------------------------------------------------------------------------------


def names_another(configured: Configured) -> Iterator[Finding]:
    """A params file names a folder, host or bucket of another environment."""
    yield from (finding for finding in configured.told if finding.code)
    for environment in ("base", *configured.environments):
        # what is protected was told above, with the value that names it
        others = [resource for resource in configured.used_alone if resource.environment != environment]
        for number, line in configured.lines(f"{environment}.yaml"):
            for said, resource in notebook.named(line, others, ""):
                message = f"names {said!r}, which belongs to {resource.environment} ({resource.where})"
                yield Finding(path=f"{configured.folder}/{environment}.yaml", line=number, message=message)


def secret(configured: Configured) -> Iterator[Finding]:
    """A params or policy file holds a password, key or token."""
    for file in configured.files:
        if file.endswith(".yaml"):
            for number, line in configured.lines(file):
                for _, what in secrets_in(line, "config"):
                    hint = "revoke it, and name where it is kept instead of what it is"
                    message = f"looks like a secret: {what}"
                    yield Finding(path=f"{configured.folder}/{file}", line=number, message=message, hint=hint)


def params_file(configured: Configured) -> Iterator[Finding]:
    """A params file holds what does not fit: a typo, a wrong type, a name that nothing declares, a key not built."""
    return (f for f in configured.faults if f.path.endswith(".yaml") and not f.path.endswith(".policy.yaml"))


def policy_file(configured: Configured) -> Iterator[Finding]:
    """A policy file holds what does not fit: a typo, an unknown notebook or check, a gate that says nothing."""
    return (f for f in configured.faults if f.path.endswith(".policy.yaml"))


def order(configured: Configured) -> Iterator[Finding]:
    """The environments have no order: none is there, several are the entry, or they promote in a circle."""
    folder = configured.folder
    yield from (finding for finding in configured.faults if not finding.path.endswith(".yaml"))
    if not configured.environments:
        yield Finding(path=folder, message="no environment is configured", hint=f"{folder}/dev.yaml makes one")
    elif len(configured.entries) > 1 and not configured.told:
        message = f"{', '.join(configured.entries)} all promote from nowhere, and only one can be the entry"
        yield Finding(path=folder, message=message, hint="write promotes_from: [E] into the policy of the others")


def unknown_metric(configured: Configured) -> Iterator[Finding]:
    """A gate asks for a metric that the notebook, as far as its code says, never hands out."""
    for environment in configured.environments:
        for name, facts in configured.facts.items():
            for gate in configured.policy(environment, name).gates if facts.metrics is not None else ():
                known = facts.metrics or frozenset()
                if gate.metric and gate.metric not in known:
                    path, _, line = gate.where.rpartition(":")
                    message = f"{name} hands out no metric {gate.metric!r}{nearest(gate.metric, known)}"
                    hint = f"it hands out {', '.join(sorted(known)) or 'none'}"
                    yield Finding(path=path, line=int(line), message=message, hint=hint)


def ignored(configured: Configured) -> Iterator[Finding]:
    """Git ignores a params or policy file, so that no commit holds what an environment gives or demands."""
    folder = configured.site.project.params
    named = {str(folder / file): file for file in configured.files if file.endswith(".yaml")}
    repository = configured.site.params_git
    for path in repository.ignored_of(named) if repository and named else ():
        hint = "git check-ignore -v names the rule that does it"
        yield Finding(path=f"{configured.folder}/{named[path]}", message="is ignored by git", hint=hint)


def no_kernel(configured: Configured) -> Iterator[Finding]:
    """The kernel that a notebook or an environment names is not installed on this machine."""
    from nbpromote.execute import installed

    here = installed()
    wanted = {facts.kernel: facts.path for facts in configured.facts.values() if facts.kernel}
    for kernel, path in wanted.items():
        if kernel not in here:
            message = f"kernel {kernel!r} is not installed here{nearest(kernel, here)}"
            yield Finding(path=path, message=message, hint=f"installed: {', '.join(sorted(here)) or 'none'}")


Rule = Callable[[Configured], Iterator[Finding]]

_KEPT: Mapping[str, Rule] = {
    "NBP306": names_another,
    "NBP404": secret,
    "NBP701": params_file,
    "NBP702": policy_file,
    "NBP703": order,
    "NBP704": unknown_metric,
}
# what git and the machine say may change with no file of the project: asked every time, and cheap
_AFRESH: Mapping[str, Rule] = {"NBP705": ignored, "NBP706": no_kernel}
RULES: Mapping[str, Rule] = {**_KEPT, **_AFRESH}
WARNINGS = frozenset(("NBP704", "NBP706"))


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was found, and what the notebooks are held against."""

    findings: tuple[Finding, ...]
    owned: tuple[Resource, ...]
    entry: str


def look(site: Site, facts: Mapping[str, Facts]) -> Told:
    """Everything that is wrong with params and policies."""
    configured = Configured(site=site, facts=facts)
    entry = configured.entries[0] if configured.entries else ""
    return Told(findings=tuple(_asked(configured, _KEPT)), owned=configured.owned, entry=entry)


def of_this_machine(site: Site, facts: Mapping[str, Facts]) -> Iterator[Finding]:
    return _asked(Configured(site=site, facts=facts), _AFRESH)


def _asked(configured: Configured, rules: Mapping[str, Rule]) -> Iterator[Finding]:
    for code, rule in rules.items():
        severity = Severity.WARNING if code in WARNINGS else Severity.ERROR
        found = dict.fromkeys(replace(finding, code=code) for finding in rule(configured))
        for finding in sorted(found, key=lambda f: (f.path, f.line or 0)):
            yield replace(finding, severity=severity) if code in WARNINGS else finding


_VARIABLE = re.compile(rb"\$\{(\w+)\}")


def params_digest(site: Site) -> str:
    """Of what the rules above rest on beside the notebooks: files, variables they ask for, installed packages."""
    folder = site.project.params
    found = {path.name: _content(path) for path in sorted(folder.glob("*")) if path.is_file()}
    asked = {name.decode() for data in found.values() for name in _VARIABLE.findall(data)}
    variables = {name: sha256(os.environ.get(name, "").encode(errors="surrogateescape")) for name in sorted(asked)}
    digests = {name: sha256(data) for name, data in found.items()}
    return digest([folder.name, digests, variables, sorted(validate.CHECKS), installed()])


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}".encode()


# -- what other rooms say of a notebook ----------------------------------------------------------------------


def secrets_in(text: str, style: str) -> list[tuple[int, str]]:
    found = secrets.detect(text, style)
    return [(suspect.line, f"{suspect.kind} {suspect.shown}".rstrip()) for suspect in found]


def installed() -> list[Json]:
    """Where packages are installed and when that last changed: installing touches the folder."""
    homes = sorted({entry for entry in sys.path if entry.endswith("-packages") and os.path.isdir(entry)})
    return [[home, os.stat(home).st_mtime_ns] for home in homes]
