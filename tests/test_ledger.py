"""The ledger on real git: many writers at once, a shared remote, and hands that tamper with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from bisect import bisect_right
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histories import deployment, event, grow
from nbpromote import clock, git, ledger
from nbpromote.errors import BadInput, LostRace, Refused, Unavailable, Usage
from nbpromote.ledger import Ledger, branch
from nbpromote.ledger.records import place
from nbpromote.model import Event, Standing, State, dump, load


def shell(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def named(repository: git.Repository) -> git.Repository:
    shell(repository.root, "config", "user.name", "Ada Lovelace")
    shell(repository.root, "config", "user.email", "ada@example.org")
    return repository


@pytest.fixture
def local(tmp_path):
    (tmp_path / "local").mkdir()
    return Ledger(named(git.init(tmp_path / "local")))


@pytest.fixture
def remote(tmp_path):
    folder = tmp_path / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", folder], check=True)
    return folder


@pytest.fixture
def clone(remote, tmp_path):
    """Makes clones of the shared remote, by name."""

    def clone(name: str, *options: str) -> Ledger:
        subprocess.run(["git", "clone", "--quiet", *options, f"file://{remote}", tmp_path / name], check=True)
        return Ledger(named(git.Repository(tmp_path / name)), "origin")

    return clone


def whatever(_state: State) -> None:
    """What an append expects that is content with any state."""


def written(book: Ledger, *events: Event) -> list[State]:
    return [book.append(one, expect=whatever) for one in events]


def promoted(mark: str, notebook: str = "train") -> list[Event]:
    return [event("promote", step, mark, notebook) for step in ("intent", "live", "verified")]


# -- writing and reading -------------------------------------------------------------------------------------------


def test_where_nothing_happened_nothing_is_live(local):
    assert local.state("prod") == State(environment="prod")
    assert list(local.events("prod")) == []
    assert local.state_at("prod", "2999-01-01T00:00:00.000Z") == State(environment="prod")
    assert local.environments() == ()
    assert ledger.broken(local, "prod") is None


def test_what_was_appended_is_read_back(local):
    states = written(local, *promoted("otter"), *promoted("heron", "score"))

    events = local.events("prod")

    assert [e.id for e in events] == [f"prod-{number:06d}" for number in range(1, 7)]
    assert [(e.notebooks, e.verb, e.step) for e in events][:2] == [
        (("train",), "promote", "intent"),
        (("train",), "promote", "live"),
    ]
    assert [e.commit for e in events] == [state.head for state in states]
    assert sorted(e.at for e in events) == [e.at for e in events]
    assert local.state("prod") == states[-1]
    live = replace(deployment("train", "otter", "verified"), since=events[1].at, verified=events[2].at)
    assert local.state("prod")["train"].live == live
    assert local.environments() == ("prod",)
    assert ledger.broken(local, "prod") is None


def test_what_was_written_under_an_older_key_is_read_and_no_forgery(local, monkeypatch):
    def dumped(record: object) -> Any:
        plain = json.dumps(dump(record)).replace('"authors": ["Ada"]', '"author": "Ada"')
        return json.loads(plain.replace('"authors": []', '"author": ""'))

    monkeypatch.setattr("nbpromote.ledger.records.dump", dumped)
    first, *others = promoted("otter")
    by_ada = tuple(replace(each, authors=("Ada",)) for each in first.deployments)
    written(local, *(replace(one, deployments=by_ada) if one.deployments else one for one in (first, *others)))
    monkeypatch.undo()
    written(local, *promoted("heron", "score"))

    assert b'"author": "Ada"' in local.git.run("show", "nbpromote/prod:events/00/00/01.json")
    assert [live.authors for live in (local.state("prod")[name].live for name in ("train", "score"))] == [("Ada",), ()]
    assert ledger.broken(local, "prod") is None


def test_the_state_of_any_moment_is_the_one_after_the_last_event_by_then(local):
    states = written(local, *promoted("otter"), *promoted("heron"))
    events = list(local.events("prod"))

    for state in states:
        last = max(n for n, e in enumerate(events) if e.at <= state.at)
        assert local.state_at("prod", state.at) == states[last]
    for number, one in enumerate(events):
        assert local.state_before(one) == (states[number - 1] if number else State(environment="prod"))
    assert local.state_at("prod", "2000-01-01T00:00:00.000Z") == State(environment="prod")


def test_history_is_read_in_stretches_forwards_and_backwards(local):
    written(local, *promoted("otter"), *promoted("heron"))
    events = local.events("prod")
    every = list(events)

    assert len(events) == 6
    assert (events[0], events[-1], events[2]) == (every[0], every[-1], every[2])
    assert list(reversed(events)) == every[::-1]
    for stretch in (slice(2), slice(2, 4), slice(3, None), slice(4, 1, -1), slice(None, None, -1), slice(3, 3)):
        assert list(events[stretch]) == every[stretch]
        assert list(reversed(events[stretch])) == every[stretch][::-1]
    assert events.index(every[3]) == 3
    with pytest.raises(IndexError):
        events[6]


def test_a_moment_is_found_in_a_long_history(local):
    grow(local, 250)
    events = local.events("prod")
    times = [event.at for event in events]

    for at in times[::20]:
        for milliseconds in (-1, 0, 1):
            moment = clock.spelled(datetime.fromisoformat(at) + timedelta(milliseconds=milliseconds))
            assert len(events.upto(moment)) == bisect_right(times, moment)


def test_a_folder_holds_a_hundred_events(local):
    grow(local, 99)
    assert ledger.broken(local, "prod") is None

    *_, state = written(local, *promoted("otter"))

    assert state.count == 102
    assert list(local.git.tracked(state.head))[98:] == [
        "events/00/00/99.json",
        "events/00/01/00.json",
        "events/00/01/01.json",
        "events/00/01/02.json",
        "state.json",
    ]
    assert ledger.broken(local, "prod") is None


def test_a_repository_of_longer_names_holds_a_ledger_too(tmp_path):
    subprocess.run(["git", "init", "--quiet", "--object-format=sha256", tmp_path / "sha256"], check=True)
    book = Ledger(named(git.Repository(tmp_path / "sha256")))

    *_, state = written(book, *promoted("otter"))

    assert len(state.head) == 64
    assert ledger.broken(book, "prod") is None


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31T12:00:00.5+02:00", "2026-01-31T10:00:00.500Z"),
        ("2026-01-31T12:00", "2026-01-31T17:00:00.000Z"),
        ("2026-01-31", "2026-02-01T04:59:59.999Z"),
        ("yesterday", None),
        ("", None),
        ("2026-13-01", None),
        ("9999-12-31", None),
    ],
)
def test_a_moment_is_typed_as_people_do_and_a_date_means_its_end(typed, moment, monkeypatch):
    monkeypatch.setenv("TZ", "EST5")
    time.tzset()
    try:
        if moment is not None:
            assert clock.parse(typed) == moment
        else:
            with pytest.raises(BadInput, match="is no date"):
                clock.parse(typed)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_event_that_is_not_expected_is_not_written(local):
    written(local, *promoted("otter"))
    before = local.state("prod")

    def refuse(_state):
        raise LostRace("somebody else")

    with pytest.raises(LostRace, match="somebody else"):
        local.append(event("promote", "intent", "heron"), expect=refuse)

    assert local.state("prod") == before


def test_time_never_runs_backwards(local):
    (state,) = written(local, event("promote", "intent", "otter"))
    ahead = local.git.commit(
        {"state.json": json.dumps(dump(replace(state, at="2999-01-01T00:00:00.000Z"))).encode()}, "x", parent=state.head
    )
    local.git.move("refs/heads/nbpromote/prod", ahead, old=state.head)

    (after,) = written(local, event("promote", "live", "otter"))

    assert after.at == "2999-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("verb", "step", "subject"),
    [
        ("release", "intent", "train brisk-otter: release to prod begun"),
        ("release", "live", "train brisk-otter: released, live in prod"),
        ("promote", "intent", "train brisk-otter: promotion to prod begun"),
        ("promote", "live", "train brisk-otter: live in prod"),
        ("promote", "verified", "train brisk-otter: verified in prod"),
        ("promote", "unverified", "train brisk-otter: not yet verified in prod"),
        ("promote", "failed", "train brisk-otter: failed verification in prod"),
        ("promote", "refused", "train brisk-otter: refused by the gates of prod"),
        ("promote", "aborted", "train brisk-otter: promote in prod given up"),
        ("rollback", "intent", "train brisk-otter: rollback in prod begun"),
        ("rollback", "live", "train brisk-otter: live again in prod, rolled back"),
        ("repair", "live", "train brisk-otter: repaired in prod"),
        ("unhold", "done", "train brisk-otter: hold lifted in prod"),
        ("thaw", "done", "train brisk-otter: prod is thawed"),
    ],
)
def test_a_subject_reads_as_history(verb, step, subject):
    assert branch._message(event(verb, step, "otter")) == f"{subject}\n"


def test_git_log_tells_what_happened_and_why(local):
    written(
        local,
        *promoted("otter"),
        event("promote", "live", "heron", reason="better\non Mondays"),
        event("unhold", "done", releases=("otter",)),
    )

    log = shell(local.git.root, "log", "--reverse", "--format=%an: %s|%b", "nbpromote/prod").replace("\n", " ")

    assert log == (
        "Ada Lovelace: train brisk-otter: promotion to prod begun| "
        "Ada Lovelace: train brisk-otter: live in prod| "
        "Ada Lovelace: train brisk-otter: verified in prod| "
        "Ada Lovelace: train brisk-heron: live in prod|better on Mondays  "
        "Ada Lovelace: train: hold lifted in prod|"
    )


# -- what is in the way --------------------------------------------------------------------------------------------


def test_a_branch_called_nbpromote_is_told_and_left(local):
    shell(local.git.root, "commit", "--quiet", "--allow-empty", "-m", "first")
    shell(local.git.root, "branch", "nbpromote")

    with pytest.raises(Usage, match="is in the way") as told:
        written(local, event("promote", "intent", "otter"))

    assert "git branch -m nbpromote" in told.value.hint
    assert local.environments() == ()


def test_a_branch_that_is_checked_out_is_not_moved_under_its_worktree(local, tmp_path):
    before = written(local, *promoted("otter"))[-1].head
    shell(local.git.root, "worktree", "add", "--quiet", str(tmp_path / "worktree"), "nbpromote/prod")

    with pytest.raises(Usage, match="checked out"):
        written(local, *promoted("heron"))

    assert local.state("prod").head == before


def test_a_lock_that_a_killed_git_has_left_is_in_nobodys_way(local):
    (before, *_) = reversed(written(local, *promoted("otter")))
    lock = local.git.folder / "refs/heads/nbpromote/prod.lock"
    lock.touch()

    with pytest.raises(git.Rejected, match="File exists"):
        local.git.move("refs/heads/nbpromote/prod", before.head, old=before.head)
    is_held = lock.exists()
    os.utime(lock, (0, 0))
    after = local.append(event("promote", "intent", "heron"), expect=whatever)

    assert (is_held, lock.exists(), after.count) == (True, False, 4)


def test_work_tree_and_index_are_left_alone(local):
    root = local.git.root
    (root / "notebook.py").write_text("x = 1\n")
    shell(root, "add", "notebook.py")
    (root / "notebook.py").write_text("x = 2\n")
    status = shell(root, "status", "--porcelain")  # it refreshes the index
    index = (root / ".git" / "index").read_bytes()

    written(local, *promoted("otter"))

    assert (root / ".git" / "index").read_bytes() == index
    assert shell(root, "status", "--porcelain") == status
    assert {path.name for path in root.iterdir()} == {".git", "notebook.py"}


# -- many at once --------------------------------------------------------------------------------------------------

RACER = """
import json, sys, time
from pathlib import Path
from typing import Any
from nbpromote import git
from nbpromote.errors import LostRace
from nbpromote.ledger import Ledger
from nbpromote.model import Event, load

