"""The environments of a project as its working tree has them, which is what is about to be committed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from nbpromote import params, validate
from nbpromote.errors import BadInput, Error
from nbpromote.model import Environment, Finding, Policy, Schema
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
    owned: tuple[Resource, ...] = ()
    read: params.ReadBytes = lambda path: None  # the project's files, which contracts are among

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
        around = replace(self.site.around, notebooks=schemas)
        return params.findings(self.site.values.working, self.files, around, checks=validate.CHECKS)

    @property
    def faults(self) -> Iterator[Finding]:
        """What it finds wrong with the files themselves."""
        return (finding for finding in self.told if not finding.code)

    def policy(self, environment: str, name: str = "") -> Policy:
        """Demands as the working tree has them, which is what is about to be committed; none where they are wrong."""
        try:
            return params.policy(self.site.values.working, environment, name, folder=self.folder)
        except Error:
            return Policy()

    @cached_property
    def entries(self) -> tuple[str, ...]:
        return tuple(name for name in self.environments if self.policy(name).is_entry)

    def given(self, environment: str) -> Iterator[tuple[str, Environment]]:
        """What each notebook, by its path, gets there, but for those whose files are wrong."""
        around = replace(self.site.around, environments=self.environments)
        for name, facts in self.facts.items():
            if facts.schema is not None:
                try:
                    yield facts.path, params.load(self.site.values.working, environment, name, facts.schema, around)
                except Error:
                    continue

    def lines(self, file: str) -> Iterator[tuple[int, str]]:
        """The lines of a params or policy file without their comments, where it is text at all."""
        try:
            text = self.site.values.working(file) or ""
        except (UnicodeDecodeError, BadInput):
            return
        for number, line in enumerate(text.split("\n"), 1):
            yield number, "" if line.lstrip().startswith("#") else line.split(" #")[0]
