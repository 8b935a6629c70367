"""One git branch an environment: append an event by compare-and-set, read events and the present state.

A commit holds one event (`events/000007.json`) and the fold of all so far (`state.json`), so that reading the
present never walks the past. Written with plumbing: no work tree and no index is touched.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from nbpromote import clock
from nbpromote.errors import LostRace, Unavailable, Usage
from nbpromote.git import Rejected, Repository
from nbpromote.ledger.folding import fold
from nbpromote.model import Event, State, dump, load

_Record = TypeVar("_Record", Event, State)

# stands in the ledger for the project's folder: another clone, or the same one moved, has its own
_PROJECT = "<project>/"

_FETCH_SECONDS = 2.0  # status and its kin show what is known when the remote is slow
_CATCH_UP_SECONDS = 60.0  # an append cannot do without
_TRIES = 30


@dataclass(frozen=True)
class Ledger:
    """`remote` is the git remote that shares the ledger; None while it is local.

    `vouching` says of an event whether its commit is signed, by giving what that is asked before anybody sees it.
    """

    git: Repository
    remote: str | None = None
    vouching: Callable[[Event], Callable[[str], None] | None] = lambda _event: None

    def fetch(self) -> bool:
        """Bring what others appended. False when the remote did not answer within two seconds."""
        return self.remote is None or self.git.fetch(self.remote, "nbpromote/*", timeout=_FETCH_SECONDS)

    def state(self, environment: str) -> State:
        tip = self._tip(environment)
        if tip is None:
            return State(environment=environment)
        text = self.git.run("cat-file", "blob", f"{tip}:state.json")
        return replace(self.read(State, text), head=tip)

    def read(self, kind: type[_Record], blob: bytes) -> _Record:
        """A record as it is written; paths of the project are this clone's."""
        return load(kind, json.loads(blob.decode().replace(_PROJECT, self._root)))

    def _written(self, record: Event | State) -> bytes:
        text = json.dumps(dump(record), indent=1, sort_keys=True, ensure_ascii=False)
        return (text.replace(self._root, _PROJECT) + "\n").encode()

    @property
    def _root(self) -> str:
        """The project's folder as it stands in a JSON string."""
        return json.dumps(f"{self.git.root}/", ensure_ascii=False)[1:-1]

    def append(self, event: Event, *, expect: Callable[[State], None]) -> State:
        """Add one event on top of a state that `expect` accepts; it raises `LostRace` for one it does not.

        Compare-and-set: when somebody else was first, their state is read and `expect` is asked again, so that
        an event about another notebook is rebased over and one about the same is refused.
        """
        self._refuse_checkout(event.environment)
        said = ""
        for attempt in range(_TRIES):
            before = self.state(event.environment)
            expect(before)
            after, event_file = _next(before, event)
            files = {event_file[0]: self._written(event_file[1]), "state.json": self._written(after)}
            vouch = self.vouching(event)
            commit = self.git.commit(files, _message(event), parent=before.head, sign=vouch is not None)
            if vouch is not None:
                vouch(commit)
            try:
                self._publish(event.environment, commit, before.head)
            except Rejected as rejected:
                said = str(rejected)
                time.sleep(random.uniform(0, 0.02 * attempt))
                self._catch_up()
                continue
            return replace(after, head=commit)
        raise LostRace(
            f"{event.environment} kept moving; nothing was changed",
            hint=f"run the same command again; git last said: {said}",
        )

    def events(self, environment: str) -> tuple[Event, ...]:
        """Every event, oldest first, each with the ledger commit that holds it.

        A shallow clone has not every commit; the oldest one that is there holds the events before it as well.
        """
        tip = self._tip(environment)
        if tip is None:
            return ()
        log = self.git.run("log", "--reverse", "--first-parent", "--format=%H", tip).decode().split()
        first = self.state(environment).count - len(log)
        commits = [*[log[0]] * first, *log]
        blobs = self._blobs([f"{commit}:events/{number:06d}.json" for number, commit in enumerate(commits, start=1)])
        return tuple(replace(self.read(Event, blob), commit=c) for c, blob in zip(commits, blobs, strict=True))

    def environments(self) -> tuple[str, ...]:
        """Environments that have a history."""
        patterns = [
            "refs/heads/nbpromote/*",
            *([f"refs/remotes/{self.remote}/nbpromote/*"] if self.remote else []),
        ]
        return tuple(sorted({ref.rsplit("/", 1)[1] for ref in self.git.refs(*patterns)}))

    def _blobs(self, names: list[str]) -> list[bytes]:
        out = self.git.run("cat-file", "--batch", data="\n".join(names).encode() + b"\n")
        blobs, at = [], 0
        for name in names:
            line_end = out.index(b"\n", at)
            header = out[at:line_end].split()
            if header[-1] == b"missing":
                raise Unavailable(f"the ledger has a hole: {name} is missing", hint="nbpromote doctor")
            size = int(header[-1])
            blobs.append(out[line_end + 1 : line_end + 1 + size])
            at = line_end + 1 + size + 1
        return blobs

    def _catch_up(self) -> None:
        if self.remote and not self.git.fetch(self.remote, "nbpromote/*", timeout=_CATCH_UP_SECONDS):
            raise Unavailable(
                f"the remote {self.remote!r} has moved and cannot be fetched; nothing was changed",
                hint="mend the connection and run the same command again",
            )

    def _tip(self, environment: str) -> str | None:
        """The remote's branch where the ledger is shared: a push comes before the local move."""
        shared = self.git.ref(self.shadow(environment)) if self.remote else None
        return shared or self.git.ref(f"refs/heads/nbpromote/{environment}")

    def shadow(self, environment: str) -> str:
        return f"refs/remotes/{self.remote}/nbpromote/{environment}"

    def _publish(self, environment: str, commit: str, before: str | None) -> None:
        branch = f"nbpromote/{environment}"
        if self.remote is None:
            self.git.move(f"refs/heads/{branch}", commit, old=before)
            return
        self.git.push(self.remote, commit, branch)
        for ref in (self.shadow(environment), f"refs/heads/{branch}"):
            self._forward(ref, commit)

    def _forward(self, ref: str, commit: str) -> None:
        """Follow the remote. A reference that is further already, or elsewhere, stays: nothing is lost by a push."""
        at = self.git.ref(ref)
        if at is None or self.git.contains(commit, at):
            with suppress(Rejected):
                self.git.move(ref, commit, old=at)

    def _refuse_checkout(self, environment: str) -> None:
        branch = f"nbpromote/{environment}"
        if self.git.ref("refs/heads/nbpromote"):
            raise Usage(
                "a branch called 'nbpromote' is in the way of the ledger's branches nbpromote/*",
                hint="git branch -m nbpromote another-name",
            )
        if self.git.checked_out(f"refs/heads/{branch}").get(f"refs/heads/{branch}"):
            raise Usage(f"a worktree has the ledger's branch {branch} checked out", hint="git switch another branch")


