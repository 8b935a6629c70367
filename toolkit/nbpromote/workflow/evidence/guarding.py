"""The secrets of a run: followed just before it, refused in what it is given, searched for in what it leaves."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbpromote import execute, files, notebook, secrets, track, validate
from nbpromote.errors import BadInput
from nbpromote.model import Environment, Model, Profile, Run
from nbpromote.secrets import Scanner
from nbpromote.workflow.site import Site


def followed(site: Site, environment: Environment) -> Scanner:
    """The environment's secrets by value, and what lets its kernels in at the tracking server.

    Raises `BadInput` with the place of each that cannot be had.
    """
    ours = track.secrets(environment.tracking_uri)
    if not environment.secrets:
        return Scanner(ours)
    for name in environment.secrets:
        _refuse_name(name, environment)

    def is_tracked(path: Path) -> bool:
        return any(repository.tracks(path) for repository in (site.git, site.params_git) if repository)

    references, places = environment.secrets, environment.secret_origins
    given = secrets.resolve(references, root=site.project.root, is_tracked=is_tracked, places=places)
    return Scanner({**ours, **given})


def _refuse_name(name: str, environment: Environment) -> None:
    """A secret must not take the place of a variable that the kernel needs, or be given in two ways."""
    variable = name.upper()
    reason = ""
    if variable in environment.pass_env:
        reason = "pass_env passes that too"
    elif execute.is_taken(variable) or variable in track.VARIABLES:
        reason = "every kernel has its own"
    if reason:
        where = environment.secret_origins.get(name, "")
        raise BadInput(
            f"secret {name!r} would be the variable {variable}, and {reason}", where=where, hint="give it another name"
        )


def variables(scanner: Scanner) -> dict[str, str]:
    """What the kernel gets: each secret under its name in capitals, and the list of the names."""
    if not scanner:
        return {}
    named = {name.upper(): value for name, value in scanner.values.items()}
    return {**named, "NBPROMOTE_SECRETS": " ".join(scanner.values)}


def refuse_written(scanner: Scanner, environment: Environment, node: Any, code: Mapping[str, bytes], path: str) -> None:
    """Raises `BadInput` where a parameter, a cell or a file of the code holds a secret: all are kept with the run."""
    if not scanner:
        return
    values = {**environment.parameters, **environment.inputs, **environment.outputs}
    for name, value in values.items():
        _refuse(scanner, json.dumps({name: value}), f"parameter {name!r}", environment.origins.get(name, ""))
    for number, cell in enumerate((cell for cell in node.cells if cell.cell_type == "code"), 1):
        _refuse(scanner, cell.source, f"cell {number} ({cell.get('id', '')})", path)
    for file, data in code.items():
        _refuse(scanner, data, "this file", file)


def _refuse(scanner: Scanner, data: str | bytes, what: str, where: str) -> None:
    found = sorted(scanner.found(data))
    if found:
        raise BadInput(
            f"{what} holds the value of secret {found[0]!r}; nothing was run",
            where=where,
            hint=f"change the secret, and read it in the kernel: os.environ[{found[0].upper()!r}]",
        )


# -- afterwards ---------------------------------------------------------------------------------------------------

# what the toolkit writes below a run's folder, cleaned while it was written
_OURS = {
    "run.json",
    "input.ipynb",
    "notebook.ipynb",
    "journal.jsonl",
    "kernel.log",
    "notes.jsonl",
    "parameters.json",
    "predictions.json",
}


def without_leaking_files(run: Run, scanner: Scanner) -> Run:
    """Delete every file below the run's folder that holds a secret, candidate outputs first of all, and say so.

    Looks at the bytes as they are: what is compressed, as in a zip or a parquet file, is not unpacked.
    """
    if not scanner:
        return run
    leaks = []
    for file in sorted(run.folder.rglob("*")):
        name = file.relative_to(run.folder).as_posix()
        if not file.is_file() or name in _OURS or name.startswith(f"{execute.LOGS}/"):
            continue
        held = scanner.found_in(file) | scanner.found(name)
        if held:
            file.unlink()
            leaks += [f"file {scanner.redact(name)} held {secret}, and was deleted" for secret in sorted(held)]
    return _with(run, leaks)


def searched(run: Run, scanner: Scanner) -> Run:
    """The run with what is found in MLflow and in glued tables, its own words cleaned.

    What a notebook gave to MLflow itself stays there: it is named, and whoever owns the server can delete it.
    """
    if not scanner:
        return run
    run = _with(run, [*_in_tables(run, scanner), *_in_mlflow(run, scanner)])
    return replace(
        run,
        notes=tuple(map(scanner.redact, run.notes)),
        tracked={scanner.redact(name): value for name, value in run.tracked.items()},
        models=tuple(_cleaned(model, scanner) for model in run.models),
        profiles={name: _named(profile, scanner) for name, profile in run.profiles.items()},
    )


def _with(run: Run, leaks: list[str]) -> Run:
    return replace(run, leaks=tuple(dict.fromkeys((*run.leaks, *leaks))))


def _cleaned(model: Model, scanner: Scanner) -> Model:
    return replace(model, files={scanner.redact(path): sha256 for path, sha256 in model.files.items()})


def _named(profile: Profile, scanner: Scanner) -> Profile:
    columns = (replace(column, name=scanner.redact(column.name)) for column in profile.columns)
    return replace(profile, columns=tuple(columns), fault=scanner.redact(profile.fault))


def _in_mlflow(run: Run, scanner: Scanner) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="nbpromote-") as folder:
        for place, content in track.given(run, Path(folder)):
            found = scanner.found_in(content) if isinstance(content, Path) else scanner.found(content)
            found |= scanner.found(place)
            yield from (
                f"{scanner.redact(place)} in MLflow run {run.mlflow_run} holds {name}: delete it there"
                for name in sorted(found)
            )


def _in_tables(run: Run, scanner: Scanner) -> list[str]:
    """A glued table is compressed, so it shows its secrets only when it is read; then none of it is kept."""
    executed = notebook.parse("notebook.ipynb", run.notebook_file.read_bytes())
    leaks = []
    for scrap in validate.scraps(executed):
        found = scanner.found(json.dumps(scrap.value, default=str)) if scrap.kind == "table" else frozenset()
        where = next((f"cell {cell.number} ({cell.id})" for cell in run.cells if cell.number == scrap.cell), "a cell")
        leaks += [f"{where} glues {name}" for name in sorted(found)]
    if leaks:
        files.write(run.notebook_file, _without_tables(executed))
        (run.folder / "journal.jsonl").unlink(missing_ok=True)  # all of it is in the notebook
    return leaks


def _without_tables(executed: Any) -> str:
    import nbformat

    for cell in executed.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/scrapbook.scrap.pandas+json", None)
    return str(nbformat.writes(executed))
