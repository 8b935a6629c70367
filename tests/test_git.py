"""The git program against real repositories, with everything around them that could lead it astray."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbpromote import git
from nbpromote.errors import NotFound, Refused, Unavailable, Usage
from nbpromote.git import log

BRANCH = "refs/heads/nbpromote/dev"


def shell(folder: Path, *args: str, data: str | None = None) -> str:
    done = subprocess.run(["git", "-C", str(folder), *args], input=data, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def named(folder: Path) -> git.Repository:
    """A new repository whose owner git knows."""
    folder.mkdir(parents=True, exist_ok=True)
    repository = git.init(folder)
    shell(folder, "config", "user.name", "Ada Lovelace")
    shell(folder, "config", "user.email", "ada@example.org")
    return repository


@pytest.fixture
def repository(tmp_path):
    """One commit with a project in a subfolder."""
    repository = named(tmp_path / "repository")
    (repository.root / "project").mkdir()
    (repository.root / "project" / "a file.py").write_text("x = 1\n")
    (repository.root / "beside.py").write_text("y = 2\n")
    shell(repository.root, "add", ".")
    shell(repository.root, "commit", "--quiet", "-m", "first")
    return repository


@pytest.fixture
def remote(repository, tmp_path):
    """A bare repository that `repository` calls `origin`."""
    folder = tmp_path / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", folder], check=True)
    shell(repository.root, "remote", "add", "origin", str(folder))
    return folder


# -- who and where -------------------------------------------------------------------------------------------------


def test_who_acts_is_who_git_says(repository):
    assert repository.identity() == "Ada Lovelace <ada@example.org>"


def test_without_an_identity_nothing_is_made_up(tmp_path, monkeypatch):
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    repository = git.init(tmp_path)

    with pytest.raises(Usage, match="git does not know who you are"):
        repository.identity()
    with pytest.raises(Usage, match="git does not know who you are"):
        repository.commit({"a": b"1"}, "one", parent=None)

    assert repository.refs() == {}


def test_outside_a_repository_is_told_so(tmp_path):
    with pytest.raises(NotFound, match="is not in a git repository"):
        git.find(tmp_path)


@pytest.mark.skipif(os.getuid() != 0, reason="ONLY ROOT CAN GIVE A FOLDER AWAY: not tried")
def test_a_repository_of_another_user_is_not_called_missing(repository):
    for path in (repository.root, repository.root / ".git"):
        os.chown(path, 12345, 12345)

    with pytest.raises(Unavailable, match="belongs to another user") as told:
        git.find(repository.root)

    assert "safe.directory" in told.value.hint


def test_variables_of_the_caller_lead_nowhere_else(repository, tmp_path, monkeypatch):
    other = named(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / "index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.root / "objects"))

    found = git.find(repository.root)

    assert found.head() == repository.head()
    assert set(found.tracked()) == {"beside.py", "project/a file.py"}


def test_variables_that_say_how_a_remote_is_reached_stay(monkeypatch):
    reached = {
        "GIT_SSL_CAINFO": "/etc/ca.pem",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": "Authorization: token",
        "GIT_ASKPASS": "/bin/token",
    }
    for name, value in {**reached, "GIT_NAMESPACE": "elsewhere", "GIT_CONFIG_PARAMETERS": "'core.bare=true'"}.items():
        monkeypatch.setenv(name, value)

    kept = git.clean_environment()

    assert {name: value for name, value in kept.items() if name in reached} == reached
    assert not {"GIT_NAMESPACE", "GIT_CONFIG_PARAMETERS"} & set(kept)


def test_a_new_repository_is_one_of_its_own_inside_another(repository):
    inner = git.init(named(repository.root / "inner").root)

    assert inner.folder == inner.root / ".git"
    assert inner.head() is None


# -- what is tracked -----------------------------------------------------------------------------------------------


def test_paths_count_from_the_project_not_from_the_repository(repository):
    project = git.find(repository.root / "project")

    assert list(project.tracked()) == ["a file.py"]
    assert project.tracked() == project.tracked("HEAD")
    assert project.read("HEAD", "a file.py") == b"x = 1\n"
    assert project.read("HEAD", "beside.py") is None


def test_an_edit_is_seen_where_it_is_only(repository):
    (repository.root / "beside.py").write_text("edited\n")

    assert repository.is_dirty()
    assert not git.find(repository.root / "project").is_dirty()
    assert repository.read("HEAD", "beside.py") == b"y = 2\n"


def test_what_git_ignores_is_known(repository):
    (repository.root / ".gitignore").write_text("*.ipynb\n")

    assert repository.ignored(Path("project/a.ipynb"))
    assert not repository.ignored(Path("project/a.py"))


def test_the_author_of_a_file_is_whoever_committed_it_last(repository):
    assert repository.author_of("beside.py") == "Ada Lovelace <ada@example.org>"
    assert repository.author_of("nowhere.py") is None


def commits(repository, author, text, *, path="beside.py", message="edit"):
    (repository.root / path).write_text(text)
    shell(repository.root, "add", ".")
    shell(repository.root, "commit", "--quiet", "--author", author, "-m", message)
    return repository.head()


BOB, CY, DEE = "Bob, Sir <bob@example.org>", "Cy <cy@example.org>", "Dee <dee@example.org>"


def test_who_changed_files_are_authors_and_co_authors_since_a_commit_and_by_every_name(repository):
    first = repository.head()
    commits(repository, BOB, "y = 3\n", message="edit\n\nCo-authored-by: Eve <eve@old.org>\nco-authored-by: fay-login")
    commits(repository, CY, "z = 1\n", path="other.py")
    (repository.root / ".mailmap").write_text("Eve <eve@example.org> <eve@old.org>\n")

    found = log.authors(repository, ["HEAD"], ["beside.py", "gone [1].py"], but=first).names
    ever = log.authors(repository, ["HEAD"], ["beside.py"], but=None).names

    assert found == (BOB, "Eve <eve@old.org>", "fay-login", "Eve <eve@example.org>")
    assert set(ever) - set(found) == {"Ada Lovelace <ada@example.org>"}
    assert log.authors(repository, ["HEAD"], ["nowhere.py"], but=None).names == ()


@pytest.mark.parametrize("old", [False, True])
def test_who_merges_is_an_author_only_of_what_neither_side_holds(repository, monkeypatch, old):
    """`old`: a git that cannot merge again to compare."""
    if old:
        monkeypatch.setattr(log, "_AGAIN", "--no-such-option")
    first = repository.head()
    shell(repository.root, "switch", "--quiet", "-c", "side")
    commits(repository, BOB, "y = 3\n")
    shell(repository.root, "switch", "--quiet", "main")
    commits(repository, CY, "z = 1\n", path="other.py")
    env = ("-c", "user.name=Dee", "-c", "user.email=dee@example.org")
    shell(repository.root, *env, "merge", "--quiet", "--no-edit", "side")

    def found():
        return set(log.authors(repository, ["HEAD"], ["beside.py", "other.py"], but=first).names)

    plain = found()
    (repository.root / "beside.py").write_text("y = 4\n")
    shell(repository.root, *env, "commit", "--quiet", "--all", "--amend", "--no-edit", "--reset-author")

    assert plain == {BOB, CY}
    assert found() == {BOB, CY, DEE}


def test_of_a_shallow_clone_what_it_begins_with_is_nobody_s_work(repository, tmp_path):
    second = commits(repository, BOB, "y = 3\n")
    commits(repository, CY, "y = 4\n")
    subprocess.run(["git", "clone", "-q", "--depth=2", f"file://{repository.root}", tmp_path / "s"], check=True)
    shallow = git.find(tmp_path / "s")

    unsure = log.authors(shallow, ["HEAD"], ["beside.py"], but=None)
    sure = log.authors(shallow, ["HEAD"], ["beside.py"], but=second)

    assert (unsure.names, unsure.cut_off) == ((CY,), True)
    assert (sure.names, sure.cut_off) == ((CY,), False)


# -- commits without a work tree -----------------------------------------------------------------------------------


def test_a_commit_touches_neither_work_tree_nor_index(repository):
    (repository.root / "beside.py").write_text("staged\n")
    shell(repository.root, "add", "beside.py")
    (repository.root / "beside.py").write_text("and edited\n")
    status = shell(repository.root, "status", "--porcelain")  # it refreshes the index
    index = (repository.root / ".git" / "index").read_bytes()

    first = repository.commit({"events/1.json": b"{}", "state.json": b"1"}, "one", parent=None)
    second = repository.commit({"events/2.json": b"{}", "state.json": b"2"}, "two", parent=first)
    repository.move(BRANCH, second, old=None)

    assert set(repository.tracked(second)) == {"events/1.json", "events/2.json", "state.json"}
    assert repository.read(second, "state.json") == b"2"
    assert (repository.root / ".git" / "index").read_bytes() == index
    assert shell(repository.root, "status", "--porcelain") == status
    assert list((repository.root / ".git").glob("nbpromote*")) == []


FOLDERS = st.sampled_from(["", "a/", "a/b/", "a.b/", "a-b/", "a0/"])  # git sorts folders as if they ended in a slash
FILES = st.dictionaries(st.builds("{}{}".format, FOLDERS, st.sampled_from("wxyz")), st.binary(max_size=9), min_size=1)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FILES, min_size=1, max_size=3))
def test_a_commit_holds_what_its_parent_held_and_the_files_put_in(repository, steps):
    parent, held = None, {}
    for files in steps:
        parent = repository.commit(files, "more", parent=parent)
        held |= files

    assert {path: repository.read(parent, path) for path in repository.tracked(parent)} == held
    assert shell(repository.root, "fsck", "--strict", "--no-dangling", parent) == ""


def test_objects_are_read_one_by_one_whatever_is_asked_for(repository):
    many = {f"{n}": f"{n}" * n for n in range(1, 400)}
    for name, text in many.items():
        (repository.root / name).write_text(text)
    shell(repository.root, "add", "--all")

    *read, none, beside = repository.stream([*map(":{}".format, many), "HEAD:no such file", "HEAD:beside.py"])

    assert read == [text.encode() for text in many.values()]
    assert (none, beside) == (None, b"y = 2\n")
    assert next(repository.stream(map(":{}".format, many))) == b"1"  # nobody waits for the rest
    assert repository.blobs([]) == []


def loose(repository, name: str) -> Path:
    """The file of an object, to write to."""
    file = repository.root / ".git" / "objects" / name[:2] / name[2:]
    file.chmod(0o600)
    return file


def test_an_object_that_is_damaged_could_not_be_read(repository):
    blob = shell(repository.root, "hash-object", "-w", "--stdin", data=os.urandom(2000).hex())
    file = loose(repository, blob)
    file.write_bytes(file.read_bytes()[:100] + b"broken")

    with pytest.raises(Unavailable, match=r"ended in the middle of an answer: (error|fatal)"):
        repository.blobs([blob])


def test_a_commit_that_is_damaged_is_not_taken_for_one_that_is_not_there(repository):
    head = repository.head()
    file = loose(repository, head)
    file.write_bytes(file.read_bytes()[:40] + b"broken")

    for asked in (repository.head, lambda: repository.ref(head), lambda: repository.blob(head, "beside.py")):
        with pytest.raises(Unavailable, match=f"(?s)git cannot read .*{head}.* is corrupt") as caught:
            asked()
        assert "git fsck" in caught.value.hint
    assert repository.ref("refs/heads/nowhere") is None
    assert named(repository.root.parent / "empty").head() is None


def test_a_file_that_is_damaged_is_not_taken_for_one_that_is_not_there(repository):
    file = loose(repository, shell(repository.root, "rev-parse", "HEAD:beside.py"))
    for damage in (lambda: file.write_bytes(file.read_bytes()[:-3]), file.unlink):
        damage()
        with pytest.raises(Unavailable, match=r"git cannot read beside.py of commit HEAD: "):
            repository.read("HEAD", "beside.py")

    assert repository.read("HEAD", "project") is None  # a folder
    assert repository.read("HEAD", "nothing.py") is None
    assert repository.read("0" * 40, "beside.py") is None


# -- signatures ----------------------------------------------------------------------------------------------------


@pytest.fixture
def ssh_key(repository, tmp_path):
    """Signs what is committed; its public half is beside it."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    shell(repository.root, "config", "gpg.format", "ssh")
    shell(repository.root, "config", "user.signingkey", str(key))
    return key


