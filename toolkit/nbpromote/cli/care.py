"""What keeps a project in order."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from nbpromote.cli import options
from nbpromote.cli.options import Here, said


@click.command()
@click.option("--repair", is_flag=True, help="Finish what was left half-way and put back what was moved.")
@click.option("--env", "-e", metavar="E", help="Try what this environment stands on: server, registry, store, remote.")
@options.json
@click.pass_obj
def doctor(here: Here, repair: bool, env: str | None, as_json: bool) -> int:
    """Compare ledger, MLflow and store, and say what stands in the way."""
    from nbpromote import report, workflow

    checks = workflow.doctor(here.project, env=env, repair=repair)
    said(report.checks(checks), report.checks_json(checks), as_json=as_json)
    return 1 if any(check.outcome.blocks for check in checks) else 0


@click.command()
@click.argument("folder", metavar="[DIR]", default="nbpromote-demo", type=click.Path(file_okay=False))
@click.option("--tracking-uri", metavar="URI", help="An MLflow server for all environments; default: files.")
@click.option("--store", metavar="URL", help="Where releases are kept: s3://bucket/folder, or mlflow.")
@click.option("--remote", metavar="URL", help="An empty git repository that shares the history.")
def demo(folder: str, tracking_uri: str | None, store: str | None, remote: str | None) -> int:
    """Walk the whole road on real flights, in a new folder."""
    from nbpromote.workflow import demo

    on = demo.BackEnds(tracking_uri=tracking_uri, store=store, remote=remote)
    # two steps run at a time, and nbval borrows sys.stdout for a moment
    demo.walk(Path(folder), say=partial(click.echo, file=sys.stdout), on=on)
    return 0


VERBS = (
    doctor,
    demo,
)
