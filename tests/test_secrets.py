"""Secrets are followed by reference, handed to the kernel, and found in no byte that the toolkit writes."""

from __future__ import annotations

import base64
import html
import json
import re
import time
import zlib
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ground import HEADER
from nbpromote import params, secrets
from nbpromote.errors import BadInput
from nbpromote.model import Schema
from nbpromote.secrets import Scanner

VALUE = 'hunter22 "quoted" & <plus+slash/é>'
PEM = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(
    base64.b64encode(bytes(range(start, start + 48))).decode() for start in (0, 48, 96)
)

# -- finding and marking ------------------------------------------------------------------------------------------

SPELLED = {
    "itself": VALUE,
    "JSON": json.dumps({"a": VALUE}),
    "JSON of JSON": json.dumps(json.dumps([VALUE])),
    "JSON with its own letters": json.dumps(VALUE, ensure_ascii=False),
    "Python": repr([VALUE]),
    "Python's bytes": repr(VALUE.encode()),
    "HTML": f"<td>{html.escape(VALUE)}</td>",
    "an address": f"https://ada:{quote(VALUE, safe='')}@db",
    "an address in small letters": re.sub("%..", lambda found: found[0].lower(), quote(VALUE, safe="")),
    "hexadecimal digits": VALUE.encode().hex(),
    **{f"base64 after {n} bytes": base64.b64encode(b"x" * n + VALUE.encode() + b"yz").decode() for n in range(4)},
    "base64 for addresses": base64.urlsafe_b64encode(b"user:" + VALUE.encode()).decode(),
}


@pytest.mark.parametrize("text", SPELLED.values(), ids=SPELLED)
def test_a_secret_is_found_in_every_usual_spelling(text):
    scanner = Scanner({"password": VALUE})

    assert scanner.found(text) == scanner.found(text.encode()) == {"password"}
    assert "[secret password]" in scanner.redact(text)
    assert not scanner.found(scanner.redact(text))


@pytest.mark.parametrize("line", PEM.splitlines()[1:])
def test_each_line_of_a_key_is_a_secret_and_its_first_is_none(line):
    scanner = Scanner({"key": PEM})

    assert scanner.redact(f"read {line}!") == "read [secret key]!"
    assert Scanner({"key": json.dumps({"key": PEM})}).found(line)
    assert not scanner.found("-----BEGIN PRIVATE KEY-----")


def test_of_two_secrets_that_overlap_no_rest_stays():
    scanner = Scanner({"one": "abcdef", "two": "defghi", "again": "xyxyxy"})

    assert scanner.redact("<abcdefghi>") == "<[secret one]>"
    assert scanner.redact("<xyxyxyxy>") == "<[secret again]>"


def test_a_text_that_a_mark_would_complete_to_a_secret_goes_whole():
    scanner = Scanner({"one": "abcdef", "two": "]ghijk"})

    assert scanner.redact("say abcdefghijk") == "[secret two]"


PIECES = st.text(st.sampled_from("abAB01 =\n\"'é"), max_size=12)
VALUES = st.text(st.sampled_from("abAB01 =\n\"'é"), min_size=6, max_size=16)


@given(VALUES, PIECES, PIECES, st.lists(st.integers(0, 40), max_size=5))
@example("aaaaaa", "a", "aaa", [3, 4])
@settings(max_examples=150, deadline=None)
def test_a_secret_is_found_however_the_text_is_cut(value, before, after, cuts):
    scanner = Scanner({"name": value})
    text = before + value + after
    at = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    parts = [text[start:end] for start, end in pairwise(at)]

    cleaned = scanner.redact_parts(parts)
    streamed = b"".join(scanner.redact_stream(part.encode() for part in parts)).decode()

    assert len(cleaned) == len(parts)
    assert "[secret name]" in "".join(cleaned)
    assert not scanner.found("".join(cleaned))
    assert streamed == scanner.redact(text) == "".join(cleaned)


