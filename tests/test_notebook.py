"""Notebooks and pairs: real files, real jupytext, no git but what a test hands in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from nbpromote import notebook
from nbpromote.errors import BadInput, Conflict, NotFound, Refused, Usage
from nbpromote.model import Pair, Parameter, sha256
from nbpromote.notebook import sides
from pages import CELLS, agree, code_cells, edit, executed

HEADER = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
"""
SCRIPT = HEADER + CELLS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one notebook, `train`, as a script alone, and a helper module beside it."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    (folder / "helpers.py").write_text("x = 1\n")
    return tmp_path


@pytest.fixture
def paired(root: Path) -> Pair:
    """The notebook with both sides, in agreement, and outputs in the `.ipynb`."""
    return executed(sync(root))


def find(root: Path, name: str = "train") -> Pair:
    return notebook.find(root, root / "notebooks", name)


def sync(root: Path, name: str = "train") -> Pair:
    """Give a script its notebook, or a notebook its script."""
    pair = find(root, name)
    data = {side: path.read_bytes() for side, path in (("notebook", pair.ipynb), ("script", pair.script)) if path}
    settled = notebook.settle(pair, notebook.Contents(**data))
    for side, suffix in (("notebook", ".ipynb"), ("script", ".py")):
        if side in settled.changed:
            (pair.folder / f"{pair.path.stem}{suffix}").write_bytes(getattr(settled.contents, side))
    return find(root, name)


def code(root: Path, paths=("notebooks/train.ipynb", "notebooks/train.py"), *, tracked=(), include=()):
    def read(path: str) -> bytes | None:
        return (root / path).read_bytes() if (root / path).is_file() else None

    return notebook.code(paths, read, tracked, include)


def parse(*cells: str, tags: dict[int, list[str]] | None = None, **metadata):
    """A notebook of code cells, through bytes."""
    node = new_notebook(cells=[new_code_cell(source) for source in cells], metadata=metadata)
    for index, names in (tags or {0: ["parameters"]}).items():
        node.cells[index].metadata["tags"] = names
    return notebook.parse("x.ipynb", nbformat.writes(node).encode())


# -- find ----------------------------------------------------------------------------------------------------


def test_a_notebook_is_found_by_name_and_by_path(root):
    by_name = find(root)

    assert by_name == Pair(name="train", script=root / "notebooks/train.py")
    assert find(root, "train.py") == find(root, "notebooks/train.py") == by_name
    assert find(root, str(root / "notebooks/train.py")) == by_name


def test_a_name_may_stand_in_a_subfolder_and_its_last_part_will_do(root):
    (root / "notebooks/sub").mkdir()
    (root / "notebooks/sub/score.py").write_text("# %%\nx = 1\n")

    assert find(root, "sub/score").name == find(root, "score").name == "sub/score"


def test_two_notebooks_with_one_last_part_are_told_apart_by_folder(root):
    for name in ("a", "b"):
        (root / "notebooks" / name).mkdir()
        (root / "notebooks" / name / "score.py").write_text("# %%\nx = 1\n")

    with pytest.raises(Usage, match="a/score, b/score"):
        find(root, "score")


def test_a_notebook_outside_the_folder_is_found_by_path_and_named_from_the_root(root, monkeypatch):
    (root / "trials").mkdir()
    (root / "trials/first.ipynb").write_text(nbformat.writes(new_notebook()))
    monkeypatch.chdir(root / "trials")

    assert find(root, "first.ipynb").name == find(root, "trials/first.ipynb").name == "trials/first"


def test_helper_modules_checkpoints_and_hidden_folders_are_no_notebooks(root):
    for folder in (".ipynb_checkpoints", ".hidden"):
        (root / "notebooks" / folder).mkdir()
        (root / "notebooks" / folder / "old.ipynb").write_text("{}")

    assert [pair.name for pair in notebook.find_all(root / "notebooks")] == ["train"]
    with pytest.raises(NotFound):
        find(root, "helpers.py")


def test_any_script_beside_an_ipynb_is_its_other_side(root):
    (root / "notebooks/helpers.ipynb").write_text(nbformat.writes(new_notebook()))

    assert find(root, "helpers").script == root / "notebooks/helpers.py"


def test_an_unknown_name_is_refused_with_the_nearest_and_the_known_ones(root):
    with pytest.raises(NotFound, match="did you mean 'train'") as caught:
        find(root, "trian")

    assert caught.value.hint == "known: train"


