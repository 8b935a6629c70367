"""What a data scientist does every day."""

from __future__ import annotations

from pathlib import Path

import click

from nbpromote import files
from nbpromote.cli import options
from nbpromote.cli.options import Here, coloured, given, progress, said, shown


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


_FORMATS = ("text", "json", "junit", "sarif", "github")


@click.command()
@click.argument("names", nargs=-1)
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", help="text, json, junit, sarif, github.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it there.")
@click.option("--select", multiple=True, metavar="CODES", help="Tell only these: NBP3,NBP401.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Do not tell these.")
@options.json
@click.pass_obj
def check(
    here: Here,
    names: tuple[str, ...],
    form: str,
    output: Path | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    as_json: bool,
) -> int:
    """Look at pairs, code, outputs, params and policies without running anything."""
    from nbpromote import report, workflow

    told = workflow.check(here.project, names, select=_listed(select), ignore=_listed(ignore))
    text = report.findings_as(
        "json" if as_json else form, told.findings, told.looked_at, told.descriptions, colour=not output and coloured()
    )
    if output:
        files.write(output, f"{text}\n")
    elif text:
        click.echo(text)
    return 1 if told.fails else 0


def _listed(codes: tuple[str, ...]) -> list[str]:
    return [code.strip() for part in codes for code in part.split(",") if code.strip()]


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
    parameters: tuple[tuple[str, str], ...],
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
            parameters=given(parameters),
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
