"""Sync: real files in real git repositories, real jupytext, and what both sides say afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from ground import HEADER, git
from nbpromote import find, notebook, workflow
from nbpromote.errors import BadInput, Conflict
from nbpromote.model import Pair
from nbpromote.workflow.pairing import Synced

CELLS = """\

# %% [markdown]
# # Train

# %% tags=["parameters"]
months: list[int] = [1]  # months to use
alpha = -0.5

# %%
import helpers

total = sum(months) * alpha

# %%
print(total)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in a repository, with one notebook, `train`, as a script alone; nothing is committed."""
    root = tmp_path / "project"
    (root / "notebooks").mkdir(parents=True)
    repository(root)
    (root / "pyproject.toml").write_text('[tool.nbpromote]\nproject = "small"\n')
    (root / "notebooks/train.py").write_text(HEADER + CELLS)
    return root


@pytest.fixture
def paired(root: Path) -> Pair:
    """The notebook with both sides, in agreement, and outputs in the `.ipynb`."""
    pair = sync(root).pair
    node = notebook.read(pair)
    for number, cell in enumerate(code_cells(node), start=1):
        cell["execution_count"] = number
        cell["outputs"] = [new_output("stream", text=f"output {number}\n")]
    notebook.write(node, pair.ipynb)
    return pair


@pytest.fixture
def committed(paired: Pair, root: Path) -> Pair:
    commit(root)
    return paired


def repository(root: Path) -> None:
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "config", "user.name", "Ada Test")
    git(root, "config", "user.email", "ada@example.org")


def commit(root: Path, *paths: str) -> None:
    git(root, "add", *(paths or ["--all"]))
    git(root, "commit", "--quiet", "--message", "edit")


def sync(root: Path, name: str = "train", **options) -> Synced:
    """One pair. Raises what it could not be settled for."""
    (synced,) = workflow.sync(find(root), [name], **options)
    if synced.error:
        raise synced.error
    return synced


def record(root: Path, name: str = "train") -> Path:
    return root / f".git/nbpromote/agreed/notebooks/{name}.json"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def code_cells(node):
    return [cell for cell in node.cells if cell.cell_type == "code"]


def outputs(path: Path) -> list[str]:
    return [output.text for cell in code_cells(nbformat.read(path, 4)) for output in cell.outputs]


def code(root: Path) -> str:
    """The digest of what decides the result of both sides."""
    files = ("notebooks/train.ipynb", "notebooks/train.py")
    return notebook.code(files, lambda path: (root / path).read_bytes(), (), ()).digest


def text(pair: Pair) -> str:
    return pair.script.read_text()


# -- one side changed ------------------------------------------------------------------------------------


def test_a_script_alone_gets_a_notebook_with_a_kernel(root):
    (root / "notebooks/train.py").write_text("# %%\nx = 1\n")
    synced = sync(root)

    assert (synced.wrote, synced.winner) == ((root / "notebooks/train.ipynb",), "script")
    assert notebook.read(synced.pair).metadata.kernelspec.name == "python3"


def test_a_notebook_alone_gets_a_script(root):
    node = new_notebook(cells=[new_code_cell("x = 1", metadata={"tags": ["parameters"]}), new_markdown_cell("Hi")])
    notebook.write(node, root / "notebooks/new.ipynb")
    synced = sync(root, "new")

    script = text(synced.pair)
    assert (synced.wrote, synced.winner) == ((root / "notebooks/new.py",), "notebook")
    assert '# %% tags=["parameters"]\nx = 1\n\n# %% [markdown]\n# Hi\n' in script
    assert "name: python3" in script
    assert "jupytext_version" not in script


def test_a_notebook_in_a_language_without_scripts_stays_alone(root):
    kernel = {"name": "ruby", "display_name": "Ruby", "language": "ruby"}
    node = new_notebook(cells=[new_code_cell("x = 1")], metadata={"kernelspec": kernel})
    notebook.write(node, root / "notebooks/r.ipynb")

    assert sync(root, "r").wrote == ()
    assert [path.name for path in (root / "notebooks").glob("r.*")] == ["r.ipynb"]


def test_sides_that_agree_are_not_written(paired, root):
    before = {path: path.stat() for path in (paired.ipynb, paired.script)}
    synced = sync(root)

    assert (synced.wrote, synced.winner) == ((), "")
    assert {path: path.stat() for path in before} == before


def test_an_edited_script_reaches_the_notebook_and_the_rest_of_it_stays(paired, root):
    node = notebook.read(paired)
    for cell in node.cells:
        cell.metadata["collapsed"] = True
    node.metadata["own"] = {"kept": 1}
    notebook.write(node, paired.ipynb)
    edit(paired.script, "sum(months)", "max(months)")
    edit(paired.script, "# %%\nprint(total)", "# %%\nnew = 1\n\n# %%\nprint(total)")
    synced = sync(root)

    after = notebook.read(synced.pair)
    assert synced.winner == "script"
    assert outputs(paired.ipynb) == ["output 1\n", "output 3\n"]
    assert "max(months)" in after.cells[2].source
    assert after.cells[3].source == "new = 1"
    assert [after.cells[i].id for i in (0, 1, 4)] == [node.cells[i].id for i in (0, 1, 3)]
    assert [cell.metadata.get("collapsed") for cell in after.cells] == [True, True, True, None, True]
    assert after.metadata.own == {"kept": 1}


def test_moved_cells_keep_their_outputs(paired, root):
    edit(paired.script, "# %%\nprint(total)\n", "")
    edit(paired.script, '# %% tags=["parameters"]', '# %%\nprint(total)\n\n# %% tags=["parameters"]')
    sync(root)

    assert outputs(paired.ipynb) == ["output 3\n", "output 1\n", "output 2\n"]


def test_a_tag_taken_away_in_the_script_leaves_the_notebook(paired, root):
    edit(paired.script, '# %% tags=["parameters"]', "# %%")
    sync(root)

    assert "tags" not in code_cells(notebook.read(paired))[0].metadata
    assert outputs(paired.ipynb)[0] == "output 1\n"


def test_an_edited_notebook_reaches_the_script_and_its_layout_stays(paired, root):
    edit(paired.script, "# %%\nprint", "\n\n# %%\nprint")
    before = paired.script.read_text()
    node = notebook.read(paired)
    code_cells(node)[1]["source"] += "\nmore = 1"
    notebook.write(node, paired.ipynb)
    synced = sync(root)

    assert synced.winner == "notebook"
    assert "more = 1" in paired.script.read_text()
    assert before.partition("# %%\nprint")[2] == paired.script.read_text().partition("# %%\nprint")[2]
    assert outputs(paired.ipynb) == ["output 1\n", "output 2\n", "output 3\n"]


def test_a_markdown_edit_travels_and_changes_no_digest(paired, root):
    before = code(root)
    edit(paired.script, "# # Train", "# # Train well")
    sync(root)

    assert "# Train well" in notebook.read(paired).cells[0].source
    assert code(root) == before


def test_a_bare_script_stays_bare_and_shows_tags_that_the_notebook_adds(root):
    (root / "notebooks/train.py").write_text("# %%\nx = 1\n")
    pair = sync(root).pair
    node = notebook.read(pair)
    node.cells[0].metadata["tags"] = ["parameters"]
    notebook.write(node, pair.ipynb)
    sync(root)

    assert pair.script.read_text() == '# %% tags=["parameters"]\nx = 1\n'


def edit_both(pair: Pair, old: str, first: str, second: str) -> dict[Path, bytes]:
    edit(pair.script, old, first)
    edit(pair.ipynb, old, second)
    return {path: path.read_bytes() for path in (pair.ipynb, pair.script)}


@pytest.mark.parametrize("old", ["print(total)", "# Train"])
def test_edits_of_both_sides_are_shown_as_a_diff_and_both_are_kept(paired, root, old):
    before = edit_both(paired, old, f"{old} # mine", f"{old} # theirs")

    with pytest.raises(Conflict) as caught:
        sync(root)
    assert "--- agreed\n+++ train.ipynb" in caught.value.message
    assert "--- agreed\n+++ train.py" in caught.value.message
    assert f"{old} # theirs" in caught.value.message
    assert f"{old} # mine" in caught.value.message
    assert {path: path.read_bytes() for path in before} == before


def test_time_stamps_decide_nothing(paired, root):
    edit(paired.script, "print(total)", "print(total, 1)")
    os.utime(paired.script, (1, 1))

    assert sync(root).winner == "script"


def test_sides_that_never_agreed_and_were_never_committed_are_a_conflict(paired, root):
    edit(paired.script, "print(total)", "print(total, 1)")
    record(root).unlink()

    with pytest.raises(Conflict):
        sync(root)


@pytest.mark.parametrize("tracked", ["train.*", "train.ipynb", "train.py"])
def test_without_a_record_the_committed_copy_tells_which_side_changed(paired, root, tracked):
    commit(root, f"notebooks/{tracked}")
    record(root).write_text("no JSON")
    changed, other = ("notebook", paired.ipynb) if tracked == "train.ipynb" else ("script", paired.script)
    edit(other, "print(total)", "print(total, 1)")

    assert sync(root).winner == changed


def test_a_stale_side_that_git_does_not_hold_never_overwrites_what_came_with_a_pull(paired, root):
    edit(paired.script, "print(total)", "print('pulled')")
    commit(root, "notebooks/train.py")
    record(root).unlink()

    with pytest.raises(Conflict, match="nothing tells"):
        sync(root)


def test_an_edit_undone_after_a_sync_is_undone_on_both_sides(committed, root):
    edit(committed.script, "print(total)", "print('tried')")
    sync(root)
    edit(committed.ipynb, "print('tried')", "print(total)")

    assert sync(root).winner == "notebook"
    assert "print(total)" in text(committed)


def test_where_record_and_commit_tell_different_stories_nobody_wins(paired, root):
    for path in (paired.ipynb, paired.script):
        edit(path, "print(total)", "print('pulled')")
    commit(root)
    edit(paired.script, "print('pulled')", "print(total)")

    with pytest.raises(Conflict):
        sync(root)


def test_a_cell_that_no_script_can_hold_is_refused_and_nothing_is_written(root):
    notebook.write(new_notebook(cells=[new_code_cell("x = 1\n# %%\ny = 2")]), root / "notebooks/odd.ipynb")

    with pytest.raises(BadInput, match="cannot be kept"):
        sync(root, "odd")
    assert not (root / "notebooks/odd.py").exists()


def test_raw_cells_and_front_matter_travel(root):
    cells = [new_raw_cell("---\ntitle: Flights\n---"), new_raw_cell("plain"), new_code_cell("x = 1")]
    notebook.write(new_notebook(cells=cells), root / "notebooks/raw.ipynb")

    assert notebook.agree(sync(root, "raw").pair)
