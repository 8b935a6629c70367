"""Ledgers as long as years make them, written by `git fast-import` in the form that `Ledger.append` writes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import cycle, islice
from typing import Any

from nbpromote.ledger import Ledger, fold
from nbpromote.ledger.branch import _message, _next
from nbpromote.ledger.records import STATE, place
from nbpromote.model import Deployment, Event, State

NOTEBOOKS = ("train", "score", "report")


def deployment(notebook: str, mark: str, state: str = "unverified") -> Deployment:
    """`mark` stands for release, run and alias alike."""
    return Deployment(
        notebook=notebook,
        environment="prod",
        release=mark,
        alias=f"brisk-{mark}",
        code="c",
        run=mark,
        evidence="e",
        tracking_uri="sqlite:///x.db",
        settings="s",
        metrics={"mae": 9.25},
        state=state,
    )


def event(verb: str, step: str, mark: str = "", notebook: str = "train", attempt: str = "", **more: Any) -> Event:
    return Event(
        id="",
        at="",
        actor="Ada Lovelace <ada@example.org>",
        verb=verb,
        step=step,
        environment="prod",
        notebooks=(notebook,),
        attempt=attempt or f"attempt-{mark}",
        aliases=(f"brisk-{mark}",) if mark else (),
        deployments=(deployment(notebook, mark),) if mark else (),
        **more,
    )


def story() -> Iterator[Event]:
    """Promotions and rollbacks without end; what is behind the live release does not grow."""
    for number, notebook in enumerate(cycle(NOTEBOOKS)):
        for verb, mark in (("promote", "otter"), ("promote", "heron"), ("rollback", "otter")):
            for step in ("intent", "live", "verified"):
                yield event(verb, step, mark, notebook, attempt=f"{verb}-{mark}-{number}")


def grow(book: Ledger, count: int, *, revision: Mapping[str, str] | None = None) -> State:
    """The first `count` events of the story, where nothing happened yet; `revision` is that of the params files."""
    state = State(environment="prod")
    command = ["git", "-C", book.git.root, "fast-import", "--quiet"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as git:
        for told in islice(story(), count):
            made = tuple(replace(deployment, revision=revision or {}) for deployment in told.deployments)
            written = _next(state, replace(told, deployments=made))
            state = replace(fold(state, written), head=None)
            files = {place(state.count): book.spelling.written(written), STATE: book.spelling.written(state)}
            git.stdin.write(_commit(state.count, written.at, _message(written), files))
            git.stdin.flush()
            state = replace(state, head=git.stdout.readline().decode().strip())
    assert git.returncode == 0
    return state


def _commit(number: int, at: str, message: str, files: Mapping[str, bytes]) -> bytes:
    """What makes fast-import write a commit and say its name."""
    seconds = int(datetime.fromisoformat(at).timestamp())
    head = f"commit refs/heads/nbpromote/prod\nmark :{number}\ncommitter Ada <ada@example.org> {seconds} +0000\n"
    lines = [head.encode() + _data(message.encode())]
    lines += [f"M 100644 inline {path}\n".encode() + _data(data) for path, data in files.items()]
    return b"".join(lines) + f"get-mark :{number}\n".encode()


def _data(data: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(data), data)
