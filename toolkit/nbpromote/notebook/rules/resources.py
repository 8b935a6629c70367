"""What belongs to one environment alone, and where a text names it. Reads no params and no policy itself."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from nbpromote.globs import pattern

# what a path or an address may be made of, within longer text: SQL, HTML, a traceback
_TOKEN = re.compile(r"[^\s'\"`<>|()\[\]{},;=]+")
_SCHEME = re.compile(r"^(?:jdbc:)?[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A folder or file from the project's root, a glob over these, an address or the host of one.

    `where` is the file and line that gives it to the environment; `protected`: a policy says so.
    """

    environment: str
    text: str
    where: str = ""
    protected: bool = False

    @cached_property
    def needle(self) -> str:
        """What every text that names it must hold: asking for that first is a hundred times faster."""
        stem = re.split(r"[*?]", self.text, maxsplit=1)[0].rstrip("/")
        return stem.rpartition("/")[2] if "://" not in stem else stem.partition("://")[2]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return pattern(self.text)

    def is_named_by(self, token: str, folder: str) -> bool:
        if "://" in self.text:
            return self._pattern.fullmatch(without_user(token).rstrip("/")) is not None
        if self.is_host:
            return self.text in hosts(token)
        return any(self._pattern.fullmatch(path) is not None for path in _places(token, folder))

    @property
    def is_host(self) -> bool:
        return "/" not in self.text and ("." in self.text or ":" in self.text) and "*" not in self.text


def named(text: str, resources: Iterable[Resource], folder: str) -> Iterator[tuple[str, Resource]]:
    """Each resource that a text names, with the spelling; `folder` is where relative paths start from."""
    wanted = [resource for resource in resources if resource.needle in text]
    if not wanted:
        return
    tokens = {token.rstrip(".:!?") for token in _TOKEN.findall(text)} | {text}
    for resource in wanted:
        found = next((token for token in sorted(tokens, key=len) if resource.is_named_by(token, folder)), None)
        if found is not None:
            yield found, resource


def without_user(token: str) -> str:
    """An address without the name and password in it."""
    scheme, slashes, rest = token.removeprefix("jdbc:").partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def hosts(token: str) -> set[str]:
    """The host that an address or a bare name spells, with its port and without."""
    address = without_user(token) if _SCHEME.match(token) else token
    host = address.partition("://")[2].partition("/")[0] if "://" in address else address.partition("/")[0]
    return {host, host.partition(":")[0]}


def _places(token: str, folder: str) -> Iterator[str]:
    """The paths from the root that a token may mean, read in the notebook's folder and in the root."""
    if "://" in token or not token.strip("./"):
        return
    for base in ("", folder):
        place = posixpath.normpath(posixpath.join(base, token))
        yield place.removeprefix("./")