@pytest.mark.parametrize(
    "name",
    ["../../escaped", "../escaped.ipynb", "/etc/passwd.py", "a b", "", "sub//x", ".hidden", "-p", "tr;ain"],
)
def test_a_name_that_could_lead_elsewhere_is_refused(root, name):
    (root.parent / "escaped.ipynb").write_text("{}")

    with pytest.raises(Usage) as caught:
        find(root, name)
    assert caught.value.exit_code == 2


def test_a_link_out_of_the_project_is_refused(root):
    outside = root.parent / f"{root.name}-outside.ipynb"
    outside.write_text(nbformat.writes(new_notebook()))
    (root / "notebooks/link.ipynb").symlink_to(outside)

    with pytest.raises(Usage, match="leads out"):
        find(root, "link")


# -- read ----------------------------------------------------------------------------------------------------


def test_a_bare_script_gets_a_kernel_and_the_same_ids_at_every_reading():
    data = b"# %%\nx = 1\n\n# %%\nx = 1\n"
    first, second = notebook.parse("a.py", data), notebook.parse("a.py", data)

    assert first.metadata.kernelspec.name == "python3"
    assert [cell.id for cell in first.cells] == [cell.id for cell in second.cells]
    assert len({cell.id for cell in first.cells}) == 2


def test_a_kernelspec_without_a_display_name_is_completed():
    header = "# ---\n# jupyter:\n#   kernelspec:\n#     name: py311\n# ---\n\n"
    node = notebook.parse("a.py", f"{header}# %%\nx = 1\n".encode())

    assert node.metadata.kernelspec == {"name": "py311", "display_name": "py311"}
    assert [cell.source for cell in node.cells] == ["x = 1"]


def test_an_old_notebook_is_upgraded_with_the_same_ids_at_every_reading():
    cell = {"cell_type": "code", "metadata": {}, "source": ["x = 1"], "outputs": [], "execution_count": None}
    data = json.dumps({"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": [cell, cell]}).encode()
    first, second = notebook.parse("a.ipynb", data), notebook.parse("a.ipynb", data)

    assert (first.nbformat, first.nbformat_minor) == (4, 5)
    assert [cell.id for cell in first.cells] == [cell.id for cell in second.cells]


def test_a_notebook_of_format_three_is_upgraded():
    cell = {"cell_type": "code", "language": "python", "input": "x = 1", "outputs": [], "collapsed": False}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [cell]}]}
    node = notebook.parse("a.ipynb", json.dumps(old).encode())

    assert [cell.source for cell in node.cells] == ["x = 1"]


def test_conflict_markers_in_a_script_are_named_by_line(root):
    path = root / "notebooks/train.py"
    edit(path, "alpha = -0.5", "<<<<<<< HEAD\nalpha = -0.5\n=======\nalpha = 2\n>>>>>>> theirs")

    with pytest.raises(BadInput, match=r"^train\.py line 14: unresolved merge conflict$"):
        notebook.read(find(root))
    with pytest.raises(BadInput, match="unresolved merge conflict"):
        sync(root)
    assert not (root / "notebooks/train.ipynb").exists()


def test_conflict_markers_in_an_ipynb_are_named_by_line(paired, root):
    edit(paired.ipynb, ' "cells": [', '<<<<<<< HEAD\n "cells": [\n=======\n "cells": [\n>>>>>>> theirs')

    with pytest.raises(BadInput, match=r"^train\.ipynb line 2: unresolved merge conflict$"):
        notebook.read(paired)


def test_conflict_markers_that_were_synced_into_a_cell_are_found_too():
    with pytest.raises(BadInput, match=r"x\.ipynb cell 1 .*unresolved merge conflict in line 2"):
        parse("x = 1\n<<<<<<< HEAD\nx = 2\n=======\n>>>>>>> theirs")


def test_a_heading_underlined_with_seven_equal_signs_is_no_conflict():
    assert notebook.parse("a.py", b'# %%\n"""\nExample\n=======\n"""\n').cells


