"""What a data scientist does every day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbpromote.cli import options
from nbpromote.cli.options import Here, progress, said, shown

if TYPE_CHECKING:
    from nbpromote.params import Given


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
@click.option("--example", metavar="NAME", help="Lay out an example project: flights.")
def init(folder: str, example: str | None) -> int:
    """Lay out a project in DIR; in an existing repository, add what is missing."""
    from nbpromote import workflow

    written = workflow.init(Path(folder), example=example)
    for path in written:
        click.echo(f"wrote {shown(path)}")
    begin = f"next: cd {folder}; nbpromote check; git add . && git commit -m start"
    click.echo(begin if written else f"nothing was missing in {folder}")
    return 0


@click.command()
@click.argument("names", nargs=-1)
@options.json
@click.pass_obj
def sync(here: Here, names: tuple[str, ...], as_json: bool) -> int:
    """Bring notebook and script of each pair together."""
    from nbpromote import workflow

    done = workflow.sync(here.project, names)
    wrote = [f"wrote {shown(one.wrote)}, " if one.wrote else "" for one in done]
    text = "\n".join(f"{one.pair.name}: {what}{one.reason}" for one, what in zip(done, wrote, strict=True))
    rows = [{"notebook": one.pair.name, "wrote": str(one.wrote or "") or None, "reason": one.reason} for one in done]
    said(text or "there is no notebook here yet", {"pairs": rows}, as_json=as_json)
    return 0


@click.command()
@click.argument("names", nargs=-1)
@options.json
@click.pass_obj
def check(here: Here, names: tuple[str, ...], as_json: bool) -> int:
    """Look at pairs, parameters cells, params and policies without running anything."""
    from nbpromote import report, workflow

    findings = workflow.check(here.project, names)
    said(report.findings(findings), report.findings_json(findings), as_json=as_json)
    return 1 if findings else 0


@click.command()
@click.argument("name")
@options.env
@options.parameters
@click.option("--execution-timeout", type=float, metavar="S", help="Seconds that a cell may take.")
@options.json
@click.pass_obj
def run(
    here: Here,
    name: str,
    env: str | None,
    parameters: dict[str, Given],
    execution_timeout: float | None,
    as_json: bool,
) -> int:
    """Run a notebook in an environment and check what came out."""
    from nbpromote import report, workflow

    with progress() as watch:
        evidence = workflow.run(
            here.project,
            name,
            env=env,
            parameters=parameters,
            cell_limit=execution_timeout,
            watch=watch,
        )
    said(report.evidence(evidence), report.evidence_json(evidence), as_json=as_json)
    return 0 if evidence.passed else 1


@click.command()
@click.argument("name")
@click.option("--run", "run_id", metavar="RUN", help="Accept this run instead of the last one.")
@options.json
@click.pass_obj
def baseline(here: Here, name: str, run_id: str | None, as_json: bool) -> int:
    """Accept a run's outputs as what later runs are compared with."""
    from nbpromote import report, workflow

    evidence = workflow.baseline(here.project, name, run_id=run_id)
    said(report.evidence(evidence), report.evidence_json(evidence), as_json=as_json)
    return 0 if evidence.passed else 1


VERBS = (
    init,
    sync,
    check,
    run,
    baseline,
)
