"""Secrets are followed by reference, handed to the kernel, and found in no byte that the toolkit writes."""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

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
    parts = [text[start:end] for start, end in zip(at, at[1:], strict=False)]

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
    return params.load(files.get, "dev", notebook, Schema(), root=Path("/root"), schemes=secrets.schemes)


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

    assert str(raised.value) == f"params/dev.yaml:1: {told}"
    assert "hunter" not in str(raised.value) + raised.value.hint
    found = params.findings({"dev.yaml": text}.get, ["dev.yaml"], {"any": Schema()}, schemes=secrets.schemes)
    assert [finding.message for finding in found] == [told]