@given(VALUES, st.lists(PIECES, max_size=4))
@settings(max_examples=150, deadline=None)
def test_other_text_stays_as_it_is(value, parts):
    scanner = Scanner({"name": value})
    text = "".join(parts)
    assume(not scanner.found(text))

    assert scanner.redact_parts(parts) == parts
    assert b"".join(scanner.redact_stream(part.encode() for part in parts)).decode() == text
    assert Scanner({}).redact(text) == text


@pytest.mark.parametrize("at", [0, 4 * 1024 * 1024 - 3, 9_000_000])
def test_a_secret_is_found_in_a_large_file_wherever_it_stands(tmp_path, at):
    scanner = Scanner({"password": "hunter22xx", "other": "never there"})
    file = tmp_path / "large"
    file.write_bytes(b"." * at + b"hunter22xx" + b"." * 100)

    assert scanner.found_in(file) == {"password"}


# -- references ---------------------------------------------------------------------------------------------------


def problems(references, **more):
    with pytest.raises(BadInput) as raised:
        secrets.resolve(references, **more)
    assert "nothing was run" in raised.value.hint
    return str(raised.value)


def test_references_are_followed(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_PASSWORD", "hunter22")
    (tmp_path / "key.pem").write_text(PEM + "\n")
    absolute = tmp_path / "other"
    absolute.write_text("kept apart\r\n")

    found = secrets.resolve({"a": "env:SOME_PASSWORD", "b": "file:key.pem", "c": f"file:{absolute}"}, root=tmp_path)

    assert found == {"a": "hunter22", "b": PEM, "c": "kept apart"}


def test_everything_that_is_wrong_is_told_with_its_place_and_without_a_value(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_PASWORD", "hunter22")
    monkeypatch.setenv("SHORT", "hunt2")
    monkeypatch.setenv("OWN_NAME", "cret o")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00hunter22")
    (tmp_path / "committed").write_text("hunter22")
    (tmp_path / "link").symlink_to(tmp_path / "committed")
    (tmp_path / "long").write_text("hunter22" * 10_000)
    references = {
        "unset": "env:SOME_PASSWORD",
        "short": "env:SHORT",
        "own": "env:OWN_NAME",
        "gone": "file:nowhere/key",
        "bytes": "file:bytes",
        "shared": "file:link",
        "long": "file:long",
    }

    told = problems(
        references,
        root=tmp_path,
        is_tracked=lambda path: path.name == "committed",
        places={name: f"params/dev.yaml:{line}" for line, name in enumerate(references, 1)},
    )

    assert "hunt" not in told
    assert told.splitlines() == [
        "7 problems with secrets",
        "  params/dev.yaml:1: secret 'unset' stands in the variable SOME_PASSWORD, and that is not set here; "
        "did you mean 'SOME_PASWORD'?",
        "  params/dev.yaml:2: secret 'short' (env:SHORT) has fewer than 6 characters: "
        "it would be found in everything that a run writes",
        "  params/dev.yaml:4: secret 'gone' stands in nowhere/key, which cannot be read: No such file or directory",
        "  params/dev.yaml:5: secret 'bytes' stands in bytes, which is not UTF-8; a key of bytes can be kept as base64",
        "  params/dev.yaml:6: secret 'shared' stands in link, which git tracks, so everybody has it: "
        "change it, and keep it elsewhere",
        "  params/dev.yaml:7: secret 'long' (file:long) is longer than 65,536 bytes",
        "  params/dev.yaml:3: secret 'own' is a part of `secret` or of a secret's name, so anybody would guess it; "
        "change it",
    ]


@pytest.fixture
def vault(tmp_path, monkeypatch):
    """A package beside others, with an entry point: `vault:PATH`."""
    site = tmp_path / "site-packages"
    info = site / "small_vault-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: small-vault\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nbpromote.secrets]\nvault = small_vault:read\n")
    (site / "small_vault.py").write_text(
        "def read(path):\n"
        "    if path == 'number':\n        return 12345678\n"
        "    if path == 'closed':\n        raise PermissionError('the vault is sealed')\n"
        "    return f'from the vault at {path}'\n"
    )
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.usefixtures("vault")
def test_an_entry_point_offers_references_of_its_own(tmp_path):
    assert secrets.schemes() == ("env", "file", "vault")
    assert secrets.resolve({"a": "vault:team/db"}, root=tmp_path) == {"a": "from the vault at team/db"}
    assert problems({"a": "vault:number"}, root=tmp_path) == (
        "secret 'a' was asked of vault: (small_vault:read), and it gave int instead of text"
    )
    assert "PermissionError: the vault is sealed" in problems({"a": "vault:closed"}, root=tmp_path)
    assert loaded("secrets: {a: 'vault:team/db'}").secrets == {"a": "vault:team/db"}


# -- in params files ----------------------------------------------------------------------------------------------


def loaded(text, base="", notebook="any"):
    files = {"base.yaml": base, "dev.yaml": text}
    return params.load(files.get, "dev", notebook, Schema(), params.Around(root=Path("/root"), schemes=secrets.schemes))


def test_references_are_inherited_like_everything_else():
    base = "secrets: {a: 'env:A', b: 'env:B'}\nnotebooks: {any: {secrets: {c: 'env:C'}}}"
    found = loaded("secrets: {b: 'file:/b'}\nnotebooks:\n  any:\n    secrets: {d: 'env:D', c: 'file:c'}", base)

    assert found.secrets == {"a": "env:A", "b": "file:/b", "c": "file:c", "d": "env:D"}
    assert found.secret_origins["c"] == "params/dev.yaml:4"
    assert found.secret_origins["a"] == "params/base.yaml:1"


def test_the_settings_of_a_deployment_hold_the_references():
    here = Path("/root")

    assert loaded("secrets: {a: 'env:A'}").settings(here) != loaded("secrets: {a: 'env:B'}").settings(here)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        *(
            (f"secrets: {{a: {value}}}", "secret 'a' wants a reference, never a value: env:NAME or file:/path")
            for value in ("hunter22", "'env:hunter 22'", "'env:'", "'file:'", "'file: hunter22'", "[hunter22]",
                          "{hunter22: 1}", "4711", "null", r'"env:A\nhunter22"', "'hunter22 a:b'")
        ),
        ("secrets: {a: 'hunter22:x'}", "secret 'a' wants a reference, never a value: env:NAME or file:/path; "
         "this begins with none of env:, file:"),
        ("secrets: {a: 'evn:hunter22'}", "secret 'a' wants a reference, never a value: env:NAME or file:/path; "
         "this begins with none of env:, file:; did you mean 'env'?"),
        ("secrets: hunter22", "secrets wants names with references: {warehouse_password: env:WAREHOUSE_PASSWORD}"),
        ("secrets: {hunter-22: 'env:A'}",
         "the name of a secret is made of letters, digits and '_': it becomes a variable's name"),
        ("secrets: {a_b: 'env:A', A_b: 'env:B'}", "secrets 'a_b' and 'A_b' would both be the variable A_B"),
    ],
)  # fmt: skip
def test_what_is_no_reference_is_refused_and_not_repeated(text, told):
    with pytest.raises(BadInput) as raised:
        loaded(text)

    assert re.fullmatch(rf"params/dev\.yaml:1:\d+: {re.escape(told)}", str(raised.value))
    assert "hunter" not in str(raised.value) + raised.value.hint
    found = params.findings(
        {"dev.yaml": text}.get, ["dev.yaml"], params.Around(notebooks={"any": Schema()}, schemes=secrets.schemes)
    )
    assert [finding.message for finding in found] == [told]


