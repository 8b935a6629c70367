"""Whether what an environment stands on lets us work there, tried before anybody needs it: `doctor --env E`.

What is written to find out is deleted again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

from nbpromote import track
from nbpromote.errors import Error
from nbpromote.model import Check, Outcome
from nbpromote.workflow.site import Site


def back_ends(site: Site, environment: str) -> Iterator[Check]:
    """Server, registry, store and the right to push, each tried."""
    uri = site.tracking_uris[environment]
    yield from _server(uri, environment)
    yield _tried(f"{environment}: store", lambda: _store(site))
    if site.ledger.remote:
        yield _tried(f"{environment}: push", lambda: _push(site, environment))


def left_over(site: Site) -> Iterator[Check]:
    """Folders of MLflow's old file store, beside which its own commands would not look into a database."""
    root = site.project.root
    for folder in dict.fromkeys((root, site.project.notebooks)):
        if any(folder.glob("mlruns/*/meta.yaml")):
            where = (folder / "mlruns").relative_to(root).as_posix()
            told = f"{where} is a file store of an older MLflow: where it lies, MLflow takes it for the default store"
            yield Check(name="mlruns", outcome=Outcome.FAILED, summary=f"{told}; move it away")


def _server(uri: str, environment: str) -> Iterator[Check]:
    name = f"{environment}: server"
    seen = _tried(name, lambda: _reached(uri))
    yield seen
    if seen.outcome is not Outcome.PASSED:
        return
    yield from (Check(name=name, outcome=Outcome.FAILED, summary=fault) for fault in track.unsafe(uri))
    yield _tried(f"{environment}: registry", lambda: _registry(uri))


def _reached(uri: str) -> str:
    track.reach(uri)
    return f"{uri} answers: {track.described(uri)}"


def _registry(uri: str) -> str:
    track.try_registry(uri, f"nbpromote-probe-{secrets.token_hex(4)}")
    return "a model could be registered, and deleted again"


def _store(site: Site) -> str:
    """Bytes that nobody else has are kept, read and dropped."""
    probe = secrets.token_bytes(32)
    sealed = site.store.put(probe)
    try:
        site.store.get(sealed.sha256)
    finally:
        site.store.drop(sealed.sha256)
    return f"{site.store.url} can be written, read and deleted from"


def _push(site: Site, environment: str) -> str:
    remote, branch = site.ledger.remote, f"nbpromote/{environment}"
    assert remote is not None
    site.git.try_push(remote, branch)
    return f"the remote {remote!r} would take {branch}; what its branch protection says is not known before a push"


def _tried(name: str, ask: Callable[[], str]) -> Check:
    try:
        return Check(name=name, outcome=Outcome.PASSED, summary=ask())
    except Error as error:
        said = f"{error}; {error.hint}" if error.hint else str(error)
        return Check(name=name, outcome=Outcome.FAILED, summary=said)
