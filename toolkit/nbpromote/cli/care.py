"""What keeps a project in order."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from nbpromote.cli import options
from nbpromote.cli.options import Here, said
from nbpromote.cli.progress import busy


@click.command()
@click.option("--repair", is_flag=True, help="Finish what was left half-way and put back what was moved.")
@click.option("--env", "-e", metavar="E", help="Try what this environment stands on: server, registry, store, remote.")
@options.json
@click.pass_obj
def doctor(here: Here, repair: bool, env: str | None, as_json: bool) -> int:
    """Compare ledger, MLflow and store, and say what stands in the way."""
    from nbpromote import report, workflow

    with busy("comparing ledger, MLflow and store"):
        checks = workflow.doctor(here.project, env=env, repair=repair)
    said(report.checks(checks), report.checks_json(checks), as_json=as_json)
    return 1 if any(check.outcome.blocks for check in checks) else 0


def _span(_ctx: click.Context, _option: click.Parameter, value: str) -> float:
    from nbpromote.params.values import seconds

    found = seconds(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no time such as 30d or 12h")
    return found


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@click.option("--keep", type=click.IntRange(min=1), default=3, show_default=True, metavar="N", help="Runs of each.")
@click.option(
    "--older-than", callback=_span, default="30d", show_default=True, metavar="TIME", help="Never the younger."
)
@click.option("--store-is-ours", "ours", is_flag=True, help="No other project keeps releases in this shared store.")
@options.json
@click.pass_obj
def gc_(here: Here, dry_run: bool, keep: int, older_than: float, ours: bool, as_json: bool) -> int:
    """Remove runs and sealed bytes that nothing needs any more. What may be rolled back to stays, and every record."""
    from nbpromote import report, workflow

    done = workflow.gc(here.project, keep=keep, older_than=older_than, ours=ours, dry_run=dry_run)
    said(report.collection(done), report.collection_json(done), as_json=as_json)
    return 0


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
    gc_,
    demo,
)