_, root, remote, go = sys.argv
events = [load(Event, plain) for plain in json.loads(sys.stdin.readline())]
book = Ledger(git.Repository(Path(root)), remote or None)
seen = book.state("prod")["train"]

def unmoved(state):
    if state["train"] != seen:
        raise LostRace("moved")

print("ready", flush=True)
while not Path(go).exists():
    time.sleep(0.001)
try:
    for event in events:
        book.append(event, expect=unmoved)
    print("won")
except LostRace:
    print("lost")
"""


@pytest.fixture
def race(tmp_path):
    """Starts a process for each writer, which all append their events at the same moment; what each says."""

    def race(writers: dict[str, Ledger], events: dict[str, list[Event]]) -> dict[str, str]:
        racers = {}
        for name, book in writers.items():
            command = [sys.executable, "-c", RACER, book.git.root, book.remote or "", tmp_path / "go"]
            racers[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            racers[name].stdin.write(json.dumps([dump(one) for one in events[name]]) + "\n")
            racers[name].stdin.flush()
        for racer in racers.values():
            assert racer.stdout.readline() == "ready\n"
        (tmp_path / "go").touch()
        return {name: racer.communicate(timeout=60)[0].strip() for name, racer in racers.items()}

    return race


@pytest.fixture(params=["local", "shared"])
def books(request, local, clone):
    """Four writers of one history: processes of one repository, or clones that share a remote."""
    names = ("ant", "bee", "cat", "dog")
    if request.param == "local":
        written(local, *promoted("otter"))
        return dict.fromkeys(names, local)
    first = clone("ant")
    written(first, *promoted("otter"))
    return {"ant": first, **{name: clone(name) for name in names[1:]}}


def test_of_many_who_move_one_notebook_exactly_one_wins(books, race):
    said = race(books, {name: [event("promote", "live", name)] for name in books})

    book = books["ant"]
    book.fetch()
    assert sorted(said.values()) == ["lost"] * 3 + ["won"]
    (winner,) = [name for name, word in said.items() if word == "won"]
    assert book.state("prod")["train"].live.run == winner
    assert len(book.events("prod")) == 4
    assert ledger.broken(book, "prod") is None


def test_events_about_other_notebooks_are_rebased_over_and_none_is_lost(books, race):
    wanted = {name: [event("promote", "live", f"{name}{n}", name) for n in range(3)] for name in books}

    said = race(books, wanted)

    book = books["ant"]
    book.fetch()
    events = book.events("prod")
    assert set(said.values()) == {"won"}
    assert [e.id for e in events] == [f"prod-{number:06d}" for number in range(1, 3 + 4 * 3 + 1)]
    assert sorted(e.digests for e in events[3:]) == sorted(one.digests for each in wanted.values() for one in each)
    assert {name: book.state("prod")[name].live.run for name in books} == {name: f"{name}2" for name in books}
    assert ledger.broken(book, "prod") is None


# -- a shared remote -----------------------------------------------------------------------------------------------


def test_what_one_clone_appends_every_other_sees(clone):
    one, two = clone("one"), clone("two")
    (state,) = written(one, event("promote", "live", "otter"))
    assert two.state("prod").head is None

    two.fetch()

    assert two.state("prod") == state
    assert list(two.events("prod")) == list(one.events("prod"))
    assert two.environments() == ("prod",)
    assert ledger.shared_by(two.git, None) == "origin"


def test_a_fresh_clone_reads_the_same(clone):
    one = clone("one")
    state = written(one, *promoted("otter"))[-1]

    fresh = clone("fresh")

    assert fresh.state("prod") == state
    assert list(fresh.events("prod")) == list(one.events("prod"))


def test_a_shallow_clone_reads_everything_and_can_append(clone):
    one = clone("one")
    written(one, *promoted("otter"))

    shallow = clone("shallow", "--depth", "1", "--no-single-branch")
    (state,) = written(shallow, event("promote", "live", "heron"))

    events = list(one.events("prod"))
    assert list(shallow.events("prod"))[:3] == events
    assert [e.digests for e in shallow.events("prod")] == [("otter",), ("otter",), ("otter",), ("heron",)]
    assert shallow.state_before(events[2]) == one.state_before(events[2])
    assert shallow.state_at("prod", events[0].at) == one.state_at("prod", events[0].at)
    assert ledger.broken(shallow, "prod") is None
    one.fetch()
    assert one.state("prod") == state
    assert ledger.broken(one, "prod") is None


def test_a_branch_deleted_here_is_there_again_from_the_remote(clone):
    one = clone("one")
    written(one, *promoted("otter"))
    shell(one.git.root, "branch", "-D", "nbpromote/prod")
    shell(one.git.root, "update-ref", "-d", "refs/remotes/origin/nbpromote/prod")
    assert one.state("prod").count == 0

    one.fetch()
    (state,) = written(one, event("promote", "live", "heron"))

    assert state.count == 4
    assert shell(one.git.root, "rev-parse", "nbpromote/prod") == state.head
    assert ledger.broken(one, "prod") is None


def test_a_remote_that_was_cut_off_is_found_by_who_was_further(clone, remote):
    one = clone("one")
    states = written(one, *promoted("otter"))
    shell(remote, "update-ref", "refs/heads/nbpromote/prod", states[0].head)
    shutil.rmtree(one.git.folder / "logs")  # where the branch is says enough

    one.fetch()

    assert ledger.broken(one, "prod").startswith(f"prod-000002 (commit {states[1].head[:10]}) was here once")


def test_a_protected_branch_of_the_remote_says_so_and_nothing_moves(clone, remote):
    one = clone("one")
    before = written(one, event("promote", "intent", "otter"))[-1]
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho prod is for the release team >&2\nexit 1\n")
    hook.chmod(0o755)

    with pytest.raises(Refused, match="prod is for the release team"):
        written(one, event("promote", "live", "otter"))

    assert one.state("prod") == before


def test_a_local_history_goes_on_where_a_remote_begins_to_share_it(local, remote):
    written(local, *promoted("otter"))
    shell(local.git.root, "remote", "add", "origin", str(remote))

    written(Ledger(local.git, "origin"), *promoted("heron"))

    assert len(Ledger(local.git, "origin").events("prod")) == 6
    assert shell(remote, "rev-parse", "nbpromote/prod") == shell(local.git.root, "rev-parse", "nbpromote/prod")


def test_a_history_that_its_remote_has_not_is_known_as_alone_until_it_is_shared(local, remote, clone):
    written(local, *promoted("otter"))
    assert not local.is_alone("prod")  # nobody is to share it
    shell(local.git.root, "remote", "add", "origin", str(remote))
    shared, another = Ledger(local.git, "origin"), clone("another")
    assert [shared.is_alone(environment) for environment in ("prod", "dev")] == [True, False]
    assert not another.state("prod").count

    shared.share("prod")

    assert not shared.is_alone("prod")
    another.fetch()
    assert another.state("prod") == shared.state("prod")


def test_a_history_is_not_shared_over_one_that_the_remote_has_by_now(local, remote, clone):
    written(local, *promoted("otter"))
    shell(local.git.root, "remote", "add", "origin", str(remote))
    written(clone("another"), *promoted("heron"))

    with pytest.raises(LostRace, match="has a history of prod by now; nothing was changed"):
        Ledger(local.git, "origin").share("prod")


def test_without_its_remote_the_ledger_says_so_and_stays(clone, remote):
    one = clone("one")
    written(one, *promoted("otter"))
    before = (one.state("prod"), shell(one.git.root, "for-each-ref"))
    remote.rename(remote.with_suffix(".away"))

    with pytest.raises(Unavailable, match="cannot be reached"):
        one.fetch()
    with pytest.raises(Unavailable, match=r"cannot be reached: .*; nothing was changed"):
        written(one, *promoted("heron"))

    assert (one.state("prod"), shell(one.git.root, "for-each-ref")) == before


def test_several_remotes_with_a_ledger_are_not_guessed_between(clone, remote):
    one = clone("one")
    written(one, *promoted("otter"))
    shell(one.git.root, "remote", "add", "fork", str(remote))
    shell(one.git.root, "fetch", "--quiet", "fork")

    with pytest.raises(Usage, match="several remotes hold a ledger: fork, origin"):
        ledger.shared_by(one.git, None)

    assert ledger.shared_by(one.git, "fork") == "fork"


# -- tampering -----------------------------------------------------------------------------------------------------


def rewritten(book: Ledger, number: int, **changed: str) -> None:
    """Change one event the way a rebase would: every commit from there on is made anew, with its own files."""
    tip, events = book.state("prod").head, list(book.events("prod"))
    parent = events[number - 2].commit if number > 1 else None
    for at, one in enumerate(events[number - 1 :], start=number):
        path = place(at)
        plain = json.loads(book.git.read(one.commit, path))
        if at == number:
            plain |= changed
        files = {path: json.dumps(plain).encode(), "state.json": book.git.read(one.commit, "state.json")}
        parent = book.git.commit(files, "rebased", parent=parent)
    book.git.move("refs/heads/nbpromote/prod", parent, old=tip)


def hidden(book: Ledger) -> None:
    """Forget where the branch has been, as a clone that never saw it does."""
    (book.git.folder / "logs" / "refs" / "heads" / "nbpromote" / "prod").unlink()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_rewritten_record_is_named(local, number):
    written(local, *promoted("otter"), event("promote", "intent", "heron"))

    rewritten(local, number, actor="Mallory <m@example.org>")
    hidden(local)

    assert ledger.broken(local, "prod").startswith(f"prod-{number:06d} (commit ")


def test_a_record_that_says_something_else_than_the_state_is_named(local):
    written(local, *promoted("otter"))

    rewritten(local, 3, step="failed")
    hidden(local)

    assert "prod-000003" in ledger.broken(local, "prod")
    assert "something else than the events" in ledger.broken(local, "prod")


def test_a_rewritten_last_record_is_named_where_the_true_one_was_seen(local):
    written(local, *promoted("otter"))

    rewritten(local, 3, actor="Mallory <m@example.org>")

    assert ledger.broken(local, "prod").startswith("prod-000003 (commit ")
    assert "was here once, and is gone" in ledger.broken(local, "prod")


def test_a_history_that_was_cut_off_is_named(local):
    states = written(local, *promoted("otter"))

    local.git.move("refs/heads/nbpromote/prod", states[0].head, old=states[2].head)

    assert ledger.broken(local, "prod").startswith("prod-000002 (commit ")


def test_a_remote_that_was_rewritten_is_found_by_every_clone_that_knew_it(clone, remote):
    one, two = clone("one"), clone("two")
    written(one, *promoted("otter"))
    two.fetch()
    rewritten(Ledger(git.Repository(one.git.root)), 3, actor="Mallory <m@example.org>")
    shell(one.git.root, "push", "--quiet", "--force", "origin", "nbpromote/prod")

    two.fetch()

    assert "prod-000003" in ledger.broken(two, "prod")


def test_a_commit_made_by_hand_is_a_hole(local):
    (state,) = written(local, event("promote", "intent", "otter"))
    by_hand = local.git.commit({"README": b"hello"}, "by hand", parent=state.head)
    local.git.move("refs/heads/nbpromote/prod", by_hand, old=state.head)

    assert ledger.broken(local, "prod").startswith("prod-000002 (commit ")
    assert "hole" in ledger.broken(local, "prod")


# -- the fold ------------------------------------------------------------------------------------------------------


def folded(story: str) -> tuple[Standing, list[str]]:
    """A standing by a story such as `live a, verified, rollback b hold a`; and the runs that were verified."""
    state, last, verified = State(environment="prod"), "", []
    for line in filter(None, story.split(", ")):
        step, *words = line.split(" ")
        if step in ("live", "rollback", "repair"):
            last = words[0]
            verb = step if step != "live" else "promote"
            made = event(verb, "live", last, holds=(words[2],) if "hold" in words else ())
        elif step == "unhold":
            made = event("unhold", "done", releases=(words[0],))
        elif step == "intent":
            made = event("promote", "intent", words[0])
        elif step == "refused":
            made = event("promote", "refused", words[0])
        else:
            made = event("promote", step, words[0] if words else last)
        state = ledger.fold(state, made)
        live = state["train"].live
        verified += [live.run] if live and live.state == "verified" else []
    return state["train"], verified


@pytest.mark.parametrize(
    ("story", "live", "back", "holds"),
    [
        ("", None, None, ""),
        ("intent a", None, None, ""),
        ("refused a", None, None, ""),
        ("live a", "a unverified", None, ""),
        ("live a, verified", "a verified", None, ""),
        ("live a, verified, intent b", "a verified", None, ""),
        ("live a, verified, refused b", "a verified", None, ""),
        ("live a, verified, live b", "b unverified", "a", ""),
        ("live a, verified, live b, verified", "b verified", "a", ""),
        ("live a, verified, live b, failed", "b failed", "a", ""),
        ("live a, verified, live b, unverified, verified", "b verified", "a", ""),
        # what was never verified is no place to go back to
        ("live a, live b, verified", "b verified", None, ""),
        ("live a, failed, live b, verified", "b verified", None, ""),
        ("live a, unverified, live b, verified", "b verified", None, ""),
        ("live a, verified, live b, failed, live c, verified", "c verified", "a", ""),
        # a late word about what is no longer live changes nothing
        ("live a, verified, live b, failed a", "b unverified", "a", ""),
        ("live a, live b, verified a, live c", "c unverified", None, ""),
        # back, and on from there
        ("live a, verified, live b, verified, rollback a hold b", "a unverified", None, "b"),
        ("live a, verified, live b, verified, live c, verified, rollback b hold c", "b unverified", "a", "c"),
        ("live a, verified, live b, failed, rollback a hold b, verified", "a verified", None, "b"),
        ("live a, verified, live b, verified, rollback a hold b, verified, live c", "c unverified", "a", "b"),
        ("live a, verified, live b, verified, rollback a hold b, failed, live c", "c unverified", None, "b"),
        # holds bar a digest until they are lifted
        ("live a, verified, live b, verified, live c hold b", "c unverified", "a", "b"),
        ("live a, verified, live b, verified, live c hold b, unhold b", "c unverified", "b", ""),
        ("live a, verified, live b hold a", "b unverified", None, "a"),
        ("live a, verified, live b, unhold b", "b unverified", "a", ""),
        # mended from outside: the same run, still verified once it is asked again
        ("live a, verified, repair a, verified", "a verified", None, ""),
        ("live a, verified, live b, verified, repair b", "b unverified", "a", ""),
    ],
)
def test_where_a_notebook_stands_after(story, live, back, holds):
    standing, _ = folded(story)

    assert (standing.live and f"{standing.live.run} {standing.live.state}") == live
    assert (standing.back and standing.back.run) == back
    assert " ".join(standing.holds) == holds


@pytest.mark.parametrize(
    ("story", "opened"),
    [("intent a", True), ("intent a, live a", False), ("intent a, aborted a", False), ("intent a, refused b", True)],
)
def test_an_intent_stays_open_until_it_ends(story, opened):
    state = State(environment="prod")
    for step, mark in (line.split() for line in story.split(", ")):
        state = ledger.fold(state, event("promote", step, mark))

    assert (state.applying("train") is not None) is opened


MARKS = st.sampled_from("abcd")
LINES = st.one_of(
    st.builds("live {}".format, MARKS),
    st.builds("rollback {} hold {}".format, MARKS, MARKS),
    st.builds("live {} hold {}".format, MARKS, MARKS),
    st.builds("unhold {}".format, MARKS),
    st.builds("repair {}".format, MARKS),
    st.builds("intent {}".format, MARKS),
    st.sampled_from(["verified", "verified", "verified", "failed", "unverified"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=14).map(", ".join))
def test_the_place_to_go_back_to_was_verified_is_not_held_and_is_not_live(story):
    standing, verified = folded(story)

    if standing.back is not None:
        assert standing.back.run in verified
        assert standing.back.state == "verified"
        assert standing.back.release not in standing.holds
        assert standing.back.release != standing.live.release
    runs = [stable.run for stable in standing.stable]
    assert len(runs) == len(set(runs))
    assert load(Standing, json.loads(json.dumps(dump(standing)))) == standing
