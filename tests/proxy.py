"""A proxy before a server, that makes of a request what networks, load balancers and full disks make of one."""

from __future__ import annotations

import http.client
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PAGE = b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>"

# what may happen to a request that never arrives, and to one whose work was done
BEFORE = ("drop", "500", "503", "429", "html")
AFTER = ("drop", "500", "html", "half")
FAULTS = (*(f"{kind} before" for kind in BEFORE), *(f"{kind} after" for kind in AFTER))


@dataclass
class Rule:
    """A fault for the next `count` requests that fit: `drop before`, `html after`, or seconds of `delay`."""

    method: str
    path: str
    fault: str
    count: int = 1
    met: int = 0

    def fits(self, method: str, path: str) -> bool:
        return self.met < self.count and method == self.method and re.search(self.path, path) is not None


@dataclass
class Proxy:
    """Passes requests on to `uri`, but for those that a rule fits. A context that ends its thread."""

    uri: str
    rules: list[Rule] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def __enter__(self) -> Proxy:
        proxy = self

        class Passing(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else the head of each reply waits 40 ms for its body

            def do_GET(self) -> None:
                proxy.serve(self)

            do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def rule(self, method: str, path: str, fault: str, *, count: int = 1) -> Rule:
        self.rules.append(Rule(method, path, fault, count))
        return self.rules[-1]

    def serve(self, asked: BaseHTTPRequestHandler) -> None:
        body = asked.rfile.read(int(asked.headers.get("Content-Length") or 0))
        self.seen.append(f"{asked.command} {asked.path}")
        rule = next((rule for rule in self.rules if rule.fits(asked.command, asked.path)), None)
        if rule is None:
            return answer(asked, *self.passed_on(asked, body))
        rule.met += 1
        kind, _, moment = rule.fault.partition(" ")
        if kind == "delay":
            time.sleep(float(moment))
            return answer(asked, *self.passed_on(asked, body))
        real = self.passed_on(asked, body) if moment == "after" else None
        return spoil(asked, kind, real)

    def passed_on(self, asked: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        to = urlsplit(self.uri)
        connection = http.client.HTTPConnection(to.hostname or "", to.port, timeout=120)
        headers = {name: value for name, value in asked.headers.items() if name.lower() not in ("host", "connection")}
        try:
            connection.request(asked.command, asked.path, body or None, headers)
            reply = connection.getresponse()
            return reply.status, reply.getheaders(), reply.read()
        finally:
            connection.close()


def answer(asked: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    with suppress(ConnectionError):
        asked.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                asked.send_header(name, value)
        asked.send_header("Content-Length", str(len(body)))
        asked.end_headers()
        asked.wfile.write(body)


def spoil(asked: BaseHTTPRequestHandler, kind: str, real: tuple[int, list[tuple[str, str]], bytes] | None) -> None:
    asked.close_connection = True
    if kind == "html":
        answer(asked, 200, [("Content-Type", "text/html")], PAGE)
    elif kind.isdigit():
        answer(asked, int(kind), [("Content-Type", "text/html"), ("Retry-After", "0")], PAGE)
    elif kind == "half" and real is not None:
        status, _, body = real
        asked.send_response(status)
        asked.send_header("Content-Length", str(len(body) + 1))
        asked.end_headers()
        asked.wfile.write(body[: len(body) // 2])