def signers(folder: Path, who: str, key: Path, *options: str) -> Path:
    file = folder / "signers"
    public = key.with_name(f"{key.name}.pub").read_text()
    file.write_text(" ".join([who, *options, public]))
    return file


def test_a_signature_tells_who_and_with_which_key(repository, ssh_key, tmp_path):
    signed = repository.commit({"a": b"1"}, "one", parent=None, sign=True)
    plain = repository.commit({"a": b"1"}, "one", parent=None)
    told = subprocess.run(["ssh-keygen", "-l", "-f", f"{ssh_key}.pub"], capture_output=True, text=True, check=True)

    seen = repository.signature(signed, signers(tmp_path, "ada@example.org", ssh_key))

    assert seen == git.Signature(verdict="good", signer="ada@example.org", fingerprint=told.stdout.split()[1])
    assert seen.good
    assert repository.signature(plain) is None


@pytest.mark.parametrize(
    ("allowed", "verdict"),
    [
        ("nobody", "unknown"),
        ("another", "unknown"),
        ("missing", "unknown"),
        ("unset", "unchecked"),
        ("late", "unknown"),
    ],
)
def test_a_signature_of_a_key_that_nobody_vouches_for_is_not_good(repository, ssh_key, tmp_path, allowed, verdict):
    signed = repository.commit({"a": b"1"}, "one", parent=None, sign=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    (tmp_path / "nobody").write_text("")
    file = {
        "nobody": lambda: tmp_path / "nobody",
        "another": lambda: signers(tmp_path, "ada@example.org", tmp_path / "other"),
        "missing": lambda: tmp_path / "missing",
        "unset": lambda: None,
        "late": lambda: signers(tmp_path, "ada@example.org", ssh_key, 'valid-before="20200101"'),
    }[allowed]()

    seen = repository.signature(signed, file)

    assert (seen.verdict, seen.signer, seen.good) == (verdict, "", False)


def test_a_commit_changed_after_it_was_signed_is_bad(repository, ssh_key, tmp_path):
    signed = repository.commit({"a": b"1"}, "one", parent=None, sign=True)
    text = shell(repository.root, "cat-file", "commit", signed).replace("\n\none", "\n\ntwo")
    forged = shell(repository.root, "hash-object", "-t", "commit", "-w", "--stdin", data=text)

    assert repository.signature(forged, signers(tmp_path, "ada@example.org", ssh_key)).verdict == "bad"


def test_a_key_of_gpg_is_good_where_it_is_trusted_and_unchecked_where_it_is_not_known(
    repository, tmp_path, monkeypatch
):
    if not shutil.which("gpg"):
        pytest.skip("SIGNATURES BY GPG WERE NOT TRIED: gpg is not installed")
    # gpg talks to its agent by a socket in this folder, and the path of a socket is short
    with tempfile.TemporaryDirectory(prefix="gpg") as mine, tempfile.TemporaryDirectory(prefix="gpg") as theirs:
        monkeypatch.setenv("GNUPGHOME", mine)
        make = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key"]
        subprocess.run(
            [*make, "Ada Lovelace <ada@example.org>", "ed25519", "default", "1d"], check=True, capture_output=True
        )
        signed = repository.commit({"a": b"1"}, "one", parent=None, sign=True)
        own = repository.signature(signed)
        monkeypatch.setenv("GNUPGHOME", theirs)
        elsewhere = repository.signature(signed)
        for home in (mine, theirs):
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True, capture_output=True)

    assert (own.verdict, own.signer, len(own.fingerprint)) == ("good", "Ada Lovelace <ada@example.org>", 40)
    assert (elsewhere.verdict, elsewhere.good) == ("unchecked", False)