def test_every_violation_of_the_format_is_told_with_its_place():
    cells = [
        {"cell_type": "foo", "id": "a", "metadata": {}, "source": "x"},
        {"cell_type": "code", "id": "b", "metadata": {}, "source": "x"},
        {"cell_type": "markdown", "id": "b", "metadata": {"tags": 3}, "source": 3},
    ]
    broken = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "p"}}, "cells": cells}

    with pytest.raises(BadInput) as caught:
        notebook.parse("a.ipynb", json.dumps(broken).encode())
    told = "\n".join(caught.value.problems)
    assert "unknown cell type 'foo'" in told
    assert "a.ipynb cell 1 (b): 'outputs' is a required property" in told
    assert "a.ipynb cell 1 (b): 'execution_count' is a required property" in told
    assert "cells[2]: metadata.tags: 3 is not of type 'array'" in told
    assert "metadata.kernelspec: 'display_name' is a required property" in told
    assert "the id 'b' is taken" in told


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("a.ipynb", b""),
        ("a.ipynb", b"{"),
        ("a.ipynb", b"[]"),
        ("a.ipynb", b'{"cells": []}'),
        ("a.ipynb", b'{"nbformat": 9, "nbformat_minor": 0}'),
        ("a.ipynb", b'{"nbformat": 4, "nbformat_minor": "x"}'),
        ("a.ipynb", b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [3]}'),
        ("a.ipynb", b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}'),
        ("a.ipynb", b'{"nbformat": 3, "nbformat_minor": 0, "metadata": {}}'),
        ("a.ipynb", b'{"nbformat": 4, "nbformat_minor": -1, "metadata": {}, "cells": []}'),
        ("a.ipynb", b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": []}]}'),
        ("a.ipynb", b"[" * 100_000),
        ("a.ipynb", b"\xff\xfe"),
        ("a.py", b"\xff\xfe"),
        ("a.py", b"# ---\n# jupyter:\n#   kernelspec: [1\n# ---\n\n# %%\nx=1\n"),
        ("a.py", b"# ---\n# jupyter:\n#   kernelspec: foo\n# ---\n\n# %%\nx=1\n"),
        ("a.py", b'# %% tags=["parameters"\nx = 1\n'),
        ("a.py", b"# %% tags=3\nx = 1\n"),
        (
            "a.py",
            b"# ---\n# jupyter:\n#   jupytext:\n#     text_representation:\n#       extension: .py\n"
            b"#       format_name: light\n# ---\n\nx=1\n",
        ),
    ],
)
def test_a_file_that_is_no_notebook_is_one_plain_error(path, data):
    with pytest.raises(BadInput, match=path):
        notebook.parse(path, data)


def test_the_notebook_to_run_is_the_side_with_outputs(paired):
    assert code_cells(notebook.read(paired))[0].outputs


def test_sides_that_disagree_in_code_are_not_run(paired):
    edit(paired.script, "sum(months)", "max(months)")

    with pytest.raises(Conflict) as caught:
        notebook.read(paired)
    assert caught.value.hint == "nbpromote sync train"


# -- the parameters cell -------------------------------------------------------------------------------------


def test_the_parameters_cell_is_the_schema():
    node = parse(
        '"""What may be set."""\n'
        "months: list[int] = [1]  # months to use\n"
        "alpha = -0.5\n"
        "name: 'str | None' = None\n"
        "deep = {'a': [1, {'b': None}]}\n"
        "flag = True\n"
        "%matplotlib inline\n"
        "nothing = None"
    )

    assert notebook.schema(node, "x.ipynb").parameters == (
        Parameter(name="months", type="list[int]", default=[1], help="months to use"),
        Parameter(name="alpha", type="float", default=-0.5),
        Parameter(name="name", type="str | None", default=None),
        Parameter(name="deep", type="dict", default={"a": [1, {"b": None}]}),
        Parameter(name="flag", type="bool", default=True),
        Parameter(name="nothing", type="Any", default=None),
    )


def test_no_parameters_cell_means_no_parameters():
    assert notebook.schema(parse("x = 1", tags={0: []}), "x.ipynb").names == ()


def test_a_notebook_in_another_language_declares_nothing():
    kernel = {"name": "ir", "display_name": "R", "language": "R"}

    assert notebook.schema(parse("x <- 1", kernelspec=kernel), "x.ipynb").names == ()


@pytest.mark.parametrize(
    "line",
    [
        "x = y",
        "x = f()",
        "x = (1, 2)",
        "x = {1}",
        "x = {1: 2}",
        "x = b''",
        "x = 1e999",
        "x = 1j",
        "x = f'{1}'",
        "x: int",
        "a = b = 1",
        "a, b = 1, 2",
        "import os",
        "print(1)",
        "x = 1 +",
    ],
)
def test_what_is_no_plain_literal_is_refused_with_cell_and_line(line):
    with pytest.raises(BadInput, match=r"cell 1 \(\w+\) line 2"):
        notebook.schema(parse(f"ok = 1\n{line}"), "x.ipynb")


