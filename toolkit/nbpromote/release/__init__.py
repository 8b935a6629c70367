"""Seal and open releases in the content-addressed store. Runs nothing and decides nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from nbpromote import files
from nbpromote.model import Adopted, Evidence, Model, Release, Schema, Sealed, canonical, dump, load, sha256
from nbpromote.release.places import Missing
from nbpromote.release.store import Damaged, Kept, Store
from nbpromote.release.words import ADJECTIVES, ANIMALS

__all__ = [
    "RECORDS",
    "Damaged",
    "Kept",
    "Missing",
    "Store",
    "alias",
    "evidence_of",
    "export_code",
    "open_",
    "seal",
    "seal_adopted",
    "seal_evidence",
    "seal_model",
    "seal_output",
    "whole",
]


_ADOPTED = "adopted.json"
RECORDS = ("evidence.json", _ADOPTED)  # on what a deployment rests, kept for good


def seal(
    store: Store,
    evidence: Evidence,
    *,
    executed: bytes,
    compared: bytes | None,
    code: Mapping[str, bytes],
    lock: bytes | None,
    model_folder: Path | None,
    created: str,
    author: str,
) -> Release:
    """Put everything that a release is into the store, and its manifest last.

    `executed` is the notebook as the run left it, `compared` the one whose outputs it was compared with; `code` maps
    paths from the root to the bytes that ran. The manifest's bytes are canonical JSON, so the digest of the release is
    the name under which the store keeps it.
    """
    run = evidence.run
    sealed = {f"code/{path}": store.put(data) for path, data in code.items()}
    if lock is not None:
        sealed["lock"] = store.put(lock)
    sealed |= seal_evidence(store, evidence, executed, compared)
    if model_folder is not None and evidence.model is not None:
        sealed |= seal_model(store, evidence.model, model_folder)
    release = Release(
        notebook=run.notebook,
        path=run.path,
        code=run.code.digest,
        schema=run.code.schema,
        created=created,
        author=author,
        commit=run.commit,
        lock=sha256(lock) if lock is not None else None,
        evidence=evidence.digest,
        metrics=evidence.metrics,
        files=sealed,
    )
    store.put(canonical(dump(release)))
    return release


def seal_adopted(
    store: Store, adopted: Adopted, model: Model, folder: Path, *, notebook: str, path: str, schema: Schema
) -> Release:
    """A release of a model alone: what MLflow said of it stands in the place of code and evidence.

    `path` and `schema` are the notebook's whose part it plays.
    """
    files = {_ADOPTED: store.put(canonical(dump(adopted))), **seal_model(store, model, folder)}
    release = Release(
        notebook=notebook,
        path=path,
        code="",
        schema=schema,
        created=adopted.created,
        author=adopted.author,
        commit=adopted.commit,
        lock=None,
        evidence="",
        metrics=adopted.metrics,
        files=files,
    )
    store.put(canonical(dump(release)))
    return release


def seal_evidence(store: Store, evidence: Evidence, executed: bytes, compared: bytes | None) -> dict[str, Sealed]:
    """The evidence, the notebook it was made of and the one that its outputs were compared with, for good."""
    return {
        "evidence.json": store.put(canonical(dump(evidence))),
        "executed.ipynb": store.put(executed),
        **({"reference.ipynb": store.put(compared)} if compared is not None else {}),
    }


def seal_model(store: Store, model: Model, folder: Path) -> dict[str, Sealed]:
    """A model's bytes. Raises `Damaged` when the folder is not what was validated."""
    sealed = {}
    for path, digest in model.files.items():
        try:
            sealed[f"model/{path}"] = store.put_file(folder / path, digest)
        except (Damaged, FileNotFoundError) as error:
            raise Damaged(f"{path} of the model is not what was validated; nothing was changed") from error
    return sealed


def seal_output(store: Store, name: str, written: Path) -> dict[str, Sealed]:
    """What a run wrote under a parameter's name: a file, or every file of a folder."""
    found = sorted(path for path in written.rglob("*") if path.is_file()) if written.is_dir() else [written]
    paths = {f"outputs/{name}/{path.relative_to(written.parent).as_posix()}": path for path in found}
    return {place: store.put_file(path, files.sha256(path)) for place, path in paths.items()}


def open_(store: Store, digest: str) -> Release:
    """Raises `Damaged` when the manifest is gone or changed, or is none."""
    try:
        return load(Release, json.loads(store.get(digest)))
    except ValueError as error:
        raise Damaged(f"{digest[:12]} in the store {store.url} is no release", hint="nbpromote doctor") from error


def whole(store: Store, digest: str) -> Release:
    """A release whose every file was read, code that will not run here too. Raises `Damaged` for what is not sound."""
    release = open_(store, digest)
    for file in release.files.values():
        store.check(file.sha256)
    return release


def evidence_of(store: Store, sealed: Mapping[str, Sealed]) -> Evidence:
    return load(Evidence, json.loads(store.get(sealed["evidence.json"].sha256)))


def export_code(store: Store, release: Release, into: Path) -> Path:
    """Lay out the sealed code below a folder, as it stood below the project's root."""
    return store.export(release.files, "code/", into)


def alias(digest: str) -> str:
    """A name people can say, such as `brisk-otter`; derived from the digest, so it never needs keeping."""
    number = int(digest[:16], 16)
    number, animal = divmod(number, len(ANIMALS))
    return f"{ADJECTIVES[number % len(ADJECTIVES)]}-{ANIMALS[animal]}"
