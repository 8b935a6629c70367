"""Whether a tracking server answers: asked in seconds, before anything rests on it, with our own credentials."""

from __future__ import annotations

import json
import queue
import re
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from nbpromote.errors import Unavailable
from nbpromote.track import credentials

SECONDS = 4.5  # for everything: the name, the connection, the answer
_TRUSTED = 20.0  # seconds; a server that answered is not asked before each request
_QUESTION = "/api/2.0/mlflow/experiments/search?max_results=1"
_PASSING = (429, 500, 502, 503, 504)
_PAUSE = 0.5

_answered: dict[str, float] = {}


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: Any  # an email.message.Message: names in any case


def reach(uri: str) -> None:
    """Raises `Unavailable` when nothing, or no MLflow, answers at a server's address, or lets nobody in."""
    if not credentials.is_served(uri) or time.monotonic() - _answered.get(uri, -_TRUSTED) < _TRUSTED:
        return
    said = within(SECONDS, lambda: _patient(uri, until=time.monotonic() + SECONDS - _PAUSE))
    if said is None:
        raise _silent(uri, f"nothing came within {SECONDS} s")
    if isinstance(said, Exception):
        reason = getattr(said, "reason", said)
        if isinstance(reason, ssl.SSLError):
            return  # MLflow has its own settings for certificates
        raise _silent(uri, str(reason))
    _refuse(uri, said)
    _answered[uri] = time.monotonic()


def forget(uri: str) -> None:
    """It did not answer well: the next who asks looks first whether it answers at all."""
    _answered.pop(uri, None)


def _patient(uri: str, *, until: float) -> Reply | Exception:
    """A server that is just starting, or is asked too much, gets the time that there is."""
    while True:
        said = get(uri, _QUESTION, headers=credentials.header(uri))
        if isinstance(said, Exception) or said.status not in _PASSING:
            return said
        pause = _PAUSE
        with suppress(TypeError, ValueError):
            pause = max(pause, float(said.headers.get("Retry-After")))
        if time.monotonic() + pause > until:
            return said
        time.sleep(pause)


def get(uri: str, path: str, *, headers: dict[str, str], method: str = "GET") -> Reply | Exception:
    request = urllib.request.Request(f"{uri.rstrip('/')}{path}", headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:
            return Reply(reply.status, reply.read(1_000_000), reply.headers)
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, b"", error.headers)
    except Exception as error:  # whatever a stranger at the other end makes of HTTP
        return error


def within(seconds: float, ask: Callable[[], Any]) -> Any:
    """What was answered in time, else None. A time-out of a socket counts each byte anew, and a name's none at all."""
    answer: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=lambda: answer.put(ask()), daemon=True).start()
    try:
        return answer.get(timeout=seconds)
    except queue.Empty:
        return None


def _refuse(uri: str, said: Reply) -> None:
    if said.status in (401, 403) and not credentials.are_others(uri):
        raise not_let_in(uri)
    if said.status in _PASSING:
        raise _silent(uri, f"it says {said.status}")
    if said.status == 200 and not _is_json(said.body):
        raise Unavailable(f"what answers at {uri} is no MLflow server: a page came, and no JSON", hint=_ADDRESS)
    if said.status == 404:
        raise Unavailable(f"what answers at {uri} is no MLflow server: it knows no experiments (404)", hint=_ADDRESS)


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


_ADDRESS = "correct tracking_uri in params/*.yaml; a login page or a proxy may stand before it"


def _silent(uri: str, reason: str) -> Unavailable:
    return Unavailable(
        f"the tracking server {uri} does not answer ({reason})",
        hint="start it, or correct tracking_uri in params/*.yaml, and run the same command again",
    )


def not_let_in(uri: str) -> Unavailable:
    given = credentials.variables(uri)
    who = given.get(credentials.USERNAME)
    said = f"user {who!r} with this password" if who else "anybody without a user name and a password"
    if credentials.TOKEN in given and not who:
        said = f"this {credentials.TOKEN}"
    return Unavailable(
        f"the tracking server {uri} does not let in {said}",
        hint=f"set {credentials.USERNAME} and {credentials.PASSWORD}; ~/.netrc has a login for one server alone",
    )


# -- what a server is like, for `doctor` --------------------------------------------------------------------------

OLDEST = (3, 5)  # the first that asks where a browser's request comes from
_STRANGER = "https://stranger.example"


def described(uri: str) -> str:
    """Which MLflow it is, and as whom we ask."""
    if not credentials.is_served(uri):
        return "a database of this project's" if uri.startswith("sqlite:") else "a database"
    who = credentials.variables(uri).get(credentials.USERNAME)
    return f"MLflow {_version(uri) or 'of an unknown version'}, asked by {who or 'nobody in particular'}"


def unsafe(uri: str) -> tuple[str, ...]:
    """What would let others in, one line each: no password, an old version, any web page's requests."""
    return tuple(_unsafe(uri)) if credentials.is_served(uri) else ()


def _unsafe(uri: str) -> Iterator[str]:
    anybody = get(uri, _QUESTION, headers={})
    if isinstance(anybody, Reply) and anybody.status == 200:
        yield "anybody who reaches it may read and change everything: start it with --app-name basic-auth"
    if uri.startswith("http://") and not _is_here(uri):
        yield "what is sent to it, passwords too, is not encrypted: put https before it"
    version = _version(uri)
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if version and numbers < OLDEST:
        yield f"it is MLflow {version}, which any web page can send requests to: {'.'.join(map(str, OLDEST))} is safer"
    elif _lets_strangers_in(uri):
        yield "it takes requests from any web page (CORS): start it with --cors-allowed-origins"


def _version(uri: str) -> str:
    said = get(uri, "/version", headers=credentials.header(uri))
    text = said.body.decode(errors="replace").strip() if isinstance(said, Reply) and said.status == 200 else ""
    return text if re.fullmatch(r"\d+\.\d+[\w.+-]*", text) else ""


def _lets_strangers_in(uri: str) -> bool:
    asked = {"Origin": _STRANGER, "Access-Control-Request-Method": "POST", **credentials.header(uri)}
    said = get(uri, _QUESTION, headers=asked, method="OPTIONS")
    return isinstance(said, Reply) and said.headers.get("Access-Control-Allow-Origin") in ("*", _STRANGER)


def _is_here(uri: str) -> bool:
    host = urlsplit(uri).hostname or ""
    return host == "localhost" or host.startswith("127.") or host == "::1"
