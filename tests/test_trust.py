"""What is trusted above the entry environment: the branch that a team merges into, on a real bare remote."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ground import Ground, build, git
from nbpromote import workflow
from nbpromote.errors import Usage
from nbpromote.git import find, trunk
from nbpromote.workflow.site import Site, trusting

SHARED = '[tool.nbpromote]\nproject = "small"\nremote = "origin"\nstore = "{store}"\n'


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A folder of `hub.git`, the remote; `ada`, a clone where `count` is released on main; and their `store`."""
    folder = tmp_path_factory.mktemp("team")
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "hub.git")
    ada = build(folder / "ada", empty_store)
    ada.write("pyproject.toml", SHARED.format(store=folder / "store"))
    ada.nbpromote("sync", "count")
    ada.nbpromote("run", "count")
    ada.nbpromote("baseline", "--yes", "count")
    ada.commit("share")
    ada.git("remote", "add", "origin", str(folder / "hub.git"))
    ada.git("push", "--quiet", "--set-upstream", "origin", "main")
    done = ada.nbpromote("release", "count")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def hub(team: Path, tmp_path: Path) -> Path:
    """The same remote, for one test."""
    return Path(shutil.copytree(team / "hub.git", tmp_path / "hub.git"))


@pytest.fixture
def ada(team: Path, hub: Path, tmp_path: Path, empty_store: Path) -> Ground:
    shutil.copytree(team / "ada", tmp_path / "ada", symlinks=True)
    ground = Ground(tmp_path / "ada", empty_store)
    ground.git("remote", "set-url", "origin", str(hub))
    return ground


def cloned(hub: Path, to: Path, *options: str) -> Ground:
    git(hub, "clone", "--quiet", *options, f"file://{hub}", str(to))
    git(to, "config", "user.name", "Bob Test")
    git(to, "config", "user.email", "bob@example.org")
    return Ground(to, to / "none")


def unmet(ground: Ground, name: str = "count") -> list[str]:
    return ground.json("plan", name, "--to", "staging")["unmet"]


def alias(ground: Ground) -> str:
    return ground.json("status")["environments"][0]["notebooks"][0]["alias"]


def test_what_is_merged_may_be_promoted(ada):
    assert unmet(ada) == []


def test_code_of_a_branch_that_is_not_merged_is_refused_until_it_is_squashed_into_main(ada, hub, tmp_path):
    ada.git("switch", "--quiet", "--create", "faster")
    ada.edit("notebooks/count.py", "counted to", "has counted to")
    ada.released("count")
    assert unmet(ada) == [f"origin/main does not hold the code of {alias(ada)}: merge it"]

    host = cloned(hub, tmp_path / "host")  # where somebody presses the button; other commits, other authors
    host.git("fetch", "--quiet", str(ada.root), "faster")
    host.git("merge", "--quiet", "--squash", "FETCH_HEAD")
    host.commit("Faster (#12)")
    host.git("push", "--quiet", "origin", "main")

    assert unmet(ada) == []
    assert ada.git("branch", "--show-current") == "faster"


def test_a_branch_weakens_no_policy_and_moves_no_value(ada):
    before = ada.json("plan", "count", "--to", "staging")
    ada.git("switch", "--quiet", "--create", "weaker")
    ada.edit("params/staging.policy.yaml", "rows, min: 2", "rows, min: 0")
    ada.edit("params/staging.yaml", "top: 4", "top: 400")
    ada.edit("pyproject.toml", "[tool.nbpromote]\n", '[tool.nbpromote]\npolicy_ref = "weaker"\n')
    ada.commit("weaken")
    ada.git("push", "--quiet", "origin", "weaker")

    after = ada.json("plan", "count", "--to", "staging")

    assert after == before


def test_a_branch_that_names_other_places_is_refused(ada):
    shutil.copytree(ada.root / "params", ada.root / "lax")
    ada.edit("pyproject.toml", "[tool.nbpromote]\n", '[tool.nbpromote]\nparams = "lax"\n')
    ada.commit("look elsewhere")

    done = ada.nbpromote("plan", "count", "--to", "staging")

    assert done.returncode == 2
    assert "origin/main does not hold lax/staging.yaml" in done.stderr
    ada.git("reset", "--quiet", "--hard", "origin/main")
    ada.edit("pyproject.toml", 'project = "small"', 'project = "other"')
    assert unmet(ada) == ["pyproject.toml says another project here than in origin/main"]


def test_what_is_merged_counts_at_once_in_a_clone_that_is_behind(ada, hub, tmp_path):
    host = cloned(hub, tmp_path / "host")
    host.edit("params/staging.yaml", "top: 4", "top: 7")
    host.commit("seven")
    host.git("push", "--quiet", "origin", "main")

    planned = ada.json("plan", "count", "--to", "staging")

    assert planned["moves"][0]["parameters"]["top"] == 7


@pytest.mark.parametrize(
    "options", [("--depth=1",), ("--depth=1", "--branch=topic"), ("--no-checkout", "--branch=topic")]
)
def test_a_runner_knows_the_trunk_whatever_it_has_cloned(ada, hub, tmp_path, options):
    ada.git("push", "--quiet", "origin", "main:topic")
    clone = cloned(hub, tmp_path / "runner", *options)
    if "--no-checkout" in options:  # as runners do it: a commit, no branch, no name of the remote's default
        clone.git("checkout", "--quiet", "--detach")
        clone.git("symbolic-ref", "--delete", "refs/remotes/origin/HEAD")
        clone.git("update-ref", "-d", "refs/remotes/origin/main")
    shallow = clone.git("rev-parse", "--is-shallow-repository")

    assert unmet(clone) == []
    assert trunk.known(find(clone.root), "origin") == "main"
    assert clone.git("rev-parse", "--is-shallow-repository") == shallow


