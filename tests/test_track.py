"""Notebooks that know nothing of the toolkit, and the MLflow they end up in: real kernels, stores and a real server."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from nbpromote import execute, notebook, track, validate
from nbpromote.errors import Unavailable
from nbpromote.model import Cell, Code, Ending, Environment, Evidence, Model, Policy, Run, Schema, Scrap
from nbpromote.track.store import client

PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def store(folder, empty, name="dev"):
    """An environment's tracking URI; its tables are copied, not migrated."""
    place = folder / "mlflow"
    place.mkdir(exist_ok=True)
    shutil.copy(empty, place / empty.name)
    return f"sqlite:///{place}/{name}.db"


def draft(folder, uri, **more):
    folder.joinpath("notebooks").mkdir(parents=True, exist_ok=True)
    known = {
        "id": "20260131T120000-train-dev-3f9a",
        "notebook": "train",
        "environment": "dev",
        "code": Code(digest="c0de" * 16, schema=Schema()),
        "folder": folder / "run",
        "started": "2026-01-31T12:00:00.000Z",
        "ended": "",
        "seconds": 1.0,
        "actor": "Ada <ada@example.org>",
        "cells": (),
        "path": "notebooks/train.ipynb",
        "commit": "d" * 40,
        "tracking_uri": uri,
    }
    return Run(**{**known, **more})


def play(folder, uri, *cells):
    """A notebook's way through this room and its neighbours, as the workflow leads it."""
    planned = draft(folder, uri)
    opened = track.open_run(planned, project="flights")
    opening, closing = track.inside()
    job = execute.Job(
        draft=replace(planned, mlflow_run=opened.run, experiment=opened.experiment),
        node=new_notebook(cells=[new_code_cell(source) for source in cells], metadata=PYTHON),
        folder=folder / "notebooks",
        environment=Environment(name="dev", tracking_uri=uri, policy=Policy()),
        opening=opening,
        closing=closing,
        variables=opened.variables,
    )
    done = track.collect(execute.run(job))
    executed = notebook.parse("notebook.ipynb", done.notebook_file.read_bytes())
    evidence = validate.evidence(done, executed=executed)
    track.finish(evidence)
    return evidence


def opened(folder, uri, **more):
    """A run that never saw a kernel, for what is asked of the store alone."""
    run = draft(
        folder, uri, ended="2026-01-31T12:00:01.000Z", cells=(Cell(number=1, id="a", ending=Ending.OK),), **more
    )
    begun = track.open_run(run, project="flights")
    run = replace(run, mlflow_run=begun.run, experiment=begun.experiment)
    run.folder.mkdir(parents=True, exist_ok=True)
    run.notebook_file.write_text(json.dumps(new_notebook()))
    return run


def runs(evidence):
    """Every run of the experiment by its name."""
    found = client(evidence.run.tracking_uri).search_runs([evidence.run.experiment])
    return {run.info.run_name: run for run in found}


def artifacts(evidence, folder=""):
    listed = client(evidence.run.tracking_uri).list_artifacts(evidence.run.mlflow_run, folder)
    return {file.path for file in listed}