# -- in runs ------------------------------------------------------------------------------------------------------

PASSWORD = "Zx9-correct&horse"

LEAKY = """
# %% tags=["parameters"]
result: str = "../data/dev/result.csv"  # where to

# %%
import base64, os, sys, time
from IPython.display import HTML, JSON, display

password = os.environ["WAREHOUSE_PASSWORD"]
print("the whole of it:", password)

# %%
half = len(password) // 2
sys.stdout.write(password[:half])
sys.stdout.flush()
time.sleep(0.3)
print("between, elsewhere", file=sys.stderr, flush=True)
sys.stdout.write(password[half:])

# %%
print(base64.b64encode(f"ada:{password}".encode()).decode())

# %%
display(HTML(f"<b>{password.replace('&', '&amp;')}</b>"))
shown = display(JSON({"nothing": 1}), display_id=True)
payload = {"name": "mae", "data": password, "encoder": "json", "version": 1}
display({"application/scrapbook.scrap.json+json": payload}, raw=True, metadata={"scrapbook": {"name": "mae"}})

# %%
shown.update(JSON({password: [1, {"in": password}]}))

# %%
os.makedirs(os.path.dirname(result), exist_ok=True)
with open(result, "w") as file:
    file.write("x" * 100 + password)
os.write(2, b"to the process's own stderr: " + password.encode())
os.system("echo from a child: $WAREHOUSE_PASSWORD")

# %%
import mlflow

mlflow.set_experiment(password)
mlflow.log_param("address", f"postgres://ada:{password}@db")
mlflow.set_tag("note", password)
mlflow.log_text(f"said {password}", "said.txt")
mlflow.log_metric("fine", 1.0)

import io, pandas

table = io.BytesIO()
pandas.DataFrame({"a": [password]}).to_parquet(table, compression="gzip", write_statistics=False)
payload = {"name": "t", "data": base64.b64encode(table.getvalue()).decode(), "encoder": "pandas", "version": 1}
display({"application/scrapbook.scrap.pandas+json": payload}, raw=True, metadata={"scrapbook": {"name": "t"}})

# %%
raise ValueError("cannot log in as ada with " + password)
"""
SECRETS = "secrets: {warehouse_password: env:DB_PASSWORD}\n"


