"""Append-only events, one git branch an environment; present state is a fold. Knows no MLflow and no store.

A commit holds one event (`events/000007.json`) and the fold of all so far (`state.json`), so that reading the
present never walks the past. Written with plumbing: no work tree and no index is touched.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from nbpromote import clock
from nbpromote.errors import Error, LostRace, Unavailable, Usage
from nbpromote.git import Rejected, Repository
from nbpromote.model import Deployment, Event, Standing, State, dump, load

_FETCH_SECONDS = 2.0
_TRIES = 30


@dataclass(frozen=True)
class Ledger:
    """`remote` is the git remote that shares the ledger; None while it is local."""

    git: Repository
    remote: str | None = None

    def fetch(self) -> bool:
        """Bring what others appended. False when the remote did not answer within two seconds."""
        return self.remote is None or self.git.fetch(self.remote, "nbpromote/*", timeout=_FETCH_SECONDS)

    def state(self, environment: str) -> State:
        tip = self._tip(environment)
        if tip is None:
            return State(environment=environment)
        text = self.git.run("cat-file", "blob", f"{tip}:state.json")
        return replace(load(State, json.loads(text)), head=tip)

    def append(self, event: Event, *, expect: Callable[[State], None]) -> State:
        """Add one event on top of a state that `expect` accepts; it raises `LostRace` for one it does not.

        Compare-and-set: when somebody else was first, their state is read and `expect` is asked again, so that
        an event about another notebook is rebased over and one about the same is refused.
        """
        self._refuse_checkout(event.environment)
        for _ in range(_TRIES):
            before = self.state(event.environment)
            expect(before)
            after, files = _next(before, event)
            commit = self.git.commit(files, _message(event), parent=before.head)
            try:
                self._publish(event.environment, commit, before.head)
            except Rejected:
                self.fetch()
                continue
            return replace(after, head=commit)
        raise LostRace(f"{event.environment} kept moving; nothing was changed", hint="run the same command again")

    def events(self, environment: str) -> tuple[Event, ...]:
        """Every event, oldest first, each with the ledger commit that holds it."""
        tip = self._tip(environment)
        if tip is None:
            return ()
        log = self.git.run("log", "--reverse", "--first-parent", "--format=%H", tip).decode().split()
        names = [f"{commit}:events/{number:06d}.json" for number, commit in enumerate(log, start=1)]
        blobs = self._blobs(names)
        return tuple(replace(load(Event, json.loads(blob)), commit=c) for c, blob in zip(log, blobs, strict=True))

    def environments(self) -> tuple[str, ...]:
        """Environments that have a history."""
        patterns = [
            "refs/heads/nbpromote",
            *([f"refs/remotes/{self.remote}/nbpromote"] if self.remote else []),
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

    def _tip(self, environment: str) -> str | None:
        """The remote's branch where the ledger is shared: a push comes before the local move."""
        shared = self.git.ref(self._shadow(environment)) if self.remote else None
        return shared or self.git.ref(f"refs/heads/nbpromote/{environment}")

    def _shadow(self, environment: str) -> str:
        return f"refs/remotes/{self.remote}/nbpromote/{environment}"

    def _publish(self, environment: str, commit: str, before: str | None) -> None:
        branch = f"nbpromote/{environment}"
        if self.remote is None:
            self.git.move(f"refs/heads/{branch}", commit, old=before)
            return
        self.git.push(self.remote, commit, branch)
        self.git.run("update-ref", self._shadow(environment), commit)
        self.git.run("update-ref", f"refs/heads/{branch}", commit)

    def _refuse_checkout(self, environment: str) -> None:
        branch = f"nbpromote/{environment}"
        if self.git.ref("refs/heads/nbpromote"):
            raise Usage(
                "a branch called 'nbpromote' is in the way of the ledger's branches nbpromote/*",
                hint="git branch -m nbpromote another-name",
            )
        if self.git.is_checked_out(branch):
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


def at(environment: str, events: Iterable[Event], moment: str) -> State:
    """The state as it was at a moment."""
    state = State(environment=environment)
    for event in events:
        if event.at <= moment:
            state = fold(state, event)
    return state


def fold(state: State, event: Event) -> State:
    """The state after one more event. Pure."""
    notebooks = dict(state.notebooks)
    for notebook in event.notebooks:
        notebooks[notebook] = _step(state[notebook], event)
    return replace(state, notebooks=notebooks, count=state.count + 1, at=event.at)


def _step(standing: Standing, event: Event) -> Standing:
    match event.step:
        case "intent":
            return replace(standing, open=event)
        case "abandoned":
            return replace(standing, open=None)
        case "live":
            assert event.deployment is not None
            return _live(standing, event.deployment, event)
        case "verified" | "unverified" | "failed" if standing.live and standing.live.run == _run(event):
            return replace(standing, live=standing.live.with_state(event.step))
        case "done" if event.verb == "unhold":
            return replace(standing, holds=tuple(held for held in standing.holds if held != event.hold))
    return standing


def _run(event: Event) -> str:
    return event.deployment.run if event.deployment else ""


def _live(standing: Standing, deployment: Deployment, event: Event) -> Standing:
    """What was live and verified becomes a place to go back to, unless going back is what happens."""
    left = standing.live
    stable = tuple(d for d in standing.stable if d.run != deployment.run)
    if event.verb != "rollback" and left and left.state == "verified" and left.run != deployment.run:
        stable = (*stable, left)
    if event.verb == "rollback":
        # only what came before the target stays behind it
        runs = [d.run for d in standing.stable]
        stable = standing.stable[: runs.index(deployment.run)] if deployment.run in runs else stable
    holds = tuple(dict.fromkeys([*standing.holds, *([event.hold] if event.hold else [])]))
    return Standing(live=deployment, stable=stable, holds=holds, open=None)


def _next(state: State, event: Event) -> tuple[State, dict[str, bytes]]:
    """The event as it is written: numbered, and never earlier than the one before it."""
    number = state.count + 1
    event = replace(event, id=f"{event.environment}-{number:06d}", at=max(clock.now(), state.at))
    if event.deployment and event.step == "live":
        event = replace(event, deployment=replace(event.deployment, since=event.at))
    after = replace(fold(state, event), head=None)
    return after, {f"events/{number:06d}.json": _pretty(event), "state.json": _pretty(after)}


def _pretty(record: Event | State) -> bytes:
    return (json.dumps(dump(record), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _message(event: Event) -> str:
    """A subject that `git log` reads as history, and the reason below it."""
    what = {
        "intent": f"{event.verb} begun",
        "live": "live" + {"promote": "", "release": ", released", "rollback": ", rolled back"}.get(event.verb, ""),
        "done": event.verb,
    }.get(event.step, event.step)
    subject = f"{', '.join(event.notebooks)} {event.alias}: {what} in {event.environment}"
    return f"{subject}\n\n{event.reason}\n" if event.reason else subject + "\n"


def broken(ledger: Ledger, environment: str) -> str | None:
    """Why the first bad record of a branch is bad; None when every fold is what the events make it."""
    state = State(environment=environment)
    try:
        for event in ledger.events(environment):
            state = fold(state, replace(event, commit=""))
            told = json.loads(ledger.git.run("cat-file", "blob", f"{event.commit}:state.json"))
            if load(State, told) != replace(state, head=None):
                return f"{event.id} (commit {event.commit[:10]}): state.json is not the fold of its events"
    except (Error, ValueError, KeyError, AssertionError) as error:
        return f"after {state.count} good records: {error}"
    return None
