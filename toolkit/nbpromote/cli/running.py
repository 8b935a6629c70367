"""One notebook, or all of them, in an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nbpromote.cli import options
from nbpromote.cli.options import Here, progress, said

if TYPE_CHECKING:
    from nbpromote.params import Given


@click.command()
@click.argument("name")
@options.env
@options.parameters
@click.option("--execution-timeout", type=float, metavar="S", help="Seconds that a cell may take.")
@click.option("--fresh", is_flag=True, help="Start a kernel anew, not from one that has imported already.")
@options.json
@click.pass_obj
def run(
    here: Here,
    name: str,
    env: str | None,
    parameters: dict[str, Given],
    execution_timeout: float | None,
    fresh: bool,
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
            fresh=fresh,
        )
    said(report.evidence(evidence), report.evidence_json(evidence), as_json=as_json)
    return 0 if evidence.passed else 1


VERBS = (run,)
