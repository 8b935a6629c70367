"""What people say of what is to go live."""

from __future__ import annotations

from typing import Any

import click

from nbpromote.cli import options
from nbpromote.cli.options import Here, said

_WHAT = click.argument("what", metavar="NOTEBOOK|RELEASE|ATTEMPT")


@click.command()
@_WHAT
@options.word()
def approve(here: Here, what: str, env: str, reason: str, as_json: bool) -> int:
    """Consent to a promotion that waits; `advance` makes it live when nothing is missing."""
    from nbpromote import workflow

    return _told(workflow.approve(here.project, what, env=env, reason=reason), as_json=as_json)


@click.command()
@_WHAT
@options.word(must_reason=True)
def reject(here: Here, what: str, env: str, reason: str, as_json: bool) -> int:
    """End a promotion that waits; the release may be asked for again."""
    from nbpromote import workflow

    return _told(workflow.reject(here.project, what, env=env, reason=reason), as_json=as_json)


@click.command()
@_WHAT
@options.word(must_reason=True)
@click.option("--approvals", "kinds", flag_value="approval", multiple=True, help="Pass over missing approvals.")
@click.option("--soak", "kinds", flag_value="soak", multiple=True, help="Pass over the time to stand below.")
@click.option("--window", "kinds", flag_value="window", multiple=True, help="Pass over closed hours.")
@click.option("--gate", "gates", metavar="GATE", multiple=True, help="Pass over a gate, as `plan` spells it, once.")
def override(
    here: Here, what: str, env: str, reason: str, kinds: tuple[str, ...], gates: tuple[str, ...], as_json: bool
) -> int:
    """Pass over what a promotion waits for, or over gates before it is asked for again. Every report shows it."""
    from nbpromote import workflow

    heard = workflow.override(here.project, what, env=env, reason=reason, kinds=kinds, gates=gates)
    return _told(heard, as_json=as_json)


def _told(heard: Any, *, as_json: bool) -> int:
    """0: it is written down. Whether the promotion goes live is `advance`'s answer."""
    from nbpromote import report

    said(report.heard(heard), report.heard_json(heard), as_json=as_json)
    return 0


VERBS = (approve, reject, override)