def test_who_has_no_key_is_told_how_to_name_one(repository, tmp_path, monkeypatch):
    shell(repository.root, "config", "gpg.format", "ssh")
    shell(repository.root, "config", "user.signingkey", str(tmp_path / "none"))

    with pytest.raises(Usage, match="git cannot sign") as told:
        repository.commit({"a": b"1"}, "one", parent=None, sign=True)

    assert "user.signingkey" in told.value.hint


def test_a_reference_moves_only_from_where_it_is_thought_to_be(repository):
    one = repository.commit({"a": b"1"}, "one", parent=None)
    two = repository.commit({"a": b"2"}, "two", parent=one)
    repository.move(BRANCH, one, old=None)

    for wrong in (None, two):
        with pytest.raises(git.Rejected):
            repository.move(BRANCH, two, old=wrong)
    repository.move(BRANCH, two, old=one)

    assert repository.ref(BRANCH) == two
    assert repository.contains(two, one)
    assert not repository.contains(one, two)
    assert repository.once_at(BRANCH) == (two, one)


def test_a_reference_that_cannot_be_written_is_no_lost_race(repository):
    commit = repository.commit({"a": b"1"}, "one", parent=None)

    with pytest.raises(Unavailable, match="nothing was changed"):
        repository.move("refs/heads/no..good", commit, old=None)


