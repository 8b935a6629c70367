"""Options in, exit code out. Alone prints and exits; imports the rooms inside the commands, so --help is quick."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbpromote.errors import BadInput, Error

if TYPE_CHECKING:
    from nbpromote.project import Project
    from nbpromote.workflow.performing import Watch


class Verbs(click.Group):
    """Shows verbs in the order of the road, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


class Here:
    """Where a command runs; the project is looked for when a verb needs it."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    @cached_property
    def project(self) -> Project:
        from nbpromote import project

        return project.find(self.folder)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-C", "folder", default=".", type=click.Path(file_okay=False), help="Run in this project.")
@click.version_option(package_name="nbpromote")
@click.pass_context
def verbs(ctx: click.Context, folder: str) -> None:
    """Take a notebook from experiment to production.

    Exit codes: 0 done or yes, 1 the answer is no, 2 asked wrongly, 3 could not answer, 4 waiting, 130 interrupted.
    """
    ctx.obj = Here(folder)


_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_env = click.option("--env", "-e", metavar="E", help="Environment; default: the entry environment.")
_reason = click.option("--reason", "-m", default="", help="Why; kept in the history.")
_parameters = click.option(
    "-p", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter, as in papermill."
)


# -- author -------------------------------------------------------------------------------------------------------


@verbs.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
@click.option("--example", metavar="NAME", help="Lay out an example project: flights.")
def init(folder: str, example: str | None) -> int:
    """Lay out a project in DIR; in an existing repository, add what is missing."""
    from nbpromote import workflow

    written = workflow.init(Path(folder), example=example)
    for path in written:
        click.echo(f"wrote {_shown(path)}")
    begin = f"next: cd {folder}; nbpromote check; git add . && git commit -m start"
    click.echo(begin if written else f"nothing was missing in {folder}")
    return 0


@verbs.command()
@click.argument("names", nargs=-1)
@_json
@click.pass_obj
def sync(here: Here, names: tuple[str, ...], as_json: bool) -> int:
    """Bring notebook and script of each pair together."""
    from nbpromote import workflow

    done = workflow.sync(here.project, names)
    wrote = [f"wrote {_shown(one.wrote)}, " if one.wrote else "" for one in done]
    text = "\n".join(f"{one.pair.name}: {what}{one.reason}" for one, what in zip(done, wrote, strict=True))
    rows = [{"notebook": one.pair.name, "wrote": str(one.wrote or "") or None, "reason": one.reason} for one in done]
    _print(text or "there is no notebook here yet", {"pairs": rows}, as_json=as_json)
    return 0


@verbs.command()
@click.argument("names", nargs=-1)
@_json
@click.pass_obj
def check(here: Here, names: tuple[str, ...], as_json: bool) -> int:
    """Look at pairs, parameters cells, params and policies without running anything."""
    from nbpromote import report, workflow

    findings = workflow.check(here.project, names)
    _print(report.findings(findings), report.findings_json(findings), as_json=as_json)
    return 1 if findings else 0


@verbs.group(cls=Verbs)
def params() -> None:
    """What the environments give the notebooks."""


@params.command("show")
@click.argument("name")
@_env
@_parameters
@_json
@click.pass_obj
def params_show(here: Here, name: str, env: str | None, parameters: tuple[tuple[str, str], ...], as_json: bool) -> int:
    """Show each value of a notebook with the file and line that it comes from."""
    from nbpromote import report, workflow

    environment = workflow.show_params(here.project, name, env=env, parameters=_given(parameters))
    _print(report.parameters(environment), report.parameters_json(environment), as_json=as_json)
    return 0


@verbs.command()
@click.argument("name")
@_env
@_parameters
@click.option("--execution-timeout", type=float, metavar="S", help="Seconds that a cell may take.")
@_json
@click.pass_obj
def run(
    here: Here,
    name: str,
    env: str | None,
    parameters: tuple[tuple[str, str], ...],
    execution_timeout: float | None,
    as_json: bool,
) -> int:
    """Run a notebook in an environment and check what came out."""
    from nbpromote import report, workflow

    with _progress() as watch:
        evidence = workflow.run(
            here.project,
            name,
            env=env,
            parameters=_given(parameters),
            cell_limit=execution_timeout,
            watch=watch,
        )
    _print(report.evidence(evidence), report.evidence_json(evidence), as_json=as_json)
    return 0 if evidence.passed else 1


@verbs.command()
@click.argument("name")
@click.option("--run", "run_id", metavar="RUN", help="Accept this run instead of the last one.")
@_json
@click.pass_obj
def baseline(here: Here, name: str, run_id: str | None, as_json: bool) -> int:
    """Accept a run's outputs as what later runs are compared with."""
    from nbpromote import report, workflow

    evidence = workflow.baseline(here.project, name, run_id=run_id)
    _print(report.evidence(evidence), report.evidence_json(evidence), as_json=as_json)
    return 0 if evidence.passed else 1


