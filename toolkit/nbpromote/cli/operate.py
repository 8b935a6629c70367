"""What is live, who made it so, and how it looks."""

from __future__ import annotations

from pathlib import Path

import click

from nbpromote.cli import options
from nbpromote.cli.options import Here, coloured, said, shown


@click.command()
@options.json
@click.pass_obj
def status(here: Here, as_json: bool) -> int:
    """Show what is live where."""
    from nbpromote import report, workflow

    rows = workflow.status(here.project)
    said(report.status(rows, colour=coloured()), report.status_json(rows), as_json=as_json)
    return 0


@click.command()
@click.argument("name", required=False)
@options.env
@click.option("--at", metavar="DATE", help="Show what was live at that moment, and the history up to it.")
@options.json
@click.pass_obj
def history(here: Here, name: str | None, env: str | None, at: str | None, as_json: bool) -> int:
    """Show who made what live, when and why."""
    from nbpromote import clock, report, workflow

    moment = clock.parse(at) if at else None
    events = workflow.history(here.project, name, env=env, at=moment)
    text = report.history(events)
    document = report.history_json(events)
    if moment:
        rows = workflow.status(here.project, at=moment)
        text = f"live at {moment}\n{report.status(rows, colour=coloured())}\n\n{text}"
        document = {**document, **report.status_json(rows), "at": moment}
    said(text, document, as_json=as_json)
    return 0


@click.command()
@click.argument("what", metavar="RUN|RELEASE|NOTEBOOK|ATTEMPT")
@options.env
@options.json
@click.pass_obj
def why(here: Here, what: str, env: str | None, as_json: bool) -> int:
    """Say of each gate and check who asked for it, what it saw, and why it let WHAT in or did not."""
    from nbpromote import report, workflow

    told = workflow.why(here.project, what, env=env)
    said(report.explanation(told, colour=coloured()), report.explanation_json(told), as_json=as_json)
    return 0


@click.command("report")
@click.argument("what", metavar="RUN|RELEASE|NOTEBOOK")
@options.env
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="Write the page here.")
@options.json
@click.pass_obj
def report_(here: Here, what: str, env: str | None, output: str | None, as_json: bool) -> int:
    """Write one self-contained HTML page for a run, a release or what is live."""
    from nbpromote import workflow

    page = workflow.page(here.project, what, env=env, into=Path(output) if output else None)
    said(shown(page), {"page": str(page)}, as_json=as_json)
    return 0


VERBS = (
    status,
    history,
    why,
    report_,
)
