"""What became of files: each commit that changed one of them, with the lines that it changed, and who wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nbpromote.git.repository import Repository

_LINES = 40  # of one commit
_HEAD = re.compile(r"\x01(?=[0-9a-f]{40,64}\0)")  # a file may hold such a letter, and hardly what follows it


@dataclass(frozen=True, kw_only=True)
class Edit:
    """`at` is when it came to the branch: of what was merged, the merge. `lines` start with `-` or `+`."""

    commit: str
    at: str
    author: str
    subject: str
    paths: tuple[str, ...]
    lines: tuple[str, ...] = ()


def edits(repository: Repository, commit: str, paths: Sequence[str], *, since: str) -> tuple[Edit, ...]:
    """Newest first; paths are from the repository's root as it was opened."""
    told = repository.run(
        "log",
        f"--since={since}",
        "--first-parent",
        "--diff-merges=first-parent",
        "--relative",
        "--no-ext-diff",
        "--no-renames",
        "--no-color",
        "-p",
        "-U0",
        "--format=%x01%H%x00%cI%x00%an <%ae>%x00%s%x00",
        commit,
        "--",
        *paths,
    )
    records = _HEAD.split(told.decode(errors="replace"))
    return tuple(_edit(record) for record in records if record.strip())


def _edit(record: str) -> Edit:
    commit, at, author, subject, patch = record.split("\0", 4)
    changed = list(_changed(patch))
    return Edit(
        commit=commit,
        at=at,
        author=author,
        subject=subject,
        paths=tuple(dict.fromkeys(path for path, _ in changed)),
        lines=tuple(line for _, line in changed[:_LINES] if line),
    )


def _changed(patch: str) -> Iterator[tuple[str, str]]:
    """Each changed line with its file; a file alone where git shows no line of it."""
    path, heads = "", False
    for line in patch.splitlines():
        if line.startswith("diff --git "):
            path, heads = line.rpartition(" b/")[2], True
            yield path, ""
        elif line.startswith("@@"):
            heads = False
        elif not heads and line[:1] in ("-", "+"):
            yield path, line


# -- who wrote it ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Authors:
    """`cut_off` tells that a shallow clone does not know them all."""

    names: tuple[str, ...]
    cut_off: bool = False


def authors(repository: Repository, tips: Sequence[str], paths: Iterable[str], *, but: str | None) -> Authors:
    """Everyone who changed one of the paths at or below the tips, and not at or below `but`.

    Authors and co-authors, as the commits name them and as a .mailmap does: it adds names of people, and takes none
    away. Whoever merged is one of them where the merge is not what both sides make of it; whoever committed is not.
    """
    asked = [*tips, *([f"^{but}"] if but else []), "--", *paths]
    told = repository.ask(*_PEOPLE, _AGAIN, *asked)
    if told is None:  # git before 2.35, or a repository that nobody may write to
        told = repository.run(*_PEOPLE, "-c", *asked).decode(errors="replace")
    found, is_shallow = list(_changes(told)), repository.is_shallow
    # what a shallow clone begins with looks as if it had written everything
    names = [name for parents, people in found if parents or not is_shallow for name in people]
    cut_off = is_shallow and not all(parents for parents, _ in found)
    return Authors(names=tuple(dict.fromkeys([*names, *_mapped(repository, names)])), cut_off=cut_off)


def _changes(told: str) -> Iterator[tuple[str, list[str]]]:
    """The parents and the people of each commit that changed anything by itself, as a plain merge does not."""
    for record in _HEAD.split(told):
        if record:
            _commit, parents, *people, paths = record.split("\0")
            if paths.strip():
                yield parents, [name for name in people if name]


_PEOPLE = (
    "--literal-pathspecs",
    "log",
    "--name-only",
    "--no-renames",
    "--no-follow",
    "--no-color",
    "--no-show-signature",
    "--encoding=UTF-8",
    "--format=%x01%H%x00%P%x00%an <%ae>%x00%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x00)%x00",
)
_AGAIN = "--remerge-diff"
_CONTACT = re.compile(r"[^<>\n]*<[^<>\s]+>")


def _mapped(repository: Repository, names: Iterable[str]) -> list[str]:
    contacts = "".join(f"{name}\n" for name in dict.fromkeys(names) if _CONTACT.fullmatch(name))
    return repository.run("check-mailmap", "--stdin", data=contacts.encode()).decode(errors="replace").splitlines()
