"""The options that verbs share, and how they say what they found."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, wraps
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from nbpromote.errors import BadInput

if TYPE_CHECKING:
    from nbpromote.params import Given
    from nbpromote.project import Project


class Verbs(click.Group):
    """Shows verbs in the order of the road, not of the alphabet, and each with its whole first sentence."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.parts: dict[str, Sequence[click.Command]] = {}

    def add_part(self, title: str, verbs: Sequence[click.Command]) -> None:
        """Verbs that are shown under a title of their own."""
        self.parts[title] = verbs
        for verb in verbs:
            self.add_command(verb)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, verbs in (self.parts or {"Commands": tuple(self.commands.values())}).items():
            with formatter.section(title):
                formatter.write_dl([(verb.name or "", verb.get_short_help_str(_SENTENCE)) for verb in verbs])


_SENTENCE = 200


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
one_env = click.option("--env", "-e", metavar="E", required=True, help="Environment.")
last = click.option("--last", is_flag=True, help="Of a notebook, its last run, whatever is live.")
output = click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it there."
)
reason = click.option("--reason", "-m", default="", help="Why; kept in the history.")
_must_reason = click.option("--reason", "-m", required=True, help="Why; kept in the history.")
_P = click.option(
    "-p", "--parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter, as in papermill."
)
_F = click.option(
    "-f", "--parameters_file", "parameter_files", multiple=True, metavar="FILE", help="Set those of a YAML file."
)
_Y = click.option(
    "-y", "--parameters_yaml", "parameter_texts", multiple=True, metavar="YAML", help="Set those of a YAML text."
)


def word(*, must_reason: bool = False) -> Callable[..., Any]:
    """A verb that is one person's word on an environment: `--env`, `--reason`, `--json`, and where it is said."""

    def verb(command: Callable[..., Any]) -> Callable[..., Any]:
        why = _must_reason if must_reason else reason
        return one_env(why(json(click.pass_obj(command))))

    return verb


def form(*forms: str) -> Callable[..., Any]:
    """`--format`: the first is the default."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default=forms[0], show_default=True, help="How it is told."
    )


def parameters(command: Callable[..., Any]) -> Callable[..., Any]:
    """papermill's three ways to give values; the verb gets them as one mapping, `parameters`."""

    @wraps(command)
    def with_parameters(
        *args: Any,
        parameters: tuple[tuple[str, str], ...],
        parameter_files: tuple[str, ...],
        parameter_texts: tuple[str, ...],
        **more: Any,
    ) -> Any:
        return command(*args, parameters=given(parameters, parameter_files, parameter_texts), **more)

    return _P(_F(_Y(with_parameters)))


def said(text: str, document: Mapping[str, Any], *, as_json: bool) -> None:
    click.echo(dumps(document, indent=2, ensure_ascii=False) if as_json else text)


def given(parameters: tuple[tuple[str, str], ...], files: tuple[str, ...], texts: tuple[str, ...]) -> dict[str, Given]:
    """What was given by hand: -f below -y below -p, and the later of one kind over the earlier."""
    found: dict[str, Given] = {}
    if files or texts:
        from nbpromote import params  # a YAML parser

        for file in files:
            found |= params.from_file(Path(file))
        for text in texts:
            found |= params.from_yaml(text)
    names = [name for name, _ in parameters]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"-p gives {', '.join(twice)} more than once")
    return {**found, **dict(parameters)}


def require_folder(option: str, file: Path | None) -> None:
    """Before any work is done: whether there is a place for what an option is to write."""
    if file and not file.parent.is_dir():
        raise BadInput(f"{option}: there is no folder {shown(file.parent)}", hint=f"mkdir -p {shown(file.parent)}")


def shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def coloured(stream: TextIO | None = None) -> bool:
    """Whether what is written there, by default on stdout, is read by a person on a terminal who wants colours."""
    return (stream or sys.stdout).isatty() and "NO_COLOR" not in os.environ
