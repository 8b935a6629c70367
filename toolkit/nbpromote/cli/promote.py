"""What moves a release from environment to environment."""

from __future__ import annotations

from typing import Any

import click

from nbpromote.cli import options
from nbpromote.cli.options import Here, said
from nbpromote.cli.progress import progress


@click.command()
@click.argument("name")
@click.option("--run", "run_id", metavar="RUN", help="Seal this run instead of the last one.")
@options.reason
@options.json
@click.pass_obj
def release(here: Here, name: str, run_id: str | None, reason: str, as_json: bool) -> int:
    """Seal a passing run of the entry environment and make it live there."""
    from nbpromote import workflow

    promotion = workflow.release(here.project, name, run_id=run_id, reason=reason)
    return told(promotion, as_json=as_json)


@click.command()
@click.argument("name")
@click.option("--to", metavar="E", help="Target; default: the next environment.")
@options.json
@click.pass_obj
def plan(here: Here, name: str, to: str | None, as_json: bool) -> int:
    """Say what promoting NAME (a notebook or a release) would change, and what is still unmet."""
    from nbpromote import report, workflow

    planned = workflow.plan(here.project, name, to=to)
    said(report.plan(planned), report.plan_json(planned), as_json=as_json)
    return 0 if planned.allowed else 1


@click.command()
@click.argument("name")
@click.option("--to", metavar="E", help="Target; default: the next environment.")
@click.option("--dry-run", is_flag=True, help="Plan only.")
@options.reason
@options.json
@click.pass_context
def promote(ctx: click.Context, name: str, to: str | None, dry_run: bool, reason: str, as_json: bool) -> int:
    """Bring a release into an environment: run it there, ask the gates, make it live, verify it."""
    if dry_run:
        return int(ctx.invoke(plan, name=name, to=to, as_json=as_json))
    from nbpromote import workflow

    with progress() as watch:
        promotion = workflow.promote(ctx.obj.project, name, to=to, reason=reason, watch=watch)
    return told(promotion, as_json=as_json)


@click.command()
@click.argument("name")
@click.option("--env", "-e", metavar="E", required=True, help="Environment.")
@options.reason
@options.json
@click.pass_obj
def rollback(here: Here, name: str, env: str, reason: str, as_json: bool) -> int:
    """Put the last stable deployment back and hold the release that it replaces."""
    from nbpromote import workflow

    return told(workflow.rollback(here.project, name, env=env, reason=reason), as_json=as_json)


@click.command()
@click.argument("name")
@click.option("--env", "-e", metavar="E", required=True, help="Environment.")
@options.reason
@options.json
@click.pass_obj
def unhold(here: Here, name: str, env: str, reason: str, as_json: bool) -> int:
    """Lift the hold that a rollback left on a release (its alias, its digest, or the notebook)."""
    from nbpromote import report, workflow

    event = workflow.unhold(here.project, name, env=env, reason=reason)
    text = f"{event.notebooks[0]} {event.alias} may go live in {env} again"
    said(text, report.history_json([event]), as_json=as_json)
    return 0


def told(promotion: Any, *, as_json: bool) -> int:
    from nbpromote import report

    said(report.promotion(promotion), report.promotion_json(promotion), as_json=as_json)
    if promotion.done:
        return 0
    return 3 if promotion.deployment is not None and promotion.deployment.state == "unverified" else 1


VERBS = (
    release,
    plan,
    promote,
    rollback,
    unhold,
)
