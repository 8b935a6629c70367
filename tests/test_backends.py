"""A real tracking server with a password, and everything that can stand between it and us."""

from __future__ import annotations

import socket
import time

import pytest

from carrying import WRITES, Carried
from nbpromote import track
from nbpromote.errors import Unavailable
from nbpromote.track import asking
from proxy import FAULTS, Proxy


@pytest.fixture
def server(served, monkeypatch):
    """Its address, with the credentials of whoever runs this set; waiting for it costs no time."""
    for name, value in served.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(asking, "_WAITS", (0.01, 0.02, 0.05))
    return served.uri


def test_one_fault_at_each_write_is_not_seen_by_anybody(server, tmp_path):
    """One of each kind, in turn: every write is met by one, and the promotion goes through."""
    carried = Carried(tmp_path)
    with Proxy(server) as proxy:
        rules = [proxy.rule(*endpoint, FAULTS[number % len(FAULTS)]) for number, endpoint in enumerate(WRITES.values())]
        model = carried.go(proxy.address)

    assert [rule.path for rule in rules if rule.met != 1] == []
    assert carried.versions(server) == [model.version] == [carried.champion(server)]
    assert len(carried.runs(server)) == carried.models(server) == 1
    assert track.check_model(server, model, tmp_path / "seen") is None


def test_a_reply_that_is_always_lost_is_no_failure(server, tmp_path):
    carried = Carried(tmp_path)
    with Proxy(server) as proxy:
        for endpoint in ("run", "model", "version", "alias"):
            proxy.rule(*WRITES[endpoint], "drop after", count=99)
        model = carried.go(proxy.address)

    assert carried.versions(server) == [model.version] == [carried.champion(server)]


@pytest.mark.parametrize(
    ("endpoint", "fault", "told"),
    [
        ("run", "503 before", "answered 503 at /api/2.0/mlflow/runs/create; this was read back: it changed nothing"),
        ("version", "html before", "answered with a page that is no JSON"),
        ("alias", "drop before", "broke the connection off at /api/2.0/mlflow/registered-models/alias; this was read"),
        ("batch", "429 before", "answered 429 at /api/2.0/mlflow/runs/log-batch; it is not known whether all of run"),
    ],
)
def test_a_write_that_never_arrives_is_told_in_a_line_and_done_by_asking_again(endpoint, fault, told, server, tmp_path):
    carried = Carried(tmp_path)
    with Proxy(server) as proxy:
        rule = proxy.rule(*WRITES[endpoint], fault, count=99)
        with pytest.raises(Unavailable) as refused:
            carried.go(proxy.address)
        before = carried.champion(server)
        rule.count = 0
        model = carried.go(proxy.address)

    assert told in str(refused.value)
    assert len(str(refused.value)) < 250
    assert "<" not in str(refused.value)
    assert refused.value.hint == "run the same command again"
    assert before is None
    assert carried.versions(server) == [model.version] == [carried.champion(server)]


def test_what_cannot_be_read_back_is_said_to_be_unknown(server, tmp_path):
    carried = Carried(tmp_path)
    model = carried.go(server)
    with Proxy(server) as proxy:
        proxy.rule("GET", "/registered-models/alias", "503 before", count=99)
        with pytest.raises(Unavailable, match=f"not known whether {carried.name}@champion points at version 1"):
            track.set_alias(proxy.address, model)

    assert carried.champion(server) == "1"


def test_what_is_kept_by_a_server_is_looked_at_byte_for_byte(server, served, tmp_path, capsys):
    carried = Carried(tmp_path)
    model = carried.go(server)
    weights = next(served.kept.glob(f"**/{model.uri.removeprefix('models:/')}/artifacts/weights"))
    weights.write_bytes(b"\1" * 1000)
    with Proxy(server) as proxy:
        page = proxy.rule("GET", "/mlflow-artifacts/artifacts/.*/MLmodel", "html before")
        fault = track.check_model(proxy.address, model, tmp_path / "seen")

    assert page.met == 1  # a page in the place of a file is no change of the file
    assert fault == f"weights of {model.uri} was changed"
    assert track.has_version(server, model)
    assert capsys.readouterr().out == ""


# -- before anything rests on it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["delay 9", "503 before", "html before"])
def test_a_server_that_does_not_answer_well_is_told_within_five_seconds(fault, server, tmp_path):
    with Proxy(server) as proxy:
        proxy.rule("GET", "/experiments/search", fault, count=99)
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"does not answer|is no MLflow server"):
            track.reach(proxy.address)
        took = time.monotonic() - began

    assert took < 5
    assert proxy.seen[0] == "GET /api/2.0/mlflow/experiments/search?max_results=1"


def test_a_server_that_sends_a_byte_a_second_is_told_within_five_seconds():
    with socket.socket() as slow:
        slow.bind(("127.0.0.1", 0))
        slow.listen()
        began = time.monotonic()
        with pytest.raises(Unavailable, match="does not answer"):
            track.reach(f"http://127.0.0.1:{slow.getsockname()[1]}")

    assert time.monotonic() - began < 5


def test_a_server_that_is_just_starting_is_waited_for(server):
    with Proxy(server) as proxy:
        rule = proxy.rule("GET", "/experiments/search", "503 before", count=2)
        track.reach(proxy.address)

    assert rule.met == 2


def test_who_is_not_let_in_is_told_what_to_set(server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "quite-another-one")
    with Proxy(server) as proxy, pytest.raises(Unavailable, match="does not let in user 'admin'") as refused:
        track.reach(proxy.address)
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    with Proxy(server) as proxy, pytest.raises(Unavailable, match="anybody without a user name and a password"):
        track.reach(proxy.address)

    assert "MLFLOW_TRACKING_USERNAME" in refused.value.hint
    assert "quite-another-one" not in str(refused.value)


def test_mlflows_own_file_of_credentials_will_do(server, served, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    kept = tmp_path / ".mlflow" / "credentials"
    kept.parent.mkdir()
    kept.write_text(f"[mlflow]\nmlflow_tracking_username = admin\nmlflow_tracking_password = {served.password}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with Proxy(server) as proxy:
        assert track.pointed(proxy.address, "prod.unknown") is None
