"""The options that verbs share, and how they say what they found."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbpromote.errors import BadInput

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


json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
env = click.option("--env", "-e", metavar="E", help="Environment; default: the entry environment.")
reason = click.option("--reason", "-m", default="", help="Why; kept in the history.")
parameters = click.option(
    "-p", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter, as in papermill."
)


def said(text: str, document: Mapping[str, Any], *, as_json: bool) -> None:
    click.echo(dumps(document, indent=2, ensure_ascii=False) if as_json else text)


def given(parameters: tuple[tuple[str, str], ...]) -> dict[str, str]:
    names = [name for name, _ in parameters]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"-p gives {', '.join(twice)} more than once")
    return dict(parameters)


def shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def coloured() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


@contextmanager
def progress() -> Iterator[Watch | None]:
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
