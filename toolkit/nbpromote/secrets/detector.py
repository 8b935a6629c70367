"""Find what looks like a secret, by detect-secrets' plugins, tuned so that an ordinary notebook gives none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# what none of the plugins can do without; asking for it first keeps printed tables cheap
_LONG = re.compile(r"[A-Za-z0-9+/_=.-]{16,}|://[^\s/]*@|-----BEGIN|(?i:pass|pwd|secret|key)")
_ALLOWED = re.compile(r"pragma:\s*allowlist\s+secret", re.IGNORECASE)  # detect-secrets' own mark
_LONGEST = 5_000  # of a line; the rest of an embedded picture says nothing


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """`line` counts from 1; `shown` is at most the beginning that all tokens of its vendor share."""

    line: int
    kind: str
    shown: str


def detect(text: str, style: str = "code") -> tuple[Suspect, ...]:
    """What looks like a secret in a text, the first of each line. `style` is `code`, `config` (YAML) or `output`.

    In an output, a name such as `password` proves nothing: only what has the shape of a known token counts.
    """
    found: list[Suspect] = []
    for number, line in enumerate(text.split("\n"), 1):
        if _LONG.search(line) and not _ALLOWED.search(line):
            first = next(_in(line[:_LONGEST], style), None)
            if first is not None:
                found.append(Suspect(line=number, kind=first[0], shown=first[1]))
    return tuple(found)


# what every token of a vendor begins with
_PUBLIC = re.compile(r"A[KS]IA|gh[opsur]_|github_pat_|glpat-|npm_|pypi-|sk-|[rs]k_(?:live|test)_|xox[a-z]-|SG\.|eyJ")


def _in(line: str, style: str) -> Iterator[tuple[str, str]]:
    """Kind of each secret and what of it may be shown."""
    for plugin in _tokens():
        for secret in filter(None, plugin.analyze_string(line)):
            public = _PUBLIC.match(secret)
            yield plugin.secret_type, f"{public[0]}…" if public else ""
    if style != "output":
        yield from (("Secret Keyword", "") for secret in _by_keyword(line, style) if _is_meant(secret))
        yield from (("High Entropy String", "") for _ in _by_entropy(line))


@lru_cache(maxsize=1)
def _tokens() -> Sequence[Any]:
    """Plugins that know the shape of one vendor's tokens. A third of a second, most of it for `requests`."""
    from detect_secrets.core.plugins.initialize import from_plugin_classname

    return [from_plugin_classname(name) for name in _SHAPES]


# not: public addresses (no secrets), and those whose shape is a name before any hexadecimal digest
_SHAPES_WORDS = """
    ArtifactoryDetector AWSKeyDetector AzureStorageKeyDetector BasicAuthDetector DiscordBotTokenDetector
    GitHubTokenDetector GitLabTokenDetector JwtTokenDetector MailchimpDetector NpmDetector OpenAIDetector
    PrivateKeyDetector PypiTokenDetector SendGridDetector SlackDetector SquareOAuthDetector StripeDetector
    TelegramBotTokenDetector TwilioKeyDetector
"""
_SHAPES = tuple(_SHAPES_WORDS.split())


_DIGEST = re.compile(r"(?i)(?:password|passwd|pwd|secret)_?(?:hash|digest)")  # names no secret


def _by_keyword(line: str, style: str) -> Iterator[str]:
    from detect_secrets.plugins import keyword

    if _DIGEST.search(line):
        return
    regexes = keyword.CONFIG_DENYLIST_REGEX_TO_GROUP if style == "config" else None
    yield from keyword.KeywordDetector().analyze_string(line, regexes)


_REFERENCE = re.compile(r"[a-z_]+:[A-Za-z_/.]|[$<{%*]")  # `env:NAME`, `${NAME}`, `{name}`, `<yours>`, `***`
_PLAIN = re.compile(r"[A-Z][A-Z0-9_]*|[a-z]+(?:[_./-][a-z]+)*|x+")  # a variable's name, a column's, a word


def _is_meant(secret: str) -> bool:
    """Whether a value beside a name such as `password` is one, and no column, reference or placeholder."""
    from detect_secrets.filters import heuristic

    if len(secret) < 6 or " " in secret or _REFERENCE.match(secret) or _PLAIN.fullmatch(secret):
        return False
    return not (heuristic.is_templated_secret(secret) or heuristic.is_sequential_string(secret))


_BITS, _LEAST = 4.6, 36  # of a character, and characters


def _by_entropy(line: str) -> Iterator[str]:
    """Quoted Base64 that is long, mixed and no hexadecimal digest: digests are ordinary in notebooks."""
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString

    plugin = Base64HighEntropyString(limit=_BITS)
    for secret in plugin.analyze_string(line):
        mixed = all(re.search(kind, secret) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
        is_path = secret.count("/") > 2
        if len(secret) >= _LEAST and mixed and not is_path and plugin.calculate_shannon_entropy(secret) > _BITS:
            yield secret
