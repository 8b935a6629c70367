"""[tool.nbpromote], found and read."""

from pathlib import Path

import pytest

from nbpromote import project
from nbpromote.errors import BadInput, NotFound


@pytest.fixture
def folder(tmp_path):
    """Writes a pyproject.toml and gives its folder."""
    root = tmp_path.resolve() / "flights"

    def make(text: str | bytes = "[tool.nbpromote]\n") -> Path:
        root.mkdir(exist_ok=True)
        (root / "pyproject.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return root

    return make


def problems(root: Path) -> list[str]:
    with pytest.raises(BadInput) as caught:
        project.find(root)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_an_empty_table_means_the_defaults(folder):
    root = folder()

    found = project.find(root)

    assert found == project.Project(root=root, name="flights", notebooks=root / "notebooks", params=root / "params")
    assert found.state == root / ".nbpromote"
    assert found.runs == root / ".nbpromote" / "runs"
    assert (found.include, found.lock, found.remote) == ((), None, None)
    assert (found.store, found.model_name) == (".nbpromote/store", "{environment}.{notebook}")


def test_every_key_is_read(folder):
    root = folder("""
[tool.nbpromote]
project = "delays"
notebooks = "work/notebooks"
params = "../config/params"
include = ["src/**/*.py"]
lock = "requirements.txt"
store = "s3://bucket/store"
remote = "origin"
model_name = "{project}-{environment}-{notebook}"
""")

    found = project.find(root)

    assert found.name == "delays"
    assert found.notebooks == root / "work" / "notebooks"
    assert found.params == root.parent / "config" / "params"
    assert found.include == ("src/**/*.py",)
    assert found.lock == "requirements.txt"
    assert found.store == "s3://bucket/store"
    assert found.remote == "origin"
    assert found.model_name == "{project}-{environment}-{notebook}"


def test_the_nearest_project_is_found_from_below(folder):
    root = folder()
    below = root / "notebooks" / "deep"
    below.mkdir(parents=True)
    (below / "pyproject.toml").write_text('[project]\nname = "no-table"\ndependencies = ["nbpromote"]\n')

    assert project.find(below).root == root


def test_a_broken_file_of_somebody_else_is_not_ours_to_judge(folder):
    root = folder()
    below = root / "vendored"
    below.mkdir()
    (below / "pyproject.toml").write_text("[project\n")

    assert project.find(below).root == root


def test_no_project_says_how_to_make_one(tmp_path):
    with pytest.raises(NotFound, match="no nbpromote project at or above") as caught:
        project.find(tmp_path)

    assert "nbpromote init" in caught.value.hint


def test_a_folder_name_that_is_no_name_is_made_one(tmp_path):
    root = tmp_path / "my project (2)"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.nbpromote]\n")

    assert project.find(root).name == "my-project-2"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('notebook = "x"', "unknown key 'notebook' in [tool.nbpromote]; did you mean 'notebooks'?"),
        ("colour = 1", "unknown key 'colour' in [tool.nbpromote]"),
        ("notebooks = 3", "notebooks wants text, got 3"),
        ('notebooks = ""', "notebooks wants one line of text, got ''"),
        ('notebooks = "../elsewhere"', "notebooks '../elsewhere' lies outside of the project"),
        ('notebooks = "/etc"', "notebooks '/etc' lies outside of the project"),
        ('lock = "a/../../b"', "lock 'a/../../b' lies outside of the project"),
        ('lock = "a\\u0000b"', "lock wants one line of text, got 'a\\x00b'"),
        ('include = "src/*.py"', "include wants a list of globs, got 'src/*.py'"),
        ('include = ["ok", 1]', "include wants text, got 1"),
        ('include = ["../*.py"]', "include '../*.py' reaches outside of the project"),
        ('include = ["/etc/*"]', "include '/etc/*' reaches outside of the project"),
        ('store = "../s"', "store '../s' lies outside of the project; a store elsewhere is named in full"),
        (
            'project = "../../escaped"',
            "project wants a name of letters, digits, '.', '_' and '-', got '../../escaped'",
        ),
        ('project = ".."', "project wants a name of letters, digits, '.', '_' and '-', got '..'"),
        (
            'remote = "--upload-pack=x"',
            "remote wants a name of letters, digits, '.', '_' and '-', got '--upload-pack=x'",
        ),
        (
            'model_name = "{enviroment}.{notebook}"',
            "model_name has no field 'enviroment'; did you mean 'environment'? (known: project, environment, notebook)",
        ),
        (
            'model_name = "{notebook.__class__}"',
            "model_name has no field 'notebook.__class__'; did you mean 'notebook'?"
            " (known: project, environment, notebook)",
        ),
        (
            'model_name = "{environment}/{notebook}"',
            "model_name '{environment}/{notebook}' holds '/' or ':', which MLflow does not allow in a model's name",
        ),
        ('model_name = "{notebook!r}"', "model_name '{notebook!r}': {notebook} takes no format"),
        ('model_name = "{notebook"', "model_name is no template: expected '}' before end of string"),
        ('model_name = "delay"', "model_name 'delay' lacks {notebook}: two notebooks would share one model"),
    ],
)
def test_a_wrong_key_is_told_with_its_line(folder, line, told):
    root = folder(f"# a comment\n[tool.nbpromote]\nparams = 'params'\n{line}\n")

    assert problems(root) == [f"{root}/pyproject.toml:4: {told}"]


def test_all_problems_are_told_together(folder):
    root = folder('[tool.nbpromote]\nnotebook = "x"\n\nlock = 3\n')

    assert problems(root) == [
        "2 problems in [tool.nbpromote]",
        f"  {root}/pyproject.toml:2: unknown key 'notebook' in [tool.nbpromote]; did you mean 'notebooks'?",
        f"  {root}/pyproject.toml:4: lock wants text, got 3",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[tool.other]\nlock = 'x'\n[tool.nbpromote]\nlock = 3\n", 4),
        ("[tool.nbpromote]\ninclude = [\n  'a',\n]\n'lock' = 3\n", 5),
        ("[tool]\n\nnbpromote.lock = 3\n", 3),
        ("[tool]\nnbpromote = {lock = 3}\n", 2),
        ("[ tool . nbpromote ] # ours\nlock = 3\n", 2),
        ("[tool.nbpromote.lock]\nx = 3\n", 1),
        ("[tool.nbpromote]\r\nlock = 3\r\n", 2),
    ],
)
def test_the_line_is_found_however_the_table_is_spelled(folder, text, line):
    root = folder(text)

    assert problems(root)[0].startswith(f"{root}/pyproject.toml:{line}: lock wants text")


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("[tool.nbpromote]\nlock = \n", ":2", "not TOML: Invalid value"),
        ("[tool.nbpromote]\nlock = 'a'\nlock = 'b'\n", ":3", "not TOML: Cannot overwrite a value"),
        ("[tool.nbpromote]\nx = " + "9" * 5000, "", "not TOML: "),
        ("[tool]\nnbpromote = 3\n", ":2", "tool.nbpromote wants a table"),
        (b"[tool.nbpromote]\nlock = '\xff'\n", ":2", "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(folder, text, place, told):
    root = folder(text)

    assert problems(root)[0].startswith(f"{root}/pyproject.toml{place}: {told}")
