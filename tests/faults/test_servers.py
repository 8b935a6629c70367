"""Promotions on all that a team shares, started for real: PostgreSQL, S3, MLflow with a password, a git remote."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

import servers
from faults import lanes
from ground import Ground, build, git
from nbpromote import track
from nbpromote.errors import Unavailable
from nbpromote.track import asking
from proxy import Proxy

pytestmark = pytest.mark.skipif(not lanes.WHOLE, reason="its servers take a minute to start")


@pytest.fixture(scope="module")
def everything() -> Iterator[servers.Everything]:
    with servers.everything() as found:
        yield found


def bare(folder: Path) -> str:
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "shared.git")
    return str(folder / "shared.git")


def shared(root: Path, empty_store: Path, *, uris: dict[str, str], store: str, remote: str) -> Ground:
    """A project whose environments are on servers, and which shares its history; the model is carried upwards."""
    ground = build(root, empty_store, strategy="copy")
    ground.write("pyproject.toml", f'[tool.nbpromote]\nproject = "small"\nremote = "origin"\nstore = "{store}"\n')
    for environment, uri in uris.items():
        values = ground.root / "params" / f"{environment}.yaml"
        values.write_text(f"tracking_uri: {uri}\n{values.read_text()}")
    ground.git("remote", "add", "origin", remote)
    pushed(ground)
    return ground


def pushed(ground: Ground, message: str = "share it") -> None:
    ground.commit(message)
    ground.git("push", "--quiet", "--force", "origin", "HEAD:main")


def ran(ground: Ground, *words: str) -> str:
    done = ground.nbpromote(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_model_goes_up_on_one_server_and_comes_back_from_another_clone(
    everything, tmp_path, empty_store, monkeypatch
):
    for name, value in everything.variables.items():
        monkeypatch.setenv(name, value)
    uri, remote = everything.tracking.uri, bare(tmp_path)
    store = f"s3://{everything.bucket.name}/{tmp_path.name}"
    uris = dict.fromkeys(("dev", "staging", "prod"), uri)
    ground = shared(tmp_path / "ours", empty_store, uris=uris, store=store, remote=remote)
    ground.released("train")
    ground.git("push", "--quiet", "origin", "HEAD:main")
    ran(ground, "promote", "train", "--to", "staging")
    git(tmp_path, "clone", "--quiet", remote, "theirs")
    theirs = Ground(tmp_path / "theirs", empty_store)
    theirs.git("config", "user.name", "Bob Test")
    theirs.git("config", "user.email", "bob@example.org")
    ran(theirs, "promote", "train", "--to", "prod")
    doctor = theirs.json("doctor", "--env", "prod")

    mlflow = MlflowClient(uri)
    sources = {name: mlflow.get_model_version_by_alias(f"{name}.train", "champion").source for name in uris}
    assert len(set(sources.values())) == 3  # each has bytes of its own
    assert [check for check in doctor["checks"] if check["outcome"] not in ("passed", "skipped")] == []
    assert not (theirs.root / ".nbpromote" / "store").exists()


def test_a_model_goes_from_one_server_to_another_and_its_bytes_are_looked_at_there(tmp_path, empty_store, monkeypatch):
    for name in ("below", "above"):
        shutil.copy(empty_store, tmp_path / f"{name}.db")
    with (
        servers.mlflow(f"sqlite:///{tmp_path}/below.db", artifacts=f"{tmp_path}/below", password=True) as below,
        servers.mlflow(f"sqlite:///{tmp_path}/above.db", artifacts=f"{tmp_path}/above", password=True) as above,
        Proxy(above.uri) as proxy,
    ):
        monkeypatch.setattr(asking, "_WAITS", (0.01, 0.02, 0.05))
        uris = {"dev": below.uri, "staging": proxy.address.replace("127.0.0.1", "localhost")}
        logins = {"127.0.0.1": below.password, "localhost": above.password}
        (tmp_path / "netrc").write_text("".join(f"machine {h} login admin password {p}\n" for h, p in logins.items()))
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        remote = bare(tmp_path)
        ground = shared(tmp_path / "ours", empty_store, uris=uris, store=str(tmp_path / "kept"), remote=remote)
        ground.released("train")
        ground.git("push", "--quiet", "origin", "HEAD:main")
        lost = proxy.rule("PUT", "/mlflow-artifacts/artifacts/.*MLmodel$", "html before", count=99)
        refused = ground.nbpromote("promote", "train", "--to", "staging")
        before = track.pointed(uris["staging"], "staging.train")
        lost.count = 0
        ran(ground, "promote", "train", "--to", "staging")
        live = MlflowClient(uris["staging"]).get_model_version_by_alias("staging.train", "champion")
        rows = {one["name"]: one["notebooks"] for one in ground.json("status")["environments"]}

    assert refused.returncode == 3
    assert "did not arrive whole" in refused.stderr
    assert before is None
    assert live.version == "1"
    assert [row["state"] for row in rows["staging"]] == ["verified"]


def test_what_lets_strangers_in_is_named(tmp_path, empty_store):
    shutil.copy(empty_store, tmp_path / "open.db")
    anybody = ("--cors-allowed-origins", "*")
    with servers.mlflow(f"sqlite:///{tmp_path}/open.db", artifacts=f"{tmp_path}/kept", more=anybody) as opened:
        said = " ".join(track.unsafe(opened.uri))

    assert "--app-name basic-auth" in said
    assert "--cors-allowed-origins" in said


def test_a_database_that_is_gone_is_told_in_seconds_before_a_kernel_is_started(tmp_path, empty_store, monkeypatch):
    """The server itself is up, and says nothing of use."""
    with servers.postgres() as database:
        served = servers.mlflow(database.replace("postgresql:", "postgresql+psycopg:"), artifacts=f"{tmp_path}/kept")
        server = served.__enter__()
    try:
        with pytest.raises(Unavailable, match="does not answer"):
            track.reach(server.uri)
    finally:
        served.__exit__(None, None, None)
