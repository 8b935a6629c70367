"""Which notebooks a fleet is of: all, some by name, what changed since a commit, or what is not released yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from nbpromote import params, release
from nbpromote.errors import Error, NotFound, Usage
from nbpromote.model import Code, Deployment, Environment, Pair, canonical, sha256
from nbpromote.workflow.fleet.preparing import Prepared
from nbpromote.workflow.site import Site


def named(site: Site, names: Sequence[str]) -> tuple[Pair, ...]:
    """Each notebook once, in the order of their names. Raises `NotFound` for a name that nothing carries."""
    found = {pair.name: pair for pair in map(site.pair, names)} if names else {pair.name: pair for pair in site.pairs}
    if not found:
        raise Usage(f"there is no notebook in {site.project.notebooks} yet")
    return tuple(found[name] for name in sorted(found))


def changed(site: Site, prepared: Sequence[Prepared], revision: str) -> frozenset[str]:
    """Those whose code, values in this environment, or lock differ between a commit and now.

    Now is the working tree for the entry environment, and what is checked out for those above it.
    """
    commit = site.git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        hint = "--changed takes a commit, a branch or a tag; without one it is HEAD"
        raise NotFound(f"git knows no commit {revision!r}", hint=hint)
    if prepared and _lock(site, prepared[0].environment) != site.sources.lock(commit):
        return frozenset(one.name for one in prepared)
    return frozenset(one.name for one in prepared if _differs(site, one, commit))


def unreleased(site: Site, prepared: Sequence[Prepared]) -> frozenset[str]:
    """Those that are not live in their entry environment as they stand here: code, values and lock."""
    state = site.ledger.state(prepared[0].environment.name) if prepared else None
    return frozenset(one.name for one in prepared if state and not _is_live(site, one, state[one.name].live))


def _is_live(site: Site, one: Prepared, live: Deployment | None) -> bool:
    if live is None or live.code != site.sources.code(site.pair(one.name)).digest:
        return False
    lock = site.sources.lock()
    sealed = release.open_(site.store, live.release).lock
    return live.settings == one.environment.settings(site.project.root) and sealed == (lock and sha256(lock))


def _lock(site: Site, environment: Environment) -> bytes | None:
    return site.sources.lock(None if environment.policy.is_entry else "HEAD")


def _differs(site: Site, one: Prepared, commit: str) -> bool:
    try:
        before = site.sources.committed(one.path, commit)
        now = _code(site, one)
        if before is None or now is None or before.digest != now.digest:
            return True
        given = [_settings(site, one, code, at) for code, at in ((before, commit), (now, None))]
    except Error:  # what cannot be read at one of the two is not the same
        return True
    return given[0] != given[1]


def _code(site: Site, one: Prepared) -> Code | None:
    if one.environment.policy.is_entry:
        return site.sources.code(site.pair(one.name))
    return site.sources.committed(one.path)


def _settings(site: Site, one: Prepared, code: Code, commit: str | None) -> bytes:
    """What the params files give a notebook, at a commit or now."""
    name = one.environment.name
    around = site.around
    read = site.params_at(commit) if commit else site.params_now(name)
    found = params.load(read, name, one.name, code.schema, around)
    parts = [found.settings(site.project.root), found.kernel, asdict(found.limits), list(found.pass_env)]
    return canonical(parts)
