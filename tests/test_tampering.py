"""Any one thing changed in a history is found, and the first record that it made untrue is named."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histories import deployment, grow
from nbpromote import git, ledger
from nbpromote.ledger import Ledger
from nbpromote.ledger.records import STATE, place
from nbpromote.model import dump

COUNT = 9


@dataclass(frozen=True)
class Commit:
    """All that a commit says, so that another can be made which says something else."""

    files: dict[str, bytes]
    message: str
    seconds: int  # since 1970
    who: str = "Ada <ada@example.org>"
    merges: bool = False

    def with_file(self, path: str, data: bytes | None) -> Commit:
        files = {**self.files, path: data}
        return replace(self, files={path: data for path, data in files.items() if data is not None})


class Book:
    """A history, and all that it is made of; of no length when hypothesis shows what failed."""

    def __init__(self, ledger: Ledger, commits: list[Commit]) -> None:
        self.ledger = ledger
        self.commits = commits


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    made = git.init(tmp_path_factory.mktemp("true"))
    made.run("config", "user.name", "Ada Lovelace")
    made.run("config", "user.email", "ada@example.org")
    truth = Ledger(made)
    grow(truth, COUNT)
    commits = [read(made, commit) for commit in made.run("rev-list", "--reverse", "nbpromote/prod").decode().split()]
    return Book(truth, commits)


def read(repository: git.Repository, commit: str) -> Commit:
    paths = repository.tracked(commit)
    blobs = map(bytes, repository.blobs(list(paths.values())))
    text = repository.run("cat-file", "commit", commit).decode()
    headers, _, message = text.partition("\n\n")
    return Commit(dict(zip(paths, blobs, strict=True)), message, seconds=int(headers.split()[-2]))


def write(repository: git.Repository, commits: list[Commit]) -> None:
    """The branch made anew, as a rebase or a forced push would leave it."""
    lines = [b"reset refs/heads/nbpromote/prod\n"]
    lines.append(b"commit refs/heads/side\nmark :99\ncommitter A <a@b.c> 1 +0000\ndata 1\nx\n")
    for number, commit in enumerate(commits, start=1):
        head = f"commit refs/heads/nbpromote/prod\nmark :{number}\ncommitter {commit.who} {commit.seconds} +0000\n"
        lines.append(head.encode() + b"data %d\n%s\n" % (len(commit.message), commit.message.encode()))
        lines += [b"from :%d\n" % (number - 1)] if number > 1 else []
        lines += [b"merge :99\n"] if commit.merges else []
        lines.append(b"deleteall\n")
        for path, data in commit.files.items():
            lines.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))
    command = ["git", "-C", repository.root, "fast-import", "--force", "--quiet"]
    subprocess.run(command, input=b"".join(lines), check=True, capture_output=True)


# -- what may be changed: each gives the commits, and the number of the first record that is bad then --------------

NUMBERS = st.integers(1, COUNT)
TEXTS = {"actor": "Mallory <m@example.org>", "reason": "none", "attempt": "another", "at": "2999-01-01T00:00:00.000Z"}
VALUES = {**TEXTS, "step": "aborted", "verb": "expire", "notebooks": ["other"], "environment": "dev"}
VALUES |= {"id": "prod-000077", "deployments": [dump(deployment("train", "mallory"))], "bound": "x"}


def edited(commits: list[Commit], number: int, changed: dict[str, object]) -> list[Commit]:
    """A record as all later commits have it, too."""
    plain = json.loads(commits[number - 1].files[place(number)]) | changed
    return replaced(commits, number, json.dumps(plain).encode())


def replaced(commits: list[Commit], number: int, data: bytes) -> list[Commit]:
    return [c.with_file(place(number), data) if at >= number else c for at, c in enumerate(commits, start=1)]


def at(commits: list[Commit], number: int, change) -> list[Commit]:
    return [change(c) if n == number else c for n, c in enumerate(commits, start=1)]


def edit(draw, commits):
    number, key = draw(NUMBERS), draw(st.sampled_from(sorted(VALUES)))
    return edited(commits, number, {key: VALUES[key]}), number


def unchain(draw, commits):
    """Whether a record was forged, or the one that it stands on, nobody can tell who did not see them before."""
    number = draw(NUMBERS)
    return edited(commits, number, {"after": "0" * 40}), max(number - 1, 1)


def swap(draw, commits):
    one, other = sorted(draw(st.lists(NUMBERS, min_size=2, max_size=2, unique=True)))
    texts = [commits[-1].files[place(number)] for number in (one, other)]
    return replaced(replaced(commits, one, texts[1]), other, texts[0]), one


def copy_over(draw, commits):
    number = draw(st.integers(2, COUNT))
    return replaced(commits, number, commits[number - 1].files[place(number - 1)]), number


def repeat(draw, commits):
    number = draw(NUMBERS)
    return [*commits[:number], commits[number - 1], *commits[number:]], number + 1


def leave_out(draw, commits):
    number = draw(NUMBERS)
    return [c.with_file(place(number), None) for c in (*commits[: number - 1], *commits[number:])], number


def reorder(draw, commits):
    number = draw(st.integers(1, COUNT - 1))
    return [*commits[: number - 1], commits[number], commits[number - 1], *commits[number + 1 :]], number


def cut(draw, commits):
    number = draw(st.integers(1, COUNT - 1))
    return commits[:number], number + 1


def cut_beginning(draw, commits):
    number = draw(st.integers(1, COUNT - 1))
    return commits[number:], 1


def state(draw, commits):
    number, key = draw(NUMBERS), draw(st.sampled_from(["at", "count", "environment", "notebooks"]))
    plain = json.loads(commits[number - 1].files[STATE])
    plain[key] = {"at": "2000", "count": 77, "environment": "dev", "notebooks": {}}[key]
    return at(commits, number, lambda c: c.with_file(STATE, json.dumps(plain).encode())), number


def no_state(draw, commits):
    number = draw(NUMBERS)
    return at(commits, number, lambda c: c.with_file(STATE, None)), number


def past(draw, commits):
    """A record of before, changed in a later commit; by it alone, or for good."""
    number, later = sorted(draw(st.lists(NUMBERS, min_size=2, max_size=2, unique=True)))
    data = draw(st.sampled_from([None, b"{}"]))
    last = draw(st.sampled_from([later, COUNT]))
    return [c.with_file(place(number), data) if later <= n <= last else c for n, c in enumerate(commits, 1)], number


def foreign(draw, commits):
    number = draw(NUMBERS)
    path = draw(st.sampled_from(["README", "events/note", "events/00/00/98.json", "events/00/00/00.json", "x/y"]))
    return at(commits, number, lambda c: c.with_file(path, b"{}")), number


def merge(draw, commits):
    number = draw(st.integers(2, COUNT))
    return at(commits, number, lambda c: replace(c, merges=True)), number


def amend(draw, commits):
    number, change = draw(NUMBERS), draw(st.sampled_from([{"message": "other"}, {"who": "Mallory <m@example.org>"}]))
    return at(commits, number, lambda c: replace(c, **change)), number


def garble(draw, commits):
    number, data = draw(NUMBERS), draw(st.sampled_from([b"", b"{", b"[]", b"null", b"\xff", b'{"id": 1}', b"[" * 2000]))
    return replaced(commits, number, data), number


FAMILY = [edit, unchain, swap, copy_over, repeat, leave_out, reorder, cut, cut_beginning, state, no_state]
FAMILY += [past, foreign, merge, amend, garble]


@pytest.mark.parametrize("mutation", FAMILY)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_one_change_is_found_and_the_first_bad_record_named(book: Book, mutation, data) -> None:
    folder = book.ledger.git.root.with_name("forged")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(book.ledger.git.root, folder)
    commits, number = mutation(data.draw, book.commits)

    write(git.Repository(folder), commits)

    told = ledger.broken(Ledger(git.Repository(folder)), "prod")
    assert told is not None
    assert told.startswith(f"prod-{number:06d} (commit "), told


def test_what_nobody_changed_is_whole(book: Book) -> None:
    assert ledger.broken(book.ledger, "prod") is None


def test_who_never_saw_the_truth_is_told_of_all_but_the_last_record(book: Book, tmp_path: Path) -> None:
    """Without the remote's and this clone's memory a last record may be another; every one below is bound."""
    for number in range(1, COUNT):
        fresh = git.init(tmp_path)
        write(fresh, edited(book.commits, number, {"actor": "Mallory <m@example.org>"}))

        assert ledger.broken(Ledger(fresh), "prod").startswith(f"prod-{number:06d} (commit ")
        shutil.rmtree(tmp_path / ".git")