def test_two_parameters_cells_are_refused_with_their_numbers():
    node = parse("x = 1", "y = 2", "x = 3", tags={0: ["parameters"], 2: ["parameters"]})

    with pytest.raises(BadInput, match=r"cell 3 .*a second cell tagged 'parameters'; cell 1"):
        notebook.schema(node, "x.ipynb")


@pytest.mark.parametrize(
    "later",
    [
        "x = 2",
        "x += 1",
        "x: int = 2",
        "for x in []: pass",
        "with open('f') as x: pass",
        "import os as x",
        "from os import path as x",
        "def x(): pass",
        "class x: pass",
        "(x := 2)",
        "[(x := i) for i in []]",
        "try: pass\nexcept ValueError as x: pass",
        "match 1:\n    case x: pass",
        "a, (b, *x) = 1, (2, 3)",
        "if True:\n    x = 3",
        "del x",
        "%%time\nx = 2",
        "!ls\nx = !ls",
    ],
)
def test_a_parameter_bound_again_below_is_refused(later):
    with pytest.raises(BadInput, match=r"cell 2 .*parameter 'x' is assigned again"):
        notebook.schema(parse("x = 1", later), "x.ipynb")


@pytest.mark.parametrize(
    "later",
    [
        "y = x",
        "[x for x in []]",
        "f = lambda x: x",
        "def f(x):\n    x = 2",
        "o.x = 1",
        "f(x=1)",
        "%%bash\nx=1",
    ],
)
def test_a_name_of_its_own_elsewhere_is_no_second_binding(later):
    assert notebook.schema(parse("x = 1", later), "x.ipynb").names == ("x",)


def test_a_cell_left_by_papermill_is_a_second_binding():
    node = parse("x = 1", "x = 7", tags={0: ["parameters"], 1: ["injected-parameters"]})

    with pytest.raises(BadInput) as caught:
        notebook.schema(node, "x.ipynb")
    assert "injected-parameters" in caught.value.hint


# -- what decides a result -----------------------------------------------------------------------------------


def test_either_side_and_both_have_one_digest(paired, root):
    digests = {
        code(root).digest,
        code(root, ["notebooks/train.ipynb"]).digest,
        code(root, ["notebooks/train.py"]).digest,
    }

    assert len(digests) == 1


def test_outputs_markdown_and_white_space_do_not_count(paired, root):
    before = code(root, ["notebooks/train.ipynb"]).digest
    node = notebook.read(paired)
    for cell in code_cells(node):
        cell["outputs"], cell["execution_count"] = [], None
        cell["source"] = cell.source.replace("\n", "  \r\n") + "\n\n"
    node.cells[0]["source"] = "# Another title"
    node.cells += [new_code_cell(""), new_markdown_cell("the end")]
    notebook.write(node, paired.ipynb)

    assert code(root, ["notebooks/train.ipynb"]).digest == before


@pytest.mark.parametrize(
    ("old", "new"),
    [("sum(months)", "max(months)"), ("months to use", "which months"), ('# %% tags=["parameters"]', "# %%")],
)
def test_source_schema_and_tags_count(root, old, new):
    before = code(root).digest
    edit(root / "notebooks/train.py", old, new)

    assert code(root).digest != before


def test_imports_are_followed_through_tracked_modules_and_packages(root):
    package = root / "lib/tools"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "fit.py").write_text("from . import base\nfrom .deep import *\n")
    (package / "base.py").write_text("import json\n")
    (package / "deep.py").write_text("def f():\n    import helpers\n")
    (root / "notebooks/train.py").write_text("# %%\n%matplotlib inline\n!ls\nfrom lib.tools.fit import x\nx?\n")
    tracked = [path.relative_to(root).as_posix() for path in root.rglob("*.py")]
    found = code(root, tracked=tracked)

    assert list(found.files) == [
        "lib/tools/__init__.py",
        "lib/tools/base.py",
        "lib/tools/deep.py",
        "lib/tools/fit.py",
        "notebooks/helpers.py",
    ]
    assert found.files["lib/tools/base.py"] == sha256(b"import json\n")


