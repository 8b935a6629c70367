"""Git's objects: many read by one process, in bounded memory; trees written without an index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from nbpromote.errors import Unavailable
from nbpromote.git.program import Program, Talk

# as much as any pipe takes before somebody reads: git answers while it is asked, and neither may wait for the other
_AT_ONCE = 4096


def read(program: Program, names: Iterable[str]) -> Iterator[bytes | None]:
    """Bytes of objects by their names, in that order; None where there is none."""
    for found in _objects(program, names):
        yield found and found[1]


def _objects(program: Program, names: Iterable[str]) -> Iterator[tuple[str, bytes] | None]:
    """Kind and bytes of each object."""
    with program.talk("cat-file", "--batch") as git:
        for lines in _chunks(names):
            git.ask(b"".join(lines))
            for _ in lines:
                yield _answer(git)


def _chunks(names: Iterable[str]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for name in names:
        line = name.encode(errors="surrogateescape") + b"\n"
        if chunk and size + len(line) > _AT_ONCE:
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line)
    if chunk:
        yield chunk


def _answer(git: Talk) -> tuple[str, bytes] | None:
    header = git.said.readline()
    if not header:
        raise git.ended()
    *_, kind, size = header.split()
    if not size.isdigit():
        return None  # `NAME missing`
    data = git.said.read(int(size) + 1)[:-1]
    if len(data) < int(size):
        raise git.ended()
    return kind.decode(), data


def tree(program: Program, base: str | None, files: Mapping[str, str]) -> str:
    """The id of a tree: that of commit `base`, with the blobs `files` by their paths.

    Only folders on the way to a file are read and written, whatever else the tree holds.
    """
    paths = {PurePosixPath(path): blob for path, blob in files.items()}
    folders = sorted({folder for path in paths for folder in path.parents}, key=lambda folder: -len(folder.parts))
    entries = dict(zip(folders, _folders(program, base, folders), strict=True))
    for path, blob in paths.items():
        entries[path.parent][path.name] = f"100644 blob {blob}"
    with program.talk("mktree", "--batch", "-z") as git:
        for folder in folders:  # the deepest first: the one above names it
            rows = (f"{told}\t{name}\0".encode(errors="surrogateescape") for name, told in entries[folder].items())
            git.ask(b"".join(rows) + b"\0")
            made = git.said.readline().decode().strip()
            if not made:
                raise git.ended()
            if folder.name:
                entries[folder.parent][folder.name] = f"040000 tree {made}"
    return made


def _folders(program: Program, base: str | None, folders: list[PurePosixPath]) -> Iterator[dict[str, str]]:
    """What folders of a commit hold; nothing, where it has no such folder."""
    if base is None:
        yield from ({} for _ in folders)
        return
    names = [f"{base}:{folder if folder.name else ''}" for folder in folders]
    for name, found in zip(names, _objects(program, names), strict=True):
        if found and found[0] != "tree":
            raise Unavailable(f"{name} is no folder", hint="nbpromote doctor")
        yield _entries(found[1], width=len(base) // 2) if found else {}


def _entries(data: bytes, *, width: int) -> dict[str, str]:
    """A tree's rows, each `MODE NAME` NUL ID, as git's mktree wants them: `MODE KIND ID` by name."""
    rows = {}
    while data:
        head, _, rest = data.partition(b"\0")
        mode, _, name = head.decode(errors="surrogateescape").partition(" ")
        kind = {"40000": "tree", "160000": "commit"}.get(mode, "blob")
        rows[name] = f"{mode:0>6} {kind} {rest[:width].hex()}"
        data = rest[width:]
    return rows