# -- runs in a notebook that brings its own habits ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def habits(tmp_path_factory, empty_store):
    """One notebook with every way to start a run, and to lead it elsewhere."""
    folder = tmp_path_factory.mktemp("a project #1")
    before = set(os.listdir())
    evidence = play(
        folder,
        store(folder, empty_store),
        "import os\n"
        "os.environ['MLFLOW_TRACKING_URI'] = 'https://ada:secret@mlflow.example.org'\n"
        "os.environ['MLFLOW_EXPERIMENT_NAME'] = 'mine'",
        "import mlflow\n"
        "from mlflow import set_experiment, set_tracking_uri, start_run\n"
        "set_tracking_uri('sqlite:///mlflow.db')\n"
        "mlflow.tracking.set_registry_uri('https://ada:secret@registry.example.org')\n"
        "set_experiment('my experiment')",
        "mlflow.log_param('early', 1)\n"
        "with open('note.txt', 'w') as file: file.write('hello')\n"
        "mlflow.log_artifact('note.txt')\n"
        "os.remove('note.txt')\n"
        "mlflow.end_run()",
        "shared = {'team': 'delays'}\n"
        "with start_run(run_name='main', tags=shared, description='the main one', nested=True) as main:\n"
        "    for step in range(3): mlflow.log_metric('mae', 3.0 - step, step=step)\n"
        "    with start_run(run_name='child', tags=shared, description='a part', nested=True):\n"
        "        mlflow.log_metric('inner', 2.0)\n"
        "        start_run(run_name='grandchild', nested=True)\n"
        "        mlflow.end_run()",
        "mlflow.log_metric('late', float('nan'))\nmlflow.end_run()",
        "try:\n"
        "    with start_run(run_name='broken'): raise ValueError\n"
        "except ValueError:\n"
        "    with start_run(run_name='second'): pass",
        "other = mlflow.create_experiment('other')\n"
        "with start_run(experiment_id=other, run_name='strayed'): pass\n"
        "theirs = mlflow.MlflowClient().create_run(other).info.run_id\n"
        "with start_run(run_id=theirs): mlflow.log_metric('far', 1.0)\n"
        "mlflow.MlflowClient().log_text(theirs, 'hello', 'note.txt')",
        "left_open = start_run(run_name='left open')\n"
        "try:\n    start_run()\nexcept Exception as error:\n    assert 'already active' in str(error)\n"
        "from mlflow.telemetry import get_telemetry_client\nassert get_telemetry_client() is None",
    )
    assert evidence.run.failure is None, evidence.run.failure
    return evidence, folder, set(os.listdir()) - before


def test_the_first_start_run_joins_and_later_ones_become_children(habits):
    evidence, *_ = habits
    found = runs(evidence)
    parents = {name: run.data.tags.get("mlflow.parentRunId") for name, run in found.items()}

    assert found["main"].info.run_id == evidence.run.mlflow_run
    assert found["main"].data.tags["team"] == "delays"
    assert found["main"].data.tags["mlflow.note.content"] == "the main one"
    assert parents.pop("main") is None
    assert parents.pop("grandchild") == found["child"].info.run_id
    assert set(parents) == {"child", "broken", "second", "strayed", "left open"}
    assert set(parents.values()) == {evidence.run.mlflow_run}


def test_what_is_logged_outside_any_block_lands_in_the_run(habits):
    evidence, *_ = habits
    main = runs(evidence)["main"]

    assert main.data.params["early"] == "1"
    assert evidence.run.tracked == {"mae": 1.0, "late": "nan"}
    assert "note.txt" in artifacts(evidence)


def test_the_record_alone_says_how_a_run_ended(habits):
    evidence, *_ = habits
    found = runs(evidence)

    assert not evidence.passed  # a metric is NaN
    assert found["main"].info.status == "FAILED"  # the notebook, its kernel and its `with` said FINISHED
    assert found["broken"].info.status == "FAILED"
    assert found["second"].info.status == "FINISHED"
    assert found["left open"].info.status != "RUNNING"


def test_other_servers_and_experiments_are_redirected_with_a_note(habits):
    evidence, *_ = habits
    notes = evidence.run.notes

    assert notes[:5] == (
        "MLFLOW_TRACKING_URI=https://***@mlflow.example.org was redirected to the environment's server and experiment",
        "MLFLOW_EXPERIMENT_NAME=mine was redirected to the environment's server and experiment",
        "set_tracking_uri('sqlite:///mlflow.db') was redirected to the environment's server",
        "set_registry_uri('https://***@registry.example.org') was redirected to the environment's server",
        "set_experiment('my experiment') was redirected to the environment's experiment",
    )
    assert notes[5].startswith("start_run(experiment_id=")
    assert notes[6].startswith("start_run(run_id=")
    assert len(notes) == 7


def test_a_run_that_is_named_by_its_id_is_resumed_where_it_is(habits):
    evidence, *_ = habits
    mlflow = client(evidence.run.tracking_uri)
    other = mlflow.get_experiment_by_name("other")
    (resumed,) = mlflow.search_runs([other.experiment_id])

    assert resumed.data.metrics == {"far": 1.0}


def test_nothing_is_left_beside_the_notebook(habits):
    _, folder, stray = habits

    assert list((folder / "notebooks").iterdir()) == []
    assert stray == set()
    assert {path.name for path in folder.iterdir()} == {"notebooks", "run", "mlflow"}


