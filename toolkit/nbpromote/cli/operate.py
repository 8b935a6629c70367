"""What is live, who made it so, and how it looks."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import click

from nbpromote import files
from nbpromote.cli import options
from nbpromote.cli.options import Here, coloured, said, shown
from nbpromote.cli.progress import busy
from nbpromote.errors import Usage

_SHOWN = 200  # events of a history that nobody asked for in full


@click.command()
@options.json
@click.pass_obj
def status(here: Here, as_json: bool) -> int:
    """Show what is live where."""
    from nbpromote import report, workflow

    board = workflow.status(here.project)
    said(report.board(board, colour=coloured()), report.board_json(board), as_json=as_json)
    return 0


@click.command()
@click.argument("name", required=False)
@options.env
@click.option("--at", metavar="DATE", help="Show what was live at that moment, and the history up to it.")
@options.form("text", "json", "csv")
@click.option("--newest", type=click.IntRange(min=1), metavar="N", help=f"The last N events; as text, {_SHOWN}.")
@click.option("--all", "every", is_flag=True, help="All events; the default of json and csv.")
@options.output
@options.json
@click.pass_obj
def history(
    here: Here,
    name: str | None,
    env: str | None,
    at: str | None,
    form: str,
    newest: int | None,
    every: bool,
    output: Path | None,
    as_json: bool,
) -> int:
    """Show who made what live, when and why."""
    from nbpromote import clock, report, workflow

    options.require_folder("--output", output)
    if newest and every:
        raise Usage(f"--newest {newest} is not --all")
    form = "json" if as_json else form
    most = newest or (_SHOWN if form == "text" and not every else None)
    moment = clock.parse(at) if at else None
    board, events = (
        workflow.moment(here.project, moment, name, env=env, newest=most)
        if moment
        else (None, workflow.history(here.project, name, env=env, newest=most))
    )
    rows = board.rows if board else ()
    if form in report.EXPORTS:
        then = {**report.status_json(rows), "at": moment} if moment else {}
        _poured(report.exported(form, events, then=then), output)
        return 0
    last = tuple(events) if most else ()
    lines = [f"live at {moment}", report.status(rows, colour=coloured()), ""] if moment else []
    lines.append(report.history(last if most else events))
    lines += ["", f"of the newest {_SHOWN} events; --all shows every one"] if len(last) == most == _SHOWN else []
    _poured((f"{line}\n" for line in lines), output)
    return 0


def _poured(pieces: Iterable[str], output: Path | None) -> None:
    """To the file or on stdout, whole or not at all: a history may be longer than memory, and end in an error."""
    if output:
        files.pour(output, (piece.encode(errors="backslashreplace") for piece in pieces))
        return
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace", newline="") as draft:
        draft.writelines(pieces)
        draft.seek(0)
        while chunk := draft.read(1 << 20):
            click.echo(chunk, nl=False)


@click.command()
@click.argument("name", required=False)
@options.one_env
@click.option("--since", metavar="24h|DATE", default="24h", show_default=True, help="90m, 24h, 7d, a date or a time.")
@options.json
@click.pass_obj
def changes(here: Here, name: str | None, env: str, since: str, as_json: bool) -> int:
    """Show what is not as it was: promotions, holds, params, policies, packages, inputs and upstream notebooks."""
    from nbpromote import clock, report, workflow

    moment = clock.since(since)
    found = workflow.changes(here.project, env=env, since=moment, name=name)
    text = report.changes(found, env, moment, colour=coloured())
    said(text, report.changes_json(found, env, moment), as_json=as_json)
    return 0


@click.command()
@click.argument("name", required=False)
@click.option("--env", "-e", metavar="E", help="Environment; default: every one.")
@options.json
@click.pass_obj
def verify(here: Here, name: str | None, env: str | None, as_json: bool) -> int:
    """Ask what is live whether it is what was validated: bytes, alias, outputs, and the model's own answers."""
    from nbpromote import report, workflow

    with busy("asking what is live"):
        found = workflow.verify(here.project, name, env=env)
    said(report.verified(found, colour=coloured()), report.verified_json(found), as_json=as_json)
    return _worst(one.outcome.value for one in found)


