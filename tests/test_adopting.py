"""What was live at MLflow before nbpromote came becomes what is live here, and is told as what it is."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ground import Ground, build
from nbpromote import track
from nbpromote.model import Adopted, load
from nbpromote.track.store import client
from nbpromote.workflow.promotion import applying, challenging, finishing
from nbpromote.workflow.site import Site

LINE = ("adopt", "count", "--live", "models:/delay@champion", "--env", "staging")


@dataclass(frozen=True)
class Before:
    """A project, and staging's MLflow as people used it without nbpromote: `delay`, whose `champion` is version 2."""

    ground: Ground

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.ground.root}/.nbpromote/mlflow/staging/mlflow.db"

    @property
    def mlflow(self) -> Any:
        return client(self.uri)

    def register(self, model: Path, **metrics: float) -> None:
        """A version as MLflow 2 made them: an artifact of a run."""
        mlflow, tags = self.mlflow, {"mlflow.user": "dee", "mlflow.source.git.commit": "c" * 40}
        run = mlflow.create_run(mlflow.get_experiment_by_name("delays").experiment_id, tags=tags)
        for name, value in metrics.items():
            mlflow.log_metric(run.info.run_id, name, value)
        mlflow.log_param(run.info.run_id, "depth", 3)
        mlflow.log_artifacts(run.info.run_id, str(model), "model")
        mlflow.create_model_version("delay", f"{run.info.artifact_uri}/model", run.info.run_id)

    def files(self, version: str) -> Path:
        return Path(self.mlflow.get_model_version_download_uri("delay", version).removeprefix("file://"))

    def live(self) -> Any:
        return Site(self.ground.project).ledger.state("staging")["count"].live

    def events(self) -> list[tuple[str, str]]:
        return [(event.verb, event.step) for event in Site(self.ground.project).ledger.events("staging")]


ECHO = """
import mlflow

class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input * 2

mlflow.models.set_model(Echo())
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Before:
    import mlflow.pyfunc
    import pandas as pd

    folder = tmp_path_factory.mktemp("adopting")
    before = Before(build(folder / "small", empty_store))
    (folder / "echo.py").write_text(ECHO)
    example = pd.DataFrame({"a": [1.0]})
    code = str(folder / "echo.py")
    mlflow.pyfunc.save_model(folder / "model", python_model=code, input_example=example, pip_requirements=[])
    before.mlflow.create_registered_model("delay")
    before.mlflow.create_experiment("delays", artifact_location=(folder / "artifacts").as_uri())
    for error in (4.0, 3.0):
        before.register(folder / "model", error=error, rows=3.0)
    before.mlflow.set_registered_model_alias("delay", "champion", "2")
    before.ground.released()
    return before


@pytest.fixture
def before(original: Before, tmp_path: Path) -> Before:
    shutil.copytree(original.ground.root, tmp_path / "small", symlinks=True)
    return Before(Ground(tmp_path / "small", original.ground.empty_store))


@pytest.fixture(scope="module")
def adopted(original: Before, tmp_path_factory: pytest.TempPathFactory) -> Before:
    root = tmp_path_factory.mktemp("adopted") / "small"
    shutil.copytree(original.ground.root, root, symlinks=True)
    before = Before(Ground(root, original.ground.empty_store))
    done = before.ground.nbpromote(*LINE, "--reason", "it has run since May")
    assert done.returncode == 0, done.stdout + done.stderr
    return before


# -- what it leaves ---------------------------------------------------------------------------------------------------


def test_what_was_adopted_is_told_as_that_everywhere(adopted: Before) -> None:
    (live,) = adopted.ground.json("status")["environments"][1]["notebooks"]
    why = adopted.ground.json("why", "count", "--env", "staging")

    assert (live["adopted"], live["run"], live["metrics"]) == (True, "models:/delay/2", {"error": 3.0, "rows": 3.0})
    assert " verified, adopted" in adopted.ground.nbpromote("status").stdout
    assert adopted.events()[:3] == [("adopt", "intent"), ("adopt", "live"), ("adopt", "verified")]
    told = "models:/delay/2, which models:/delay@champion led to: it has run since May"
    assert told in adopted.ground.nbpromote("history").stdout
    assert (why["adopted"], why["allowed"], why["gates"], why["checks"]) == (True, None, [], [])
    assert "no gate was asked, and no check was made" in adopted.ground.nbpromote("why", live["alias"]).stdout


def test_its_release_holds_what_mlflow_said_of_it_and_no_evidence(adopted: Before) -> None:
    live, store = adopted.live(), Site(adopted.ground.project).store

    kept = load(Adopted, json.loads(store.get(live.sealed["adopted.json"].sha256)))

    assert {path.partition("/")[0] for path in live.sealed} == {"adopted.json", "model"}
    assert (kept.address, kept.asked) == ("models:/delay/2", "models:/delay@champion")
    assert (kept.author, kept.commit, kept.parameters) == ("dee", "c" * 40, {"depth": "3"})
    assert (live.evidence, live.code, live.parameters) == ("", "", {"depth": "3"})


def test_asked_twice_it_is_adopted_once(adopted: Before) -> None:
    count = len(adopted.events())

    again = adopted.ground.nbpromote(*LINE)
    other = adopted.ground.nbpromote("adopt", "count", "--live", "models:/delay/1", "--env", "staging")

    assert (again.returncode, "already live; nothing was changed" in again.stdout) == (0, True)
    assert (other.returncode, "is live as count in staging since" in other.stderr) == (1, True)
    assert len(adopted.events()) == count


def test_it_stands_on_its_own_bytes_and_is_verified_by_them(adopted: Before) -> None:
    theirs = adopted.files("2")
    theirs.rename(theirs.with_name("away"))
    try:
        done = adopted.ground.nbpromote("verify", "count", "--env", "staging")
    finally:
        theirs.with_name("away").rename(theirs)

    assert (done.returncode, "1 predictions as adopted" in done.stdout) == (0, True), done.stdout
    assert track.pointed(adopted.uri, "staging.count") == "1" == adopted.live().model.version
    assert track.registered(adopted.uri, "models:/delay@champion").address == "models:/delay/2"
    assert "failed" not in adopted.ground.nbpromote("doctor").stdout


@pytest.mark.parametrize("line", [("report", "count", "--env", "staging"), ("diff", "count@staging")])
def test_where_evidence_is_shown_it_is_said_that_there_is_none(adopted: Before, line: tuple[str, ...]) -> None:
    done = adopted.ground.nbpromote(*line)

    assert done.returncode == 2
    assert "was adopted in staging from models:/delay/2: there is no run of it here, and no evidence" in done.stderr


def test_it_goes_nowhere_else(adopted: Before) -> None:
    planned = adopted.ground.json("plan", adopted.live().alias, "--to", "prod")

    assert planned["unmet"] == [
        f"{adopted.live().alias} was adopted in staging: no check was made of it, so it goes nowhere else"
    ]


def test_a_release_is_held_against_it_replaces_it_and_gives_way_to_it(adopted: Before) -> None:
    alias = adopted.live().alias
    planned = adopted.ground.nbpromote("plan", "count", "--to", "staging").stdout
    done = adopted.ground.nbpromote("promote", "count", "--to", "staging")

    assert f"cells, modules, packages: {alias} was adopted from models:/delay/2, and has neither code nor" in planned
    assert done.returncode == 0, done.stdout
    assert "error is 2.5 against 3 live (-16.7%), within limits" in done.stdout
    assert adopted.ground.nbpromote("report", "count", "--env", "staging").returncode == 0
    assert adopted.ground.nbpromote("rollback", "count", "--env", "staging").returncode == 0
    assert (adopted.live().alias, adopted.live().state) == (alias, "verified")


# -- once, or not at all ----------------------------------------------------------------------------------------------


def test_killed_half_way_it_is_ended_by_the_same_command(before: Before, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(applying, "point", killed)
        assert before.ground.nbpromote(*LINE).returncode == 130
    half_way = "half-way" in before.ground.nbpromote("status").stdout

    done = before.ground.nbpromote(*LINE)

    assert half_way
    assert (done.returncode, "finished what an earlier command had begun" in done.stdout) == (0, True), done.stdout
    assert [step for _, step in before.events()] == ["intent", "live", "verified"]
    experiment = before.mlflow.get_experiment_by_name("small/staging/count").experiment_id
    assert len(before.mlflow.search_logged_models([experiment])) == 1


def test_undone_half_way_what_it_was_found_under_leads_where_it_led(
    before: Before, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where people had the very name that nbpromote takes."""
    before.ground.edit("pyproject.toml", "[tool.nbpromote]", '[tool.nbpromote]\nmodel_name = "{notebook}"')
    before.ground.commit("the name as it was")
    before.mlflow.create_registered_model("count")
    before.mlflow.create_model_version("count", str(before.files("2")))
    before.mlflow.set_registered_model_alias("count", "champion", "1")
    with monkeypatch.context() as patch:
        patch.setattr(challenging, "withdraw", killed)
        before.ground.nbpromote("adopt", "count", "--live", "models:/count@champion", "--env", "staging")
    moved = track.pointed(before.uri, "count")

    site = Site(before.ground.project)
    claim = site.ledger.state("staging").applying("count")
    assert claim is not None
    finishing.abandon(site, claim, reason="its files are gone")

    assert (moved, track.pointed(before.uri, "count")) == ("2", "1")
    assert before.live() is None


def killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("address", "code", "told"),
    [
        ("models:/delay@prod", 2, "aliases of delay: champion (version 2)"),
        ("models:/delay/7", 2, "has no models:/delay/7"),
        ("models:/dalay@champion", 2, "has no registered model 'dalay'; did you mean 'delay'?"),
        ("delay@champion", 2, "write models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("models:/delay/1", 1, "the files of models:/delay/1 are gone"),
    ],
)
def test_what_is_not_there_is_told_with_its_place(before: Before, address: str, code: int, told: str) -> None:
    if code == 1:
        shutil.move(before.files("1"), before.ground.root / "away")

    done = before.ground.nbpromote("adopt", "count", "--live", address, "--env", "staging")

    if code == 1:
        shutil.move(before.ground.root / "away", before.files("1"))
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr
    assert before.events() == []


@pytest.mark.parametrize(
    ("bar", "told"),
    [
        (("freeze", "--env", "staging"), "nbpromote thaw --env staging lifts that"),
        (("hold", "count", "--env", "staging"), "nbpromote unhold count --env staging lifts that"),
    ],
)
def test_what_is_barred_is_not_adopted(before: Before, bar: tuple[str, ...], told: str) -> None:
    before.ground.nbpromote(*bar)

    done = before.ground.nbpromote(*LINE)

    assert (done.returncode, told in done.stderr) == (1, True), done.stderr
    assert before.live() is None


def test_a_version_of_a_logged_model_is_found_where_its_files_are(before: Before) -> None:
    files = track.digests(before.files("2"))
    logged = track.keep_model(before.uri, experiment="theirs", folder=before.files("2"), files=files)
    track.register(before.uri, logged, "theirs", token="any", tags={})

    found = track.registered(before.uri, "models:/theirs/1")

    assert (found.run, found.metrics) == ("", {})
    assert track.digests(track.fetched(before.uri, found.location, before.ground.root / "fetched")) == files
