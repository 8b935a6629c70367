"""The aliases that tell MLflow's readers what is live, and what is about to be."""

from __future__ import annotations

from typing import Any

from nbpromote.model import Model
from nbpromote.track.asking import ask, once
from nbpromote.track.models import TOKEN, if_known

CHAMPION = "champion"
CHALLENGER = "challenger"


def set_alias(uri: str, model: Model, alias: str = CHAMPION) -> None:
    """Point an alias at a version, unless it does already, and read it back."""
    name, version = model.name, model.version
    assert name is not None
    once(
        uri,
        look=lambda mlflow: True if _pointed(mlflow, name, alias) == version else None,
        make=lambda mlflow: mlflow.set_registered_model_alias(name, alias, version),
        done=f"{name}@{alias} points at version {version}",
    )


def drop_alias(uri: str, name: str, alias: str = CHAMPION) -> None:
    """Let it point at nothing: what `champion` was moved to did not go live, and nothing was live before."""
    once(
        uri,
        look=lambda mlflow: True if _pointed(mlflow, name, alias) is None else None,
        make=lambda mlflow: mlflow.delete_registered_model_alias(name, alias),
        done=f"{name}@{alias} is gone",
    )


def pointed(uri: str, name: str, alias: str = CHAMPION) -> str | None:
    """The version that an alias points at; None where there is none."""
    return ask(uri, lambda mlflow: _pointed(mlflow, name, alias))


def attempt_at(uri: str, name: str, alias: str) -> str | None:
    """The token of the attempt that made the version which an alias points at; empty for a stranger's.

    None where it points at none.
    """
    found = ask(uri, lambda mlflow: if_known(lambda: mlflow.get_model_version_by_alias(name, alias)))
    return str(found.tags.get(TOKEN, "")) if found else None


def _pointed(mlflow: Any, name: str, alias: str) -> str | None:
    found = if_known(lambda: mlflow.get_model_version_by_alias(name, alias))
    return str(found.version) if found else None