@click.command()
@click.argument("name")
@options.word()
def renew(here: Here, name: str, env: str, reason: str, as_json: bool) -> int:
    """Verify what is live, and let its life go on where that passes: `review_by` and `expires` count anew."""
    from nbpromote import report, workflow

    found = workflow.renew(here.project, name, env=env, reason=reason)
    said(report.renewed(found, colour=coloured()), report.verified_json([found]), as_json=as_json)
    return _worst([found.outcome.value])


def _worst(answered: Iterable[str]) -> int:
    outcomes = set(answered)
    return 1 if "failed" in outcomes else 0 if outcomes <= {"passed"} else 3


@click.command()
@click.argument("what", metavar="RUN|RELEASE|NOTEBOOK|ATTEMPT")
@options.env
@options.last
@options.json
@click.pass_obj
def why(here: Here, what: str, env: str | None, last: bool, as_json: bool) -> int:
    """Say of each gate and check who asked for it, what it saw, and why it let WHAT in or did not."""
    from nbpromote import report, workflow

    told = workflow.why(here.project, what, env=env, last=last)
    said(report.explanations(told, colour=coloured()), report.explanations_json(told), as_json=as_json)
    return 0


_FORMATS = ("html", "markdown", "junit", "gitlab-codequality", "openmetrics")


@click.command("report")
@click.argument("what", metavar="[RUN|RELEASE|NOTEBOOK]", required=False)
@click.argument("other", metavar="[OTHER]", required=False)
@click.option("--changed", metavar="REV", help="What differs from a commit, as a pull request's comment (Markdown).")
@click.option("--pages", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="And the page of each.")
@options.env
@options.last
@options.form(*_FORMATS)
@options.output
@click.option("--open", "show", is_flag=True, help="Show the page in the browser.")
@options.json
@click.pass_obj
def report_(
    here: Here,
    what: str | None,
    other: str | None,
    changed: str | None,
    pages: Path | None,
    env: str | None,
    last: bool,
    form: str,
    output: Path | None,
    show: bool,
    as_json: bool,
) -> int:
    """Write one self-contained page for a run, a release, a promotion or what is live; of two, what differs.

    Other formats are for pull requests and for those who collect reports; without --output they are printed.
    """
    from nbpromote import report, workflow

    options.require_folder("--output", output)
    if changed is not None or what is None:
        alone = not (what or env or last or show) and form in ("html", "markdown")
        return _proposal(here, changed if alone else None, output, pages, as_json=as_json)
    if pages:
        raise Usage("--pages belongs to --changed; one page goes to --output")
    if show and form != "html":
        raise Usage(f"--open shows the page, and --format {form} makes none")
    subject = workflow.subject(here.project, what, other, env=env, last=last)
    if form == "html":
        page = workflow.keep_page(here.project, subject, into=output)
        said(shown(page), {"page": str(page)}, as_json=as_json)
        return _shown(page) if show else 0
    return _told(report.report_as(form, subject), form, output, as_json=as_json)


def _proposal(here: Here, changed: str | None, output: Path | None, pages: Path | None, *, as_json: bool) -> int:
    from nbpromote import report, workflow

    if changed is None:
        raise Usage("name one run, release or notebook, or two, or say --changed REV alone")
    proposed = workflow.propose(here.project, changed)
    if pages:
        for subject in proposed.subjects:
            workflow.keep_page(here.project, subject, into=pages / f"{subject.evidence.run.notebook}.html")
    return _told(report.proposal(proposed), "markdown", output, as_json=as_json)


def _told(text: str, form: str, output: Path | None, *, as_json: bool) -> int:
    if output:
        files.write(output, f"{text.rstrip()}\n")
    else:
        said(text.rstrip(), {"format": form, "report": text.rstrip()}, as_json=as_json)
    return 0


def _shown(page: Path) -> int:
    """Where there is no browser, the path that was printed is all that anybody needs."""
    import webbrowser

    screen = sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))
    if not (screen and webbrowser.open(page.resolve().as_uri())):
        click.echo(f"there is no browser here: open {shown(page)} in one", err=True)
    return 0


VERBS = (
    status,
    history,
    changes,
    verify,
    renew,
    why,
    report_,
)
