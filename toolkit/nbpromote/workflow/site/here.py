"""What every verb stands on: a project, its repository, its ledger and its store, and what they hold at a commit."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any

from nbpromote import ci, clock, files, git, ledger, notebook, params, project, release, secrets
from nbpromote.errors import Error, NotFound, Unavailable, nearest
from nbpromote.git import Repository
from nbpromote.ledger import Ledger
from nbpromote.model import CiContext, Deployment, Environment, Event, Identity, Pair, Policy, Schema
from nbpromote.project import Project
from nbpromote.release import Store
from nbpromote.workflow.site import people, sharing, trusting
from nbpromote.workflow.site.lineage import Seen
from nbpromote.workflow.site.sources import Sources
from nbpromote.workflow.site.trusting import Trusted, Upstream
from nbpromote.workflow.site.values import Values

_PATIENCE = 60.0  # seconds, for what nothing can be done without


@dataclass(frozen=True)
class Site:
    project: Project

    @cached_property
    def git(self) -> Repository:
        """Raises `NotFound` outside a git repository."""
        return git.find(self.project.root)

    @cached_property
    def params_git(self) -> Repository | None:
        """The params folder may be a checkout of another repository, or in none."""
        try:
            return git.find(self.project.params)
        except NotFound:
            return None

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.git, ledger.shared_by(self.git, self.project.remote), partial(people.vouching, self))

    @cached_property
    def trusted(self) -> Trusted:
        """The commit that holds what may be promoted; params and policies above the entry environment are its own."""
        return self._upstream.trusted()

    @cached_property
    def trusted_params(self) -> Trusted | None:
        """The same for the params folder, which may be a checkout of another repository, or in none."""
        if self.params_git is None:
            return None
        return self._params_upstream.trusted() if self._params_upstream else self.trusted

    @property
    def values(self) -> Values:
        """The params folder, whatever may be read of it."""
        return Values(self.project.params, self.params_git, self._params_head, self.trusted_params)

    @cached_property
    def sources(self) -> Sources:
        """The code of notebooks, whatever may be read of it."""
        return Sources(self.project, self.git)

    @cached_property
    def _params_head(self) -> str | None:
        return self.params_git.head() if self.params_git else None

    @property
    def unmerged_settings(self) -> tuple[str, ...]:
        """Settings of where things are, which the trusted commit's pyproject.toml has otherwise than this one."""
        there = self.git.read(self.trusted.commit, "pyproject.toml") if self.trusted.commit else None
        if there is None:
            return ()
        here = (self.project.root / "pyproject.toml").read_bytes()
        ours, theirs = (project.settings(data, where="pyproject.toml") for data in (here, there))
        return tuple(key for key in project.PLACES if ours.get(key) != theirs.get(key))

    @cached_property
    def _upstream(self) -> Upstream:
        return trusting.of_code(self.git, self.ledger.remote)

    @cached_property
    def _params_upstream(self) -> Upstream | None:
        return trusting.of_params(self.params_git) if self.params_git and not self._params_are_here else None

    @property
    def _params_are_here(self) -> bool:
        """Whether one repository holds code and params."""
        return self.params_git is not None and self.params_git.folder == self.git.folder

    def fetch(self, seconds: float = 2.0) -> bool:
        """Bring what others appended and merged. False where that did not come in time: `silence` says why."""
        until = time.monotonic() + seconds
        try:
            self.ledger.fetch(seconds)
            for upstream in (self._upstream, self._params_upstream):
                if upstream is not None:
                    upstream.fetch(until)
            self.__dict__.pop("silence", None)
        except Unavailable as error:
            self.__dict__["silence"] = error
        for known in ("trusted", "trusted_params", "environments"):
            self.__dict__.pop(known, None)
        if self.silence is None and self.ledger.remote:
            with suppress(OSError):  # a folder that nobody may write to is looked at all the same
                self.project.state.mkdir(parents=True, exist_ok=True)
                self._heard.touch()
        return self.silence is None

    @cached_property
    def silence(self) -> Unavailable | None:
        """Why a remote was not heard when it was last asked, so that what is known may be stale."""
        return None

    def catch_up(self) -> None:
        """Bring the same before something is done that a shared history will hold. Raises `Unavailable` without it.

        What comes at once, as always, costs no patience; a clone that has nothing yet may have much to bring.
        """
        if not self.fetch() and self.ledger.remote is not None and not self.fetch(_PATIENCE):
            assert self.silence is not None
            raise self.silence

    @property
    def heard(self) -> str:
        """When the remotes last answered, by this clone's memory; empty: never. git's own FETCH_HEAD says only when
        it last asked."""
        try:
            return clock.at(self._heard.stat().st_mtime_ns)
        except OSError:
            return ""

    @property
    def _heard(self) -> Path:
        return self.project.state / "fetched"

    @cached_property
    def store(self) -> Store:
        return sharing.store_of(self.project, lambda: self.tracking_uris)

    def keep_out_of_git(self) -> None:
        """Whatever the project's own .gitignore says, nothing of the toolkit's state is ever committed."""
        ignore = self.project.state / ".gitignore"
        if not ignore.exists():
            files.write(ignore, "*\n")

    @cached_property
    def seen(self) -> Seen:
        return Seen()

    @cached_property
    def actor(self) -> str:
        return self.git.identity()

    @cached_property
    def ci(self) -> CiContext | None:
        """The CI job that this is, where it is one."""
        return ci.here(os.environ)

    @cached_property
    def me(self) -> Identity:
        """Who acts here, and how that is known; where an environment wants signatures, `people.me_in` says."""
        return people.me(self.git, self.ci)

    def event(
        self,
        verb: str,
        step: str,
        environment: str,
        *,
        attempt: str,
        deployments: tuple[Deployment, ...] = (),
        releases: tuple[str, ...] = (),
        notebooks: tuple[str, ...] = (),
        **facts: Any,
    ) -> Event:
        """An event by whoever acts here; the ledger numbers and dates it."""
        named = tuple(each.alias for each in deployments) or tuple(map(release.alias, releases))
        event = Event(
            id="",
            at="",
            actor="",
            verb=verb,
            step=step,
            environment=environment,
            notebooks=notebooks or tuple(each.notebook for each in deployments),
            attempt=attempt,
            deployments=deployments,
            releases=releases,
            aliases=named,
            **facts,
        )
        return self.mine(event)

    def mine(self, event: Event, **changes: Any) -> Event:
        """The same event, or a later one of the same attempt, by whoever acts here."""
        event = replace(event, **changes)
        signed = people.wants_signature(self.policy(event.environment, ""), event.verb, event.step)
        who = people.me_in(self, event.environment) if signed else self.me
        return replace(event, actor=who.name, vouched=f"{who.source} {who.detail}".strip())

    # -- environments

    @cached_property
    def environments(self) -> tuple[str, ...]:
        """Names, entry environments first, each after those it promotes from."""
        names = params.environments(path.name for path in self.project.params.glob("*.yaml"))
        return params.order(names, {name: self.policy(name, "").promotes_from for name in names})

    @property
    def every_environment(self) -> tuple[str, ...]:
        """Those of the configuration, and those that only have a history."""
        return tuple(dict.fromkeys([*self.environments, *self.ledger.environments()]))

    def require(self, environment: str) -> str:
        if environment not in self.environments:
            known = ", ".join(self.environments) or "none"
            raise NotFound(
                f"no environment {environment!r}{nearest(environment, self.environments)}",
                hint=f"known: {known} (one params/NAME.yaml each)",
            )
        return environment

    def entry(self) -> str:
        """The environment that work starts in, where there is one."""
        entries = [name for name in self.environments if self.policy(name, "").is_entry]
        if len(entries) == 1:
            return entries[0]
        if entries:
            raise NotFound(f"several entry environments: {', '.join(entries)}", hint="name one: --env E")
        if self.environments:
            told = f"each of {', '.join(self.environments)} promotes from another, so work starts in none"
            raise NotFound(told, hint="take promotes_from out of the policy of the one that work starts in")
        raise NotFound("no environment is configured", hint="params/dev.yaml makes one")

    @cached_property
    def tracking_uris(self) -> dict[str, str]:
        """Where each environment's MLflow is."""
        return {name: params.tracking_uri(self.params_now(name), name, self.around) for name in self.environments}

    @cached_property
    def lacking(self) -> tuple[str, ...]:
        """Why another clone could not roll back."""
        project = self.project
        uris, remote = self.tracking_uris, self.ledger.remote
        return sharing.lacking(uris, remote=remote, store=project.store, root=project.root)

    def policy(self, environment: str, notebook_name: str) -> Policy:
        """Demands are read from the commit where it holds them: an edit that nobody reviewed demands nothing."""
        read = self.values.committed if self.values.holds(environment) else self.values.working
        return params.policy(read, environment, notebook_name, folder=self.project.params.name)

    def environment(
        self,
        name: str,
        notebook_name: str,
        schema: Schema,
        *,
        overrides: Mapping[str, params.Given] | None = None,
        schemas: Mapping[str, Schema | None] | None = None,
    ) -> Environment:
        """What a notebook gets: by the working tree in an entry environment, else by the trusted commit."""
        self.require(name)
        entry = self.policy(name, notebook_name).is_entry
        values = self.values
        if not entry and not values.holds(name):
            raise values.lacks(name)
        around = replace(
            self.around,
            notebooks=schemas if schemas is not None else self.schemas,
            environments=self.environments,
            protected={other: self._protected(other) for other in self.environments if other != name},
        )
        read, commit = (values.working, values.head) if entry else (values.committed, values.commit)
        found = params.load(read, name, notebook_name, schema, around, overrides=overrides)
        return replace(
            found,
            revision=values.revision(name, entry=entry),
            commit=None if entry else commit,
            params_commit=commit,
            params_dirty=entry and bool(values.uncommitted(name)),
        )

    @property
    def around(self) -> params.Around:
        """What params are held against, as far as it is the same for every environment and every notebook."""
        project = self.project
        return params.Around(
            root=project.root, folder=project.params.name, variables=os.environ, schemes=secrets.schemes
        )

    def _protected(self, environment: str) -> tuple[str, ...]:
        """What an environment has for itself, by the commit or by the working tree: a bar counts at once."""
        folder = self.project.params.name
        values = self.values
        reads = [values.working, *([values.committed] if values.holds(environment) else [])]
        globs = (params.policy(read, environment, "", folder=folder).protects for read in reads)
        return tuple(dict.fromkeys(chain.from_iterable(globs)))

    def params_now(self, environment: str) -> params.Read:
        """What reads the files of an environment: the working tree's of an entry environment, else the commit's."""
        return self.values.working if self.policy(environment, "").is_entry else self.values.committed

    def params_at(self, commit: str) -> params.Read:
        """What reads the files of a commit; of a params folder from elsewhere, those of the trusted one there."""
        if self.params_git is None or not self._params_are_here:
            return self.values.committed
        return self.values.at(commit)

    # -- notebooks

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        return notebook.find_all(self.project.notebooks)

    def pair(self, name: str) -> Pair:
        return notebook.find(self.project.root, self.project.notebooks, name)

    @cached_property
    def schemas(self) -> dict[str, Schema | None]:
        """What each notebook declares; None for one that cannot be read, and `check` says why."""
        found: dict[str, Schema | None] = {}
        for pair in self.pairs:
            try:
                node = notebook.parse(str(pair.path), pair.path.read_bytes())
                found[pair.name] = notebook.schema(node, fits=params.fits)
            except Error:
                found[pair.name] = None
        return found