def test_hooks_of_the_user_have_no_veto(repository, remote):
    for name in ("reference-transaction", "pre-push", "post-commit"):
        hook = repository.root / ".git" / "hooks" / name
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
    commit = repository.commit({"a": b"1"}, "one", parent=None)

    repository.move(BRANCH, commit, old=None)
    repository.push("origin", commit, "nbpromote/dev")

    repository.fetch("origin", "nbpromote/*", timeout=20)
    assert repository.ref("refs/remotes/origin/nbpromote/dev") == repository.ref(BRANCH) == commit


def test_a_branch_that_a_worktree_has_checked_out_is_known(repository, tmp_path):
    repository.move(BRANCH, repository.commit({"a": b"1"}, "one", parent=None), old=None)
    assert repository.checked_out("refs/heads/nbpromote") == {BRANCH: ""}

    shell(repository.root, "worktree", "add", "--quiet", str(tmp_path / "worktree"), "nbpromote/dev")

    assert repository.checked_out("refs/heads/nbpromote") == {BRANCH: str(tmp_path / "worktree")}


# -- remotes -------------------------------------------------------------------------------------------------------


def test_a_push_that_is_no_fast_forward_is_rejected(repository, remote):
    one = repository.commit({"a": b"1"}, "one", parent=None)
    repository.push("origin", one, "nbpromote/dev")

    with pytest.raises(git.Rejected):
        repository.push("origin", repository.commit({"a": b"2"}, "two", parent=None), "nbpromote/dev")

    assert shell(remote, "rev-parse", "nbpromote/dev") == one


