"""Hooks in real repositories: the real git, and the real pre-commit where what it does around a hook matters."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies

import nbpromote
from ground import Done, command, git

TOP = Path(__file__).parents[1]
PRE_COMMIT = (sys.executable, "-m", "pre_commit")
RUN = f"{sys.executable} -m nbpromote"
PY, NB = "notebooks/x.py", "notebooks/x.ipynb"
SCRIPT = "".join(f"# %%\nname{n} = {n}\n\n" for n in range(1, 7)).rstrip("\n") + "\n"
CONFIG = f"""\
repos:
  - repo: local
    hooks:
      - {{id: nbpromote-sync, name: sync, entry: {RUN} sync --hook, args: [ARGS], language: system,
         types_or: [jupyter, python], require_serial: true, always_run: true}}
"""


@dataclass(frozen=True)
class Repo:
    """A repository with a project, and what its owner does in it."""

    root: Path

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def edit(self, path: str, old: str, new: str) -> None:
        text = self.read(path)
        assert old in text
        self.write(path, text.replace(old, new))

    def git(self, *args: str) -> str:
        return git(self.root, *args)

    def add(self, *paths: str) -> None:
        self.git("add", *(paths or ["--all"]))

    def save(self, message: str = "saved") -> None:
        """A commit of everything that no hook sees."""
        self.add()
        self.git("commit", "--quiet", "--no-verify", "-m", message)

    def stage_only(self, path: str, old: str, new: str) -> None:
        """Stage one hunk of an edited file, as `git add -p` does; the edit need not be in the file yet."""
        now = self.read(path)
        self.git("checkout", "--quiet", "--", path)
        self.edit(path, old, new)
        patch = subprocess.run(["git", "-C", self.root, "diff", "--", path], capture_output=True, check=True).stdout
        subprocess.run(["git", "-C", self.root, "apply", "--cached"], input=patch, check=True)
        self.write(path, now)

    def commit(self, *args: str, folder: str = ".") -> Done:
        return run("git", "commit", "-m", "a commit", *args, cwd=self.root / folder)

    def hook(self, *args: str) -> Done:
        return command("-C", str(self.root), "sync", "--hook", *args)

    def staged(self, path: str) -> str:
        return self.git("show", f":{path}")

    def head(self, path: str) -> str:
        return self.git("show", f"HEAD:{path}")

    @property
    def state(self) -> tuple[str, str, list[tuple[str, bytes]]]:
        """The commit, the index, and every file: nothing of it may change where a hook refuses."""
        folder = self.root / "notebooks"
        files = sorted((str(path), path.read_bytes()) for path in folder.rglob("*") if path.is_file())
        return self.git("for-each-ref"), self.git("ls-files", "-s"), files

    @property
    def left(self) -> str:
        return self.git("status", "--porcelain")


def run(*args: str, cwd: Path) -> Done:
    done = subprocess.run(args, cwd=cwd, capture_output=True, text=True)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hooks run the toolkit of these tests, pre-commit keeps its files in a temporary folder, and this is no CI."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "PRE_COMMIT"))] + ["CI"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(nbpromote.__file__).parents[1]))
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path_factory.getbasetemp() / "pre-commit"))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One pair, committed; no hook installed."""
    repo = Repo(tmp_path_factory.mktemp("built"))
    repo.git("init", "--quiet", "--initial-branch=main")
    repo.git("config", "user.name", "Ada Test")
    repo.git("config", "user.email", "ada@example.org")
    repo.write("pyproject.toml", "[tool.nbpromote]\n")
    repo.write(".gitignore", ".nbpromote/\n")
    repo.write(PY, SCRIPT)
    assert command("-C", str(repo.root), "sync").returncode == 0
    repo.save("start")
    return repo.root


