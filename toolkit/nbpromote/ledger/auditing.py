"""Whether a history is what was written: edits, swaps, duplicates, insertions and cuts of records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any

from nbpromote import clock, git
from nbpromote.errors import Error
from nbpromote.ledger.branch import Ledger
from nbpromote.ledger.folding import fold
from nbpromote.ledger.records import STATE, event_id, number_at, place
from nbpromote.model import Event, State, dump


def broken(ledger: Ledger, environment: str) -> str | None:
    """Why the first bad record of a branch is bad; None when every commit is what the events up to it make.

    Each event names the commit that it stands on, and git each commit by its content, so a rewritten record shows in
    the one after it; a rewritten last one, or one cut off, shows where this clone or its remote has been before.
    """
    try:
        tip = ledger.tip(environment)
        if tip is not None:
            _Audit(ledger, environment, _commits(ledger, environment, tip)).follow()
        _refuse_forgotten(ledger, environment, tip)
    except _Bad as bad:
        return str(bad)
    except Error as error:
        return f"the history of {environment} cannot be read: {error}"
    return None


class _Bad(Exception):
    """The first record that is not as it was written."""

    def __init__(self, environment: str, number: int, commit: str, why: str) -> None:
        super().__init__(f"{event_id(environment, number)} (commit {commit[:10]}) {why}")


@dataclass(frozen=True)
class _Commit:
    number: int  # of the event that it holds
    id: str
    tree: str
    at: int  # seconds since 1970
    parents: tuple[str, ...]

    @property
    def dated(self) -> str:
        return clock.at(self.at * 10**9)


def _commits(ledger: Ledger, environment: str, tip: str) -> list[_Commit]:
    """Oldest first; a shallow clone lacks those of the first events."""
    rows = ledger.git.run("log", "--reverse", "--first-parent", "--format=%H %T %ct %P", tip).decode().splitlines()
    first = 1
    if ledger.git.is_shallow:
        first += max(ledger.state(environment).count - len(rows), 0)
    parted = (row.split(" ") for row in rows)
    return [
        _Commit(number, commit, tree, int(at or 0), tuple(filter(None, above)))
        for number, (commit, tree, at, *above) in enumerate(parted, start=first)
    ]


class _Audit:
    """Folds the events one by one, and holds each commit against the tree that they make."""

    def __init__(self, ledger: Ledger, environment: str, commits: Sequence[_Commit]) -> None:
        self._ledger = ledger
        self._environment = environment
        self._commits = commits
        self._state = State(environment=environment)
        self._plain = _Plain()
        self._tree = git.Tree(width=len(commits[0].id))

    def follow(self) -> None:
        """Raises `_Bad` for the first record that does not fit."""
        oldest = self._commits[0]
        before = self._cut_off(oldest)
        # a shallow clone reads the events whose commits it lacks from the oldest one that it has
        unseen = [replace(oldest, number=number) for number in range(1, oldest.number)]
        events = self._ledger.git.stream(f"{c.id}:{place(c.number)}" for c in chain(unseen, self._commits))
        states = self._ledger.git.stream(f"{c.id}:{STATE}" for c in self._commits)
        for commit in unseen:
            self._add(commit, self._next(commit, events), after=None)
        for commit in self._commits:
            self._add(commit, self._next(commit, events), after=before)
            self._hold(commit, self._next(commit, states))
            before = commit.id

    def _next(self, commit: _Commit, blobs: Iterator[bytes | None]) -> bytes | None:
        try:
            return next(blobs)
        except Error as error:
            raise self._bad(commit, f"cannot be read: {error}") from error

    def _cut_off(self, oldest: _Commit) -> str:
        """The commit below the oldest that is here: a shallow clone still knows its name."""
        if oldest.number == 1:
            return ""
        headers = self._ledger.git.run("cat-file", "commit", oldest.id).decode(errors="replace").split("\n\n")[0]
        parents = [line.removeprefix("parent ") for line in headers.splitlines() if line.startswith("parent ")]
        if not parents:
            raise self._bad(oldest, "is the first of the branch, and not the first that happened")
        return parents[0]

    def _add(self, commit: _Commit, blob: bytes | None, *, after: str | None) -> None:
        """Fold one more event, which says what it stands on; None for what is known by its name only."""
        if blob is None:
            raise self._bad(commit, f"leaves a hole: its commit adds no {place(commit.number)}")
        try:
            event = self._ledger.spelling.read(Event, blob, where=place(commit.number))
        except Error as error:
            raise self._bad(commit, f"cannot be read: {error.message}") from error
        if event.id != event_id(self._environment, commit.number) or event.environment != self._environment:
            raise self._bad(commit, f"calls itself {event.id} of {event.environment}")
        if after is not None and event.after != after:
            raise self._torn(commit, event.after, after)
        if event.at < self._state.at:
            raise self._bad(commit, f"is dated {event.at}, before the one that it follows")
        if after and commit.at < int(datetime.fromisoformat(self._state.at).timestamp()):
            # git holds a signature's key against this date, so that one that has expired since would do
            raise self._bad(commit, f"has a commit dated {commit.dated}, before the record that it follows")
        self._tree.put(place(commit.number), blob)
        try:
            self._state = fold(self._state, event)
        except AssertionError as error:
            raise self._bad(commit, f"is a step that cannot be taken: {event.verb} {event.step}") from error

    def _torn(self, commit: _Commit, wanted: str, found: str) -> _Bad:
        if not found:
            return self._bad(commit, f"is the first, and says that it stands on {wanted[:10]}")
        return _Bad(self._environment, commit.number - 1, found, f"was put in the place of {wanted[:10] or 'nothing'}")

    def _hold(self, commit: _Commit, state: bytes | None) -> None:
        if len(commit.parents) > 1:
            raise self._bad(commit, f"merges {len(commit.parents)} histories, and a ledger has one")
        if state is None:
            raise self._bad(commit, f"has no {STATE}")
        self._tree.put(STATE, state)
        if self._tree.id != commit.tree:
            raise self._strange(commit)
        if not self._is_fold(state):
            raise self._bad(commit, f"says in {STATE} something else than the events up to it")

    def _is_fold(self, blob: bytes) -> bool:
        spelling, expected = self._ledger.spelling, replace(self._state, head=None)
        try:
            # records are compared where their JSON differs: an older toolkit wrote fewer fields
            same = spelling.plain(blob) == self._plain.of(expected)
            return same or spelling.read(State, blob, where=STATE) == expected
        except (Error, ValueError):
            return False

    def _strange(self, commit: _Commit) -> _Bad:
        """What a commit did beside adding its event."""
        asked = "diff-tree", "--root", "-r", "-z", "--no-commit-id", "--name-only", "--no-renames", commit.id
        touched = self._ledger.git.run(*asked).decode(errors="replace").split("\0")[:-1]
        own = {STATE, *([place(commit.number)] if commit.parents else map(place, range(1, commit.number + 1)))}
        path = next((path for path in touched if path not in own), None)
        if path is None:
            return self._bad(commit, "changed how its files stand in the tree")
        number = number_at(path)
        if number is None or number > commit.number:
            return self._bad(commit, f"brought {path}, which is no record of it")
        written = self._commits[number - self._commits[0].number] if number >= self._commits[0].number else commit
        by = f"{event_id(self._environment, commit.number)} (commit {commit.id[:10]})"
        return _Bad(self._environment, number, written.id, f"was changed afterwards, with {by}")

    def _bad(self, commit: _Commit, why: str) -> _Bad:
        return _Bad(self._environment, commit.number, commit.id, why)


class _Plain:
    """States as plain JSON, of which only what an event changed is made anew."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[object, Any]] = {}

    def of(self, state: State) -> dict[str, Any]:
        """Parts are told apart by identity, so each is kept beside what was made of it."""
        parts = [*state.notebooks.values(), *state.attempts.values()]
        self._made = {id(part): self._made.get(id(part)) or (part, dump(part)) for part in parts}
        return {
            **dump(replace(state, notebooks={}, attempts={})),
            "notebooks": {name: self._made[id(standing)][1] for name, standing in state.notebooks.items()},
            "attempts": {name: self._made[id(attempt)][1] for name, attempt in state.attempts.items()},
        }


def _refuse_forgotten(ledger: Ledger, environment: str, tip: str | None) -> None:
    """Raises `_Bad` for the first record that this clone or its remote once had, and that the history lost."""
    places = (ledger.shadow(environment), f"refs/heads/nbpromote/{environment}")
    once = {commit for ref in places for commit in (ledger.git.ref(ref), *ledger.git.once_at(ref)) if commit}
    if not once - {tip}:
        return
    asked = ["rev-list", "--parents", "--ignore-missing", *sorted(once), *([f"^{tip}"] if tip else []), "--"]
    rows = [row.split() for row in ledger.git.run(*asked).decode().splitlines()]
    lost = {commit for commit, *_ in rows}
    first = [commit for commit, *parents in rows if lost.isdisjoint(parents)]
    blobs = ledger.git.blobs([f"{commit}:{STATE}" for commit in first])
    found = [
        (ledger.spelling.read(State, blob, where=STATE).count, commit)
        for commit, blob in zip(first, blobs, strict=True)
        if blob is not None
    ]
    if found:
        number, commit = min(found)
        raise _Bad(environment, number, commit, "was here once, and is gone")
