"""The rules over contracts, held against what notebooks hand out and what environments declare for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from nbpromote import params
from nbpromote.errors import nearest
from nbpromote.model import Finding
from nbpromote.params.contracts import ContractFile
from nbpromote.workflow.authoring.checking.configured import Configured, Facts
from nbpromote.workflow.site import Site


def beside(site: Site) -> tuple[str, ...]:
    """Every file of the notebooks' folder that is called like a contract, from the root."""
    folder = site.project.notebooks
    found = (path for path in folder.rglob("*.contract.y*ml") if params.contracts.is_contract(path.name))
    return tuple(sorted(path.relative_to(site.project.root).as_posix() for path in found))


def contract_file(configured: Configured) -> Iterator[Finding]:
    """A contract holds what does not fit: a typo, a wrong type, an input or output that no params file declares."""
    for facts, file in _contracts(configured):
        yield from file.wrong
        yield from _strangers(configured, facts, file)
    stems = {params.contracts.path_of(facts.path): facts.path for facts in configured.facts.values()}
    for path in beside(configured.site):
        if path.endswith(".yml"):
            yield Finding(path=path, message=f"is not read; did you mean {path.removesuffix('yml')}yaml?")
        elif path not in stems:
            yield Finding(path=path, message=f"stands beside no notebook{nearest(path, stems)}")


def unknown_scrap(configured: Configured) -> Iterator[Finding]:
    """A contract asks for a scrap or a table that the notebook, as far as its code says, never hands out."""
    for facts, file in _contracts(configured):
        known = facts.metrics
        if known is None:
            continue
        hint = f"it hands out {', '.join(sorted(known)) or 'none'}"
        for name, value in file.scraps.items():
            if name not in known:
                yield value.finding(f"no scrap {name!r} is handed out{nearest(name, known)}", hint=hint)
        for value in file.tables:
            tables = {*known, *file.outputs, *_outputs(configured, facts)}
            if value.value not in tables:
                told = f"{value.value!r} is neither a declared output nor a glued table{nearest(value.value, tables)}"
                yield value.finding(told, hint=hint)


def _contracts(configured: Configured) -> Iterator[tuple[Facts, ContractFile]]:
    for facts in configured.facts.values():
        file = params.contracts.contract_file(facts.path, configured.read)
        if file.contract.path:
            yield facts, file


def _outputs(configured: Configured, facts: Facts) -> Iterator[str]:
    for environment in configured.environments:
        for path, given in configured.given(environment):
            yield from given.outputs if path == facts.path else ()


def _strangers(configured: Configured, facts: Facts, file: ContractFile) -> Iterator[Finding]:
    """Once for each name, with the environments where nothing declares it, unless that is all of them."""
    missing: dict[Finding, list[str]] = defaultdict(list)
    asked = []
    for environment in configured.environments:
        for path, given in configured.given(environment):
            if path == facts.path:
                asked.append(environment)
                for finding in params.contracts.strangers(file, inputs=given.inputs, outputs=given.outputs):
                    missing[replace(finding, hint="")].append(environment)
    for finding, environments in missing.items():
        told = "" if environments == asked else f" in {', '.join(environments)}"
        yield replace(finding, message=f"{finding.message}{told}", hint=_DECLARE)


_DECLARE = "declare it under `inputs` or `outputs` of the notebook in params/*.yaml"