def test_a_metric_is_not_logged_a_second_time(habits):
    evidence, *_ = habits
    history = client(evidence.run.tracking_uri).get_metric_history(evidence.run.mlflow_run, "mae")

    assert [(point.step, point.value) for point in history] == [(0, 3.0), (1, 2.0), (2, 1.0)]


def test_children_have_the_notebook_as_their_source(habits):
    evidence, *_ = habits
    tags = runs(evidence)["child"].data.tags

    assert tags["mlflow.source.name"] == "notebooks/train.ipynb"
    assert tags["mlflow.source.git.commit"] == "d" * 40
    assert tags["mlflow.user"] == "Ada <ada@example.org>"


def test_a_fit_that_logs_itself_leaves_room_for_the_first_start_run(tmp_path, empty_store):
    evidence = play(
        tmp_path,
        store(tmp_path, empty_store),
        "import mlflow\nmlflow.autolog(log_models=False)",
        "from sklearn.linear_model import Ridge\nX = [[1.0], [2.0], [4.0]]",
        "Ridge(alpha=1.0).fit(X, [1.0, 2.0, 3.0])",
        "Ridge(alpha=2.0).fit(X, [1.0, 2.0, 3.0])",
        "with mlflow.start_run():\n    mlflow.log_metric('mae', 0.5)",
    )
    own = client(evidence.run.tracking_uri).get_run(evidence.run.mlflow_run).data
    (child,) = (run for run in runs(evidence).values() if run.info.run_id != evidence.run.mlflow_run)

    assert evidence.passed, evidence.unmet
    assert own.params["alpha"] == "1.0"
    assert {"mae", "training_r2_score"} <= set(evidence.metrics)
    assert child.data.params["alpha"] == "2.0"


def test_a_killed_kernel_leaves_no_run_open(tmp_path, empty_store):
    evidence = play(
        tmp_path,
        store(tmp_path, empty_store),
        "import mlflow, os\nmlflow.start_run()\nmlflow.start_run(run_name='child', nested=True)",
        "os.kill(os.getpid(), 9)",
    )

    assert evidence.run.failure.ending is Ending.DIED
    assert [run.info.status for run in runs(evidence).values()] == ["FAILED", "FAILED"]