@pytest.fixture
def repo(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    shutil.copytree(built, tmp_path / "repo")
    monkeypatch.chdir(tmp_path / "repo")
    return Repo(tmp_path / "repo")


@pytest.fixture
def hooked(repo: Repo) -> Callable[..., Repo]:
    """The same with pre-commit installed; `hooked("--stage")` gives the hook that option."""

    def install(*args: str) -> Repo:
        repo.write(".pre-commit-config.yaml", CONFIG.replace("ARGS", ", ".join(args)))
        repo.save("hooks")
        # what `pre-commit install` writes does this, after it has looked for python
        repo.write(
            ".git/hooks/pre-commit",
            f"#!/bin/sh\nexec {' '.join(PRE_COMMIT)} hook-impl --config=.pre-commit-config.yaml "
            f'--hook-type=pre-commit --hook-dir .git/hooks -- "$@"\n',
        )
        (repo.root / ".git/hooks/pre-commit").chmod(0o755)
        return repo

    return install


def agree(repo: Repo, read: Callable[[str], str]) -> bool:
    cells = json.loads(read(NB))["cells"]
    script = read(PY).split("# %%\n")[1:]
    return ["".join(cell["source"]).strip() for cell in cells] == [part.strip() for part in script]


def outputs(repo: Repo, text: str = "kept") -> None:
    """Give the notebook an output, as a run does."""
    node: dict[str, Any] = json.loads(repo.read(NB))
    node["cells"][5]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [f"{text}\n"]}]
    repo.write(NB, json.dumps(node, indent=1) + "\n")


# -- with the real pre-commit --------------------------------------------------------------------------------------


def test_one_commit_is_enough_where_the_hook_stages(hooked: Callable[..., Repo]) -> None:
    repo = hooked("--stage")
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.write("notebooks/new.py", SCRIPT)
    repo.add()

    done = repo.commit()

    assert done.returncode == 0, done.stderr
    assert agree(repo, repo.head)
    assert "name2 = 22" in repo.head(NB)
    assert "name6 = 6" in repo.head("notebooks/new.ipynb")
    assert repo.left == ""


def test_a_commit_is_refused_with_one_line_to_add(hooked: Callable[..., Repo]) -> None:
    repo = hooked()
    repo.edit(NB, "name2 = 2", "name2 = 22")
    repo.write("notebooks/new.py", SCRIPT)
    repo.add()

    refused = repo.commit()
    (line,) = re.findall(r"^git add .*$", refused.stderr, re.MULTILINE)
    typed = run("sh", "-c", line, cwd=repo.root)
    done = repo.commit()

    assert refused.returncode == 1
    assert f"wrote {PY}: only the notebook had changed" in refused.stderr
    assert line == f"git add notebooks/new.ipynb {PY}"
    assert typed.returncode == done.returncode == 0, done.stderr
    assert agree(repo, repo.head)
    assert repo.left == ""


def test_what_was_left_unstaged_stays_so_and_is_not_lost(hooked: Callable[..., Repo]) -> None:
    repo = hooked("--stage")
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.edit(PY, "name5 = 5", "name5 = 55")
    repo.stage_only(PY, "name2 = 2", "name2 = 22")
    edited = repo.read(PY)

    done = repo.commit()

    assert done.returncode == 0, done.stderr
    assert agree(repo, repo.head)
    assert "name2 = 22" in repo.head(NB)
    assert "name5 = 55" not in repo.head(PY) + repo.head(NB)
    assert repo.read(PY) == edited
    assert repo.left == f"M {PY}"  # git() strips: nothing staged, the rest in the work tree


@pytest.mark.parametrize("args", [(), ("--stage",)])
def test_a_file_with_edits_that_pre_commit_put_aside_is_not_written(
    hooked: Callable[..., Repo], args: tuple[str, ...]
) -> None:
    repo = hooked(*args)
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.add(PY)
    repo.edit(NB, "name2 = 2", "name2 = 2222")  # beside what the hook would write
    before = repo.state

    done = repo.commit()

    assert done.returncode == 1
    assert f"{NB} has edits that are not staged" in done.stderr
    assert "git add it, or stash them" in done.stderr
    assert "Rolling back" not in done.stderr
    assert repo.state == before


def test_patches_of_other_processes_stand_in_nobodys_way(hooked: Callable[..., Repo]) -> None:
    repo = hooked("--stage")
    home = Path(os.environ["PRE_COMMIT_HOME"])
    home.mkdir(exist_ok=True)
    repo.edit(NB, "name2 = 2", "name2 = 2222")
    patch = repo.git("diff") + "\n"
    repo.git("checkout", "--", ".")
    for process in (1, os.getpid()):  # both are above the hook, and older by far than these patches
        (home / f"patch100-{process}").write_text(patch)
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.add()

    assert repo.commit().returncode == 0
    assert "name2 = 22" in repo.head(NB)


def test_a_commit_is_amended_with_both_sides(hooked: Callable[..., Repo]) -> None:
    repo = hooked("--stage")
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.add()

    amended, reworded = repo.commit("--amend"), repo.commit("--amend", "--only")

    assert amended.returncode == reworded.returncode == 0, amended.stderr
    assert "name2 = 22" in repo.head(NB)
    assert repo.git("log", "--format=%s") == "a commit\nstart"


