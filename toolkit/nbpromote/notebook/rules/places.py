"""Which texts are places: a path from the root of one machine, an address of one network."""

from __future__ import annotations

import re

from nbpromote.notebook.rules.resources import hosts
from nbpromote.notebook.rules.texts import Text

_ROOTS_WORDS = """
    home Users root data mnt media opt srv var tmp usr work workspace workspaces scratch nfs dbfs Volumes content
    kaggle export storage shared share lustre gpfs project projects private databricks local
"""
_ROOTS = frozenset(_ROOTS_WORDS.split())
_OF_THE_SYSTEM = ("/dev/", "/proc/", "/sys/", "/etc/")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/](?![\\/])\S|\\\\[A-Za-z0-9]")
_SHARE = re.compile(r"//[A-Za-z0-9][\w.-]*/[^/\s]")
_ENDING = re.compile(r"\.\w{2,8}$")
_HOME = re.compile(r"~[A-Za-z0-9_-]*/\S")
_POSIX = re.compile(r"/(?P<first>[A-Za-z0-9._-]+)/\S|/(?P<only>[A-Za-z0-9._-]+\.\w{2,8}$)")


def is_absolute(text: Text) -> bool:
    """Whether it is a path from the root. What is opened is one; of other texts only what begins like one."""
    value = text.text if text.whole else f"{text.text}…"
    if "\n" in value or len(value) > 400 or value.startswith(_OF_THE_SYSTEM):
        return False
    if value.startswith("file://"):
        return True
    if _WINDOWS.match(value) or _HOME.match(value):
        return text.opened or " " not in value
    if _SHARE.match(value):  # an XPath begins like a share of Windows
        return text.opened or (" " not in value and bool(_ENDING.search(value)))
    found = _POSIX.match(value)
    if found is None:
        return text.opened and bool(re.fullmatch(r"/[A-Za-z][\w.-]*/?", value)) and value.strip("/") in _ROOTS
    if text.opened:
        return True
    return found["first"] in _ROOTS and (" " not in value or bool(_ENDING.search(value)))


_URL = re.compile(r"(?:jdbc:)?(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>\S+)")
_PAIRS = re.compile(r"(?i)(?:^|[;\s])(server|data source|host|hostaddr|driver|dsn)\s*=\s*[^;\s]+")
_MORE_PAIRS = re.compile(r"(?i)(?:^|[;\s])(database|dbname|initial catalog|uid|user|user id|pwd|password|port)\s*=")
# names of things, not addresses: nobody opens them
_NAMES_WORDS = """
    www.w3.org w3.org schema.org purl.org xmlns.com json-schema.org schemas.openxmlformats.org
    schemas.microsoft.com doi.org dx.doi.org creativecommons.org spdx.org www.opengis.net opengis.net
    www.sitemaps.org vega.github.io orcid.org
"""
_NAMES = frozenset(_NAMES_WORDS.split())
_IN_MEMORY = re.compile(r"(?i)(sqlite|duckdb)(\+\w+)?://(/:memory:)?/?$")


def address_in(text: str) -> str:
    """`URL` or `connection string`; empty for what is neither, or names no certain host."""
    text = text.strip()
    found = _URL.fullmatch(text)
    if found is None:
        pairs = len(text) < 1000 and "\n" not in text and _PAIRS.search(text) and _MORE_PAIRS.search(text)
        return "connection string" if pairs else ""
    scheme, rest = found["scheme"].lower(), found["rest"]
    if scheme == "file" or _IN_MEMORY.fullmatch(text):
        return ""
    if rest.startswith("/"):
        return "connection string"
    if hosts(text) & _NAMES or not re.match(r"[\w\[]", rest.rpartition("@")[2]):
        return ""
    return "URL" if scheme in _WEB else "connection string"


_WEB_WORDS = """
    http https ftp sftp ws wss s3 s3a gs gcs az abfs abfss adl wasbs hdfs dbfs
"""
_WEB = frozenset(_WEB_WORDS.split())


def shortened(text: str) -> str:
    """A path or an address in a message, cut where it is long, without what might let somebody in."""
    text = re.sub(
        r"(?i)(pwd|password|key|token|secret)\s*=\s*[^;\s&]+", r"\1=***", re.sub(r"://[^/@\s]+@", "://***@", text)
    )
    text = re.sub(r"(://[^?\s]*)\?.*", r"\1?…", text)
    return repr(text if len(text) <= 80 else f"{text[:79]}…")
