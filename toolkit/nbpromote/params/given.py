"""Values that whoever runs a notebook gives by hand: a file or a text of YAML, as papermill's -f and -y take them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nbpromote.errors import BadInput
from nbpromote.params import yaml
from nbpromote.params.tree import Reader, Value

# what -p gives is text that is yet to be typed; a file's values have their types, and know their place
Given = str | Value


def from_file(path: Path) -> Mapping[str, Value]:
    """The values of a file, by parameter. Raises `BadInput` with everything that is wrong with it."""
    try:
        return from_yaml(path.read_bytes().decode(), str(path))
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8", where=str(path)) from error
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", where=str(path)) from error


def from_yaml(text: str, path: str = "-y") -> Mapping[str, Value]:
    document = yaml.parse(text, path)
    reader = Reader(path, document.findings, elsewhere={})
    values = {name: reader.value(node) for name, node in reader.items(document.root, "parameters").items()}
    if reader.wrong:
        told = [f"{finding.place}: {finding.message}" for finding in reader.wrong]
        raise BadInput("the parameters cannot be read", problems=told)
    return values
