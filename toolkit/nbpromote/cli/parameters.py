"""`params`: what the environments give the notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nbpromote.cli import options
from nbpromote.cli.options import Here, Verbs, said

if TYPE_CHECKING:
    from nbpromote.params import Given


@click.group(cls=Verbs)
def params() -> None:
    """What the environments give the notebooks."""


@params.command("show")
@click.argument("name")
@options.env
@options.parameters
@options.json
@click.pass_obj
def params_show(here: Here, name: str, env: str | None, parameters: dict[str, Given], as_json: bool) -> int:
    """Show each value of a notebook with the file and line that it comes from."""
    from nbpromote import report, workflow

    environment = workflow.show_params(here.project, name, env=env, parameters=parameters)
    said(report.parameters(environment), report.parameters_json(environment), as_json=as_json)
    return 0


VERBS = (params,)