def test_an_edit_of_an_imported_file_changes_the_digest(root):
    before = code(root, tracked=["notebooks/helpers.py"]).digest
    (root / "notebooks/helpers.py").write_text("x = 2\n")

    assert code(root, tracked=["notebooks/helpers.py"]).digest != before


def test_a_module_that_git_does_not_track_and_one_of_another_name_do_not_count(root):
    (root / "notebooks/other.py").write_text("")

    assert code(root, tracked=["notebooks/other.py"]).files == {}


@pytest.mark.parametrize(
    ("glob", "matches"),
    [
        ("sql/*.sql", ["sql/a.sql"]),
        ("sql/**/*.sql", ["sql/a.sql", "sql/deep/b.sql"]),
        ("**/*.sql", ["sql/a.sql", "sql/deep/b.sql"]),
        ("sql", ["sql/a.sql", "sql/deep/b.sql"]),
        ("./sql/deep/", ["sql/deep/b.sql"]),
        ("*.sql", []),
        ("notebooks/train.*", []),
    ],
)
def test_include_globs_match_tracked_files_from_the_root(root, glob, matches):
    (root / "sql/deep").mkdir(parents=True)
    for name in ("sql/a.sql", "sql/deep/b.sql", "sql/untracked.sql"):
        (root / name).write_text("select 1\n")

    found = code(root, tracked=["sql/a.sql", "sql/deep/b.sql", "notebooks/train.py"], include=[glob])
    assert list(found.files) == matches


def test_code_is_read_through_the_callable_alone():
    blobs = {"n/a.py": b"# %%\nimport b\n", "n/b.py": b"x = 1\n"}
    found = notebook.code(["n/a.ipynb", "n/a.py"], blobs.get, blobs, [])

    assert list(found.files) == ["n/b.py"]


def test_code_of_sides_that_disagree_is_a_conflict(paired, root):
    edit(paired.script, "sum(months)", "max(months)")

    with pytest.raises(Conflict):
        code(root)


