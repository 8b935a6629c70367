"""Options in, exit code out. Alone prints and exits; imports the rooms inside the commands, so --help is quick."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping

import click

from nbpromote.cli import author, bars, care, comparing, handing, kernels, operate, parameters, promote, running
from nbpromote.cli.options import Here, Verbs
from nbpromote.errors import Error

# in the order of the road
_ROAD = {
    "Author": (*author.VERBS, *parameters.VERBS, *running.VERBS, *comparing.VERBS),
    "Promote": promote.VERBS,
    "Operate": (*operate.VERBS, *bars.VERBS),
    "Care": (*care.VERBS, *kernels.VERBS),
}


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-C", "folder", default=".", type=click.Path(file_okay=False), help="Run in this project.")
@click.version_option(package_name="nbpromote")
@click.pass_context
def verbs(ctx: click.Context, folder: str) -> None:
    """Take a notebook from experiment to production.

    Exit codes: 0 done or yes, 1 the answer is no, 2 asked wrongly, 3 could not answer, 4 waiting, 130 interrupted.
    """
    ctx.obj = Here(folder)


for _title, _verbs in _ROAD.items():
    verbs.add_part(_title, _verbs)


def main() -> None:
    """The entry point."""
    arguments = sys.argv[1:]
    code = handing.handed(arguments)
    sys.exit(answer(arguments) if code is None else code)


def answer(arguments: list[str]) -> int:
    """Carry out one command line and give its exit code.

    The one place where errors become exit codes: click's own end ^C with 1, which would read as `no`.
    """
    try:
        said = verbs.main(arguments, prog_name="nbpromote", standalone_mode=False)
        return said if isinstance(said, int) else 0
    except click.ClickException as refused:
        error = _placed(refused)
        if "--json" in arguments:
            _print({"error": error.format_message(), "hint": "", "exit_code": 2})
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


def _placed(error: click.ClickException) -> click.ClickException:
    """With the place of an option that is every verb's, and stands before it."""
    if isinstance(error, click.NoSuchOption) and error.option_name == "-C":
        told = f"{error.format_message()} It stands before the verb: nbpromote -C DIR VERB."
        return click.UsageError(told, error.ctx)
    return error


def _tell(error: Error, *, as_json: bool) -> None:
    if as_json:
        _print({"error": str(error), "hint": error.hint, "exit_code": error.exit_code})
    click.echo(f"error: {error}", err=True)
    if error.hint:
        click.echo(f"  next: {error.hint}", err=True)


def _print(document: Mapping[str, object]) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