@pytest.fixture
def guarded(ground, monkeypatch):
    """A project whose notebook `leaky` gets a secret."""
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    ground.edit("params/base.yaml", "limits", SECRETS + "limits")
    ground.write("notebooks/leaky.py", HEADER + LEAKY)
    ground.edit("params/dev.yaml", "notebooks:\n", "notebooks:\n  leaky: {outputs: {result: data/dev/leaky.csv}}\n")
    return ground


def holders(root):
    """Every file below a folder that holds the password in some spelling, git's compressed objects too."""
    scanner = Scanner({"p": PASSWORD})
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and (scanner.found(path.read_bytes()) or scanner.found(path.name))
    }
    for path in (root / ".git" / "objects").glob("??/*"):
        if scanner.found(zlib.decompress(path.read_bytes())):
            found.add(path.as_posix())
    return found


def test_what_shows_a_secret_is_neither_written_nor_published(guarded):
    done = guarded.nbpromote("run", "leaky", "--json")

    told = json.loads(done.stdout)
    check = next(check for check in told["checks"] if check["name"] == "no-secrets")
    shown = "\n".join(check["details"])
    assert (done.returncode, told["passed"], check["outcome"]) == (1, False, "failed")
    assert re.findall(r"^cell (\d) \(\S+\) (\w+) warehouse_password$", shown, re.M) == [
        ("2", "prints"), ("3", "prints"), ("4", "prints"), ("5", "shows"), ("5", "glues"), ("7", "prints"),
        ("9", "raises"), ("8", "glues"),
    ]  # fmt: skip
    for place in ("param 'address'", "tag 'note'", "artifact said.txt", "file outputs/result/leaky.csv held"):
        assert place in shown
    assert told["failure"]["message"] == "cannot log in as ada with [secret warehouse_password]"
    assert "DB_PASSWORD" in told["withheld"]

    run = guarded.project.runs / told["run"]
    record = json.loads((run / "run.json").read_text())
    assert record["secrets"] == {"warehouse_password": "env:DB_PASSWORD"}
    assert "[secret warehouse_password]" in (run / "notebook.ipynb").read_text()
    # a table of gzip shows nothing by its bytes
    assert '"application/scrapbook.scrap.pandas+json": {' not in (run / "notebook.ipynb").read_text()
    assert not (run / "journal.jsonl").exists()
    # what the notebook gave to MLflow itself is named above, and is not the toolkit's to delete
    theirs = {path for path in holders(guarded.root) if path.startswith(".nbpromote/mlflow/")}
    assert holders(guarded.root) == theirs
    assert {Path(path).name for path in theirs} <= {"said.txt", "mlflow.db", "mlflow.db-wal"}
    assert not Scanner({"p": PASSWORD}).found(done.stdout + done.stderr)
    assert not (guarded.root / "data").exists()

    refused = guarded.nbpromote("release", "leaky")
    page = guarded.nbpromote("report", told["run"])
    assert refused.returncode == 1
    assert "no-secrets failed" in refused.stderr
    assert page.returncode == 0
    assert holders(guarded.root) == theirs


