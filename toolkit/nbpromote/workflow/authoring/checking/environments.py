"""The rules over params, policies and contracts: code -> function over the environments. Its docstring describes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nbpromote import notebook, params, track
from nbpromote.errors import Error, nearest
from nbpromote.model import Finding, Severity
from nbpromote.notebook import Resource
from nbpromote.workflow.authoring.checking.asking import secrets_in
from nbpromote.workflow.authoring.checking.configured import Configured, Facts
from nbpromote.workflow.authoring.checking.contracts import contract_file, unknown_scrap
from nbpromote.workflow.authoring.checking.owning import owned
from nbpromote.workflow.site import Site


def names_another(configured: Configured) -> Iterator[Finding]:
    """A params file names a folder, host or bucket of another environment."""
    yield from (finding for finding in configured.told if finding.code)
    for environment in ("base", *configured.environments):
        # what is protected was told above, with the value that names it
        others = [one for one in configured.owned if one.environment != environment and not one.protected]
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
                if gate.metric and not gate.on and gate.metric not in known:
                    path, _, line = gate.where.rpartition(":")
                    message = f"{name} hands out no metric {gate.metric!r}{nearest(gate.metric, known)}"
                    hint = f"it hands out {', '.join(sorted(known)) or 'none'}"
                    yield Finding(path=path, line=int(line), message=message, hint=hint)


def unknown_evaluation(configured: Configured) -> Iterator[Finding]:
    """A gate asks for rows to score on, `on`, that the notebook's contract does not name as an evaluation."""
    for environment in configured.environments:
        for name, facts in configured.facts.items():
            contract = params.contracts.contract_file(facts.path, configured.read).contract
            for gate in configured.policy(environment, name).gates:
                if gate.on and gate.on not in contract.evaluations:
                    path, _, line = gate.where.rpartition(":")
                    file = params.contracts.path_of(facts.path)
                    message = f"{file} has no evaluation {gate.on!r}{nearest(gate.on, contract.evaluations)}"
                    hint = f"evaluation: {{{gate.on}: {{on: TABLE, target: COLUMN, prediction: COLUMN}}}}"
                    yield Finding(path=path, line=int(line), message=message, hint=hint)


def open_store(configured: Configured) -> Iterator[Finding]:
    """The folder of a SQLite store, to which runs write, holds another environment's store or the whole project."""
    stores = dict(_stores(configured))
    for environment, folder in stores.items():
        others = [other for other, its in stores.items() if other != environment and its.is_relative_to(folder)]
        holds = [f"the store of {other}" for other in others]
        holds += ["the project"] if configured.site.project.root.is_relative_to(folder) else []
        if holds:
            path, line = _said("tracking_uri", f"{environment}.yaml", configured)
            message = f"runs in {environment} may write to {folder}, and that holds {' and '.join(holds)}"
            hint = f"a folder for each store: tracking_uri: sqlite:///.nbpromote/mlflow/{environment}/mlflow.db"
            yield Finding(path=path, line=line, message=message, hint=hint)


def _stores(configured: Configured) -> Iterator[tuple[str, Path]]:
    for environment in configured.environments:
        with suppress(Error):  # told as a fault of its file
            uri = params.tracking_uri(configured.site.values.working, environment, configured.site.around)
            yield from ((environment, folder) for folder in track.places(uri))


def _said(key: str, file: str, configured: Configured) -> tuple[str, int | None]:
    """Where an environment's value of a key stands: in its own file, or in the one that all inherit."""
    for one in (file, "base.yaml"):
        for number, line in configured.lines(one):
            if line.lstrip().startswith(f"{key}:"):
                return f"{configured.folder}/{one}", number
    return f"{configured.folder}/{file}", None


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
    "NBP707": open_store,
    "NBP708": unknown_evaluation,
    "NBP801": contract_file,
    "NBP802": unknown_scrap,
}
# what git and the machine say may change with no file of the project: asked every time, and cheap
_AFRESH: Mapping[str, Rule] = {"NBP705": ignored, "NBP706": no_kernel}
RULES: Mapping[str, Rule] = {**_KEPT, **_AFRESH}
WARNINGS = frozenset(("NBP704", "NBP706", "NBP707", "NBP802"))


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was found, and what the notebooks are held against."""

    findings: tuple[Finding, ...]
    owned: tuple[Resource, ...]
    entry: str


def look(site: Site, facts: Mapping[str, Facts], read: params.ReadBytes) -> Told:
    """Everything that is wrong with params, policies and contracts."""
    configured = Configured(site=site, facts=facts, read=read)
    configured = replace(configured, owned=tuple(owned(configured)))
    entry = configured.entries[0] if configured.entries else ""
    return Told(findings=tuple(_asked(configured, _KEPT)), owned=configured.owned, entry=entry)


def of_this_machine(site: Site, facts: Mapping[str, Facts]) -> Iterator[Finding]:
    return _asked(Configured(site=site, facts=facts), _AFRESH)


def _asked(configured: Configured, rules: Mapping[str, Rule]) -> Iterator[Finding]:
    for code, rule in rules.items():
        severity = Severity.WARNING if code in WARNINGS else Severity.ERROR
        found = dict.fromkeys(replace(finding, code=code) for finding in rule(configured))
        for finding in sorted(found, key=lambda f: (f.path, f.line or 0, f.column or 0)):
            yield replace(finding, severity=severity) if code in WARNINGS else finding