def test_the_digest_is_the_same_under_another_hash_seed_and_locale(root):
    program = (
        "from pathlib import Path; from nbpromote import notebook\n"
        "data = Path('notebooks/train.py').read_bytes()\n"
        "print(notebook.code(['notebooks/train.py'], lambda path: data, [], []).digest)\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == code(root).digest


LINES = st.sampled_from(
    [
        *("", "x = 1", "    y = 2  ", "\ty", "# é", "# # a", "# ---", "@f", "def f():", "    return 1"),
        *("%matplotlib inline", "!ls -l", "x = !ls", "# %time x", "# copy a", "df?", "%%time", "%%bash"),
        *("z = '''a\n\nb'''", 'z = """\n# a\n"""'),
    ]
)
CELLS = st.tuples(
    st.sampled_from([new_code_cell, new_code_cell, new_markdown_cell]),
    st.lists(LINES, max_size=5).map("\n".join),
    st.sampled_from([{}, {"tags": ["b", "a"]}, {"tags": ["skip"], "own": {"kept": 1}}]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(CELLS, max_size=4))
def test_the_digest_survives_the_way_through_a_script(cells, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    made = [kind(source, metadata=metadata) for kind, source, metadata in cells]
    (folder / "notebooks").mkdir()
    notebook.write(new_notebook(cells=made), folder / "notebooks/x.ipynb")
    try:
        pair = sync(folder, "x")
    except BadInput:
        # some text comes back from no script; then there must be none
        assert not (folder / "notebooks/x.py").exists()
        return

    assert agree(pair)
    one, other = "notebooks/x.ipynb", "notebooks/x.py"
    digests = {code(folder, sides).digest for sides in ([one], [other], [one, other])}
    assert len(digests) == 1


# -- check ---------------------------------------------------------------------------------------------------


def test_a_sound_pair_has_no_findings(paired, root):
    assert notebook.check(paired, root) == ()


def test_check_collects_everything_at_the_line_of_the_script(root):
    (root / "notebooks/train.py").write_text(
        '# %% tags=["parameters"]\nx = 1\ny = f()\n\n'
        "# %% [markdown]\n# x = 1\n\n"
        "# %%\nfor x in []:\n    pass\n\n"
        '# %% tags=["parameters"]\nz = 1\n\n'
        "# %%\ndef broken(\n"
    )
    pair = sync(root)
    findings = notebook.check(pair, root)
    ids = [cell.id for cell in code_cells(notebook.read(pair))]

    assert [(f.path, f.line, f.cell, f.cell_id) for f in findings] == [
        ("notebooks/train.py", 3, 1, ids[0]),
        ("notebooks/train.py", 9, 2, ids[1]),
        ("notebooks/train.py", 13, 3, ids[2]),
        ("notebooks/train.py", 16, 4, ids[3]),
    ]
    assert [f.message.split(" ", 1)[0] for f in findings] == ["the", "parameter", "a", "not"]


def test_check_of_an_ipynb_alone_gives_cell_id_and_line_in_the_cell(root):
    cells = [
        new_code_cell("x = 1", metadata={"tags": ["parameters"]}),
        new_code_cell("print(x)\nx = 2", id="again"),
    ]
    path = notebook.write(new_notebook(cells=cells), root / "notebooks/alone.ipynb")
    (finding,) = notebook.check(Pair(name="alone", ipynb=path), root)

    assert finding.place == "notebooks/alone.ipynb cell 2 (again)"
    assert finding.message.endswith("(line 2 of the cell)")


@pytest.mark.parametrize(("old", "what"), [("print(total)", "code, from code cell 3"), ("# Train", "text")])
def test_check_finds_sides_that_disagree(paired, root, old, what):
    edit(paired.script, old, f"{old} # mine")
    (finding,) = notebook.check(paired, root)

    assert what in finding.message
    assert finding.hint == "nbpromote sync train"


def test_check_of_broken_sides_finds_and_does_not_raise(paired, root):
    edit(paired.script, "print(total)", "<<<<<<< a\nprint(total)\n=======\n>>>>>>> b")
    paired.ipynb.write_text('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}')
    script, ipynb = notebook.check(paired, root)

    assert script.place == "notebooks/train.py:22"
    assert ipynb.message == "'cells' is a required property"


# -- outputs -------------------------------------------------------------------------------------------------


def execute(node):
    """What papermill leaves of a run, without the wait for a kernel."""
    ran = notebook.parse("x.ipynb", nbformat.writes(node).encode())
    ran.cells.insert(2, new_code_cell("months = [2]", metadata={"tags": ["injected-parameters"]}))
    for number, cell in enumerate(code_cells(ran), start=5):
        cell["execution_count"] = number
        cell.metadata["papermill"] = {"status": "completed"}
        cell["outputs"] = [new_output("execute_result", {"text/plain": f"ran {number}"}, execution_count=number)]
    ran.metadata["papermill"] = {"parameters": {}}
    return ran


def test_accepted_outputs_look_like_a_run_from_top_to_bottom(paired, root):
    original = notebook.read(paired)
    original.metadata["papermill"] = {}
    accepted = notebook.accept(original, execute(original))
    notebook.write(accepted, paired.ipynb)

    assert [cell.execution_count for cell in code_cells(accepted)] == [1, 2, 3]
    assert [cell.outputs[0].execution_count for cell in code_cells(accepted)] == [1, 2, 3]
    assert [cell.outputs[0].data["text/plain"] for cell in code_cells(accepted)] == [
        "ran 5",
        "ran 7",
        "ran 8",
    ]
    assert [cell.id for cell in accepted.cells] == [cell.id for cell in original.cells]
    assert "papermill" not in paired.ipynb.read_text()
    assert notebook.check(paired, root) == ()


def test_outputs_of_other_code_are_not_accepted(paired):
    original = notebook.read(paired)
    executed = execute(original)
    code_cells(original)[1]["source"] = "edited = 1"

    with pytest.raises(Refused, match="code cell 2 differs"):
        notebook.accept(original, executed)


def test_a_written_notebook_is_formatted_as_jupyter_does(tmp_path):
    node = new_notebook(cells=[new_code_cell("é = 1")])
    notebook.write(node, tmp_path / "a.ipynb")
    nbformat.write(node, tmp_path / "b.ipynb")

    assert (tmp_path / "a.ipynb").read_bytes() == (tmp_path / "b.ipynb").read_bytes()


def test_half_a_character_in_an_output_can_be_written_and_read_again(tmp_path):
    cell = new_code_cell("x", outputs=[new_output("stream", text="\ud800")])
    path = notebook.write(new_notebook(cells=[cell]), tmp_path / "a.ipynb")

    assert sides.load(path).cells[0].outputs[0].text == "\ud800"