SLOW = """
# %%
import os, sys, time
from pathlib import Path

password = os.environ["WAREHOUSE_PASSWORD"]
print(password)
process = sys.stderr._original_stdstream_copy  # what the process itself says, past Jupyter
os.write(process, b"log in with " + password[:5].encode())
time.sleep(0.3)
os.write(process, password[5:].encode() + b" failed" + 100 * b".")

# %%
print("once more:", password, flush=True)
Path("here").touch()
time.sleep(60)
"""


def test_a_run_that_is_killed_half_way_leaves_no_secret(guarded):
    guarded.write("notebooks/slow.py", HEADER + SLOW)
    guarded.edit("params/dev.yaml", "  leaky: {outputs: {result: data/dev/leaky.csv}}\n", "")
    runner = guarded.start("run", "slow")
    here = guarded.root / "notebooks" / "here"
    wait_for(here.exists)
    log = next(guarded.project.runs.glob("*/kernel.log"))
    wait_for(lambda: "failed" in log.read_text())

    runner.kill()
    out, _ = runner.communicate()

    assert "log in with [secret warehouse_password] failed" in log.read_text()
    assert holders(guarded.root) == set()
    guarded.write("notebooks/slow.py", HEADER + "\n# %%\n1\n")
    assert guarded.nbpromote("run", "slow").returncode == 0
    record = json.loads((log.parent / "run.json").read_text())
    assert [cell["ending"] for cell in record["cells"]] == ["ok", "interrupted"]
    assert holders(guarded.root) == set()
    assert PASSWORD not in out


def wait_for(happened):
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


USES = """
# %%
import os

print("logged in with", len(os.environ["WAREHOUSE_PASSWORD"]), "characters")
"""


def test_each_environment_has_its_own_secret_in_releases_promotions_and_later_runs(guarded):
    guarded.write("notebooks/uses.py", HEADER + USES)
    guarded.edit("params/dev.yaml", "  leaky: {outputs: {result: data/dev/leaky.csv}}\n", "")
    guarded.edit("params/staging.yaml", "notebooks:", "secrets: {warehouse_password: 'file:keys/staging'}\nnotebooks:")
    guarded.write(".gitignore", ".nbpromote/\ndata/\nkeys/\n")
    guarded.write("keys/staging", PASSWORD + PASSWORD)
    guarded.edit("params/staging.policy.yaml", "notebooks:", "notebooks:\n  uses: {gates: [{check: no-secrets}]}")
    (guarded.root / "notebooks" / "leaky.py").unlink()
    guarded.commit()

    assert guarded.nbpromote("run", "uses").returncode == 0
    assert guarded.nbpromote("release", "uses").returncode == 0
    done = guarded.json("promote", "uses", "--to", "staging")

    assert done["done"]
    run = json.loads((guarded.project.runs / done["evidence"]["run"] / "run.json").read_text())
    assert (run["secrets"], run["leaks"]) == ({"warehouse_password": "file:keys/staging"}, [])
    assert "[secret" not in (guarded.project.runs / run["id"] / "notebook.ipynb").read_text()
    assert "34 characters" in (guarded.project.runs / run["id"] / "notebook.ipynb").read_text()
    assert holders(guarded.root) == {"keys/staging"}

    guarded.edit("params/staging.yaml", "file:keys/staging", "env:STAGING_PASSWORD")
    guarded.commit()
    status = guarded.json("status")["environments"]
    (live,) = next(row["notebooks"] for row in status if row["name"] == "staging")
    again = guarded.nbpromote("run", "uses", "--env", "staging")
    assert live["config_pending"]
    assert again.returncode == 2
    assert "params/staging.yaml:1: secret 'warehouse_password' stands in the variable STAGING_PASSWORD" in again.stderr
    assert "nothing was run" in again.stderr


