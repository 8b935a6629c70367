"""What belongs to one environment alone, so that no code and no other environment may name it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path, PurePosixPath

from nbpromote import params
from nbpromote.errors import Error
from nbpromote.model import Json
from nbpromote.notebook import Resource
from nbpromote.workflow.authoring.checking.configured import Configured


def owned(configured: Configured) -> Iterator[Resource]:
    """Globs that policies protect, and the paths and addresses of params that no other environment shares."""
    for environment in configured.environments:
        file = f"{configured.folder}/{environment}.policy.yaml"
        for glob in configured.policy(environment).protects:
            yield Resource(environment=environment, text=glob, where=file, protected=True)
    paths: dict[str, dict[str, str]] = defaultdict(dict)
    addresses: dict[str, dict[str, str]] = defaultdict(dict)
    for environment in configured.environments:
        for value, where in _values(configured, environment):
            if "://" in value:
                addresses[environment].setdefault(value, where)
            else:
                paths[environment].setdefault(_from_root(value, configured.site.project.root), where)
    yield from _alone(paths, lambda path: str(PurePosixPath(path).parent))
    yield from _alone(addresses, _host)


def _values(configured: Configured, environment: str) -> Iterator[tuple[str, str]]:
    """The paths and addresses that an environment gives, and where it does."""
    own = f"{configured.folder}/{environment}.yaml"
    try:
        uri = params.tracking_uri(configured.site.values.working, environment, configured.site.around)
    except Error:
        uri = ""
    scheme, _, file = uri.partition(":///")
    if scheme.startswith("sqlite"):
        yield f"/{file.lstrip('/')}" if file else uri, own
    elif uri:
        yield uri, own
    for _, given in configured.given(environment):
        for name, path in {**given.inputs, **given.outputs}.items():
            yield path, given.origins.get(name, own)
        for name, value in given.parameters.items():
            yield from ((text, given.origins.get(name, own)) for text in _texts(value) if "://" in text)


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _from_root(path: str, root: Path) -> str:
    return os.path.relpath(path, root) if Path(path).is_relative_to(root) else path


def _host(address: str) -> str:
    """The host or bucket of an address, without who logs in."""
    return address.partition("://")[2].partition("/")[0].rpartition("@")[2]


def _alone(given: Mapping[str, Mapping[str, str]], around: Callable[[str], str]) -> Iterator[Resource]:
    """What holds values of one environment only: the folder or host around them, else each value itself."""
    homes = {environment: {around(value) for value in values} for environment, values in given.items()}
    for environment, values in given.items():
        others = set(chain.from_iterable(v for name, v in given.items() if name != environment))
        taken = set(chain.from_iterable(h for name, h in homes.items() if name != environment))
        own: dict[str, str] = {}
        for value, where in values.items():
            home = around(value)
            free = home not in ("", ".", "/") and not any(_inside(one, home) for one in (*taken, *others))
            if free or value not in others:
                own.setdefault(home if free else value, where)
        yield from (Resource(environment=environment, text=text, where=where) for text, where in own.items())


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