# -- promote ------------------------------------------------------------------------------------------------------


@verbs.command()
@click.argument("name")
@click.option("--run", "run_id", metavar="RUN", help="Seal this run instead of the last one.")
@_reason
@_json
@click.pass_obj
def release(here: Here, name: str, run_id: str | None, reason: str, as_json: bool) -> int:
    """Seal a passing run of the entry environment and make it live there."""
    from nbpromote import workflow

    promotion = workflow.release(here.project, name, run_id=run_id, reason=reason)
    return _told(promotion, as_json=as_json)


@verbs.command()
@click.argument("name")
@click.option("--to", metavar="E", help="Target; default: the next environment.")
@_json
@click.pass_obj
def plan(here: Here, name: str, to: str | None, as_json: bool) -> int:
    """Say what promoting NAME (a notebook or a release) would change, and what is still unmet."""
    from nbpromote import report, workflow

    planned = workflow.plan(here.project, name, to=to)
    _print(report.plan(planned), report.plan_json(planned), as_json=as_json)
    return 0 if planned.allowed else 1


@verbs.command()
@click.argument("name")
@click.option("--to", metavar="E", help="Target; default: the next environment.")
@click.option("--dry-run", is_flag=True, help="Plan only.")
@_reason
@_json
@click.pass_context
def promote(ctx: click.Context, name: str, to: str | None, dry_run: bool, reason: str, as_json: bool) -> int:
    """Bring a release into an environment: run it there, ask the gates, make it live, verify it."""
    if dry_run:
        return int(ctx.invoke(plan, name=name, to=to, as_json=as_json))
    from nbpromote import workflow

    with _progress() as watch:
        promotion = workflow.promote(ctx.obj.project, name, to=to, reason=reason, watch=watch)
    return _told(promotion, as_json=as_json)


@verbs.command()
@click.argument("name")
@click.option("--env", "-e", metavar="E", required=True, help="Environment.")
@_reason
@_json
@click.pass_obj
def rollback(here: Here, name: str, env: str, reason: str, as_json: bool) -> int:
    """Put the last stable deployment back and hold the release that it replaces."""
    from nbpromote import workflow

    return _told(workflow.rollback(here.project, name, env=env, reason=reason), as_json=as_json)


@verbs.command()
@click.argument("name")
@click.option("--env", "-e", metavar="E", required=True, help="Environment.")
@_reason
@_json
@click.pass_obj
def unhold(here: Here, name: str, env: str, reason: str, as_json: bool) -> int:
    """Lift the hold that a rollback left on a release (its alias, its digest, or the notebook)."""
    from nbpromote import report, workflow

    event = workflow.unhold(here.project, name, env=env, reason=reason)
    text = f"{event.notebooks[0]} {event.alias} may go live in {env} again"
    _print(text, report.history_json([event]), as_json=as_json)
    return 0


# -- operate ------------------------------------------------------------------------------------------------------


@verbs.command()
@_json
@click.pass_obj
def status(here: Here, as_json: bool) -> int:
    """Show what is live where."""
    from nbpromote import report, workflow

    rows = workflow.status(here.project)
    _print(report.status(rows, colour=_coloured()), report.status_json(rows), as_json=as_json)
    return 0


