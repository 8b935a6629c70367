"""Files by name among a tracking server's artifacts, for whoever keeps releases there. Knows nothing of releases."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nbpromote.track.asking import Lost, ask
from nbpromote.track.experiments import experiment_of

_CHUNK = 4 * 1024 * 1024


@dataclass(frozen=True)
class Shelf:
    """A folder of an experiment's own, whose name is taken once: two who begin at once begin the same.

    In no run of it: of two that were opened at once, each would have half. `missing` makes the error for a name that
    nothing has.
    """

    uri: str
    experiment: str
    missing: Callable[[str], Exception]

    def chunks(self, name: str) -> Iterator[bytes]:
        with tempfile.TemporaryDirectory(prefix="nbpromote-") as folder:

            def fetch(_: Any) -> Path | None:
                if name not in self._listed(posixpath.dirname(name)):
                    return None
                return Path(self._artifacts.download_artifacts(name, folder))

            fetched = ask(self.uri, fetch)
            if fetched is None:
                raise self.missing(name)
            with fetched.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk

    def write(self, name: str, source: bytes | Path) -> None:
        place, _, last = name.rpartition("/")
        with tempfile.TemporaryDirectory(prefix="nbpromote-") as folder:
            file = Path(folder, last)
            if isinstance(source, Path):
                file.symlink_to(source.resolve())
            else:
                file.write_bytes(source)

            def log(_: Any) -> None:
                self._artifacts.log_artifact(str(file), place)
                if self._listed(place).get(name) != file.stat().st_size:
                    raise Lost(f"took {name} and does not have it")

            ask(self.uri, log, done=f"{name} was kept")

    def names(self) -> Iterator[str]:
        yield from ask(self.uri, lambda _: list(self._below("")))

    def drop(self, name: str) -> None:
        def delete(_: Any) -> None:
            if name in self._listed(posixpath.dirname(name)):
                self._artifacts.delete_artifacts(name)

        ask(self.uri, delete, done=f"{name} was deleted")

    def _listed(self, folder: str) -> dict[str, int | None]:
        """The sizes of what lies in a folder, by name; None for folders."""
        found = self._artifacts.list_artifacts(folder or None)
        return {file.path: None if file.is_dir else file.file_size for file in found}

    def _below(self, folder: str) -> Iterator[str]:
        for name, size in self._listed(folder).items():
            if size is None:
                yield from self._below(name)
            else:
                yield name

    @cached_property
    def _artifacts(self) -> Any:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        experiment = experiment_of(self.uri, self.experiment)
        location = ask(self.uri, lambda mlflow: mlflow.get_experiment(experiment).artifact_location)
        return get_artifact_repository(f"{location}/releases", tracking_uri=self.uri)
