"""One git branch an environment: append an event by compare-and-set, read events and the present state.

A commit adds one event (`events/00/00/07.json`) and the fold of all so far (`state.json`), so that reading the
present never walks the past, nor does the state of any moment. Written with plumbing: no work tree and no index is
touched.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

from nbpromote import clock
from nbpromote.errors import LostRace, Usage
from nbpromote.git import Rejected, Repository
from nbpromote.ledger.folding import fold
from nbpromote.ledger.reading import Events
from nbpromote.ledger.records import STATE, Spelling, event_id, number_of, place
from nbpromote.model import Event, State

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

    def fetch(self, timeout: float = _CATCH_UP_SECONDS) -> None:
        """Bring what others appended. Raises `Unavailable` where the remote did not hand it out in time."""
        if self.remote is not None:
            self.git.fetch(self.remote, "nbpromote/*", timeout=timeout)

    def state(self, environment: str) -> State:
        return self.states([environment])[environment]

    def states(self, environments: Iterable[str]) -> dict[str, State]:
        """The present state of each, by two calls to git however many there are."""
        known = self.git.refs("refs/heads/nbpromote/*", f"refs/remotes/{self.remote}/nbpromote/*")
        tips = {name: self._tip(name, known) for name in environments}
        self._read(tip for tip in tips.values() if tip)
        return {name: self._states[tip] if tip else State(environment=name) for name, tip in tips.items()}

    def state_at(self, environment: str, moment: str) -> State:
        """The state as it was at a moment."""
        return self._after(environment, self.events(environment).upto(moment))

    def state_before(self, event: Event) -> State:
        """The state that an event was appended to."""
        return self._after(event.environment, self.events(event.environment)[: number_of(event) - 1])

    def _after(self, environment: str, events: Events) -> State:
        if not events:
            return State(environment=environment)
        last = events[-1].commit
        if self.git.ref(last):
            return self._state(last)
        state = State(environment=environment)  # a shallow clone has no commit that old, and all of the events
        for event in events:
            state = fold(state, replace(event, commit=""))
        return replace(state, head=last)

    def _state(self, commit: str) -> State:
        self._read([commit])
        return self._states[commit]

    @cached_property
    def _states(self) -> dict[str, State]:
        """By commit. What one holds never changes, so that it is read once."""
        return {}

    def _read(self, commits: Iterable[str]) -> None:
        fresh = [commit for commit in commits if commit not in self._states]
        paths = [f"{commit}:{STATE}" for commit in fresh]
        for commit, path, blob in zip(fresh, paths, self.git.blobs(paths), strict=True):
            data = blob if blob is not None else self.git.run("cat-file", "blob", path)  # which says what is wrong
            state = self.spelling.read(State, data, where=f"{STATE} of commit {commit[:10]}")
            self._states[commit] = replace(state, head=commit)

    @cached_property
    def spelling(self) -> Spelling:
        return Spelling(self.git.root)

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
            numbered = _next(before, event)
            after = replace(fold(before, numbered), head=None)
            files = {place(after.count): self.spelling.written(numbered), STATE: self.spelling.written(after)}
            vouch = self.vouching(numbered)
            message, sign = _message(numbered), vouch is not None
            commit = self.git.commit(files, message, parent=before.head, at=numbered.at, sign=sign)
            if vouch is not None:
                vouch(commit)
            try:
                self._publish(event.environment, commit, before.head)
            except Rejected as rejected:
                said = str(rejected)
                time.sleep(random.uniform(0, 0.02 * attempt))
                self.fetch()
                continue
            return replace(after, head=commit)
        raise LostRace(
            f"{event.environment} kept moving; nothing was changed",
            hint=f"run the same command again; git last said: {said}",
        )

    def events(self, environment: str) -> Events:
        """Every event, oldest first, each with the ledger commit that holds it."""
        state = self.state(environment)
        numbers = range(1, state.count + 1)
        return Events(self.git, self.spelling, tip=state.head or "", newest=state.count, numbers=numbers)

    def environments(self) -> tuple[str, ...]:
        """Environments that have a history."""
        patterns = [
            "refs/heads/nbpromote/*",
            *([f"refs/remotes/{self.remote}/nbpromote/*"] if self.remote else []),
        ]
        return tuple(sorted({ref.rsplit("/", 1)[1] for ref in self.git.refs(*patterns)}))

    def tip(self, environment: str) -> str | None:
        """The remote's branch where the ledger is shared: a push comes before the local move."""
        return self._tip(environment, self.git.refs(f"refs/heads/nbpromote/{environment}", self.shadow(environment)))

    def _tip(self, environment: str, known: Mapping[str, str]) -> str | None:
        shadow = known.get(self.shadow(environment)) if self.remote else None
        return shadow or known.get(f"refs/heads/nbpromote/{environment}")

    def shadow(self, environment: str) -> str:
        return f"refs/remotes/{self.remote}/nbpromote/{environment}"

    def is_alone(self, environment: str) -> bool:
        """Whether this clone has a history that the remote is to share, and does not have as far as it was heard."""
        own = f"refs/heads/nbpromote/{environment}"
        return self.remote is not None and list(self.git.refs(own, self.shadow(environment))) == [own]

    def share(self, environment: str) -> None:
        """Take a history to the remote that does not have it. Raises `LostRace` where somebody was first."""
        tip = self.tip(environment)
        assert tip is not None
        try:
            self._publish(environment, tip, tip)
        except Rejected as rejected:
            raise LostRace(
                f"the remote {self.remote!r} has a history of {environment} by now; nothing was changed",
                hint="nbpromote doctor",
            ) from rejected

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
        branches = self.git.checked_out("refs/heads/nbpromote")
        if "refs/heads/nbpromote" in branches:
            raise Usage(
                "a branch called 'nbpromote' is in the way of the ledger's branches nbpromote/*",
                hint="git branch -m nbpromote another-name",
            )
        if branches.get(f"refs/heads/nbpromote/{environment}"):
            raise Usage(
                f"a worktree has the ledger's branch nbpromote/{environment} checked out",
                hint="git switch another branch",
            )


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


def _next(state: State, event: Event) -> Event:
    """The event as it is written: numbered, and never earlier than the one before it.

    It names the commit that it stands on, so that no earlier record can be rewritten unnoticed.
    """
    event = replace(
        event,
        id=event_id(event.environment, state.count + 1),
        at=max(clock.now(), state.at),
        after=state.head or "",
    )
    if event.step == "live":
        event = replace(event, deployments=tuple(replace(each, since=event.at) for each in event.deployments))
    return event


_SAID = {
    "running": "promotion to {environment} runs",
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
    "renewed": "renewed in {environment}",
    "expired": "expired in {environment}",
    "adopt live": "adopted as it was, live in {environment}",
    "release live": "released, live in {environment}",
    "rollback live": "live again in {environment}, rolled back",
    "repair live": "repaired in {environment}",
    "adopt intent": "adoption in {environment} begun",
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
