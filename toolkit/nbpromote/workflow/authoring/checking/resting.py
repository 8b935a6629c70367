"""What answers rest on beside the notebooks themselves, as digests: another digest, another answer."""

from __future__ import annotations

import os
import re
from pathlib import Path

from nbpromote import itself, validate
from nbpromote.model import digest, sha256
from nbpromote.workflow.site import Site

_VARIABLE = re.compile(rb"\$\{(\w+)\}")


def params_digest(site: Site) -> str:
    """Of what the rules above rest on beside the notebooks: files, variables they ask for, installed packages."""
    folder = site.project.params
    found = {path.name: _content(path) for path in sorted(folder.glob("*")) if path.is_file()}
    asked = {name.decode() for data in found.values() for name in _VARIABLE.findall(data)}
    variables = {name: sha256(os.environ.get(name, "").encode(errors="surrogateescape")) for name in sorted(asked)}
    digests = {name: sha256(data) for name, data in found.items()}
    return digest([folder.name, digests, variables, sorted(validate.CHECKS), itself.installed()])


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}".encode()
