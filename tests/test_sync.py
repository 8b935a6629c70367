"""Sync: real files in real git repositories, real jupytext, and what both sides say afterwards."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from ground import HEADER, command, git
from nbpromote import find, notebook, workflow
from nbpromote.errors import BadInput, Conflict
from nbpromote.model import Pair
from nbpromote.notebook import Base, Block, Contents
from nbpromote.notebook.pairing import merging
from nbpromote.workflow.authoring.pairing import Synced
from pages import CELLS, agree, code_cells, edit, executed, outputs


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
    return executed(sync(root).pair)


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

    assert agree(sync(root, "raw").pair)


@pytest.mark.parametrize(("kernel", "suffix"), [("R", ".R"), ("julia", ".jl")])
def test_other_languages_are_paired_both_ways(root, kernel, suffix):
    spec = {"name": kernel.lower(), "display_name": kernel, "language": kernel}
    node = new_notebook(cells=[new_code_cell("x = 1"), new_markdown_cell("Hi")], metadata={"kernelspec": spec})
    notebook.write(node, root / "notebooks/sub.ipynb")
    pair = sync(root, "sub").pair

    assert pair.script == root / f"notebooks/sub{suffix}"
    edit(pair.script, "x = 1", "x = 2")
    assert sync(root, "sub").winner == "script"
    assert notebook.read(pair).metadata.kernelspec.name == kernel.lower()
    pair.ipynb.unlink()
    assert sync(root, "sub").wrote == (pair.ipynb,)


def test_a_script_of_r_in_small_letters_in_a_subfolder_gets_a_notebook(root):
    (root / "notebooks/deep").mkdir()
    (root / "notebooks/deep/stats.r").write_text("# %% [markdown]\n# Hi\n\n# %%\nx <- 1\n")
    pair = sync(root, "deep/stats").pair

    assert notebook.read(pair).metadata.kernelspec.language == "R"
    edit(pair.ipynb, "x <- 1", "x <- 2")
    assert sync(root, "stats").wrote == (pair.script,)
    assert text(pair).endswith("# %%\nx <- 2\n")


def test_magics_travel_and_stay_comments_in_the_script(paired, root):
    edit(paired.ipynb, "print(total)", "%time print(total)\\n!pwd")
    sync(root)
    assert "# %time print(total)\n# !pwd" in text(paired)
    edit(paired.script, "# !pwd", "# !pwd -P")
    sync(root)
    assert code_cells(notebook.read(paired))[2].source == "%time print(total)\n!pwd -P"


def test_line_ends_and_the_byte_order_mark_of_a_file_stay(paired, root):
    mark = b"\xef\xbb\xbf"
    for path in (paired.ipynb, paired.script):
        path.write_bytes(mark + path.read_bytes().replace(b"\n", b"\r\n"))
    assert sync(root).wrote == ()
    paired.script.write_bytes(paired.script.read_bytes().replace(b"print(total)", b"print(1)"))
    paired.ipynb.write_bytes(paired.ipynb.read_bytes().replace(b"# Train", b"# Train well"))
    assert len(sync(root).wrote) == 2

    for path in (paired.ipynb, paired.script):
        data = path.read_bytes()
        assert data.startswith(mark)
        assert data.count(b"\n") == data.count(b"\r\n")


@pytest.mark.parametrize("letter", list("\v\f\x1c\x1d\x1e\x85\u2028\u2029"))
def test_characters_that_no_script_can_hold_are_refused_with_their_place(root, letter):
    node = new_notebook(cells=[new_markdown_cell("Hi"), new_code_cell(f"a = 1\nb = '{letter}'", id="bad")])
    path = notebook.write(node, root / "notebooks/odd.ipynb")

    with pytest.raises(BadInput, match=r"odd.ipynb cell 1 \(bad\): line 2 of the cell holds a") as caught:
        sync(root, "odd")
    assert "write it as" in caught.value.hint
    assert [path.name for path in path.parent.glob("odd.*")] == ["odd.ipynb"]
    (finding,) = notebook.check(Pair(name="odd", ipynb=path), root)
    assert (finding.code, finding.cell, finding.cell_id) == ("NBP106", 1, "bad")


def test_unresolved_markers_on_both_sides_are_named_by_line_and_nothing_is_written(paired, root):
    marked = "<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> other\n"
    edit(paired.script, "print(total)", marked)
    paired.ipynb.write_text(marked + paired.ipynb.read_text())
    before = paired.ipynb.read_bytes(), paired.script.read_bytes()

    with pytest.raises(BadInput) as caught:
        sync(root)
    assert "train.ipynb line 1: unresolved merge conflict" in str(caught.value)
    assert "train.py line" in str(caught.value)
    assert (paired.ipynb.read_bytes(), paired.script.read_bytes()) == before


def test_configuration_lying_about_is_never_executed_nor_read(paired, root):
    for folder in (root, root / "notebooks"):
        (folder / ".jupytext.py").write_text(f"open({str(root / 'executed')!r}, 'w')\n")
        (folder / "jupytext.toml").write_text('formats = "ipynb,md"\ncomment_magics = false\n')
    edit(paired.script, "print(total)", "# %time print(total)")
    edit(paired.ipynb, "# Train", "# Train well")

    assert sync(root).winner == "both"
    assert not (root / "executed").exists()
    assert "%time print(total)" in paired.ipynb.read_text()


# -- both sides changed --------------------------------------------------------------------------------------


def test_edits_of_different_cells_are_merged_also_where_they_touch(paired, root):
    edit(paired.script, "total = sum(months) * alpha", "total = sum(months)")
    edit(paired.ipynb, "print(total)", "print(total, 1)")
    synced = sync(root)

    assert (synced.winner, len(synced.wrote)) == ("both", 2)
    assert synced.reason == (
        f"merged: code cell 3 ({code_cells(notebook.read(paired))[2].id}) from the notebook; "
        "code cell 2 from the script"
    )
    assert "total = sum(months)\n\n# %%\nprint(total, 1)\n" in text(paired)
    assert outputs(paired.ipynb) == ["output 1\n", "output 3\n"]
    assert sync(root).wrote == ()


def test_text_of_one_side_and_tags_of_the_other_meet_in_one_cell(paired, root):
    edit(paired.script, "print(total)", "print(total, 1)")
    node = (
        notebook.read(
            paired,
        )
        if agree(paired)
        else notebook.parse("x.ipynb", paired.ipynb.read_bytes())
    )
    code_cells(node)[2].metadata["tags"] = ["slow"]
    notebook.write(node, paired.ipynb)
    sync(root)

    cell = code_cells(notebook.read(paired))[2]
    assert (cell.source, cell.metadata.tags) == ("print(total, 1)", ["slow"])
    assert '# %% tags=["slow"]\nprint(total, 1)' in text(paired)


@pytest.mark.parametrize(("ours", "kept", "gone"), [("notebook", "theirs", "mine"), ("script", "mine", "theirs")])
def test_ours_decides_only_the_conflict_and_names_what_it_drops(paired, root, ours, kept, gone):
    edit(paired.script, "# Train", "# Train well")
    edit_both(paired, "print(total)", "print('mine')", "print('theirs')")
    synced = sync(root, ours=ours)

    assert [(one.text, one.side) for one in synced.dropped] == [
        (f"print('{gone}')", "script" if ours == "notebook" else "notebook")
    ]
    for path in (paired.ipynb, paired.script):
        assert kept in path.read_text()
        assert gone not in path.read_text()
        assert "# Train well" in path.read_text()
    assert sync(root).wrote == ()


def test_ours_without_a_base_takes_the_whole_side_and_names_every_cell_that_differs(paired, root):
    edit_both(paired, "print(total)", "print('mine')", "print('theirs')")
    edit(paired.script, "# Train", "# Train well")
    record(root).unlink()
    synced = sync(root, ours="notebook")

    assert {one.text for one in synced.dropped} == {"print('mine')", "# Train well"}
    assert "Train well" not in text(paired)


def test_the_command_tells_all_conflicts_after_settling_the_rest(paired, root):
    shutil.copy(paired.script, root / "notebooks/other.py")
    sync(root, "other")
    edit_both(paired, "print(total)", "print('mine')", "print('theirs')")
    edit(root / "notebooks/other.py", "print(total)", "print('other')")

    checked = command("-C", str(root), "sync", "--check")
    assert checked.returncode == 1
    assert "print('other')" not in (root / "notebooks/other.ipynb").read_text()
    done = command("-C", str(root), "sync")
    assert done.returncode == 1
    assert "other: wrote" in done.stdout
    assert "print('mine')" in done.stderr
    assert "--ours script" in done.stderr
    settled = command("-C", str(root), "sync", "train", "--ours", "script")
    assert settled.returncode == 0
    assert "dropped from the notebook" in settled.stdout
    assert "print('theirs')" in settled.stdout
    assert command("-C", str(root), "sync", "--check").returncode == 0


# -- what git does in between --------------------------------------------------------------------------------


def test_after_a_clone_each_edit_has_one_winner(committed, root, tmp_path):
    git(tmp_path, "clone", "--quiet", str(root), "clone")
    clone = tmp_path / "clone"
    for path in clone.glob("notebooks/*"):
        os.utime(path, (1, 1))
    edit(clone / "notebooks/train.ipynb", "print(total)", "print('cloned')")

    assert sync(clone).winner == "notebook"


def test_after_a_checkout_the_branch_is_what_both_sides_had_in_common(committed, root):
    git(root, "checkout", "--quiet", "-b", "other")
    edit(committed.script, "print(total)", "print('other')")
    sync(root)
    commit(root)
    git(root, "checkout", "--quiet", "main")
    edit(committed.script, "# Train", "# Train well")

    assert sync(root).winner == "script"
    assert "print(total)" in text(committed)


def test_a_colleague_who_committed_one_side_alone_is_followed(committed, root, tmp_path):
    git(tmp_path, "clone", "--quiet", str(root), "clone")
    clone = tmp_path / "clone"
    edit(root / "notebooks/train.py", "print(total)", "print('colleague')")
    commit(root, "notebooks/train.py")
    git(clone, "pull", "--quiet")
    edit(clone / "notebooks/train.ipynb", "# Train", "# Train well")
    synced = sync(clone)

    assert synced.winner == "both"
    assert "print('colleague')" in (clone / "notebooks/train.ipynb").read_text()
    assert "# # Train well" in (clone / "notebooks/train.py").read_text()


def test_a_rebase_and_an_edit_after_it(committed, root):
    git(root, "checkout", "--quiet", "-b", "mine")
    edit(committed.script, "# Train", "# Train well")
    sync(root)
    commit(root)
    git(root, "checkout", "--quiet", "main")
    (root / "README.md").write_text("x")
    commit(root)
    git(root, "checkout", "--quiet", "mine")
    git(root, "rebase", "--quiet", "main")
    edit(committed.ipynb, "print(total)", "print('rebased')")

    assert sync(root).winner == "notebook"


def test_an_edit_that_was_stashed_and_popped_has_its_winner(committed, root):
    edit(committed.script, "print(total)", "print('stashed')")
    git(root, "stash", "--quiet")
    assert sync(root).wrote == ()
    git(root, "stash", "pop", "--quiet")

    assert sync(root).winner == "script"


def test_each_worktree_has_its_own_agreement(committed, root, tmp_path):
    git(root, "worktree", "add", "--quiet", "-b", "second", str(tmp_path / "second"))
    second = tmp_path / "second"
    edit(second / "notebooks/train.py", "print(total)", "print('second')")
    sync(second)
    edit(committed.ipynb, "print(total)", "print('first')")

    assert sync(root).winner == "notebook"
    edit(second / "notebooks/train.py", "print('second')", "print(total)")
    assert sync(second).winner == "script"


@pytest.mark.parametrize("ignored", ["*.ipynb", "notebooks/*.py"])
def test_with_a_side_that_git_ignores_the_agreement_is_the_base(paired, root, ignored):
    (root / ".gitignore").write_text(ignored)
    commit(root)
    edit(paired.script, "print(total)", "print('one')")
    sync(root)
    commit(root)
    edit(paired.ipynb, "print('one')", "print('two')")
    assert sync(root).winner == "notebook"
    commit(root)
    edit(paired.script, "print('two')", "print('three')")
    edit(paired.ipynb, "# Train", "# Train well")
    assert sync(root).winner == "both"


def test_a_renamed_pair_keeps_its_base(paired, root):
    for path in (paired.ipynb, paired.script):
        path.rename(path.with_stem("fit"))
    edit(root / "notebooks/fit.py", "print(total)", "print('renamed')")

    assert sync(root, "fit").winner == "script"


def test_one_side_renamed_alone_is_refused_and_makes_no_second_notebook(paired, root):
    commit(root)
    paired.script.rename(paired.script.with_stem("fit"))

    done = workflow.sync(find(root))

    assert {path.name for path in (root / "notebooks").iterdir()} == {"fit.py", "train.ipynb"}
    told = "notebooks/train.py was renamed to notebooks/fit.py, and notebooks/train.ipynb was not"
    assert [told in str(one.error) for one in done] == [True, True]
    assert done[0].error.hint == "git mv notebooks/train.ipynb notebooks/fit.ipynb"


def test_a_side_deleted_alone_is_made_again(paired, root):
    commit(root)
    paired.script.unlink()

    assert sync(root).reason == "there was no script"


def test_two_projects_of_one_repository_have_agreements_of_their_own(committed, root):
    shutil.copytree(root / "notebooks", root / "second/notebooks")
    shutil.copy(root / "pyproject.toml", root / "second")
    edit(root / "second/notebooks/train.py", "print(total)", "print('second')")

    with pytest.raises(Conflict):
        sync(root / "second")
    assert sync(root).wrote == ()


def test_killed_between_the_two_writes_the_next_sync_finishes(paired, root, monkeypatch):
    edit(paired.script, "# Train", "# Train well\n#\n# and more")
    edit(paired.script, "print(total)", "print(total)\n\n# %%\nadded = 1")
    edit(paired.ipynb, "sum(months)", "max(months)")
    from nbpromote import files

    written = []

    def write(path, data):
        if written:
            raise KeyboardInterrupt
        written.append(path)
        return whole(path, data)

    whole = files.write
    with monkeypatch.context() as patched:
        patched.setattr(files, "write", write)
        with pytest.raises(KeyboardInterrupt):
            sync(root)
    assert not agree(paired)

    sync(root)
    assert agree(paired)
    for line in ("Train well", "and more", "max(months)", "added = 1"):
        assert line in text(paired)


# -- the corpus, and anything ---------------------------------------------------------------------------------

CORPUS = {
    "kinds": [new_markdown_cell("# Hi"), new_code_cell("x = 1"), new_raw_cell("raw"), new_code_cell("")],
    "raw": [new_raw_cell("<b>x</b>", metadata={"raw_mimetype": "text/html"}), new_code_cell("x")],
    "attached": [new_markdown_cell("![x](attachment:x.png)", attachments={"x.png": {"image/png": "aGk="}})],
    "markdown": [new_markdown_cell("```python\n# %%\n```\n\n- a\n  - b\n\n$$x$$"), new_markdown_cell('"""quotes"""')],
    "magics": [
        new_code_cell("%matplotlib inline\n!ls -l\nx = !pwd"),
        new_code_cell("%%bash\necho 1"),
        new_code_cell("x?"),
    ],
    "tags": [
        new_code_cell("a = 1", metadata={"tags": ["parameters", "b"]}),
        new_code_cell("b", metadata={"own": {"x": [1]}}),
    ],
    "unicode": [new_code_cell("s = 'äöü 😀 ﬁ'"), new_markdown_cell("日本語 — «quoted»")],
    "blanks": [new_code_cell("x = 1  \n\n\ny = 2\n"), new_markdown_cell("a  \nb"), new_code_cell("\n\nz = 3")],
    "comments": [
        new_code_cell("# only\n# comments"),
        new_code_cell("# copy this\nx = 1"),
        new_code_cell("def f():\n    pass"),
    ],
    "windows": [new_code_cell("x = 1\r\ny = 2\r\n"), new_markdown_cell("a\r\nb")],
}


def corpus() -> dict[str, bytes]:
    """The notebooks of this repository, and some with every kind of cell."""
    found = {path.stem: path.read_bytes() for path in Path("notebooks").glob("*.ipynb")}
    for name, cells in CORPUS.items():
        node = new_notebook(cells=[cell.copy() for cell in cells])
        for index, cell in enumerate(node.cells):
            cell["id"] = f"{name}-{index}"
            if cell.cell_type == "code":
                cell["outputs"] = [new_output("stream", text=f"{index}\n")]
        found[name] = nbformat.writes(node).encode()
    return found


@pytest.mark.parametrize("name", sorted({*CORPUS, "delay_report", "prepare_flights", "score_flights", "train_delay"}))
def test_the_way_through_a_script_and_back_keeps_code_ids_and_outputs(name):
    data = corpus()[name]
    pair = Pair(name=name, ipynb=Path(f"{name}.ipynb"), script=Path(f"{name}.py"))
    there = notebook.settle(pair, Contents(notebook=data))
    script = there.contents.script
    before = notebook.parse(f"{name}.ipynb", data)
    # every cell is edited away in the notebook, and what the script says comes back
    emptied = notebook.settle(pair, Contents(notebook=data, script=script + b"\n# %%\nlast = 1\n"), bases=[there.base])
    back = notebook.settle(pair, Contents(notebook=emptied.contents.notebook, script=script), bases=[emptied.base])
    after = notebook.parse(f"{name}.ipynb", back.contents.notebook)

    assert [cell.id for cell in after.cells] == [cell.id for cell in before.cells]
    assert [cell.get("outputs") for cell in after.cells] == [cell.get("outputs") for cell in before.cells]
    assert [cell.get("attachments") for cell in after.cells] == [cell.get("attachments") for cell in before.cells]
    digests = {
        notebook.code(
            [path], {"x.ipynb": data, "x.py": script, "back.ipynb": back.contents.notebook}.get, (), ()
        ).digest
        for path in ("x.ipynb", "x.py", "back.ipynb")
    }
    assert len(digests) == 1


EDITS = st.lists(st.tuples(st.sampled_from(["edit", "insert", "delete", "move", "tag"]), st.randoms()), max_size=4)


def edited(blocks: list[Block], edits: list[tuple[str, random.Random]], side: str) -> list[Block]:
    """Blocks after some edits, each of which writes a line that nobody else writes."""
    found = list(blocks)
    for number, (kind, chance) in enumerate(edits):
        at, line = chance.randrange(len(found) + 1), f"{side}_{number}"
        if kind == "insert" or at == len(found):
            found.insert(at, Block(kind="code", source=f"{line} = {number}", id=line))
        elif kind == "edit":
            found[at] = replace(found[at], source=f"{found[at].source}\n{line} = 1")
        elif kind == "tag":
            found[at] = replace(found[at], tags=(*found[at].tags, line))
        elif kind == "delete":
            del found[at]
        else:
            found.insert(chance.randrange(len(found)), found.pop(at))
    return found


def lines(blocks) -> set[str]:
    """Every line and every tag."""
    return {line for block in blocks for line in (*block.source.split("\n"), *block.tags)}


def says(blocks) -> list:
    return [block.says for block in blocks]


WORDS = ("load", "clean", "fit", "score", "plot")
START = [
    Block(kind="code", source=f"{word} = {number}\nprint({word!r} * {number}, {word})", id=word)
    for number, word in enumerate(WORDS)
]


def without_ids(blocks: list[Block]) -> list[Block]:
    return [replace(block, id=None) for block in blocks]


@settings(max_examples=150, deadline=None)
@given(mine=EDITS, theirs=EDITS, ours=st.sampled_from(["notebook", "script"]))
def test_nothing_that_anyone_wrote_goes_without_being_named(mine, theirs, ours):
    one, other = edited(START, mine, "n"), without_ids(edited(START, theirs, "s"))
    merged = merging.merge(START, one, other, ours=ours)
    kept = [item.block for item in merged.items]
    dropped = [block for clash in merged.clashes for side in merging.SIDES for block in clash.of(side)]

    written = lines([*one, *other]) - lines(START)
    assert written <= lines([*kept, *dropped])
    again = merging.merge(kept, kept, kept)
    assert (says(item.block for item in again.items), again.clashes) == (says(kept), ())
    if not merged.clashes:
        # killed after the first write, the notebook is ahead; its cells have their ids, and new ones new ids
        places = enumerate(item.notebook for item in merged.items)
        ids = [f"new-{number}" if place is None else one[place].id for number, place in places]
        ahead = [replace(block, id=id) for block, id in zip(kept, ids, strict=True)]
        assert says(item.block for item in merging.merge(START, ahead, other).items) == says(kept)


@settings(max_examples=150, deadline=None)
@given(mine=EDITS, theirs=EDITS, ours=st.sampled_from(["notebook", "script"]))
def test_a_merge_is_the_same_with_the_sides_changed_about(mine, theirs, ours):
    base, one, other = (
        without_ids(START),
        edited(without_ids(START), mine, "n"),
        edited(without_ids(START), theirs, "s"),
    )
    merged = merging.merge(base, one, other, ours=ours)
    mirrored = merging.merge(base, other, one, ours="script" if ours == "notebook" else "notebook")

    assert says(item.block for item in mirrored.items) == says(item.block for item in merged.items)
    assert len(mirrored.clashes) == len(merged.clashes)


@settings(max_examples=25, deadline=None)
@given(mine=EDITS, theirs=EDITS, ours=st.sampled_from([None, "notebook", "script"]))
def test_both_files_say_the_same_after_every_sync_that_is_not_refused(mine, theirs, ours):
    pair = Pair(name="x", ipynb=Path("x.ipynb"), script=Path("x.py"))

    def sides(blocks):
        kinds = [new_code_cell(block.source, metadata={"tags": list(block.tags)}) for block in blocks]
        return notebook.settle(pair, Contents(notebook=nbformat.writes(new_notebook(cells=kinds)).encode())).contents

    both = Contents(notebook=sides(edited(START, mine, "n")).notebook, script=sides(edited(START, theirs, "s")).script)
    try:
        settled = notebook.settle(pair, both, bases=[Base(blocks=tuple(START))], ours=ours)
    except Conflict:
        assert ours is None
        return
    assert notebook.base(pair, settled.contents) is not None
    assert notebook.settle(pair, settled.contents).changed == ()