@verbs.command()
@click.argument("name", required=False)
@_env
@click.option("--at", metavar="DATE", help="Show what was live at that moment, and the history up to it.")
@_json
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
        text = f"live at {moment}\n{report.status(rows, colour=_coloured())}\n\n{text}"
        document = {**document, **report.status_json(rows), "at": moment}
    _print(text, document, as_json=as_json)
    return 0


@verbs.command("report")
@click.argument("what", metavar="RUN|RELEASE|NOTEBOOK")
@_env
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="Write the page here.")
@_json
@click.pass_obj
def report_(here: Here, what: str, env: str | None, output: str | None, as_json: bool) -> int:
    """Write one self-contained HTML page for a run, a release or what is live."""
    from nbpromote import workflow

    page = workflow.page(here.project, what, env=env, into=Path(output) if output else None)
    _print(_shown(page), {"page": str(page)}, as_json=as_json)
    return 0


# -- care ---------------------------------------------------------------------------------------------------------


@verbs.command()
@click.option("--repair", is_flag=True, help="Finish what was left half-way and put back what was moved.")
@_json
@click.pass_obj
def doctor(here: Here, repair: bool, as_json: bool) -> int:
    """Compare ledger, MLflow and store, and say what stands in the way."""
    from nbpromote import report, workflow

    checks = workflow.doctor(here.project, repair=repair)
    _print(report.checks(checks), report.checks_json(checks), as_json=as_json)
    return 1 if any(check.outcome.blocks for check in checks) else 0


@verbs.command()
@click.argument("folder", metavar="[DIR]", default="nbpromote-demo", type=click.Path(file_okay=False))
def demo(folder: str) -> int:
    """Walk the whole road on real flights, in a new folder."""
    from nbpromote.workflow import demo

    # two steps run at a time, and nbval borrows sys.stdout for a moment
    demo.walk(Path(folder), say=partial(click.echo, file=sys.stdout))
    return 0


# -- borders ------------------------------------------------------------------------------------------------------


def main() -> None:
    """The entry point."""
    sys.exit(answer(sys.argv[1:]))


def answer(arguments: list[str]) -> int:
    """Carry out one command line and give its exit code.

    The one place where errors become exit codes: click's own end ^C with 1, which would read as `no`.
    """
    try:
        said = verbs.main(arguments, prog_name="nbpromote", standalone_mode=False)
        return said if isinstance(said, int) else 0
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; what ran so far is recorded", err=True)
        return 130
    except Error as error:
        _tell(error, as_json="--json" in arguments)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:
        # Python would end with 1, which reads as `no`
        traceback.print_exc()
        click.echo("error: nbpromote has a fault; nothing is known to have been done", err=True)
        return 3


def _tell(error: Error, *, as_json: bool) -> None:
    if as_json:
        document = {"error": str(error), "hint": error.hint, "exit_code": error.exit_code}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    click.echo(f"error: {error}", err=True)
    if error.hint:
        click.echo(f"  next: {error.hint}", err=True)


def _told(promotion: Any, *, as_json: bool) -> int:
    from nbpromote import report

    _print(report.promotion(promotion), report.promotion_json(promotion), as_json=as_json)
    if promotion.done:
        return 0
    return 3 if promotion.deployment is not None and promotion.deployment.state == "unverified" else 1


def _print(text: str, document: Mapping[str, Any], *, as_json: bool) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False) if as_json else text)


def _given(parameters: tuple[tuple[str, str], ...]) -> dict[str, str]:
    names = [name for name, _ in parameters]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"-p gives {', '.join(twice)} more than once")
    return dict(parameters)


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _coloured() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


@contextmanager
def _progress() -> Iterator[Watch | None]:
    """A line on stderr while cells run: notebook, cell and time; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("cell"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting a kernel", total=None)

        def watch(notebook: str, number: int, of: int) -> None:
            progress.update(task, description=notebook, completed=number, total=of)

        yield watch
