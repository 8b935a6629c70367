"""What keeps releases out of an environment, and lets them in again."""

from __future__ import annotations

from typing import Any

import click

from nbpromote.cli import options
from nbpromote.cli.options import Here, said

_WHAT = click.argument("what", metavar="RELEASE|NOTEBOOK")


@click.command()
@_WHAT
@options.word()
def hold(here: Here, what: str, env: str, reason: str, as_json: bool) -> int:
    """Let a release, or every release of a notebook, not go live in an environment."""
    from nbpromote import workflow

    return _happened(workflow.hold(here.project, what, env=env, reason=reason), as_json=as_json)


@click.command()
@_WHAT
@options.word()
def unhold(here: Here, what: str, env: str, reason: str, as_json: bool) -> int:
    """Lift a hold on a release (its alias, its digest, or the notebook), as a rollback leaves one."""
    from nbpromote import workflow

    return _happened(workflow.unhold(here.project, what, env=env, reason=reason), as_json=as_json)


@click.command()
@options.word()
def freeze(here: Here, env: str, reason: str, as_json: bool) -> int:
    """Stop an environment: nothing is promoted to it or run in it. Rollbacks go on."""
    from nbpromote import workflow

    return _happened(workflow.freeze(here.project, env=env, reason=reason), as_json=as_json)


@click.command()
@options.word()
def thaw(here: Here, env: str, reason: str, as_json: bool) -> int:
    """Let a frozen environment go on."""
    from nbpromote import workflow

    return _happened(workflow.thaw(here.project, env=env, reason=reason), as_json=as_json)


def _happened(event: Any, *, as_json: bool) -> int:
    from nbpromote import report

    said(report.said(event), report.history_json([event]), as_json=as_json)
    return 0


VERBS = (hold, unhold, freeze, thaw)