def test_a_remote_without_a_head_has_the_usual_branch_or_none(ada, hub):
    git(hub, "symbolic-ref", "HEAD", "refs/heads/nothing")
    assert unmet(ada) == []

    ada.git("push", "--quiet", "origin", "main:trunk", "main:master", "--force")
    ada.git("fetch", "--quiet", "origin")

    assert unmet(ada)[0] == (
        "origin does not say which of its branches is the default: git remote set-head origin BRANCH"
    )
    ada.git("remote", "set-head", "origin", "trunk")
    assert unmet(ada) == []


def test_a_trunk_that_was_renamed_is_found_again(ada, hub):
    ada.git("remote", "set-head", "origin", "main")
    git(hub, "branch", "--move", "main", "trunk")
    git(hub, "symbolic-ref", "HEAD", "refs/heads/trunk")

    assert Site(ada.project).fetch()

    assert Site(ada.project).trusted.name == "origin/trunk"


def test_the_setting_counts_as_the_trunk_has_it(ada, hub):
    ada.edit("pyproject.toml", "[tool.nbpromote]\n", '[tool.nbpromote]\npolicy_ref = "origin/stable"\n')
    ada.commit("trust stable")
    ada.git("push", "--quiet", "origin", "main")
    assert unmet(ada)[0] == (
        "policy_ref in the pyproject.toml of origin/main names 'stable', which origin does not have"
    )

    ada.git("push", "--quiet", "origin", "main:stable")

    assert unmet(ada) == []
    assert Site(ada.project).trusted.name == "origin/stable"


def test_a_setting_that_is_no_branch_is_told(ada):
    ada.edit("pyproject.toml", "[tool.nbpromote]\n", '[tool.nbpromote]\npolicy_ref = "--upload-pack=x"\n')
    done = ada.nbpromote("plan", "count", "--to", "staging")

    assert done.returncode == 2
    assert "pyproject.toml:2: policy_ref wants a branch, such as origin/main, got '--upload-pack=x'" in done.stderr


def test_a_silent_remote_whose_trunk_was_never_seen_lets_nothing_through(ada, hub):
    ada.git("update-ref", "-d", "refs/remotes/origin/main")
    hub.rename(hub.with_suffix(".away"))

    assert unmet(ada)[0] == "it is not known here which branch of origin is its default: git fetch origin tells why"


def test_without_a_remote_head_is_trusted_or_what_its_setting_names(ground):
    assert Site(ground.project).trusted.name == "HEAD"
    ground.git("branch", "reviewed")
    ground.edit("pyproject.toml", "[tool.nbpromote]\n", '[tool.nbpromote]\npolicy_ref = "reviewed"\n')
    assert Site(ground.project).trusted.name == "HEAD"  # the working tree is not asked

    ground.commit("trust what was reviewed")

    assert Site(ground.project).trusted == trusting.Trusted(name="reviewed", commit=ground.git("rev-parse", "reviewed"))


def test_a_remote_that_holds_nothing_but_the_ledger_is_no_trunk(ground, tmp_path):
    git(tmp_path, "init", "--quiet", "--bare", "ledger.git")
    ground.git("remote", "add", "ledger", str(tmp_path / "ledger.git"))
    ground.git("push", "--quiet", "ledger", "main:nbpromote/dev")
    site = Site(ground.project)

    assert site.fetch()

    assert site.trusted == trusting.Trusted(name="HEAD", commit=ground.git("rev-parse", "HEAD"))


def test_several_remotes_are_not_guessed_between(ground):
    for name in ("one", "two"):
        ground.git("remote", "add", name, "/nowhere")

    with pytest.raises(Usage, match="several remotes, and none is called origin: one, two"):
        workflow.plan(ground.project, ["count"])


def test_params_of_another_repository_are_trusted_as_its_own_remote_has_them(ada, tmp_path):
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "params.git")
    params = ada.root / "params"
    ada.git("rm", "--quiet", "-r", "--cached", "params")
    ada.write(".gitignore", ".nbpromote/\ndata/\nparams/\n")
    ada.commit("params of their own")
    ada.git("push", "--quiet", "origin", "main")
    for line in (
        ("init", "--quiet", "--initial-branch=main"),
        ("config", "user.name", "Ada Test"),
        ("config", "user.email", "ada@example.org"),
        ("add", "."),
        ("commit", "--quiet", "-m", "values"),
        ("remote", "add", "origin", str(tmp_path / "params.git")),
        ("push", "--quiet", "origin", "main"),
    ):
        git(params, *line)
    merged = git(params, "rev-parse", "HEAD")
    ada.edit("params/staging.yaml", "top: 4", "top: 400")
    git(params, "commit", "--quiet", "-am", "not merged")

    site = Site(ada.project)

    assert site.fetch()
    assert site.trusted_params == trusting.Trusted(name="origin/main", commit=merged)
    assert "top: 4}" in (site.values.committed("staging.yaml") or "")
