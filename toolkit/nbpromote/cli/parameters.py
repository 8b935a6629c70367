"""`params`: what the environments give the notebooks."""

from __future__ import annotations

import click

from nbpromote.cli import options
from nbpromote.cli.options import Here, Verbs, given, said


@click.group(cls=Verbs)
def params() -> None:
    """What the environments give the notebooks."""


@params.command("show")
@click.argument("name")
@options.env
@options.parameters
@options.json
@click.pass_obj
def params_show(here: Here, name: str, env: str | None, parameters: tuple[tuple[str, str], ...], as_json: bool) -> int:
    """Show each value of a notebook with the file and line that it comes from."""
    from nbpromote import report, workflow

    environment = workflow.show_params(here.project, name, env=env, parameters=given(parameters))
    said(report.parameters(environment), report.parameters_json(environment), as_json=as_json)
    return 0


VERBS = (params,)
