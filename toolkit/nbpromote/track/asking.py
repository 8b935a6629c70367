"""Questions to MLflow, asked again where that may help; its words and its database's as one short error.

A reply may be lost after the work was done. So whatever makes something looks for it first, by a token of its own, and
after every error again, before anything is said.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from nbpromote.errors import Unavailable
from nbpromote.track import server
from nbpromote.track.store import client

_Answer = TypeVar("_Answer")

_WAITS = (0.3, 1.0, 3.0)  # seconds before each further try
_AT_MOST = 60.0  # seconds, after which none is begun
_AGAIN = "run the same command again"


class Lost(Exception):
    """A server took something, and does not have it."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why there is no answer, and whether one may come later."""

    text: str
    passes: bool
    error: Exception
    hint: str = _AGAIN

    def told(self, more: str = "") -> Unavailable:
        said = Unavailable(self.text + more, hint=self.hint)
        said.__cause__ = self.error
        return said


def ask(uri: str, question: Callable[[Any], _Answer], *, done: str = "") -> _Answer:
    """What an MLflow client answers. A question that writes can be asked twice; `done` is what it will have done."""
    for last in _tries(uri):
        answer = _tried(uri, question)
        if not isinstance(answer, Fault):
            return answer
        if last() or not answer.passes:
            raise answer.told(f"; it is not known whether {done}" if done and answer.passes else "")
    raise AssertionError("the last try answers or raises")


def once(
    uri: str,
    *,
    look: Callable[[Any], _Answer | None],
    make: Callable[[Any], object],
    done: str,
    fresh: bool = False,
) -> _Answer:
    """What `look` finds, made by `make` where it finds nothing. `fresh`: nobody can have made it before.

    `done` is what will have been done. Raises `Unavailable`, which says that nothing was changed only after a look.
    """
    for last in _tries(uri):
        made = None
        seen = None if fresh else _tried(uri, look)
        if seen is None:
            made, fresh = _tried(uri, make), False
            seen = _tried(uri, look)
        if isinstance(seen, Fault):
            if last() or not seen.passes:
                raise (made if isinstance(made, Fault) else seen).told(f"; it is not known whether {done}")
        elif seen is not None:
            return seen
        elif isinstance(made, Fault) and (last() or not made.passes):
            raise made.told("; this was read back: it changed nothing")
        elif last():
            raise Unavailable(f"MLflow at {uri} does not show what it took: {done}", hint=_AGAIN)
    raise AssertionError("the last try answers or raises")


def _tries(uri: str) -> Iterator[Callable[[], bool]]:
    """Whether the try is the last one. A server that was down before the first is told at once."""
    began = time.monotonic()
    first = _tried(uri, lambda mlflow: None)
    if isinstance(first, Fault):
        raise first.told()
    for wait in (*_WAITS, None):
        yield lambda wait=wait: wait is None or time.monotonic() - began > _AT_MOST  # type: ignore[misc]
        server.forget(uri)
        time.sleep(wait or 0)


def _tried(uri: str, question: Callable[[Any], _Answer]) -> _Answer | Fault:
    try:
        return question(client(uri))
    except Exception as error:
        return _fault(uri, error)


# -- what went wrong ---------------------------------------------------------------------------------------------------

_THEIRS = ("mlflow", "sqlalchemy", "requests", "urllib3", "botocore", "boto3", "s3transfer")
_STATUS = re.compile(r"too many (\d{3}) error responses|with error code (\d{3}) |\b(\d{3}) (?:Client|Server) Error")
_ENDPOINT = re.compile(r"/(?:ajax-)?api/\d\.\d/[\w./-]+")
_PASSING = ("408", "429", "500", "502", "503", "504")


def _fault(uri: str, error: Exception) -> Fault:
    """In one line. Raises what comes neither from MLflow nor from what it stands on."""
    if isinstance(error, Unavailable):
        return Fault(text=error.message, passes=True, error=error, hint=error.hint)
    if isinstance(error, Lost):
        return Fault(text=f"MLflow at {uri} {error}", passes=True, error=error)
    if type(error).__module__.split(".")[0] not in _THEIRS:
        if isinstance(error, (ImportError, OSError)):
            return Fault(text=f"MLflow at {uri} cannot be used: {line(error)}", passes=False, error=error)
        raise error
    said = " ".join(str(one) for one in _chain(error))
    status = next((code for found in _STATUS.finditer(said) for code in found.groups() if code), "")
    if status == "401":
        refused = server.not_let_in(uri)
        return Fault(text=refused.message, passes=False, error=error, hint=refused.hint)
    words, passes = _words(said, status) or (f"could not answer: {line(error)}", "database is locked" in said)
    where = _ENDPOINT.search(said)
    at = f" at {where[0]}" if where and where[0] not in words else ""
    return Fault(text=f"MLflow at {uri} {words}{at}", passes=passes, error=error)


def _words(said: str, status: str) -> tuple[str, bool] | None:
    """What a failed request comes to, and whether it may pass; None for MLflow's own word on what was asked."""
    if status:
        return f"answered {status}", status in _PASSING
    if "not in a valid JSON format" in said or "Expecting value: line 1" in said:
        return "answered with a page that is no JSON (a login page, a proxy?)", True
    if "timed out" in said:
        return "took too long to answer", True
    if "ConnectionError" in said or "Connection" in said or "Remote end closed" in said:
        return "broke the connection off", True
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:300]