def test_a_protected_branch_says_no_and_why(repository, remote):
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho prod is for the release team >&2\nexit 1\n")
    hook.chmod(0o755)

    with pytest.raises(Refused, match="prod is for the release team"):
        repository.push("origin", repository.head(), "nbpromote/prod")


def test_a_branch_of_the_remote_in_the_way_is_named(repository, remote):
    shell(repository.root, "push", "--quiet", "origin", "HEAD:refs/heads/nbpromote")

    with pytest.raises(Refused, match="is in the way of nbpromote/dev"):
        repository.push("origin", repository.head(), "nbpromote/dev")


def test_a_remote_that_is_gone_could_not_answer(repository, remote):
    remote.rename(remote.with_suffix(".away"))

    with pytest.raises(Unavailable, match="cannot be reached"):
        repository.fetch("origin", "nbpromote/*", timeout=20)
    with pytest.raises(Unavailable, match=r"cannot be reached: .*; nothing was changed"):
        repository.push("origin", repository.head(), "nbpromote/dev")


def test_a_remote_that_says_nothing_is_left_in_time_and_nothing_of_it_stays(repository, tmp_path, monkeypatch):
    script = tmp_path / "ssh"
    script.write_text(f"#!/bin/sh\nsleep 60 & echo $! > {tmp_path}/pid\nwait\n")
    script.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(script))
    shell(repository.root, "remote", "add", "silent", "ssh://example.org/silent.git")
    started = time.monotonic()

    with pytest.raises(Unavailable, match=r"'silent' did not answer within 0.5 s"):
        repository.fetch("silent", "nbpromote/*", timeout=0.5)

    assert time.monotonic() - started < 5
    assert ends(int((tmp_path / "pid").read_text()))


def ends(process: int) -> bool:
    """Whether a process is gone within two seconds; one that was killed and not waited for has no command line."""
    for _ in range(40):
        try:
            if not Path(f"/proc/{process}/cmdline").read_bytes():
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False
