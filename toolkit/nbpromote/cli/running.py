"""One notebook, or many of them, in an environment."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbpromote import files
from nbpromote.cli import options
from nbpromote.cli.options import Here, coloured, said
from nbpromote.cli.progress import board, progress
from nbpromote.errors import Usage

if TYPE_CHECKING:
    from nbpromote.workflow import Order

_NAMES = click.argument("names", nargs=-1)
_ALL = click.option("--all", "everything", is_flag=True, help="Every notebook, each after those it reads from.")
_CHANGED = click.option(
    "--changed", is_flag=False, flag_value="HEAD", metavar="[REV]", help="What differs from REV, and what reads it."
)
_UNRELEASED = click.option(
    "--unreleased", is_flag=True, help="What is not live in the entry environment as it stands, and what reads it."
)
_JOBS = click.option("--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="At a time; default: one a core.")
_KEEP_GOING = click.option("--keep-going", is_flag=True, help="After a failure, run all that does not need it.")
_FORCE = click.option("--force", is_flag=True, help="Run also what nothing changed for.")
_FRESH = click.option("--fresh", is_flag=True, help="Start kernels anew, not from one that has imported already.")
_LIMIT = click.option("--execution-timeout", type=float, metavar="S", help="Seconds that a cell may take.")


def _order(command: Callable[..., Any]) -> Callable[..., Any]:
    """What to run and how; the verb gets it as one record, `order`, with the `names` that it was given."""

    @wraps(command)
    def with_order(
        *args: Any,
        names: tuple[str, ...],
        everything: bool,
        execution_timeout: float | None,
        changed: str | None,
        unreleased: bool,
        jobs: int | None,
        keep_going: bool,
        force: bool,
        fresh: bool,
        parameters: Any,
        **more: Any,
    ) -> Any:
        from nbpromote.workflow import Order

        _require_one_of(names, everything, changed, unreleased)
        order = Order(
            names=names,
            changed=changed,
            unreleased=unreleased,
            jobs=jobs,
            keep_going=keep_going,
            force=force,
            fresh=fresh,
            parameters=parameters,
            cell_limit=execution_timeout,
        )
        return command(*args, order=order, **more)

    decorated: Callable[..., Any] = with_order
    for option in (_LIMIT, options.parameters, _FRESH, _FORCE, _KEEP_GOING, _JOBS, _UNRELEASED, _CHANGED, _ALL, _NAMES):
        decorated = option(decorated)
    return decorated


def _require_one_of(names: tuple[str, ...], everything: bool, changed: str | None, unreleased: bool) -> None:
    given = {"names": bool(names), "--all": everything, "--changed": changed is not None, "--unreleased": unreleased}
    ways = [way for way, is_given in given.items() if is_given]
    if len(ways) != 1:
        told = f"{' and '.join(ways)} were given" if ways else "which notebook?"
        raise Usage(f"run: {told}", hint="name one or several, or say --all, --changed [REV] or --unreleased")


@click.command()
@options.env
@_order
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="JUnit XML, there.")
@options.json
@click.pass_obj
def run(here: Here, order: Order, env: str | None, junit: Path | None, as_json: bool) -> int:
    """Run notebooks in an environment and check what came out.

    One NAME always runs. Of several, those that nothing changed for since they passed are skipped.
    """
    if len(order.names) == 1 and junit is None:
        return _one(here, order, env, as_json=as_json)
    return _many(here, order, env, junit, as_json=as_json)


def _one(here: Here, order: Order, env: str | None, *, as_json: bool) -> int:
    from nbpromote import report, workflow

    with progress() as watch:
        evidence = workflow.run(
            here.project,
            order.names[0],
            env=env,
            parameters=order.parameters,
            cell_limit=order.cell_limit,
            watch=watch,
            fresh=order.fresh,
        )
    said(report.evidence(evidence), report.evidence_json(evidence), as_json=as_json)
    return 0 if evidence.passed else 1


def _many(here: Here, order: Order, env: str | None, junit: Path | None, *, as_json: bool) -> int:
    from nbpromote import report, workflow

    options.require_folder("--junit", junit)
    with board() as seen:
        fleet = workflow.run_many(here.project, order, env=env, board=seen)
    if junit:
        files.write(junit, f"{report.fleet_junit(fleet)}\n")
    said(report.fleet(fleet, colour=coloured()), report.fleet_json(fleet), as_json=as_json)
    return fleet.exit_code


VERBS = (run,)