def shared_by(git: Repository, configured: str | None) -> str | None:
    """The remote that shares the ledger: the configured one, else the one that already has it."""
    if configured is not None:
        return configured
    owners = {ref.split("/")[2] for ref in git.refs("refs/remotes") if ref.split("/")[3:4] == ["nbpromote"]}
    if len(owners) > 1:
        raise Usage(
            f"several remotes hold a ledger: {', '.join(sorted(owners))}",
            hint='name one in pyproject.toml: [tool.nbpromote] remote = "..."',
        )
    return next(iter(owners), None)


def _next(state: State, event: Event) -> tuple[State, tuple[str, Event]]:
    """The event as it is written: numbered, and never earlier than the one before it.

    The written fold names the commit it stands on, so that no earlier record can be rewritten unnoticed.
    """
    number = state.count + 1
    event = replace(event, id=event_id(event.environment, number), at=max(clock.now(), state.at))
    if event.step == "live":
        event = replace(event, deployments=tuple(replace(each, since=event.at) for each in event.deployments))
    after = replace(fold(state, event), head=state.head)
    return after, (f"events/{number:06d}.json", event)


def event_id(environment: str, number: int) -> str:
    return f"{environment}-{number:06d}"


_SAID = {
    "waiting": "waits at the door of {environment}",
    "live": "live in {environment}",
    "verified": "verified in {environment}",
    "unverified": "not yet verified in {environment}",
    "failed": "failed verification in {environment}",
    "refused": "refused by the gates of {environment}",
    "inconclusive": "too little is known for the gates of {environment}",
    "errored": "could not be judged at the gates of {environment}",
    "rejected": "rejected in {environment}",
    "aborted": "{verb} in {environment} given up",
    "superseded": "superseded in {environment}",
    "expired": "expired in {environment}",
    "release live": "released, live in {environment}",
    "rollback live": "live again in {environment}, rolled back",
    "repair live": "repaired in {environment}",
    "adopt live": "adopted, live in {environment} before nbpromote came",
    "release intent": "release to {environment} begun",
    "promote intent": "promotion to {environment} begun",
    "rollback intent": "rollback in {environment} begun",
    "approve done": "approved for {environment}",
    "override done": "demands of {environment} overridden",
    "hold done": "held in {environment}",
    "unhold done": "hold lifted in {environment}",
    "freeze done": "{environment} is frozen",
    "thaw done": "{environment} is thawed",
}


def _message(event: Event) -> str:
    """A subject that `git log` reads as history, such as `train_delay brisk-otter: live in prod`; the reason below."""
    said = _SAID.get(f"{event.verb} {event.step}") or _SAID.get(event.step) or "{verb} {step} in {environment}"
    who = " ".join(part for part in (", ".join(event.notebooks), ", ".join(event.aliases)) if part) or event.verb
    subject = f"{who}: " + said.format(verb=event.verb, step=event.step, environment=event.environment)
    return f"{subject}\n\n{event.reason}\n" if event.reason else subject + "\n"
