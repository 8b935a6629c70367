"""Findings as they were told before, for as long as nothing that they rest on has changed. Never stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from nbpromote import itself, notebook, params, validate
from nbpromote.errors import Error
from nbpromote.model import Finding, Json, Pair, Schema, digest, dump, load, sha256
from nbpromote.notebook import Around, Resource
from nbpromote.workflow.authoring.checking import environments
from nbpromote.workflow.authoring.checking.asking import secrets_in
from nbpromote.workflow.authoring.checking.configured import Facts
from nbpromote.workflow.authoring.checking.contracts import beside
from nbpromote.workflow.authoring.checking.packages import unlocked
from nbpromote.workflow.authoring.checking.resting import params_digest
from nbpromote.workflow.site import Site
from nbpromote.workflow.site.asked import Files
from nbpromote.workflow.site.kept import Memory


class Answers:
    """Asks the rules, or the file that holds what they said of the same bytes.

    A record of a notebook rests on both sides, on what the environments own, on the lock, and on every project
    file that its imports asked for, there or not. What is said of the environments rests on all notebooks.
    """

    def __init__(self, site: Site, kept: Memory) -> None:
        self._site = site
        self._kept = kept

    # -- the two kinds of answers

    def about(self, pair: Pair) -> list[Finding]:
        """What is wrong with one notebook."""
        rests = digest([self._bytes(pair), self._owned_digest, self._lock])
        record = self._kept.answer(f"notebook {pair.name}", rests, lambda: self._look(pair))
        return [load(Finding, plain) for plain in record["findings"]]

    def about_environments(self) -> list[Finding]:
        """What is wrong with params, policies and contracts, held against what the notebooks declare."""
        kept = [load(Finding, plain) for plain in self._environments["findings"]]
        return [*kept, *environments.of_this_machine(self._site, self._facts)]

    @cached_property
    def _environments(self) -> Mapping[str, Any]:
        """Findings and what each environment owns; needs every notebook, of which most are known already."""
        sides = {pair.name: self._bytes(pair) for pair in self._site.pairs}
        rests = digest([sides, params_digest(self._site), beside(self._site)])
        return self._kept.answer("environments", rests, self._look_at_environments)

    def _look(self, pair: Pair) -> Mapping[str, Json]:
        seen = Files(self._site.project.root, self._tracked)
        around = Around(
            resources=self._owned,
            entry=str(self._environments["entry"]),
            files=seen,
            unlocked=unlocked(self._site.sources.lock()),
            fits=params.fits,
            knows_type=params.is_known_type,
            secrets=secrets_in,
            marked=validate.is_marked,
            mistagged=validate.mistagged,
        )
        found = notebook.check(pair, self._site.project.root, around)
        return {"findings": [dump(finding) for finding in found], "files": dict(seen.states(seen.asked))}

    def _look_at_environments(self) -> Mapping[str, Json]:
        seen = Files(self._site.project.root, self._tracked)
        told = environments.look(self._site, self._facts, seen.read)
        return {
            "findings": [dump(finding) for finding in told.findings],
            "owned": [dump(resource) for resource in told.owned],
            "entry": told.entry,
            "files": dict(seen.states(seen.asked)),
        }

    @cached_property
    def _facts(self) -> Mapping[str, Facts]:
        return {pair.name: self._facts_of(pair) for pair in self._site.pairs}

    def _facts_of(self, pair: Pair) -> Facts:
        record = self._kept.answer(f"facts {pair.name}", self._bytes(pair), lambda: _facts(pair))
        schema = record["schema"]
        metrics = record["metrics"]
        return Facts(
            schema=None if schema is None else load(Schema, schema),
            metrics=None if metrics is None else frozenset(metrics),
            kernel=record["kernel"],
            path=self._site.project.relative(pair.path),
        )

    # -- what they rest on

    def _bytes(self, pair: Pair) -> str:
        return digest({str(side.name): _digest(side.read_bytes) for side in (pair.script, pair.ipynb) if side})

    @cached_property
    def _owned(self) -> tuple[Resource, ...]:
        return tuple(load(Resource, plain) for plain in self._environments["owned"])

    @cached_property
    def _owned_digest(self) -> str:
        return digest([self._environments["owned"], self._environments["entry"]])

    @cached_property
    def _lock(self) -> str:
        """The lock, and where packages are installed: names of imports are looked up there."""
        lock = self._site.sources.lock()
        return "" if lock is None else digest([sha256(lock), itself.installed()])

    @cached_property
    def _tracked(self) -> Iterable[str]:
        return self._site.git.tracked()


def _digest(read: Callable[[], bytes]) -> str:
    try:
        return sha256(read())
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _facts(pair: Pair) -> Mapping[str, Json]:
    """What other files are held against; nothing of a notebook that cannot be read."""
    try:
        node = notebook.parse(str(pair.path), pair.path.read_bytes())
        schema = dump(notebook.schema(node, fits=params.fits))
    except (Error, OSError):
        return {"schema": None, "metrics": None, "kernel": None}
    names = notebook.handed_out(node)
    kernel = node.metadata.get("kernelspec", {}).get("name")
    return {"schema": schema, "metrics": None if names is None else sorted(names), "kernel": kernel}