def test_a_kernel_without_mlflow_pays_nothing(tmp_path):
    opening, closing = track.inside()
    script = f"""
import time
began = time.perf_counter()
{opening}
took = time.perf_counter() - began
try:
    import mlflow
except ModuleNotFoundError as error:
    assert error.name == "mlflow"
import json.tool  # other imports are not disturbed
{closing}
assert took < 0.2, took
"""
    variables = {"NBPROMOTE_RUN_FOLDER": str(tmp_path), "NBPROMOTE_MLFLOW_RUN": "r"}
    bare = [sys.executable, "-S", "-c", script]  # -S: nothing that was installed
    done = subprocess.run(bare, env={**os.environ, **variables}, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


# -- models ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory, empty_store):
    """One notebook that logs models in every place, and what else a notebook hands out."""
    folder = tmp_path_factory.mktemp("trained")
    evidence = play(
        folder,
        store(folder, empty_store),
        "import mlflow.sklearn\n"
        "import pandas as pd\n"
        "from IPython.display import display\n"
        "from sklearn.linear_model import LinearRegression\n"
        "X = pd.DataFrame({'a': [1.0, 2.0, 3.0], 'b': [1.0, 3.0, 2.0]})\n"
        "model = LinearRegression().fit(X, [1.0, 2.0, 3.0])\n"
        "how = {'pip_requirements': ['scikit-learn']}",
        "mlflow.sklearn.log_model(model, name='bare', registered_model_name='theirs', **how)\n"
        "assert not mlflow.active_run()",
        "try:\n    mlflow.sklearn.log_model(object(), name='bad', **how)\n"
        "except Exception: pass\nelse: raise AssertionError",
        "half = LinearRegression().fit(X, [0.5, 1.0, 1.5])\n"
        "mlflow.sklearn.log_model(half, name='best', input_example=X, **how)",
        "with mlflow.start_run():\n"
        "    mlflow.log_metric('mae', 0.5)\n"
        "    with mlflow.start_run(nested=True):\n"
        "        mlflow.sklearn.log_model(model, name='tried', input_example=X, **how)",
        "import scrapbook\n"
        "scrapbook.glue('rows', 3)\n"
        "scrapbook.glue('by month', X, 'pandas')\n"
        f"display({{'image/png': {PNG!r}}}, raw=True, metadata={{'scrapbook': {{'name': 'residuals / month'}}}})",
    )
    assert evidence.run.failure is None, evidence.run.failure
    return evidence


def test_the_runs_own_last_model_is_the_model(trained):
    children, own = trained.run.models[:1], trained.run.models[1:]
    outputs = client(trained.run.tracking_uri).get_run(trained.run.mlflow_run).outputs.model_outputs

    assert len(children) == 1
    assert len(own) == 2
    assert {model.uri.removeprefix("models:/") for model in own} < {output.model_id for output in outputs}
    assert trained.model.predictions == {"values": pytest.approx([0.5, 1.0, 1.5])}
    assert {"MLmodel", "model.skops", "input_example.json"} <= set(trained.model.files)
    assert trained.check("model-predicts").count == 3


def test_what_became_of_the_notebooks_other_models_is_noted(trained):
    registered, failed = trained.run.notes

    assert registered.startswith("the notebook registered version 1 of 'theirs' itself")
    assert failed.startswith("logging model m-")
    assert failed.endswith("did not end well: it is left out")


def test_mlflow_shows_what_its_users_expect(trained):
    shown = client(trained.run.tracking_uri).get_run(trained.run.mlflow_run)
    tags = {name: value for name, value in shown.data.tags.items() if name.startswith("nbpromote.")}

    assert shown.info.status == "FINISHED"
    assert shown.data.metrics == {"mae": 0.5, "rows": 3.0}
    assert artifacts(trained) == {"train.ipynb", "record.json", "tables", "figures"} - {"train.ipynb"} | {
        "notebook.ipynb"
    }
    assert artifacts(trained, "tables") == {"tables/by_month.csv"}
    assert artifacts(trained, "figures") == {"figures/residuals___month.png"}
    assert shown.data.tags["mlflow.source.name"] == "notebooks/train.ipynb"
    assert shown.data.tags["mlflow.source.type"] == "NOTEBOOK"
    assert tags == {
        "nbpromote.code": "c0de" * 16,
        "nbpromote.commit": "d" * 40,
        "nbpromote.dirty": "false",
        "nbpromote.environment": "dev",
        "nbpromote.evidence": trained.digest,
        "nbpromote.notebook": "train",
        "nbpromote.params_dirty": "false",
        "nbpromote.passed": "true",
        "nbpromote.run": trained.run.id,
    }


TAGS = {
    "nbpromote.release": "5ea1" * 16,
    "nbpromote.alias": "brisk-otter",
    "nbpromote.commit": "d" * 40,
    "nbpromote.environment": "prod",
    "nbpromote.notebook": "train",
    "nbpromote.code": "c0de" * 16,
}


@pytest.fixture
def promoted(trained, tmp_path, empty_store):
    """The model carried to production's own store and live there, after everything of dev is gone."""
    below = tmp_path / "below"
    shutil.copytree(track.folder_of(trained.run.tracking_uri, trained.model.uri, tmp_path), below)
    run = opened(tmp_path, store(tmp_path, empty_store, "prod"), environment="prod")
    where = {"experiment": "flights/prod/train", "folder": below, "run": run.mlflow_run}
    model = track.keep_model(run.tracking_uri, files=trained.model.files, **where)
    shutil.rmtree(below)
    model = track.register(run.tracking_uri, model, "prod.train", token="once", tags=TAGS)
    track.set_alias(run.tracking_uri, model)
    return run, model


def test_a_copied_model_answers_through_its_alias_in_a_fresh_process(promoted, trained, tmp_path):
    run, model = promoted
    before = track.check_model(run.tracking_uri, model, tmp_path)
    folder = track.folder_of(run.tracking_uri, "models:/prod.train@champion", tmp_path)
    hidden = Path(trained.run.tracking_uri.removeprefix("sqlite:///")).parent
    away = hidden.rename(hidden.with_name("gone"))
    try:
        said = ask("models:/prod.train@champion", run.tracking_uri, cwd=tmp_path)
    finally:
        away.rename(hidden)

    assert track.answer(said.stdout) == {"values": pytest.approx([0.5, 1.0, 1.5])}, said.stderr
    assert (folder / "registered_model_meta").is_file()  # which loading wrote
    assert before is None
    assert track.check_model(run.tracking_uri, model, tmp_path) is None
    assert not (tmp_path / "mlruns").exists()


def ask(model_uri, uri, *, cwd):
    variables = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_DISABLE_TELEMETRY": "true"}
    source = [sys.executable, "-c", track.question(model_uri)]
    return subprocess.run(source, env={**os.environ, **variables}, cwd=cwd, capture_output=True, text=True)


def test_a_version_is_linked_to_its_release_its_run_and_its_bytes(promoted):
    run, model = promoted
    mlflow = client(run.tracking_uri)
    version = mlflow.get_model_version_by_alias("prod.train", "champion")
    (output,) = mlflow.get_run(run.mlflow_run).outputs.model_outputs

    assert version.tags == {**TAGS, "nbpromote.attempt": "once"}
    assert version.run_id == run.mlflow_run
    assert version.source == model.uri == f"models:/{output.model_id}"
    assert track.pointed(run.tracking_uri, "prod.train") == model.version == "1"


def test_an_attempt_that_is_made_again_finds_its_version(promoted):
    run, model = promoted
    again = track.register(run.tracking_uri, model, "prod.train", token="once", tags=TAGS)
    next_one = track.register(run.tracking_uri, model, "prod.train", token="twice", tags=TAGS)

    assert again == model
    assert next_one.version == "2"


def test_an_alias_is_taken_away_however_often_that_is_asked(promoted):
    run, _ = promoted
    for _again in range(2):
        track.drop_alias(run.tracking_uri, "prod.train")

    assert track.pointed(run.tracking_uri, "prod.train") is None
    track.drop_alias(run.tracking_uri, "prod.never")


def test_a_changed_file_is_named(promoted, tmp_path):
    run, model = promoted
    skops = track.folder_of(run.tracking_uri, model.uri, tmp_path) / "model.skops"
    skops.write_bytes(skops.read_bytes() + b"\0")
    changed = track.check_model(run.tracking_uri, model, tmp_path)
    skops.unlink()
    gone = track.check_model(run.tracking_uri, model, tmp_path)
    client(run.tracking_uri).delete_logged_model(model.uri.removeprefix("models:/"))

    assert changed == f"model.skops of {model.uri} was changed"
    assert gone == f"model.skops of {model.uri} is gone"
    assert track.check_model(run.tracking_uri, model, tmp_path) == f"{model.uri} is gone"


def test_a_deleted_version_is_registered_again_from_kept_bytes(promoted, tmp_path):
    run, model = promoted
    kept = shutil.copytree(track.folder_of(run.tracking_uri, model.uri, tmp_path), tmp_path / "kept")
    client(run.tracking_uri).delete_model_version("prod.train", model.version)
    had = track.has_version(run.tracking_uri, model)
    fresh = track.keep_model(run.tracking_uri, experiment="flights/prod/train", folder=kept, files=model.files)
    fresh = track.register(run.tracking_uri, fresh, "prod.train", token="again", tags=TAGS)

    assert not had
    assert track.pointed(run.tracking_uri, "prod.train") is None
    assert track.has_version(run.tracking_uri, fresh)
    assert fresh.sha256 == model.sha256


def test_bytes_that_do_not_arrive_whole_are_refused(promoted, tmp_path):
    run, model = promoted
    short = tmp_path / "short"
    short.mkdir()
    short.joinpath("MLmodel").write_text("flavors: {}\n")

    with pytest.raises(Unavailable, match="did not arrive whole"):
        track.keep_model(run.tracking_uri, experiment="flights/prod/train", folder=short, files=model.files)


# -- what is written at the end ----------------------------------------------------------------------------------------


def test_names_and_values_of_any_kind_are_logged(tmp_path, empty_store):
    many = {f"p{number}": number for number in range(130)}
    odd = {"": 1, "a%b": 2, "../up": 3, "/root": 4, "x//y": 5, ".": 6, "größe": 7, "n" * 300: 8, "long": "ü" * 7000}
    run = opened(tmp_path, store(tmp_path, empty_store), parameters={**many, **odd})
    client(run.tracking_uri).log_param(run.mlflow_run, "p0", "said otherwise")
    metrics = {f"m{number}": float(number) for number in range(1200)} | {"f1 @ 0.5": 0.9, "a/": 1.0}
    track.finish(Evidence(run=run, checks=(), metrics=metrics))
    shown = client(run.tracking_uri).get_run(run.mlflow_run).data

    assert len(shown.params) == len(many) + len(odd)
    assert shown.params["p0"] == "said otherwise"
    assert shown.params["long"] == "ü" * 6000
    assert {"a_b", "___up", "_root", "x__y", "größe", "n" * 250} < set(shown.params)
    assert len(shown.metrics) == 1202
    assert {"f1 _ 0.5", "a_"} < set(shown.metrics)


def test_tables_and_pictures_of_any_kind_are_logged(tmp_path, empty_store):
    run = opened(tmp_path, store(tmp_path, empty_store))
    shown = [new_output("display_data", data={"image/png": png}) for png in (PNG, "no picture")]
    run.notebook_file.write_text(json.dumps(new_notebook(cells=[new_code_cell("plot()", outputs=shown)])))
    rows = [{"month": 1, "mae": 2.5}, {"month": 2, "note": "a, b"}]
    evidence = Evidence(run=run, checks=(), scraps=(Scrap(name="by/month", kind="table", value=rows),))
    track.finish(evidence)

    assert artifacts(evidence, "figures") == {"figures/cell-1-1.png"}
    assert table(run, "tables/by_month.csv") == ["month,mae,note", "1,2.5,", '2,,"a, b"']


def table(run, path):
    import mlflow.artifacts

    uri = client(run.tracking_uri).get_run(run.mlflow_run).info.artifact_uri
    return mlflow.artifacts.load_text(f"{uri}/{path}").splitlines()


def test_a_run_that_is_judged_again_keeps_its_end(tmp_path, empty_store):
    run = opened(tmp_path, store(tmp_path, empty_store))
    evidence = Evidence(run=run, checks=())
    track.finish(evidence)
    first = client(run.tracking_uri).get_run(run.mlflow_run).info
    time.sleep(0.05)
    track.judge(evidence)
    second = client(run.tracking_uri).get_run(run.mlflow_run).info

    assert first.status == "FAILED"  # nothing was proved
    assert second.end_time == first.end_time >= first.start_time


# -- stores and servers ------------------------------------------------------------------------------------------------


def test_two_first_users_of_one_store_both_succeed(tmp_path):
    source = (
        "import sys\n"
        "from nbpromote.track.store import client\n"
        "mlflow = client(sys.argv[1])\n"
        "mlflow.create_run('0', run_name=sys.argv[2])\n"
        "from mlflow.telemetry import get_telemetry_client\n"
        "assert get_telemetry_client() is None\n"
    )
    uri = f"sqlite:///{tmp_path}/new/dev.db"
    command = [sys.executable, "-c", source, uri]
    both = [subprocess.Popen([*command, name], cwd=tmp_path, stderr=subprocess.PIPE, text=True) for name in "ab"]
    said = [process.communicate(timeout=120)[1] for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert {run.info.run_name for run in client(uri).search_runs(["0"])} == {"a", "b"}
    assert {path.name for path in tmp_path.iterdir()} == {"new"}


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_server_that_is_down_or_hangs_is_told_at_once(tmp_path, port):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        for number in (port, mute.getsockname()[1]):
            began = time.monotonic()
            with pytest.raises(Unavailable, match="does not answer"):
                track.open_run(draft(tmp_path, f"http://127.0.0.1:{number}"), project="flights")
            assert time.monotonic() - began < 5


def test_a_server_that_is_down_says_nothing_about_a_model(tmp_path, port):
    uri = f"http://127.0.0.1:{port}"
    model = Model(uri="models:/m-1", files={"MLmodel": "0" * 64})
    said = ask(model.uri, uri, cwd=tmp_path)

    assert said.returncode == 1
    assert "nbpromote:" not in said.stdout
    with pytest.raises(Unavailable):
        track.check_model(uri, model, tmp_path)
