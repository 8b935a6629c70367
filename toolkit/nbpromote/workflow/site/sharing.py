"""What machines must share so that each can promote and roll back: servers, the history, the store of releases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from nbpromote.errors import BadInput
from nbpromote.project import Project
from nbpromote.release import Missing, Store

IN_MLFLOW = "mlflow"  # `store = "mlflow"`: releases are kept among the tracking server's artifacts


def lacking(uris: Mapping[str, str], *, remote: str | None, store: str, root: Path) -> tuple[str, ...]:
    """Why another clone could not roll back, and what to write where. Empty where it could, or need not.

    `uris` are the tracking servers by environment; `store` is as it stands in pyproject.toml, `root` the project's.
    """
    return tuple(_lacking(uris, remote=remote, store=store, root=root))


def _lacking(uris: Mapping[str, str], *, remote: str | None, store: str, root: Path) -> Iterator[str]:
    shared = [environment for environment, uri in uris.items() if is_shared(uri)]
    where = f"{_listed(shared)} {'is' if len(shared) == 1 else 'are'} on a shared server"
    if shared and remote is None:
        yield f"{where} and the history is not shared: [tool.nbpromote] remote = ... names the git remote for it"
    if is_own(store, root) and (shared or remote is not None):
        what = where if shared else "the history is shared"
        yield (
            f"{what} and the store of releases is not, so other clones cannot promote or roll back: "
            f"[tool.nbpromote] store = ... names a bucket or a shared folder"
            + (f', or "{IN_MLFLOW}" for the server itself' if shared else "")
        )


def is_shared(uri: str) -> bool:
    """Whether an environment's MLflow is more than a file of this machine."""
    return not uri.startswith("sqlite")


def is_own(store: str, root: Path) -> bool:
    """Whether a store lies in the project's folder, where every clone has its own."""
    if store == IN_MLFLOW or "://" in store.removeprefix("file://"):
        return False
    return (root / store.removeprefix("file://")).is_relative_to(root)


def store_of(project: Project, uris: Callable[[], Mapping[str, str]]) -> Store:
    """The store of releases that a project names. Raises `BadInput` where "mlflow" does not say which server."""
    store = project.store
    if store == IN_MLFLOW:
        return _shelf(_one_server(uris()), f"{project.name}/store")
    return Store(store if "://" in store else str(project.root / store))


def _shelf(uri: str, experiment: str) -> Store:
    from nbpromote.track import Shelf  # http and tls: 0.03 s, which `status` need not pay

    return Store(f"{uri} ({experiment})", Shelf(uri, experiment, missing=Missing))


def _one_server(uris: Mapping[str, str]) -> str:
    served = {environment: uri for environment, uri in uris.items() if uri.startswith(("http://", "https://"))}
    if len(set(served.values())) == 1:
        return next(iter(served.values()))
    told = "; ".join(f"{environment}: {uri}" for environment, uri in served.items()) or "none is on a server"
    raise BadInput(
        f'store = "{IN_MLFLOW}" wants one tracking server for all that have one ({told})',
        where="pyproject.toml",
        hint='store = "s3://bucket/releases", or a folder that is shared',
    )


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
