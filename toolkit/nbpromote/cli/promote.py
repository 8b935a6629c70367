"""What moves a release from environment to environment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from string import hexdigits
from typing import Any

import click

from nbpromote import files
from nbpromote.cli import consent, options
from nbpromote.cli.options import Here, coloured, said
from nbpromote.cli.progress import busy, progress
from nbpromote.errors import BadInput, Usage

_NAMES = click.argument("names", metavar="[NAME]...", nargs=-1)
_ALL = click.option("--all", "everything", is_flag=True, help="Everything that is verified below and not live there.")
_TO = click.option("--to", metavar="E", help="Target; default: the next environment.")


@click.command()
@_NAMES
@click.option("--all", "everything", is_flag=True, help="Everything that is not live there as it stands here.")
@click.option("--run", "run_id", metavar="RUN", help="Seal this run instead of the last one.")
@options.reason
@options.json
@click.pass_obj
def release(
    here: Here, names: tuple[str, ...], everything: bool, run_id: str | None, reason: str, as_json: bool
) -> int:
    """Seal a passing run of the entry environment and make it live there, for each of NAMES."""
    from nbpromote import workflow

    meant = _meant(names, everything) or workflow.unreleased(here.project)
    if run_id and len(names) != 1:
        raise Usage("--run seals one run, of one notebook")
    done = []
    for name in meant:
        with busy(f"sealing {name} and making it live"):
            done.append(workflow.release(here.project, name, run_id=run_id, reason=reason))
    return told(done[0], as_json=as_json) if len(names) == 1 else _told_all(done, "nothing is unreleased", as_json)


@click.command()
@click.argument("name")
@click.option("--live", "address", metavar="MODEL", required=True, help="models:/NAME@ALIAS or models:/NAME/VERSION.")
@options.word()
def adopt(here: Here, name: str, address: str, env: str, reason: str, as_json: bool) -> int:
    """Record a model that was live before nbpromote came as what is live of a notebook."""
    from nbpromote import workflow

    return told(workflow.adopt(here.project, name, live=address, env=env, reason=reason), as_json=as_json)


_FORMATS = ("text", "markdown", "json")


@click.command()
@_NAMES
@_ALL
@_TO
@options.form(*_FORMATS)
@options.output
@options.json
@click.pass_obj
def plan(
    here: Here,
    names: tuple[str, ...],
    everything: bool,
    to: str | None,
    form: str,
    output: Path | None,
    as_json: bool,
) -> int:
    """Say what promoting NAMES (notebooks or releases) together would change, and what is still unmet.

    Markdown is for a pull request; a JSON file is what `promote --plan` takes.
    """
    from nbpromote import report, workflow

    options.require_folder("--output", output)
    planned = workflow.plan(here.project, _meant(names, everything), to=to)
    text = report.plan_as("json" if as_json else form, planned, colour=not output and coloured())
    if output:
        files.write(output, f"{text.rstrip()}\n")
    else:
        click.echo(text.rstrip())
    return 0 if planned.allowed else 1


def _meant(names: tuple[str, ...], everything: bool) -> tuple[str, ...]:
    if bool(names) == everything:
        told = "name what is meant or say --all, not both" if names else "name what is meant, or say --all"
        raise Usage(told, hint="" if names else "nbpromote status lists what is live where")
    return names


@click.command()
@_NAMES
@_ALL
@_TO
@click.option("--dry-run", is_flag=True, help="Plan only.")
@click.option("--plan", "digest", metavar="DIGEST|FILE", default="", help="Refuse where the plan is another by now.")
@options.reason
@options.json
@click.pass_context
def promote(
    ctx: click.Context,
    names: tuple[str, ...],
    everything: bool,
    to: str | None,
    dry_run: bool,
    digest: str,
    reason: str,
    as_json: bool,
) -> int:
    """Bring releases into an environment together: run them there, ask the gates, make them live, verify them."""
    if dry_run:
        return int(ctx.invoke(plan, names=names, everything=everything, to=to, as_json=as_json))
    from nbpromote import workflow

    meant, wanted = _meant(names, everything), _digest(digest)
    with progress() as watch:
        promotion = workflow.promote(ctx.obj.project, meant, to=to, reason=reason, plan=wanted, watch=watch)
    return told(promotion, as_json=as_json)


def _digest(given: str) -> str:
    """Of a plan: as it is printed, or in the file that `plan --format json --output FILE` wrote. Raises `BadInput`."""
    if not given or (12 <= len(given) <= 64 and set(given) <= set(hexdigits)):
        return given
    try:
        found = json.loads(Path(given).read_text())["digest"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BadInput(
            f"--plan: {given!r} is neither the digest of a plan nor a file that holds one",
            hint="nbpromote plan NAME --format json --output plan.json",
        ) from error
    return str(found)


@click.command()
@click.option("--env", "-e", metavar="E", help="Environment; default: every one.")
@options.json
@click.pass_obj
def advance(here: Here, env: str | None, as_json: bool) -> int:
    """Make live, verify or end whatever is due by now. For cron, and after an approval; asking twice does no harm."""
    from nbpromote import workflow

    with busy("looking what is due"):
        promotions = workflow.advance(here.project, env=env)
    return _told_all(promotions, "nothing is due, and nothing waits", as_json)


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@options.one_env
@click.option("--to", metavar="RELEASE", help="Another release that was verified there; default: the last stable one.")
@options.reason
@options.json
@click.pass_obj
def rollback(here: Here, names: tuple[str, ...], env: str, to: str | None, reason: str, as_json: bool) -> int:
    """Put the last stable deployments back and hold the releases that they replace."""
    from nbpromote import workflow

    with busy(f"putting back {', '.join(names)} in {env}"):
        done = workflow.rollback(here.project, names, env=env, to=to, reason=reason)
    return told(done, as_json=as_json)


def _told_all(promotions: Sequence[Any], nothing: str, as_json: bool) -> int:
    from nbpromote import report

    document = {"promotions": [report.promotion_json(promotion) for promotion in promotions]}
    said(report.advanced(promotions) if promotions else nothing, document, as_json=as_json)
    return max((exit_code(promotion) for promotion in promotions), key=_WORST.index, default=0)


_WORST = (0, 4, 1, 3)


def told(promotion: Any, *, as_json: bool) -> int:
    from nbpromote import report

    said(report.promotion(promotion), report.promotion_json(promotion), as_json=as_json)
    return exit_code(promotion)


def exit_code(promotion: Any) -> int:
    return _CODES.get(promotion.state, 1)


_CODES = {"verified": 0, "waiting": 4, "unverified": 3, "errored": 3}

VERBS = (
    adopt,
    release,
    plan,
    promote,
    *consent.VERBS,
    advance,
    rollback,
)
