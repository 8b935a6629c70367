"""Who asks a tracking server: a host's own login, MLflow's variables, or its file. No value is in a message here."""

from __future__ import annotations

import base64
import configparser
import netrc
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

USERNAME, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
# what else a client of the same server needs in order to be let in
_MANNERS = (
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_AWS_SIGV4",
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
)
SHORTEST = 6  # characters: a shorter password would be found in everything that a run writes


def is_served(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def variables(uri: str, of: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What whoever asks this server is given; nothing for a store that is no server."""
    if not is_served(uri):
        return {}
    given = {name: of[name] for name in (USERNAME, PASSWORD, TOKEN, *_MANNERS) if of.get(name)}
    return {**_kept(), **given, **_of_host(uri)}


def secrets(uri: str) -> dict[str, str]:
    """Of these what nobody may see, by the name of a secret: looked for in everything that a run leaves."""
    given = variables(uri)
    found = {name.lower(): given[name] for name in (PASSWORD, TOKEN) if name in given}
    return {name: value for name, value in found.items() if len(value) >= SHORTEST}


def header(uri: str) -> dict[str, str]:
    """What MLflow's own requests say; nothing where a plugin or a signature says it."""
    given = variables(uri)
    if given.get(USERNAME) and given.get(PASSWORD):
        pair = f"{given[USERNAME]}:{given[PASSWORD]}".encode()
        return {"Authorization": "Basic " + base64.standard_b64encode(pair).decode()}
    return {"Authorization": f"Bearer {given[TOKEN]}"} if TOKEN in given else {}


def are_others(uri: str) -> bool:
    """Whether requests are signed in a way that only MLflow knows."""
    return not variables(uri).keys().isdisjoint(_MANNERS[:2])


def _kept() -> dict[str, str]:
    """MLflow's file, which its client reads where a variable is missing."""
    config = configparser.ConfigParser(interpolation=None)
    try:
        config.read(Path("~/.mlflow/credentials").expanduser(), encoding="utf-8")
    except (OSError, ValueError, RuntimeError, configparser.Error):
        return {}
    kept = {name: config.get("mlflow", name, fallback="") for name in (USERNAME, PASSWORD)}
    return {name: value for name, value in kept.items() if value}


def _of_host(uri: str) -> dict[str, str]:
    """The login that `~/.netrc` has for a server: `requests` takes it before any other, so MLflow's client does too."""
    place = os.environ.get("NETRC") or Path("~/.netrc").expanduser()
    try:
        found = netrc.netrc(str(place)).authenticators(urlsplit(uri).hostname or "")
    except (OSError, ValueError, RuntimeError, netrc.NetrcParseError):
        return {}
    return {USERNAME: found[0] or found[1], PASSWORD: found[2]} if found else {}
