"""What a data scientist does every day."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbpromote import files
from nbpromote.cli import hooks, options
from nbpromote.cli.options import Here, coloured, said, shown
from nbpromote.errors import Usage

if TYPE_CHECKING:
    from nbpromote.workflow.authoring.pairing import Synced


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False))
@click.option("--example", metavar="NAME", help="Lay out an example project: flights.")
@click.option("--hooks", "with_hooks", is_flag=True, help="Add the hooks to a .pre-commit-config.yaml that is there.")
@click.option("--ci", "host", metavar="HOST", help="Add workflows for a CI host: github, gitlab.")
def init(folder: str, example: str | None, with_hooks: bool, host: str | None) -> int:
    """Lay out a project in DIR; in an existing repository, add what is missing."""
    from nbpromote import workflow

    written = workflow.init(Path(folder), example=example, hooks=with_hooks)
    for path in written:
        click.echo(f"wrote {shown(path)}")
    if host:
        return _automated(Path(folder), host)
    there = "" if Path(folder).resolve() == Path.cwd() else f"cd {shlex.quote(folder)}; "
    begin = f"next: {there}nbpromote check; git add . && git commit -m start"
    click.echo((_AFTER_HOOKS if with_hooks else begin) if written else f"nothing was missing in {folder}")
    if workflow.hooks_are_missing(Path(folder)):
        click.echo(f"`nbpromote init --hooks {folder}` would add the hooks to .pre-commit-config.yaml")
    return 0


def _automated(folder: Path, host: str) -> int:
    from nbpromote import workflow

    done = workflow.automate(folder, host)
    for path in done.written:
        click.echo(f"wrote {shown(path)}")
    click.echo("\nwhat they need, and only you can set:")
    for line in done.to_do:
        click.echo(f"  - {line}")
    return 0


_AFTER_HOOKS = "next: git add .pre-commit-config.yaml; pre-commit install"


@click.command()
@click.argument("names", nargs=-1)
@click.option("--ours", type=click.Choice(["notebook", "script"]), help="The side to go by in cells that both changed.")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 with what would be written.")
@click.option("--hook", is_flag=True, help="Before a commit: settle what is staged, of the files named or of all.")
@click.option("--stage", is_flag=True, help="With --hook: stage what was brought along.")
@options.json
@click.pass_obj
def sync(
    here: Here, names: tuple[str, ...], ours: str | None, only_check: bool, hook: bool, stage: bool, as_json: bool
) -> int:
    """Bring notebook and script of each pair together, three-way."""
    from nbpromote import workflow

    if stage and not hook:
        raise Usage("--stage belongs to --hook")
    if hook and (ours or only_check):
        raise Usage("--hook goes without --ours and --check")
    if hook:
        return hooks.sync(here.folder, names, stage=stage, as_json=as_json)
    done = workflow.sync(here.project, names, ours=ours, check=only_check)
    error = workflow.refusal(done)
    document = {"pairs": [_synced_json(one) for one in done]}
    text = "\n".join(_synced_text(one, "would write" if only_check else "wrote") for one in done if not one.error)
    if text or as_json or not error:
        said(text or "there is no notebook here yet", document, as_json=as_json)
    if error and not as_json:
        raise error
    if error:
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    return 1 if only_check and any(one.wrote for one in done) else 0


def _synced_text(one: Synced, wrote: str) -> str:
    paths = " and ".join(shown(path) for path in one.wrote)
    lines = [f"{one.pair.name}: {f'{wrote} {paths}, ' if paths else ''}{one.reason}"]
    for gone in one.dropped:
        lines.append(f"  dropped from the {gone.side}: {gone.cell}")
        lines += [f"    {line}" for line in gone.text.split("\n") if gone.text]
    return "\n".join(lines)


def _synced_json(one: Synced) -> dict[str, Any]:
    row = {
        "notebook": one.pair.name,
        "wrote": [str(path) for path in one.wrote],
        "winner": one.winner or None,
        "reason": one.reason,
        "dropped": [{"side": gone.side, "cell": gone.cell, "text": gone.text} for gone in one.dropped],
    }
    error = {"error": str(one.error), "hint": one.error.hint, "exit_code": one.error.exit_code} if one.error else {}
    return row | error


_FORMATS = ("text", "json", "junit", "sarif", "github")


@click.command()
@click.argument("names", nargs=-1)
@options.form(*_FORMATS)
@options.output
@click.option("--select", multiple=True, metavar="CODES", help="Tell only these: NBP3,NBP401.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Do not tell these.")
@click.option("--hook", is_flag=True, help="Before a commit: the pairs of the files named, in whichever project.")
@click.option("--params", is_flag=True, help="With --hook: only params, policies and contracts.")
@options.json
@click.pass_obj
def check(
    here: Here,
    names: tuple[str, ...],
    form: str,
    output: Path | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    hook: bool,
    params: bool,
    as_json: bool,
) -> int:
    """Look at pairs, code, outputs, params, policies and contracts without running anything."""
    from nbpromote import report, workflow

    if params and not hook:
        raise Usage("--params belongs to --hook")
    options.require_folder("--output", output)
    asked = {"select": _listed(select), "ignore": _listed(ignore)}
    told = (
        workflow.check_staged(here.folder, names, params=params, **asked)
        if hook
        else workflow.check(here.project, names, **asked)
    )
    text = report.findings_as(
        "json" if as_json else form, told.findings, told.looked_at, told.descriptions, colour=not output and coloured()
    )
    if output:
        files.write(output, f"{text}\n")
    elif text:
        click.echo(text)
    return 1 if told.fails else 0


def _listed(codes: tuple[str, ...]) -> list[str]:
    return [code.strip() for part in codes for code in part.split(",") if code.strip()]


VERBS = (
    init,
    sync,
    check,
)