REFUSED = {
    "a variable of every kernel": ("path: env:DB_PASSWORD", "", "would be the variable PATH, and every kernel has"),
    "one of MLflow's": ("mlflow_run_id: env:DB_PASSWORD", "", "MLFLOW_RUN_ID, and every kernel has its own"),
    "one that is passed": ("region: env:DB_PASSWORD", "pass_env: [REGION]\n", "pass_env passes that too"),
    "a committed file": ("a: file:pyproject.toml", "", "which git tracks, so everybody has it"),
    "a variable that is not set": ("a: env:NOT_SET_ANYWHERE", "", "NOT_SET_ANYWHERE, and that is not set here"),
}


@pytest.mark.parametrize(("secret", "more", "told"), REFUSED.values(), ids=REFUSED)
def test_a_secret_that_cannot_be_handed_over_is_refused_before_the_run(guarded, secret, more, told):
    guarded.edit("params/dev.yaml", "notebooks:", f"secrets: {{{secret}}}\n{more}notebooks:")

    done = guarded.nbpromote("run", "count")

    assert done.returncode == 2
    assert "params/dev.yaml:1: secret" in done.stderr
    assert told in done.stderr
    assert not list(guarded.project.runs.glob("*"))


@pytest.mark.parametrize("where", ["parameter", "override", "cell", "file"])
def test_a_secret_in_what_a_run_is_given_is_refused_before_the_run(guarded, where):
    if where == "parameter":
        guarded.edit("params/dev.yaml", "data/dev/leaky.csv", f"'data/{PASSWORD}.csv'")
    if where == "cell":
        guarded.edit("notebooks/leaky.py", 'os.environ["WAREHOUSE_PASSWORD"]', repr(PASSWORD))
    if where == "file":
        guarded.write("notebooks/helper.py", f"PASSWORD = {PASSWORD!r}\n")
        guarded.edit("notebooks/leaky.py", "import base64", "import helper, base64")
        guarded.git("add", "notebooks/helper.py")
    options = ("-p", "result", f"data/{PASSWORD}") if where == "override" else ()

    done = guarded.nbpromote("run", "leaky", *options)

    place = {"parameter": "params/dev.yaml:2: parameter 'result'", "override": "-p: parameter 'result'"}
    place |= {"cell": "notebooks/leaky.py: cell 2", "file": "notebooks/helper.py: this file"}
    assert done.returncode == 2
    assert place[where] in done.stderr
    assert "holds the value of secret 'warehouse_password'; nothing was run" in done.stderr
    assert not Scanner({"p": PASSWORD}).found(done.stdout + done.stderr)
    assert not list(guarded.project.runs.glob("*"))


def test_the_parameters_are_shown_with_references(guarded):
    told = guarded.nbpromote("params", "show", "leaky")
    shown = guarded.json("params", "show", "leaky")

    assert "env:DB_PASSWORD" in told.stdout
    assert shown["secrets"] == [
        {"name": "warehouse_password", "reference": "env:DB_PASSWORD", "from": "params/base.yaml:1"}
    ]
    assert not Scanner({"p": PASSWORD}).found(told.stdout + json.dumps(shown))


def test_a_parameter_that_takes_a_secret_on_does_not_show_it(guarded):
    guarded.write("notebooks/leaky.py", HEADER + """
# %% tags=["parameters"]
top: list[str] = ["none"]  # hosts
result: str = "../data/dev/result.csv"  # where to

# %%
import os
top[0] = os.environ["WAREHOUSE_PASSWORD"]
""")  # fmt: skip

    told = guarded.json("run", "leaky")

    failed = {check["name"]: check for check in told["checks"] if check["outcome"] == "failed"}
    assert '["[secret warehouse_password]"] at the end' in failed["parameters-as-given"]["summary"]
    assert "a parameter, at the end, holds warehouse_password" in failed["no-secrets"]["summary"]
    assert holders(guarded.root) == set()
