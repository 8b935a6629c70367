"""Kernels that start at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbpromote.cli import options
from nbpromote.cli.options import Here, said

if TYPE_CHECKING:
    from nbpromote.execute import Kept


def _modules(_ctx: click.Context, _option: click.Parameter, value: str | None) -> tuple[str, ...]:
    from nbpromote.project import is_module

    names = tuple(name.strip() for name in value.split(",")) if value else ()
    wrong = [name for name in names if not is_module(name)]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is no module's name; separate them by commas")
    return names


def _seconds(_ctx: click.Context, _option: click.Parameter, value: str) -> float:
    from nbpromote.project import seconds

    found = seconds(value)
    if not found:
        raise click.BadParameter(f"{value!r} is no time such as 30m")
    return found


_preload = click.option("--preload", callback=_modules, metavar="A,B", help="Modules to import once.")


@click.group("kernel")
def kernel() -> None:
    """Start kernels as forks of a process that has imported already."""


@kernel.command()
@_preload
@click.option("--name", default="nbpromote-warm", show_default=True, help="What `--kernel` and `-k` will call it.")
@click.option("--display-name", default="", help="What JupyterLab shows.")
@click.option("--of", default="python3", show_default=True, metavar="KERNEL", help="The kernel to start so.")
@click.option("--idle", default="10m", show_default=True, callback=_seconds, help="End what imported after so long.")
@click.option("--user", "where", flag_value="user", default="user", help="For this user (the default).")
@click.option("--sys-prefix", "where", flag_value="sys", help="In this Python's environment.")
@click.option("--prefix", type=click.Path(file_okay=False), help="Below this folder.")
@options.json
def install(
    preload: tuple[str, ...],
    name: str,
    display_name: str,
    of: str,
    idle: float,
    where: str,
    prefix: str | None,
    as_json: bool,
) -> int:
    """Install a warm kernel for JupyterLab, papermill, nbclient and nbval."""
    from nbpromote.workflow.authoring import kernels

    below = prefix or (sys.prefix if where == "sys" else None)
    folder = kernels.install(
        name=name, of=of, preload=preload, idle=idle, shown=display_name, prefix=Path(below) if below else None
    )
    said(f"kernel {name} is in {folder}", {"name": name, "folder": str(folder)}, as_json=as_json)
    return 0


@kernel.command()
@_preload
@options.env
@click.option("--idle", default="30m", show_default=True, callback=_seconds, help="End it after so long without a run.")
@options.json
@click.pass_obj
def warm(here: Here, preload: tuple[str, ...], env: str | None, idle: float, as_json: bool) -> int:
    """Keep processes that have imported what runs and commands need, for a working session."""
    from nbpromote.workflow.authoring import kernels

    kept = kernels.warm(here.project, env=env, preload=preload, idle=idle)
    lines = "\n".join(map(_line, kept))
    said(f"{lines}\n  next: nbpromote run, or nbpromote kernel stop", {"kept": list(map(_row, kept))}, as_json=as_json)
    return 0


@kernel.command("list")
@options.json
def list_(as_json: bool) -> int:
    """Show what `kernel warm` keeps."""
    from nbpromote.workflow.authoring import kernels

    kept = kernels.kept()
    text = "\n".join(_line(one) for one in kept) or "nothing is kept warm"
    said(text, {"kept": [_row(one) for one in kept]}, as_json=as_json)
    return 0


@kernel.command()
@click.argument("pid", type=int, required=False)
@options.json
def stop(pid: int | None, as_json: bool) -> int:
    """End one that is kept warm, or all; kernels that run live on."""
    from nbpromote.workflow.authoring import kernels

    ended = kernels.stop(pid)
    text = "\n".join(f"ended {one.pid}" for one in ended) or "nothing was kept warm"
    said(text, {"ended": [one.pid for one in ended]}, as_json=as_json)
    return 0


def _line(kept: Kept) -> str:
    what = "nbpromote itself" if kept.is_toolkit else f"kernels with {', '.join(kept.preload) or 'IPython alone'}"
    return f"{kept.pid}  since {kept.since}  idle {kept.idle:g} s  {what}"


def _row(kept: Kept) -> dict[str, Any]:
    what = "commands" if kept.is_toolkit else "kernels"
    return {"for": what, "pid": kept.pid, "since": kept.since, "preload": list(kept.preload), "idle": kept.idle}


VERBS = (kernel,)
