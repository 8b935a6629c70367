"""The command line: every verb documented, every bad input one plain error, its exit code, and nothing changed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path

import click
import pytest

from ground import COMMAND, Ground, begun, build, command
from nbpromote import cli
from nbpromote.cli.progress import busy

README = Path(__file__).parents[1] / "README.md"


def _verbs(group: click.Group, before: str = "") -> list[str]:
    names = []
    for name, verb in group.commands.items():
        names += _verbs(verb, f"{before}{name} ") if isinstance(verb, click.Group) else [f"{before}{name}"]
    return names


VERBS = _verbs(cli.verbs)


def test_the_verbs_of_the_issue_are_there() -> None:
    asked = (
        "init sync check run baseline diff release plan promote advance rollback hold unhold freeze thaw "
        "status history why doctor report demo"
    )

    params = {"params show", "params diff", "params schema"}
    kernel = {"kernel install", "kernel warm", "kernel list", "kernel stop"}

    assert set(asked.split()) | params | kernel <= set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_stands_in_the_readme(verb: str) -> None:
    done = command(*verb.split(), "--help")

    assert done.returncode == 0
    assert "Usage: nbpromote" in done.stdout
    assert f"nbpromote {verb}" in README.read_text()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Ground:
    """`count` released in dev. Each case puts back what it changed, and must leave the ledger as it was."""
    return build(tmp_path_factory.mktemp("shared") / "small", empty_store).released()


def cell(source: str) -> str:
    return f"\n# %%\n{source}\n"


# what is wrong: file, what is added to it or replaced in it, the command, the exit code, what is said
CASES = {
    "a typo in a params file": (
        "params/dev.yaml", ("top: 3", "tpo: 3"), "run count", 2, ["params/dev.yaml:3", "'tpo'", "did you mean 'top'"],
    ),
    "a wrong type": (
        "params/dev.yaml", ("top: 3", "top: three"), "run count", 2, ["params/dev.yaml:3", "wants int"],
    ),
    "a duplicate key": (
        "params/dev.yaml", ("top: 3", "top: 3, top: 4"), "run count", 2, ["params/dev.yaml:3", "top"],
    ),
    "a secret instead of a reference": (
        "params/dev.yaml", ("notebooks:", "secrets: {a: hunter22}\nnotebooks:"), "run count", 2,
        ["params/dev.yaml:1", "'a' wants a reference, never a value"],
    ),
    "a demand that nobody could meet": (
        "params/staging.policy.yaml", ("promotes_from", "approvals: {groups: [owners]}\npromotes_from"), "check", 1,
        ["params/staging.policy.yaml:1", "no group 'owners'"],
    ),
    "an unknown key": (
        "params/dev.yaml", ("notebooks:", "notebook:"), "run count", 2, ["dev.yaml:1", "did you mean 'notebooks'"],
    ),
    "an unknown key of the project": (
        "pyproject.toml", ('project = "small"', 'projct = "small"'), "status", 2,
        ["pyproject.toml:2", "did you mean 'project'"],
    ),
    "a failing cell": (
        "notebooks/count.py", cell("raise ValueError('no flights')"), "run count", 1,
        ["ValueError", "cell 5", "no flights"],
    ),
    "a killed kernel": (
        "notebooks/count.py", cell("import os\nos.kill(os.getpid(), 9)"), "run count", 1, ["cell 5", "SIGKILL"],
    ),
    "sys.exit(0) in the middle": (
        "notebooks/count.py", cell("import sys\nsys.exit(0)") + cell("1"), "run count", 1,
        ["stopped itself", "cell 5 of 6"],
    ),
    "a NaN metric": (
        "notebooks/count.py", cell('glue("error_rate", float("nan"))'), "run count", 1,
        ["error_rate", "metrics-finite"],
    ),
    "a reassigned parameter": (
        "notebooks/count.py", cell("top = 4"), "run count", 2, ["top", "cell 5"],
    ),
    "an output that was never written": (
        "notebooks/count.py", cell("Path(result).unlink()"), "run count", 1, ["outputs-written", "result"],
    ),
    "an output that differs from the accepted one": (
        "params/dev.yaml", ("top: 3", "top: 2"), "run count", 1, ["outputs-match", "cell 3"],
    ),
    "conflict markers": (
        "notebooks/count.py", cell("<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> other"), "sync count", 2,
        ["merge conflict", "count.py"],
    ),
    "an unknown environment": (None, None, "run count --env prdo", 2, ["'prdo'", "did you mean 'prod'"]),
    "an unknown environment to promote to": (None, None, "promote count --to stagign", 2, ["did you mean 'staging'"]),
    "a notebook that does not exist": (None, None, "run cuont", 2, ["'cuont'", "did you mean 'count'"]),
    "a release that does not exist": (None, None, "promote no-such-otter", 2, ["no-such-otter"]),
    "an unknown parameter": (None, None, "run count -p tpo 4", 2, ["'tpo'", "did you mean 'top'"]),
    "a parameter of the wrong type": (None, None, "run count -p top four", 2, ["'top'", "int"]),
    "a parameter's name that holds code": (None, None, "run count -p top=1;x 4", 2, ["top=1;x"]),
    "a name that leads elsewhere": (None, None, "run ../../escaped", 2, ["../../escaped"]),
    "a page of nothing": (None, None, "report cuont", 2, ["'cuont'"]),
    "a diff of nothing": (None, None, "diff count cuont", 2, ["'cuont'", "did you mean 'count'"]),
    "a baseline with nobody to ask": (None, None, "baseline count", 2, ["nothing was accepted", "--yes"]),
    "a baseline of a cell that is not there": (None, None, "baseline count --cell 12 --yes", 2, ["no code cell '12'"]),
    "a date that is none": (None, None, "history --at yesterday", 2, ["'yesterday'"]),
    "an unknown verb": (None, None, "promot count", 2, ["promot"]),
    "an unknown option": (None, None, "run count --envv dev", 2, ["--envv"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_fault_gives_one_plain_error_and_changes_nothing(shared: Ground, case: str) -> None:
    path, change, line, code, said = CASES[case]
    refs, before = shared.refs(), (shared.root / path).read_text() if path else ""
    data = (shared.root / "data/dev/result.csv").read_text()
    if path:
        text = before + change if isinstance(change, str) else before.replace(*change)
        assert text != before
        (shared.root / path).write_text(text)
        if path.endswith("count.py") and not line.startswith("sync"):
            shared.nbpromote("sync", "count")
    try:
        done = shared.nbpromote(*line.split())
    finally:
        if path:
            (shared.root / path).write_text(before)
            shared.git("checkout", "--quiet", "--", "notebooks")
            shared.nbpromote("sync", "count")

    text = done.stdout + done.stderr
    assert done.returncode == code, text
    assert all(word in text for word in said), text
    assert "Traceback" not in text
    assert shared.refs() == refs
    assert (shared.root / "data/dev/result.csv").read_text() == data
    assert shared.git("status", "--porcelain") == ""


def test_a_pair_edited_on_both_sides_keeps_both_and_shows_the_difference(ground: Ground) -> None:
    ground.edit("notebooks/count.py", "counted to", "counted up to")
    ground.edit("notebooks/count.ipynb", "counted to", "counted all the way to")
    script, notebook = ((ground.root / f"notebooks/count.{kind}").read_text() for kind in ("py", "ipynb"))

    synced, ran = ground.nbpromote("sync"), ground.nbpromote("run", "count")

    assert synced.returncode == ran.returncode == 1
    assert "counted up to" in synced.stderr
    assert "counted all the way to" in synced.stderr
    assert (ground.root / "notebooks/count.py").read_text() == script
    assert (ground.root / "notebooks/count.ipynb").read_text() == notebook


def test_outside_a_project_and_outside_git(tmp_path: Path, ground: Ground) -> None:
    nowhere = command("-C", str(tmp_path), "status")
    loose = tmp_path / "loose"
    loose.mkdir()
    (loose / "pyproject.toml").write_text("[tool.nbpromote]\n")
    (loose / "notebooks").mkdir()
    (loose / "notebooks/count.py").write_text((ground.root / "notebooks/count.py").read_text())
    (loose / "params").mkdir()
    (loose / "params/dev.yaml").write_text("{}\n")
    without_git = command("-C", str(loose), "run", "count")

    assert nowhere.returncode == without_git.returncode == 2
    assert "nbpromote init" in nowhere.stderr
    assert "git repository" in without_git.stderr
    assert not (loose / ".nbpromote").exists()


def test_a_project_without_an_environment_is_told_what_makes_one(tmp_path: Path, empty_store: Path) -> None:
    ground = begun(tmp_path / "bare", empty_store)
    ground.write("pyproject.toml", "[tool.nbpromote]\n")

    status, ran = ground.nbpromote("status"), ground.nbpromote("run", "any")

    assert status.stdout.startswith("no environment is configured\nthe first: params/dev.yaml\n")
    assert (ran.returncode, ran.stderr) == (
        2,
        "error: no environment is configured\n  next: params/dev.yaml makes one\n",
    )


def test_what_is_there_to_lift_is_named_in_full(shared: Ground) -> None:
    held = shared.nbpromote("hold", "count", "--env", "dev")
    status = shared.nbpromote("status").stdout
    lifted = [shared.nbpromote("unhold", "count", "--env", "dev") for _ in range(2)]

    assert held.stdout == "count may not go live in dev: nbpromote unhold count --env dev lifts that\n"
    assert [done.returncode for done in lifted] == [0, 2]
    assert lifted[1].stderr.startswith("error: no hold in dev on 'count'\n")
    assert "held" in status


def test_without_a_git_identity_nothing_is_begun(ground: Ground) -> None:
    ground.git("config", "--unset", "user.name")
    ground.git("config", "--unset", "user.email")
    nobody = {"HOME": str(ground.root), "XDG_CONFIG_HOME": str(ground.root), "GIT_CONFIG_NOSYSTEM": "1"}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "EMAIL"))}

    done = subprocess.run(
        [*COMMAND, "-C", str(ground.root), "run", "count"], capture_output=True, text=True, env={**clean, **nobody}
    )

    assert done.returncode == 2
    assert "git config" in done.stderr
    assert not (ground.root / ".nbpromote/runs").exists()


def test_help_tells_each_verb_in_a_whole_sentence_and_forms_in_one_way() -> None:
    verbs, alike = command("--help").stdout, [command(verb, "--help").stdout for verb in ("plan", "diff", "check")]

    assert "..." not in verbs.partition("Author:")[2]
    assert re.findall(r"^(\w+):$", verbs, re.M) == ["Options", "Author", "Promote", "Operate", "Care"]
    assert all("-o, --output FILE" in told and "[default: text]" in told for told in alike)
    assert "No such option '-C'. It stands before the verb" in command("status", "-C", ".").stderr


def test_a_verb_that_takes_a_while_says_so_where_a_person_looks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = os.openpty()
    with open(slave, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        with busy("asking what is live"):
            time.sleep(0.2)
        said = os.read(master, 4096).decode()
    os.close(master)

    assert "asking what is live" in said


def test_json_is_one_document_and_nothing_else_on_stdout(shared: Ground) -> None:
    for line in ("status", "history", "check", "sync", "report count", "params show count", "plan count", "doctor"):
        done = subprocess.run(
            [*COMMAND, "-C", str(shared.root), *line.split(), "--json"], capture_output=True, text=True
        )
        assert isinstance(json.loads(done.stdout), dict), line
        assert done.stderr == "", line


def test_json_is_one_document_also_where_an_argument_is_missing() -> None:
    done = command("diff", "--json")

    assert done.returncode == 2
    assert json.loads(done.stdout) == {"error": "Missing argument 'A'.", "hint": "", "exit_code": 2}


def test_check_passes_on_a_sound_project_and_names_the_place_in_a_broken_one(shared: Ground) -> None:
    sound = shared.nbpromote("check")
    text = (shared.root / "notebooks/train.py").read_text()
    (shared.root / "notebooks/train.py").write_text(text + cell("alpha = 2"))
    broken = shared.nbpromote("check")
    (shared.root / "notebooks/train.py").write_text(text)

    assert sound.returncode == 0
    assert broken.returncode == 1
    assert "notebooks/train.py:" in broken.stdout
    assert "alpha" in broken.stdout


def test_params_show_names_the_place_of_each_value(shared: Ground) -> None:
    rows = shared.nbpromote("params", "show", "count", "--env", "staging").stdout

    assert "params/staging.yaml:3" in rows
    assert "parameters cell" in rows


# -- init ---------------------------------------------------------------------------------------------------------


def test_init_lays_out_a_project_that_runs(tmp_path: Path, empty_store: Path) -> None:
    done = command("init", str(tmp_path / "fresh"))
    ground = Ground(tmp_path / "fresh", empty_store)
    ground.git("config", "user.name", "Ada Test")
    ground.git("config", "user.email", "ada@example.org")

    checked, ran = ground.nbpromote("check"), ground.nbpromote("run", "starter")

    assert done.returncode == checked.returncode == ran.returncode == 0, ran.stdout + ran.stderr
    assert (ground.root / ".git").is_dir()


def test_init_in_this_folder_does_not_send_you_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path
) -> None:
    monkeypatch.chdir(begun(tmp_path / "here", empty_store).root)

    done = command("init", ".")

    assert "\nnext: nbpromote check; git add . && git commit -m start\n" in done.stdout


def test_init_joins_the_repository_that_it_lies_in(ground: Ground) -> None:
    command("init", str(ground.root / "inner"))
    command("init", str(ground.root / "data" / "ignored"))

    ground.commit("a second project")
    assert "inner/notebooks/starter.py" in ground.git("ls-files").splitlines()
    assert (ground.root / "data/ignored/.git").is_dir()


def test_init_adds_what_is_missing_and_overwrites_nothing(ground: Ground) -> None:
    (ground.root / "pyproject.toml").write_text('[project]\nname = "mine"\n')
    before = {path: path.read_bytes() for path in ground.root.glob("*/*") if path.is_file()}
    commits = ground.git("rev-list", "--count", "HEAD")

    first, second = command("init", str(ground.root)), command("init", str(ground.root))

    assert first.returncode == second.returncode == 0
    assert (ground.root / "pyproject.toml").read_text().startswith('[project]\nname = "mine"\n')
    assert "[tool.nbpromote]" in (ground.root / "pyproject.toml").read_text()
    assert {path: path.read_bytes() for path in before} == before
    assert ground.git("rev-list", "--count", "HEAD") == commits
    assert "wrote" not in second.stdout


def test_an_example_that_does_not_exist(tmp_path: Path) -> None:
    done = command("init", str(tmp_path / "new"), "--example", "fligths")

    assert done.returncode == 2
    assert "flights" in done.stderr
    assert not (tmp_path / "new").exists()
