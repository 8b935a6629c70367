"""Whether a history is what was written: edits, swaps, duplicates and cuts of records."""

from __future__ import annotations

from dataclasses import replace

from nbpromote.errors import Error
from nbpromote.ledger.branch import Ledger, event_id
from nbpromote.ledger.folding import fold
from nbpromote.model import Event, State


def broken(ledger: Ledger, environment: str) -> str | None:
    """Why the first bad record of a branch is bad; None when every fold is what the events make it.

    Each fold names the commit it stands on, and git each commit by its content, so a rewritten record shows in the
    one after it; a rewritten last one, or one cut off, shows where this clone has been before.
    """
    try:
        events = ledger.events(environment)
        return _bad_record(ledger, environment, events) or _forgotten(ledger, environment, events)
    except (Error, ValueError, AssertionError) as error:
        return f"the history of {environment} cannot be read: {error}"


def _bad_record(ledger: Ledger, environment: str, events: tuple[Event, ...]) -> str | None:
    # a shallow clone lacks the commits of the first events, and reads those from the oldest one it has
    unseen = sum(event.commit == events[0].commit for event in events) - 1 if events else 0
    state, before = State(environment=environment), None
    for number, event in enumerate(events, start=1):
        state = fold(state, replace(event, commit=""))
        if number <= unseen:
            continue
        told = ledger.read(State, ledger.git.run("cat-file", "blob", f"{event.commit}:state.json"))
        here = f"{event_id(environment, number)} (commit {event.commit[:10]})"
        if event.id != event_id(environment, number):
            return f"{here} calls itself {event.id}"
        if before and told.head != before:
            return f"{event_id(environment, number - 1)} (commit {before[:10]}) was put in the place of {told.head}"
        if replace(told, head=None) != state:
            return f"{here}: its state.json is not the fold of the events up to it"
        before = event.commit
    return None


def _forgotten(ledger: Ledger, environment: str, events: tuple[Event, ...]) -> str | None:
    """A record that this clone once saw and that is no longer in the history."""
    known = {event.commit for event in events}
    places = (ledger.shadow(environment), f"refs/heads/nbpromote/{environment}")
    seen = dict.fromkeys(commit for place in places for commit in ledger.git.once_at(place))
    gone = [commit for commit in seen if commit not in known]
    if not gone:
        return None
    lost = ledger.read(State, ledger.git.run("cat-file", "blob", f"{gone[-1]}:state.json"))
    return f"{event_id(environment, lost.count)} (commit {gone[-1][:10]}) was here once, and is gone"
