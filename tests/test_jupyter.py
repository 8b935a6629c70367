"""JupyterLab's side of a pair: a real Jupyter server's application, with jupytext's own contents manager."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from ground import HEADER, git
from nbpromote import find, jupyter, notebook, workflow
from nbpromote.model import Pair

CONFIG = Path(__file__).parents[1] / "toolkit/jupyter/nbpromote.json"
CELLS = '\n# %% tags=["parameters"]\ntop = 1\n\n# %% [markdown]\n# # Count\n\n# %%\nprint(top)\n'
PAIRED = '[tool.nbpromote]\nproject = "small"\n\n[tool.jupytext]\nformats = "ipynb,py:percent"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "notebooks").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PAIRED)
    (root / "notebooks/count.py").write_text(HEADER + CELLS)
    git(root, "init", "--quiet", "--initial-branch=main")
    return root


@pytest.fixture
def pair(root: Path) -> Pair:
    return workflow.sync(find(root))[0].pair


@pytest.fixture
def manager(root, tmp_path, monkeypatch):
    """The contents manager of a server that found nbpromote's extension by the file that the wheel installs."""
    from jupyter_server.serverapp import ServerApp

    found = tmp_path / "etc/jupyter_server_config.d"
    found.mkdir(parents=True)
    shutil.copy(CONFIG, found)
    for variable, folder in (("CONFIG_PATH", "etc"), ("CONFIG_DIR", "own"), ("DATA_DIR", "d"), ("RUNTIME_DIR", "r")):
        monkeypatch.setenv(f"JUPYTER_{variable}", str(tmp_path / folder))
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    server = ServerApp(
        root_dir=str(root), contents_manager_class="jupytext.TextFileContentsManager", open_browser=False
    )
    server.initialize(argv=[], new_httpserver=False)
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])
    yield server.contents_manager
    ServerApp.clear_instance()


def save(manager, path: str, old: str, new: str) -> None:
    """What JupyterLab does: open, edit, save."""
    model = manager.get(path)
    cell = next(cell for cell in model["content"].cells if old in cell.source)
    cell.source = cell.source.replace(old, new)
    manager.save({"type": "notebook", "content": model["content"]}, path)


def agreed(root: Path) -> dict:
    return json.loads((root / ".git/nbpromote/agreed/notebooks/count.json").read_text())


@pytest.mark.parametrize("opened", ["notebooks/count.ipynb", "notebooks/count.py"])
def test_a_save_in_jupyterlab_writes_both_sides_and_is_noted(root, pair, manager, opened):
    save(manager, opened, "print(top)", "print(top + 1)")

    assert "print(top + 1)" in pair.script.read_text()
    assert "print(top + 1)" in [cell["source"] for cell in agreed(root)["cells"]]
    assert [one.wrote for one in workflow.sync(find(root))] == [()]


def test_what_sync_wrote_opens_in_jupyterlab_and_the_next_edit_has_one_winner(root, pair, manager):
    save(manager, "notebooks/count.ipynb", "print(top)", "print(top + 1)")
    pair.script.write_text(pair.script.read_text().replace("top + 1", "top + 2"))
    (synced,) = workflow.sync(find(root))

    assert synced.winner == "script"
    assert "print(top + 2)" in [cell.source for cell in manager.get("notebooks/count.ipynb")["content"].cells]
    save(manager, "notebooks/count.ipynb", "# Count", "# Count well")
    assert [one.reason for one in workflow.sync(find(root))] == ["both sides agree"]


def test_one_side_saved_alone_is_no_agreement(root, pair):
    before = agreed(root)
    pair.script.write_text(pair.script.read_text().replace("print(top)", "print(top, top)"))

    assert workflow.record_agreement(find(root), pair.script) is None
    assert agreed(root) == before


def test_a_save_outside_of_any_project_is_silent_and_a_broken_one_only_logged(root, tmp_path, caplog):
    from jupyter_server.services.contents.filemanager import FileContentsManager

    manager = FileContentsManager(root_dir=str(tmp_path))
    manager.register_post_save_hook(jupyter.note_agreement)
    model = {"type": "notebook", "content": notebook.parse("x.py", b"# %%\nx = 1\n"), "format": "json"}
    manager.save(model, "alone.ipynb")
    assert not caplog.records

    (root / "pyproject.toml").write_text("[tool.nbpromote\n")
    manager.save(model, "project/notebooks/count.ipynb")
    assert "was not noted" in caplog.text
    assert (root / "notebooks/count.ipynb").exists()
