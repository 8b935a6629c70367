"""A real tracking server with a password, and everything that can stand between it and us."""

from __future__ import annotations

import socket
import time

import pytest
from mlflow import MlflowClient

from carrying import WRITES, Carried
from ground import HEADER, git
from nbpromote import files, track
from nbpromote.errors import Unavailable
from nbpromote.release import Damaged
from nbpromote.track import asking
from nbpromote.workflow.site import Site
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


def test_a_login_for_one_host_comes_before_the_one_for_all(server, served, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "of-another-server")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text(f"machine localhost login admin password {served.password}\n")
    with Proxy(server) as proxy:
        with pytest.raises(Unavailable, match="does not let in user 'admin'"):
            track.reach(proxy.address)
        assert track.pointed(proxy.address.replace("127.0.0.1", "localhost"), "prod.unknown") is None


# -- a project on a server ---------------------------------------------------------------------------------------------

TALKS = """
# %%
import os
import mlflow
mlflow.log_metric("rows", 3)
mlflow.set_tag("who", os.environ["MLFLOW_TRACKING_USERNAME"])
print("let in with", os.environ["MLFLOW_TRACKING_PASSWORD"])
"""


def test_a_kernel_is_let_in_and_what_lets_it_in_is_written_nowhere(server, served, ground):
    ground.write("params/base.yaml", f"tracking_uri: {server}\n")
    ground.write("notebooks/talks.py", HEADER + TALKS)
    ground.commit("a server")
    done = ground.nbpromote("run", "talks")
    mlflow = MlflowClient(server)
    (run,) = mlflow.search_runs([mlflow.get_experiment_by_name("small/dev/talks").experiment_id])
    written = [path for path in ground.root.rglob("*") if path.is_file()]
    holders = [path for path in written if served.password.encode() in path.read_bytes()]

    assert done.returncode == 1, done.stdout + done.stderr
    assert "mlflow_tracking_password" in done.stdout
    assert run.data.metrics == {"rows": 3.0}
    assert "[secret mlflow_tracking_password]" in next(ground.project.runs.glob("*/notebook.ipynb")).read_text()
    assert holders == []
    assert served.password not in done.stdout + done.stderr


def test_without_a_password_no_kernel_is_started(server, ground, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    with Proxy(server) as proxy:
        ground.write("params/base.yaml", f"tracking_uri: {proxy.address}\n")
        done = ground.nbpromote("run", "count")

    assert done.returncode == 3
    assert "does not let in" in done.stderr
    assert "MLFLOW_TRACKING_PASSWORD" in done.stderr
    assert not ground.project.runs.exists()


@pytest.fixture
def shared(server, ground, tmp_path):
    """A project that a team shares: one server, releases on it, the history in a bare repository."""
    git(tmp_path, "init", "--quiet", "--bare", "shared.git")
    ground.git("remote", "add", "origin", str(tmp_path / "shared.git"))
    ground.git("push", "--quiet", "origin", "main")
    ground.write("pyproject.toml", '[tool.nbpromote]\nproject = "small"\nstore = "mlflow"\nremote = "origin"\n')
    ground.write("params/base.yaml", f"tracking_uri: {server}\n")
    ground.commit("share it")
    ground.git("push", "--quiet", "origin", "main")
    return ground


def test_doctor_tries_all_that_an_environment_stands_on_and_leaves_nothing(shared, server):
    models = [model.name for model in MlflowClient(server).search_registered_models()]
    found = {check["name"]: check for check in shared.json("doctor", "--env", "staging")["checks"]}

    tried = ("staging: server", "staging: registry", "staging: store", "staging: push")
    assert [found[name]["outcome"] for name in tried] == ["passed"] * 4, found
    assert "asked by admin" in found["staging: server"]["summary"]
    assert "shared" not in found
    assert [model.name for model in MlflowClient(server).search_registered_models()] == models
    assert list(Site(shared.project).store.digests()) == []


def test_doctor_says_what_would_stop_us_there(shared, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "not-any-more")
    shared.git("remote", "set-url", "origin", str(shared.root / "nowhere.git"))
    shared.write("mlruns/0/meta.yaml", "")
    with Proxy(served_uri(shared)) as proxy:  # another address: what was let in before is asked again
        shared.write("params/base.yaml", f"tracking_uri: {proxy.address}\n")
        shared.commit("through a proxy")
        found = {check["name"]: check for check in shared.json("doctor", "--env", "dev")["checks"]}

    assert {name for name, check in found.items() if check["outcome"] == "failed"} >= {
        "ledger", "dev: server", "dev: store", "dev: push", "mlruns",
    }  # fmt: skip
    assert "does not let in user 'admin'" in found["dev: server"]["summary"]
    assert "dev: registry" not in found


def served_uri(ground):
    return ground.root.joinpath("params/base.yaml").read_text().split()[-1]


def test_releases_are_kept_among_the_servers_artifacts(shared, tmp_path):
    store = Site(shared.project).store
    sealed = store.put(b"release")
    store.put(b"release")
    large = tmp_path / "large"
    large.write_bytes(b"x" * 10_000_000)
    digest = files.sha256(large)
    store.put_file(large, digest)
    again = Site(shared.project).store  # of another clone

    assert sorted(again.digests()) == sorted([sealed.sha256, digest])
    assert again.get(sealed.sha256) == b"release"
    assert files.sha256(again.get_to(digest, tmp_path / "again")) == digest
    for one in (sealed.sha256, digest, "0" * 64):
        again.drop(one)
    assert list(store.digests()) == []
    with pytest.raises(Damaged, match="is gone from the store"):
        store.get(sealed.sha256)
