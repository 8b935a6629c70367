"""NBP3xx: what ties the code to one environment or one machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

from nbpromote.model import Finding
from nbpromote.notebook.rules.resources import Resource, hosts, named
from nbpromote.notebook.rules.subject import Cell, Page, Subject
from nbpromote.notebook.rules.texts import Text, texts

_AS_PARAMETER = "make it a parameter, given by params/*.yaml"


def absolute_path(subject: Subject) -> Iterator[Finding]:
    """Code or a default holds an absolute path: another machine has no such place."""
    for page in subject.python:
        for cell in _written(page):
            for text in texts(cell):
                if _is_absolute(text):
                    message = f"absolute path {_shown(text.text)}"
                    hint = "a default is relative to the notebook" if cell.declares else _AS_PARAMETER
                    yield page.on(cell, text.node, message, hint=hint)


def address(subject: Subject) -> Iterator[Finding]:
    """Code below the parameters cell holds a URL or a connection string."""
    for page in subject.python:
        for cell in page.below:
            for text in texts(cell):
                if kind := _address(text.text):
                    yield page.on(cell, text.node, f"{kind} {_shown(_public(text.text))}", hint=_AS_PARAMETER)


def names_an_environment(subject: Subject) -> Iterator[Finding]:
    """Code names a folder, host or bucket of one environment; a default may name the entry environment's."""
    around = subject.around
    others = [resource for resource in around.resources if resource.environment != around.entry]
    for page in subject.python:
        for cell in _written(page):
            for text in texts(cell):
                for said, resource in named(text.text, others if cell.declares else around.resources, page.folder):
                    yield page.on(cell, text.node, _of(resource, said), hint=_AS_PARAMETER)


def stored_output(subject: Subject) -> Iterator[Finding]:
    """A stored output names a resource of another environment than the entry."""
    others = [resource for resource in subject.around.resources if resource.environment != subject.around.entry]
    page = subject.stored
    if page is None or not others:
        return
    for cell in page.cells:
        found = {said: resource for text in shown(cell.node) for said, resource in named(text, others, page.folder)}
        for said, resource in found.items():
            hint = "run it in the entry environment: nbpromote run, then nbpromote baseline"
            yield page.at(cell, f"a stored output {_of(resource, said)}", hint=hint)


def sets_tracking(subject: Subject) -> Iterator[Finding]:
    """The notebook chooses its own tracking server, registry or experiment, which the environment gives."""
    for page in subject.python:
        for cell in page.below:
            for node in cell.walk():
                if name := _tracking(node):
                    message = f"{name}: the environment gives the tracking server and the experiment"
                    yield page.on(cell, node, message, hint="take it out; `tracking_uri` in params/*.yaml sets it")


def _written(page: Page) -> Iterator[Cell]:
    """The cells that somebody wrote; papermill's own holds what an environment gave."""
    return (cell for cell in page.cells if not cell.injected)


def _of(resource: Resource, said: str) -> str:
    where = f" ({resource.where})" if resource.where else ""
    return f"names {_shown(_public(said))}, which belongs to {resource.environment}{where}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


def shown(cell: Any) -> Iterator[str]:
    """What a reader of a cell's stored outputs can read."""
    for output in cell.get("outputs", ()):
        if "text" in output:
            yield str(output["text"])
        for mime, data in output.get("data", {}).items():
            if isinstance(data, str) and mime.startswith("text/"):
                yield data
        if "traceback" in output:
            yield "\n".join(output["traceback"])


# -- paths ---------------------------------------------------------------------------------------------------

_ROOTS_WORDS = """
    home Users root data mnt media opt srv var tmp usr work workspace workspaces scratch nfs dbfs Volumes content
    kaggle export storage shared share lustre gpfs project projects private databricks local
"""
_ROOTS = frozenset(_ROOTS_WORDS.split())
_OF_THE_SYSTEM = ("/dev/", "/proc/", "/sys/", "/etc/")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/](?![\\/])\S|\\\\[A-Za-z0-9]")
_HOME = re.compile(r"~[A-Za-z0-9_-]*/\S")
_POSIX = re.compile(r"/(?P<first>[A-Za-z0-9._-]+)/\S|/(?P<only>[A-Za-z0-9._-]+\.\w{2,8}$)")


def _is_absolute(text: Text) -> bool:
    """Whether it is a path from the root. What is opened is one; of other texts only what begins like one."""
    value = text.text if text.whole else f"{text.text}…"
    if "\n" in value or len(value) > 400 or value.startswith(_OF_THE_SYSTEM):
        return False
    if value.startswith("file://"):
        return True
    if _WINDOWS.match(value) or _HOME.match(value):
        return text.opened or " " not in value
    found = _POSIX.match(value)
    if found is None:
        return text.opened and bool(re.fullmatch(r"/[A-Za-z][\w.-]*/?", value)) and value.strip("/") in _ROOTS
    if text.opened:
        return True
    return found["first"] in _ROOTS and (" " not in value or bool(re.search(r"\.\w{2,8}$", value)))


# -- addresses -----------------------------------------------------------------------------------------------

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


def _address(text: str) -> str:
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


def _public(text: str) -> str:
    """An address without the password in it."""
    return re.sub(r"(://[^/:@\s]*:)[^@/\s]+@", r"\1***@", re.sub(r"(?i)(pwd|password)\s*=\s*[^;\s]+", r"\1=***", text))


# -- MLflow --------------------------------------------------------------------------------------------------

_SETTERS = frozenset(("set_tracking_uri", "set_registry_uri", "set_experiment"))
_VARIABLES = frozenset(("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"))


def _tracking(node: ast.AST) -> str:
    """The call or the environment variable by which a statement chooses where results are tracked."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _SETTERS:
            return f"{name}()"
        case ast.Assign(targets=targets):
            return next((name for name in _environ(targets)), "")
    return ""


def _environ(targets: Iterable[ast.expr]) -> Iterator[str]:
    for target in targets:
        match target:
            case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(name))):
                if name in _VARIABLES:
                    yield f"os.environ[{name!r}]"
