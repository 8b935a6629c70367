"""Names of people: which of them are one person's. Text only: whether somebody is who they say is not asked here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

WANTS = "wants a mail, `Name <mail>` or a login; commas part the names of one person"
_MAIL = r"[^\s<>@,]+@[^\s<>@,]+"
_PERSON = re.compile(rf"[^<>@,]+<{_MAIL}>|{_MAIL}|@?[\w.-]+(?:\[bot\])?")
_NAMED = re.compile(r".*<(?P<mail>[^<>]+)>", re.DOTALL)
# the mail that a host gives out for a login: 123+ada@users.noreply.github.com, 123-ada@users.noreply.gitlab.com
_GIVEN_OUT = re.compile(r"(?:[0-9]+[+-])?(?P<login>[^@+]+)@users\.noreply\..+")


def key(name: str) -> str:
    """What a person is known by, in lower case: the mail where there is one, else the login.

    The name before a mail says nothing: everybody may take any, with commas and signs in it.
    """
    found = _NAMED.fullmatch(name.strip())
    said = (found["mail"] if found else name).strip().removeprefix("@").lower()
    given_out = _GIVEN_OUT.fullmatch(said)
    return given_out["login"] if given_out else said


def keys(entry: str) -> tuple[str, ...]:
    """The same for an entry of a group, which may give several names of one person: `ada@example.org, ada-login`."""
    return tuple(key(name) for name in entry.split(","))


def names(text: str) -> frozenset[str]:
    """All that a text calls one person: git's `Name <mail>` by the mail, whatever the name; else what commas part."""
    return frozenset({key(text)} if _NAMED.fullmatch(text.strip()) else keys(text))


def is_entry(text: str) -> bool:
    return all(_PERSON.fullmatch(name.strip()) for name in text.split(","))


def aliases(entries: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """All that each of these people is known by, where entries give several names of one person."""
    found: dict[str, frozenset[str]] = {}
    for entry in entries:
        names = frozenset(keys(entry))
        person = names.union(*(found.get(name, frozenset()) for name in names))
        found.update(dict.fromkeys(person, person))
    return found
