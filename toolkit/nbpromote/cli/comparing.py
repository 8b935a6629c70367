"""What differs, and whether it is right so."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbpromote import files
from nbpromote.cli import options
from nbpromote.cli.options import Here, coloured, said
from nbpromote.errors import Refused, Usage

if TYPE_CHECKING:
    from nbpromote.workflow import Offer


@click.command()
@click.argument("name")
@click.option("--run", "run_id", metavar="RUN", help="Accept this run instead of the last one.")
@click.option("--cell", "cells", multiple=True, metavar="CELL", help="Only this cell's outputs: its number or its id.")
@click.option("--yes", "unasked", is_flag=True, help="Accept without asking.")
@options.json
@click.pass_obj
def baseline(here: Here, name: str, run_id: str | None, cells: tuple[str, ...], unasked: bool, as_json: bool) -> int:
    """Show what differs from the accepted outputs, and accept a run's as what later runs are compared with."""
    from nbpromote import report, workflow

    offer = workflow.offer(here.project, name, run_id=run_id, cells=cells)
    if not unasked:
        _ask(here, offer)
    evidence = workflow.accept(offer)
    said(report.evidence(evidence), report.evidence_json(evidence), as_json=as_json)
    return 0 if evidence.passed else 1


def _ask(here: Here, offer: Offer) -> None:
    """On stderr: stdout is for the answer. Raises `Refused` for a no, `Usage` where nobody can be asked."""
    from nbpromote import report, workflow

    shown = report.comparisons([workflow.preview(here.project, offer)], colour=coloured(sys.stderr))
    click.echo(f"{shown}\n", err=True)
    if not sys.stdin.isatty():
        raise Usage("nobody is here to ask, so nothing was accepted", hint="if these outputs are right: --yes")
    if not click.confirm(f"accept these outputs of {offer.pair.name}?", err=True):
        raise Refused("nothing was accepted")


_FORMATS = ("text", "markdown", "json")


@click.command()
@click.argument("one", metavar="A")
@click.argument("other", metavar="[B]", required=False)
@options.form(*_FORMATS)
@options.output
@options.json
@click.pass_obj
def diff(here: Here, one: str, other: str | None, form: str, output: Path | None, as_json: bool) -> int:
    """Show what differs between two runs, releases, deployments (NAME@E) or environments.

    A alone is compared with what it is held against: accepted outputs, or what is or was live.
    """
    from nbpromote import report, workflow

    options.require_folder("--output", output)
    found = workflow.compare(here.project, one, other)
    text = report.comparisons_as("json" if as_json else form, found, colour=not output and coloured())
    if output:
        files.write(output, f"{text.rstrip()}\n")
    else:
        click.echo(text.rstrip())
    return 0 if all(comparison.same for comparison in found) else 1


VERBS = (
    baseline,
    diff,
)