def test_a_side_alone_is_not_deleted_and_both_are(hooked: Callable[..., Repo]) -> None:
    repo = hooked("--stage")
    repo.git("rm", "--quiet", PY)

    alone = repo.commit()
    repo.git("rm", "--quiet", NB)
    both = repo.commit()

    assert alone.returncode == 1
    assert f"{PY} is deleted and {NB} stays" in alone.stderr
    assert f"git rm {NB}" in alone.stderr
    assert both.returncode == 0, both.stderr
    assert not (repo.root / PY).exists()
    assert repo.git("ls-files", "notebooks") == ""


def test_after_a_merge_the_side_that_was_not_resolved_follows(hooked: Callable[..., Repo]) -> None:
    repo = hooked("--stage")
    repo.git("checkout", "--quiet", "-b", "theirs")
    repo.edit(PY, "name2 = 2", "name2 = 'theirs'")
    repo.edit(PY, "name4 = 4", "name4 = 'theirs'")
    command("-C", str(repo.root), "sync")
    repo.save("theirs")
    repo.git("checkout", "--quiet", "main")
    repo.edit(PY, "name2 = 2", "name2 = 'ours'")
    repo.edit(PY, "name6 = 6", "name6 = 'ours'")
    command("-C", str(repo.root), "sync")
    repo.save("ours")
    assert run("git", "merge", "theirs", cwd=repo.root).returncode == 1

    repo.add()
    marked = repo.commit()
    repo.write(PY, re.sub(r"<<<<<<<.*?>>>>>>> \w+", "name2 = 'both'", repo.read(PY), flags=re.DOTALL))
    repo.git("checkout", "--quiet", "theirs", "--", NB)
    repo.add()
    done = repo.commit()

    assert marked.returncode == 1
    assert re.search(r"notebooks/x\.(py|ipynb).*unresolved merge conflict", marked.stderr)
    assert done.returncode == 0, done.stderr
    assert agree(repo, repo.head)
    for said in ("name2 = 'both'", "name4 = 'theirs'", "name6 = 'ours'"):
        assert said in repo.head(NB)


