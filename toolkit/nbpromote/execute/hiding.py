"""Secrets taken out of what a kernel shows, before any of it is written down. A `Scanner` knows what they are."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, Any, Protocol

from nbpromote import files
from nbpromote.model import Json


class Scanner(Protocol):
    """Names the secrets in a text, and puts marks in their place."""

    def __bool__(self) -> bool: ...
    def found(self, data: str) -> Collection[str]: ...
    def redact(self, text: str) -> str: ...
    def redact_parts(self, parts: Sequence[str]) -> list[str]: ...
    def redact_stream(self, chunks: Iterable[bytes], found: set[str]) -> Iterator[bytes]: ...


def hide(cell: Any, scanner: Scanner) -> list[str]:
    """Take secrets out of a cell's outputs. Gives what the cell did with which: `prints warehouse_password`.

    What goes to one stream is one text, in however many messages it came.
    """
    did = []
    outputs = cell.get("outputs", [])
    for stream in dict.fromkeys(output.name for output in outputs if output.output_type == "stream"):
        parts = [output for output in outputs if output.output_type == "stream" and output.name == stream]
        did += [f"prints {name}" for name in sorted(scanner.found("".join(part.text for part in parts)))]
        for part, text in zip(parts, scanner.redact_parts([part.text for part in parts]), strict=True):
            part.text = text
    for output in outputs:
        if output.output_type == "error":
            did += [f"raises {name}" for name in _hide_error(output, scanner)]
        elif output.output_type != "stream":
            did += [f"{_verb(output)} {name}" for name in _hide_data(output, scanner)]
    return list(dict.fromkeys(did))


def _hide_error(output: Any, scanner: Scanner) -> list[str]:
    names = scanner.found("\n".join((output.ename, output.evalue, *output.traceback)))
    output.ename, output.evalue = scanner.redact(output.ename), scanner.redact(output.evalue)
    output.traceback = scanner.redact("\n".join(output.traceback)).split("\n") if output.traceback else []
    return sorted(names)


def _hide_data(output: Any, scanner: Scanner) -> list[str]:
    names: set[str] = set()
    for mime, value in output.data.items():
        output.data[mime] = clean(value, scanner, names)
    output.metadata = clean(output.metadata, scanner, names)
    return sorted(names)


def _verb(output: Any) -> str:
    return "glues" if any("scrapbook" in mime for mime in output.data) else "shows"


def clean(value: Json, scanner: Scanner, names: set[str]) -> Any:
    """A JSON value without secrets; their names are added to `names`. What holds none is given back as it is."""
    if isinstance(value, str):
        found = scanner.found(value)
        names.update(found)
        return scanner.redact(value) if found else value
    if isinstance(value, list):
        return [clean(item, scanner, names) for item in value]
    if isinstance(value, dict):
        # the same kind of mapping: nbformat's own are read by attribute
        return type(value)({clean(key, scanner, names): clean(item, scanner, names) for key, item in value.items()})
    if value is None or isinstance(value, bool):
        return value
    spelled = clean(json.dumps(value), scanner, names)
    return value if spelled == json.dumps(value) else spelled


def hide_lines(path: Path, scanner: Scanner) -> list[str]:
    """Take secrets out of a file of JSON values, one a line. Gives their names."""
    names: set[str] = set()
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        cleaned = [json.dumps(clean(_value(line), scanner, names)) for line in lines]
        if names:
            files.write(path, "".join(f"{line}\n" for line in cleaned))
    return sorted(names)


def _value(line: str) -> Json:
    """A kill may have cut a line off."""
    try:
        return json.loads(line)
    except ValueError:
        return line


@contextmanager
def said(log: Path, scanner: Scanner | None, *, found: set[str] | None = None) -> Iterator[IO[bytes]]:
    """A file for what a kernel says; secrets are taken out on the way, and their names added to `found`."""
    if not scanner:
        with log.open("ab") as file:
            yield file
        return
    reading, writing = os.pipe()
    thread = Thread(target=_copy, args=(reading, log, scanner, set() if found is None else found), daemon=True)
    thread.start()
    try:
        with os.fdopen(writing, "wb") as pipe:
            yield pipe
    finally:
        thread.join(_PATIENCE)


_PATIENCE = 5.0  # seconds; a process that left the kernel's group may hold the pipe open until it is ended


def _copy(reading: int, log: Path, scanner: Scanner, found: set[str]) -> None:
    with os.fdopen(reading, "rb", buffering=0) as pipe, log.open("ab", buffering=0) as file:
        for piece in scanner.redact_stream(iter(lambda: pipe.read(65536), b""), found):
            file.write(piece)
