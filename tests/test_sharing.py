"""What several machines must share, and releases kept where they share it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbpromote import find
from nbpromote.errors import BadInput
from nbpromote.workflow.site import sharing

HERE, THERE, OTHER = (
    "sqlite:////p/.nbpromote/mlflow/dev.db",
    "https://mlflow.example.org",
    "http://prod.example.org",
)
ROOT = Path("/p")


@pytest.mark.parametrize(
    ("uris", "remote", "store", "told"),
    [
        ({"dev": HERE, "prod": HERE}, None, ".nbpromote/store", ()),
        ({"dev": HERE, "prod": THERE}, "origin", "s3://releases/p", ()),
        ({"dev": THERE, "prod": THERE}, "origin", "mlflow", ()),
        ({"dev": THERE, "prod": OTHER}, "origin", "/mnt/releases", ()),
        ({"prod": THERE}, None, "s3://releases/p", ("prod is on a shared server and the history is not shared",)),
        ({"prod": THERE}, "origin", ".nbpromote/store", ("prod is on a shared server and the store of releases",)),
        ({"prod": HERE}, "origin", ".nbpromote/store", ("the history is shared and the store of releases is not",)),
        (
            {"prod": HERE},
            "origin",
            "file:///p/kept",
            ("the history is shared and the store of releases is not",),
        ),
        (
            {"dev": HERE, "staging": THERE, "prod": OTHER},
            None,
            "kept",
            ("staging and prod are on a shared server and the history", "staging and prod are on a shared server and"),
        ),
    ],
)
def test_what_another_clone_would_lack_is_told_with_what_to_write(uris, remote, store, told):
    lacking = sharing.lacking(uris, remote=remote, store=store, root=ROOT)

    assert len(lacking) == len(told)
    for reason, beginning in zip(lacking, told, strict=True):
        assert reason.startswith(beginning)
        assert "[tool.nbpromote]" in reason


def in_mlflow(folder):
    folder.joinpath("pyproject.toml").write_text('[tool.nbpromote]\nproject = "small"\nstore = "mlflow"\n')
    return find(folder)


@pytest.mark.parametrize("uris", [{"dev": HERE}, {"dev": THERE, "prod": OTHER}])
def test_releases_in_mlflow_want_one_server(uris, tmp_path):
    with pytest.raises(BadInput, match="wants one tracking server"):
        sharing.store_of(in_mlflow(tmp_path), lambda: uris)


def test_an_environment_on_this_machine_does_not_disturb_releases_on_the_server_of_the_others(tmp_path):
    store = sharing.store_of(in_mlflow(tmp_path), lambda: {"dev": HERE, "staging": THERE, "prod": THERE})

    assert store.url == f"{THERE} (small/store)"