def test_in_ci_nothing_is_changed_and_the_list_is_told(
    hooked: Callable[..., Repo], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = hooked("--stage")
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.write("notebooks/new.py", SCRIPT)
    repo.save("past the hook")
    before = repo.state
    monkeypatch.setenv("CI", "true")

    done = run(*PRE_COMMIT, "run", "--all-files", cwd=repo.root)

    assert done.returncode == 1
    assert f"{NB} would be written: only the script had changed" in done.stdout
    assert "notebooks/new.ipynb would be written: there was no notebook" in done.stdout
    assert repo.state == before


def test_a_project_below_the_top_of_the_repository(hooked: Callable[..., Repo]) -> None:
    repo = hooked()
    (repo.root / "below").mkdir()
    repo.git("mv", "notebooks", "pyproject.toml", "below")
    repo.save("moved")
    repo.edit(f"below/{PY}", "name2 = 2", "name2 = 22")
    repo.add()

    done = repo.commit(folder="below/notebooks")

    assert done.returncode == 1
    assert "\ngit add x.ipynb" in done.stderr  # for the folder that the user stands in
    assert "name2 = 22" in repo.read(f"below/{NB}")


def test_other_repositories_take_the_hooks_from_here(repo: Repo, tmp_path: Path) -> None:
    manifest = TOP / ".pre-commit-hooks.yaml"
    valid = run(*PRE_COMMIT, "validate-manifest", str(manifest), cwd=repo.root)
    source = Repo(tmp_path / "source")
    source.root.mkdir()
    source.git("init", "--quiet")
    source.git("config", "user.name", "Ada Test")
    source.git("config", "user.email", "ada@example.org")
    # without a network no environment can be made for them: this one serves
    text = manifest.read_text().replace("language: python", "language: system")
    source.write(".pre-commit-hooks.yaml", text.replace("entry: nbpromote", f"entry: {RUN}"))
    source.save()
    repo.write("params/dev.yaml", "parameters: {a: 1, a: 2}\n")
    repo.edit(PY, "name2 = 2", "name2 = (")
    repo.add()

    done = run(*PRE_COMMIT, "try-repo", str(source.root), cwd=repo.root)

    assert valid.returncode == 0, valid.stdout
    assert f"git add {NB}" in done.stdout
    assert f"{PY}:5" in done.stdout
    assert "params/dev.yaml:1" in done.stdout


# -- the command, as any git hook calls it -------------------------------------------------------------------------


def test_a_commit_that_touches_no_notebook_passes_in_silence(repo: Repo) -> None:
    repo.write("README.md", "edited\n")
    repo.write("notebooks/helper.py", "x = 1\n")
    repo.write("notebooks/.ipynb_checkpoints/x-checkpoint.ipynb", repo.read(NB))
    repo.add()

    assert repo.hook("--stage") == Done(0, "", "")
    assert repo.hook("--stage", "README.md", "notebooks/helper.py") == Done(0, "", "")


def test_sides_that_both_say_the_same_pass(repo: Repo) -> None:
    for side in (PY, NB):
        repo.edit(side, "name2 = 2", "name2 = 22")
    repo.add()
    before = repo.state

    assert repo.hook() == Done(0, "", "")
    assert repo.state == before


def test_edits_of_different_cells_are_merged_and_outputs_kept(repo: Repo) -> None:
    outputs(repo)
    repo.edit(NB, "name2 = 2", "name2 = 22")
    repo.edit(PY, "name5 = 5", "name5 = 55")
    repo.add()

    done = repo.hook("--stage")

    assert done.returncode == 0, done.stdout
    assert agree(repo, repo.staged)
    for said in ("name2 = 22", "name5 = 55"):
        assert said in repo.staged(PY)
    assert "kept" in repo.staged(NB)
    assert repo.git("diff", "--name-only") == ""


@pytest.mark.parametrize("args", [(), ("--stage",)])
def test_edits_of_one_cell_are_shown_and_neither_side_is_touched(repo: Repo, args: tuple[str, ...]) -> None:
    repo.edit(NB, "name2 = 2", "name2 = 'notebook'")
    repo.edit(PY, "name2 = 2", "name2 = 'script'")
    repo.write("notebooks/new.py", SCRIPT)
    repo.add()
    before = repo.state

    done = repo.hook(*args)

    assert done.returncode == 1
    for said in ("+name2 = 'notebook'", "+name2 = 'script'", "both sides of x changed", "nothing was written"):
        assert said in done.stdout
    assert repo.state == before


def test_edits_in_the_work_tree_count_outside_of_pre_commit_too(repo: Repo) -> None:
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.add()
    repo.edit(NB, "name5 = 5", "name5 = 55")
    before = repo.state

    refused = repo.hook("--stage")
    unchanged = repo.state
    repo.git("checkout", "--", NB)
    repo.edit(PY, "name6 = 6", "name6 = 66")
    done = repo.hook("--stage")

    assert refused.returncode == 1
    assert f"{NB} has edits that are not staged" in refused.stdout
    assert unchanged == before
    assert done.returncode == 0
    assert "name2 = 22" in repo.staged(NB)
    assert "name6 = 66" not in repo.staged(NB) + repo.staged(PY)
    assert "name6 = 66" in repo.read(PY)


def test_after_a_partial_commit_the_rest_still_reaches_the_other_side(repo: Repo) -> None:
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.add()
    repo.edit(PY, "name6 = 6", "name6 = 66")
    repo.hook("--stage")
    repo.git("commit", "--quiet", "-m", "a part")

    synced = command("-C", str(repo.root), "sync")

    assert synced.returncode == 0
    assert "only the script had changed" in synced.stdout
    assert "name6 = 66" in repo.read(NB)


@pytest.mark.parametrize(("ignored", "other"), [(NB, PY), (PY, NB)])
def test_an_ignored_side_is_written_and_never_asked_for(repo: Repo, ignored: str, other: str) -> None:
    repo.git("rm", "--quiet", "--cached", ignored)
    repo.write(".gitignore", f".nbpromote/\n/{ignored}\n")
    repo.save("ignored")
    repo.edit(other, "name2 = 2", "name2 = 22")
    repo.add()

    for args in ((), ("--stage",)):
        done = repo.hook(*args)

        assert done.returncode == 0, done.stdout
        assert "git add" not in done.stdout
    assert "name2 = 22" in repo.read(ignored)
    assert repo.git("ls-files", "notebooks") == other


def test_an_edit_of_an_ignored_notebook_reaches_the_commit_of_its_script(repo: Repo) -> None:
    repo.git("rm", "--quiet", "--cached", NB)
    repo.write(".gitignore", ".nbpromote/\n*.ipynb\n")
    repo.save("ignored")
    repo.edit(NB, "name5 = 5", "name5 = 55")
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.add()

    done = repo.hook("--stage", PY)

    assert done.returncode == 0, done.stdout
    for said in ("name2 = 22", "name5 = 55"):
        assert said in repo.staged(PY)
        assert said in repo.read(NB)


def test_a_tracked_file_is_never_ignored(repo: Repo) -> None:
    repo.write(".gitignore", ".nbpromote/\n*.ipynb\n")
    repo.save("ignored, and tracked before")
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.add()

    assert repo.hook().stdout.splitlines()[-1] == f"git add {NB}"
    repo.git("checkout", "--", ".")
    assert repo.hook("--stage").returncode == 0
    assert "name2 = 22" in repo.staged(NB)


def test_in_ci_an_ignored_side_is_nobodys_matter(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.git("rm", "--quiet", NB)
    repo.write(".gitignore", ".nbpromote/\n*.ipynb\n")
    repo.save("ignored")
    monkeypatch.setenv("CI", "1")

    assert repo.hook(PY) == Done(0, "", "")
    assert not (repo.root / NB).exists()


def test_a_side_that_git_does_not_know_is_asked_for(repo: Repo) -> None:
    repo.write("notebooks/new.py", SCRIPT)
    repo.write("notebooks/new.ipynb", repo.read(NB))
    repo.git("add", "notebooks/new.py")
    before = repo.state

    done = repo.hook("--stage")
    repo.git("add", "--intent-to-add", "notebooks/new.ipynb")
    announced = repo.hook("--stage")

    assert done.returncode == announced.returncode == 1
    assert "notebooks/new.ipynb is not tracked" in done.stdout
    assert done.stdout.splitlines()[-1] == announced.stdout.splitlines()[-1] == "git add notebooks/new.ipynb"
    assert repo.state[2] == before[2]


def test_a_renamed_side_takes_the_other_along(repo: Repo) -> None:
    outputs(repo)
    repo.save("outputs")
    repo.git("mv", PY, "notebooks/y.py")
    before = repo.state

    refused = repo.hook("--stage", "notebooks/y.py")
    unchanged = repo.state
    (line,) = re.findall(r"git mv .*$", refused.stdout, re.MULTILINE)
    run("sh", "-c", line, cwd=repo.root)
    done = repo.hook("--stage")

    assert refused.returncode == 1
    assert unchanged == before
    assert line == f"git mv {NB} notebooks/y.ipynb"
    assert done == Done(0, "", "")
    assert "kept" in repo.staged("notebooks/y.ipynb")
    assert not (repo.root / NB).exists()


def test_a_deleted_script_whose_notebook_is_ignored(repo: Repo) -> None:
    repo.git("rm", "--quiet", "--cached", NB)
    repo.write(".gitignore", ".nbpromote/\n*.ipynb\n")
    repo.save("ignored")
    repo.git("rm", "--quiet", PY)

    done = repo.hook("--stage")
    (repo.root / NB).unlink()

    assert done.returncode == 1
    assert f"`rm {NB}` deletes the notebook" in done.stdout
    assert repo.hook("--stage") == Done(0, "", "")


def test_a_side_that_is_taken_out_of_git_and_ignored(repo: Repo) -> None:
    repo.git("rm", "--quiet", "--cached", NB)
    repo.write(".gitignore", ".nbpromote/\n*.ipynb\n")
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.add()

    assert repo.hook("--stage").returncode == 0
    assert "name2 = 22" in repo.read(NB)


def test_both_sides_staged_after_a_sync_follow_the_later_edit(repo: Repo) -> None:
    """The cell is another one than in HEAD on both sides, and only one of them is new."""
    repo.edit(PY, "name2 = 2", "name2 = 22")
    command("-C", str(repo.root), "sync")
    repo.add()
    repo.edit(PY, "name2 = 22", "name2 = 222")
    repo.add()

    assert repo.hook("--stage").returncode == 0
    assert "name2 = 222" in repo.staged(NB)


def test_a_rebase_that_runs_no_hooks_is_made_good_by_the_next_commit(repo: Repo) -> None:
    repo.git("checkout", "--quiet", "-b", "topic")
    repo.edit(PY, "name2 = 2", "name2 = 'topic'")
    repo.hook("--stage", PY)
    repo.save("one side alone, past the hook")
    repo.git("checkout", "--quiet", "main")
    repo.edit(PY, "name6 = 6", "name6 = 66")
    command("-C", str(repo.root), "sync")
    repo.save("both sides")
    repo.git("rebase", "--quiet", "main", "topic")
    repo.edit(PY, "name4 = 4", "name4 = 44")
    repo.add()

    assert repo.hook("--stage").returncode == 0
    assert agree(repo, repo.staged)
    for said in ("name2 = 'topic'", "name4 = 44", "name6 = 66"):
        assert said in repo.staged(NB)


def test_a_cherry_pick_that_stopped_goes_on_with_both_sides(repo: Repo) -> None:
    repo.git("checkout", "--quiet", "-b", "topic")
    repo.edit(PY, "name2 = 2", "name2 = 'topic'")
    repo.edit(PY, "name5 = 5", "name5 = 'topic'")
    command("-C", str(repo.root), "sync")
    repo.save("topic")
    repo.git("checkout", "--quiet", "main")
    repo.edit(PY, "name2 = 2", "name2 = 'main'")
    command("-C", str(repo.root), "sync")
    repo.save("main")
    assert run("git", "cherry-pick", "topic", cwd=repo.root).returncode == 1

    unmerged = repo.hook("--stage")
    repo.write(PY, re.sub(r"<<<<<<<.*?>>>>>>> [^\n]+", "name2 = 'both'", repo.read(PY), flags=re.DOTALL))
    repo.git("checkout", "--ours", "--", NB)
    repo.add()
    done = repo.hook("--stage")

    assert unmerged.returncode == 1
    assert "unmerged" in unmerged.stderr
    assert done.returncode == 0, done.stdout
    assert agree(repo, repo.staged)
    assert "name2 = 'both'" in repo.staged(NB)
    assert "name5 = 'topic'" in repo.staged(NB)


def plain(repo: Repo, *args: str) -> None:
    """A git hook without pre-commit."""
    repo.write(".git/hooks/pre-commit", f"#!/bin/sh\nexec {RUN} sync --hook {' '.join(args)}\n")
    (repo.root / ".git/hooks/pre-commit").chmod(0o755)


def test_commit_all_takes_what_was_brought_along(repo: Repo) -> None:
    plain(repo, "--stage")
    repo.edit(PY, "name2 = 2", "name2 = 22")

    done = repo.commit("--all")

    assert done.returncode == 0, done.stderr
    assert "name2 = 22" in repo.head(NB)
    assert repo.left == ""


def test_a_commit_of_named_files_would_leave_the_other_side_behind(repo: Repo) -> None:
    plain(repo, "--stage")
    repo.edit(PY, "name2 = 2", "name2 = 22")
    before = repo.state

    done = repo.commit(PY)

    assert done.returncode == 1
    assert f"{NB} must go with it" in done.stdout + done.stderr
    assert repo.state == before


def test_a_worktree_has_a_hook_and_an_index_of_its_own(repo: Repo, tmp_path: Path) -> None:
    plain(repo, "--stage")
    repo.git("worktree", "add", "--quiet", str(tmp_path / "tree"))
    tree = Repo(tmp_path / "tree")
    tree.edit(PY, "name2 = 2", "name2 = 22")
    tree.add()

    done = tree.commit()

    assert done.returncode == 0, done.stderr
    assert "name2 = 22" in tree.head(NB)
    assert (repo.left, tree.left) == ("", "")


def test_outputs_that_a_filter_keeps_out_of_git_stay_in_the_work_tree(repo: Repo) -> None:
    strip = f"""{sys.executable} -c 'import json, sys
node = json.load(sys.stdin)
for cell in node["cells"]: cell["outputs"] = []
json.dump(node, sys.stdout, indent=1)'"""
    repo.git("config", "filter.strip.clean", strip)
    repo.write(".gitattributes", "*.ipynb filter=strip\n*.py text eol=crlf\n")
    outputs(repo)
    repo.save("filtered")
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.add()

    done = repo.hook("--stage")

    assert done.returncode == 0, done.stdout
    assert "kept" not in repo.staged(NB)
    assert "kept" in repo.read(NB)
    assert "name2 = 22" in repo.staged(NB)
    assert agree(repo, repo.read)
    assert repo.git("diff", "--name-only") == ""


def test_a_notebook_in_r_is_paired_with_a_script_in_r(repo: Repo) -> None:
    node = json.loads(repo.read(NB))
    node["metadata"]["kernelspec"] = {"display_name": "R", "language": "R", "name": "ir"}
    repo.write("notebooks/r.ipynb", json.dumps(node))
    repo.add()

    assert repo.hook("--stage").returncode == 0
    assert "name6 = 6" in repo.staged("notebooks/r.R")
    assert repo.git("ls-files", "notebooks/r.py") == ""


def test_modes_stay(repo: Repo) -> None:
    (repo.root / PY).chmod(0o755)
    repo.save("executable")
    repo.edit(NB, "name2 = 2", "name2 = 22")
    repo.add()

    assert repo.hook("--stage").returncode == 0
    assert repo.git("ls-files", "-s", PY).startswith("100755")
    assert os.access(repo.root / PY, os.X_OK)
    assert repo.git("diff", "--name-only") == ""


def test_faults_of_all_pairs_are_told_at_once(repo: Repo) -> None:
    repo.write("notebooks/sub/a.ipynb", "{")
    repo.write("notebooks/sub/a.py", SCRIPT)
    repo.write("notebooks/b.py", "<<<<<<< ours\n# %%\n=======\n>>>>>>> theirs\n")
    repo.add()

    done = repo.hook("--stage")

    assert done.returncode == 1
    assert "notebooks/sub/a.ipynb line 1: not JSON" in done.stdout
    assert "notebooks/b.py line 1: unresolved merge conflict" in done.stdout


def test_a_repository_without_a_project_is_told_so(repo: Repo) -> None:
    repo.git("rm", "--quiet", "--cached", "pyproject.toml")
    (repo.root / "pyproject.toml").unlink()

    done = repo.hook(PY)

    assert done.returncode == 2
    assert "no nbpromote project" in done.stderr


def test_a_hook_asked_wrongly(repo: Repo, tmp_path: Path) -> None:
    for args in (["sync", "--stage"], ["sync", "--hook", "--ours", "script"], ["check", "--params"]):
        assert command(*args).returncode == 2
    assert "is neither staged nor in the work tree" in repo.hook("notebooks/typo.py").stderr
    assert "is not in the repository" in repo.hook(str(tmp_path / "x.py")).stderr


def test_what_a_hook_did_as_json(repo: Repo) -> None:
    repo.edit(PY, "name2 = 2", "name2 = 22")
    repo.add()

    said = json.loads(repo.hook("--json").stdout)

    assert said["passed"] is False
    assert said["written"] == [{"path": NB, "reason": "only the script had changed"}]
    assert said["next"] == f"git add {NB}"


EDITS = strategies.dictionaries(strategies.integers(1, 6), strategies.integers(10, 12), max_size=2)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(staged=strategies.tuples(EDITS, EDITS), unstaged=strategies.tuples(EDITS, EDITS), stage=strategies.booleans())
def test_nothing_that_anyone_wrote_is_lost(
    built: Path, staged: tuple[dict[int, int], ...], unstaged: tuple[dict[int, int], ...], stage: bool
) -> None:
    """Whatever is staged and not staged of either side: a hook brings all that is staged together, or does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        repo = Repo(Path(shutil.copytree(built, Path(folder, "repo"))))
        for path, edits, quote in zip((NB, PY), staged, ("n", "s"), strict=True):
            for cell, value in edits.items():
                repo.edit(path, f"name{cell} = {cell}", f"name{cell} = {quote}{value}")
        repo.add()
        for path, edits in zip((NB, PY), unstaged, strict=True):
            for cell, value in edits.items():
                repo.write(path, re.sub(rf"(name{cell}) = \w+", rf"\1 = {value * 10}", repo.read(path)))
        before, disk = repo.state, {path: repo.read(path) for path in (NB, PY)}

        done = repo.hook("--stage") if stage else repo.hook()

        clash = staged[0].keys() & staged[1].keys()
        behind = [path for path, theirs in ((NB, staged[1]), (PY, staged[0])) if theirs]
        dirty = [path for path, edits in zip((NB, PY), unstaged, strict=True) if edits]
        if clash or set(behind) & set(dirty):
            assert done.returncode == 1
            assert repo.state == before
            return
        assert done.returncode == (1 if behind and not stage else 0), done.stdout
        for path in (NB, PY):
            wanted = repo.staged(path) if stage else repo.read(path)
            for edits, quote in zip(staged, ("n", "s"), strict=True):
                assert path in dirty or all(f"name{cell} = {quote}{value}" in wanted for cell, value in edits.items())
            assert path not in dirty or repo.read(path) == disk[path]
        assert not stage or agree(repo, repo.staged)


# -- check ---------------------------------------------------------------------------------------------------------


def check(repo: Repo, *args: str) -> Done:
    return command("-C", str(repo.root), "check", "--hook", *args)


def test_check_looks_at_the_pairs_of_the_files_it_is_given_in_their_projects(repo: Repo) -> None:
    repo.write("below/pyproject.toml", "[tool.nbpromote]\n")
    repo.write("below/params/dev.yaml", "parameters: {}\n")
    repo.write("below/notebooks/y.py", "# %%\nx = (\n")
    repo.write("params/dev.yaml", "parameters: {}\n")
    repo.write("notebooks/broken.py", "# %%\nx = (\n")

    done = check(repo, "below/notebooks/y.py", PY, "setup.py")

    assert done.returncode == 1
    assert "below/notebooks/y.py:2" in done.stdout
    assert "broken" not in done.stdout


def test_params_are_looked_at_alone(repo: Repo) -> None:
    repo.write("params/dev.yaml", "parameters: {a: 1, a: 2}\n")
    repo.write("notebooks/broken.py", "# %%\nx = (\n")

    done, other = check(repo, "--params", "params/dev.yaml"), check(repo, "--params", "mkdocs.yaml")

    assert done.returncode == 1
    assert "params/dev.yaml:1" in done.stdout
    assert "broken" not in done.stdout
    assert other.returncode == 0


def test_a_contract_is_looked_at_with_params(repo: Repo) -> None:
    repo.write("params/dev.yaml", "parameters: {}\n")
    repo.write("notebooks/x.py", "# %%\nx = 1\n")
    repo.write("notebooks/x.contract.yaml", "scrap: {}\n")

    done = check(repo, "--params", "notebooks/x.contract.yaml")

    assert done.returncode == 1
    assert "notebooks/x.contract.yaml:1" in done.stdout


# -- init --hooks --------------------------------------------------------------------------------------------------

HOOK = "{id: x, name: x, entry: x, language: system}"


@pytest.mark.parametrize(
    "text",
    [
        f"# mine\nrepos:\n- repo: local   # here\n  hooks:\n  - {HOOK}\n\n# of CI\nci:\n  skip: [x]\n",
        f"repos:\n  -   repo: local\n      hooks:\n      -   {HOOK}",
        f"default_stages: [pre-commit]\r\nrepos:\r\n  - repo: local\r\n    hooks: [{HOOK}]\r\n",
        "repos: []  # none yet\nfail_fast: true\n",
        "repos:\n",
        "# nothing\n",
        None,
    ],
)
def test_hooks_are_added_to_what_somebody_wrote(repo: Repo, text: str | None) -> None:
    config = repo.root / ".pre-commit-config.yaml"
    if text is not None:
        config.write_bytes(text.encode())

    first = command("init", "--hooks", str(repo.root / "notebooks" if text is None else repo.root))
    written = config.read_bytes().decode()
    second = command("init", "--hooks", str(repo.root))

    assert first.returncode == second.returncode == 0, first.stderr
    assert run(*PRE_COMMIT, "validate-config", str(config), cwd=repo.root).returncode == 0
    assert config.read_bytes().decode() == written
    for name in ("sync", "check", "params"):
        assert written.count(f"id: nbpromote-{name}") == 1
    lines = written.splitlines(keepends=True)
    assert all(line in written for line in (text or "").replace(" []", "").splitlines())
    assert len({line[len(line.rstrip("\r\n")) :] for line in lines}) == 1
    assert repo.git("ls-files", "--others") == ".pre-commit-config.yaml"  # in a project, nothing else


@pytest.mark.parametrize(
    "text", [b"repos: [\n", b"- repo: x\n", b"\xff\n", b"repos: [{repo: x, hooks: []}]\n", b"repos: 5"]
)
def test_a_configuration_that_cannot_be_added_to_is_left_alone(repo: Repo, text: bytes) -> None:
    config = repo.root / ".pre-commit-config.yaml"
    config.write_bytes(text)

    done = command("init", "--hooks", str(repo.root))

    assert done.returncode == 2
    assert "nothing was written" in done.stderr
    assert config.read_bytes() == text


def test_init_tells_of_the_hooks_that_it_did_not_add(repo: Repo) -> None:
    config = repo.root / ".pre-commit-config.yaml"
    config.write_text("repos: []\n")

    without, _, after = (command("init", *args, str(repo.root)) for args in ((), ("--hooks",), ()))

    assert "nbpromote init --hooks" in without.stdout
    assert "--hooks" not in after.stdout
    assert "id: nbpromote-sync" in config.read_text()
