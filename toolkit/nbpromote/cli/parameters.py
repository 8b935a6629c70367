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


@params.command("diff")
@click.argument("one", metavar="E1")
@click.argument("other", metavar="E2")
@click.argument("name", required=False)
@options.json
@click.pass_obj
def params_diff(here: Here, one: str, other: str, name: str | None, as_json: bool) -> int:
    """Show what two environments give and demand differently. Exit code 1 where they do."""
    from nbpromote import report, workflow

    found, both = workflow.compare_params(here.project, one, other, name), (one, other)
    said(report.differences(found, both), report.differences_json(found, both), as_json=as_json)
    return 1 if found else 0


@params.command("schema")
@click.argument("name", required=False)
@click.option("--policy", is_flag=True, help="Of the policy files.")
@click.pass_obj
def params_schema(here: Here, name: str | None, policy: bool) -> int:
    """Print the JSON Schema of a notebook's parameters, or of the params files."""
    from nbpromote import workflow

    if name and policy:
        raise click.UsageError("--policy is of all notebooks: give no name")
    said("", workflow.schema_of(here.project, name, policy=policy), as_json=True)
    return 0


VERBS = (params,)
