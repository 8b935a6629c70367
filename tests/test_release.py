"""Releases in real stores: on a disk, in fsspec's memory, in a bucket."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from nbpromote import files, release
from nbpromote.errors import Error, Unavailable, Usage
from nbpromote.model import Check, Evidence, Model, Outcome, Release, Sealed, sha256
from nbpromote.release import Damaged, Store
from nbpromote.release.places import Folder
from runs import record

CODE = {"notebooks/train.py": b"# %%\nx = 1\n", "lib/helper.py": b"y = 2\n", "data/blob.bin": bytes(range(256))}
MODEL = {"MLmodel": b"flavors: {}\n", "data/model.skops": b"\x00\x01"}


@pytest.fixture(params=["disk", "memory", "bucket"])
def store(request, tmp_path):
    urls = {"disk": str(tmp_path / "store"), "memory": f"memory://{tmp_path.name}"}
    url = urls[request.param] if request.param in urls else request.getfixturevalue("releases")
    store = Store(url)
    yield store
    for digest in list(store.digests()):
        store.drop(digest)
    assert list(store.digests()) == []


@pytest.fixture
def releases(bucket, tmp_path, monkeypatch):
    """A place of its own in a bucket, for who has the keys."""
    for name, value in bucket.variables.items():
        monkeypatch.setenv(name, value)
    return f"s3://{bucket.name}/{tmp_path.name}/releases"


@pytest.fixture
def evidence(tmp_path):
    run = record(tmp_path, notebook="train", path="notebooks/train.py")
    run.folder.mkdir()
    run.notebook_file.write_text("{}")
    passed = Check(name="ran-to-the-end", outcome=Outcome.PASSED, summary="1 cell ran to the end")
    model = Model(uri="models:/m-1", files={path: sha256(data) for path, data in MODEL.items()})
    return Evidence(run=run, checks=(passed,), metrics={"mae": 9.25}, model=model)


@pytest.fixture
def model_folder(tmp_path):
    for path, data in MODEL.items():
        (tmp_path / "model" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / path).write_bytes(data)
    return tmp_path / "model"


def seal(store, evidence, folder, **changed) -> Release:
    shown = evidence.run.notebook_file.read_bytes()
    more = {
        "executed": shown,
        "compared": None,
        "code": CODE,
        "lock": b"numpy==2.0\n",
        "created": "2026-01-31T12:01:00.000Z",
        "author": "Ada",
        **changed,
    }
    return release.seal(store, evidence, model_folder=folder, **more)


def kept(store: Store) -> list[str]:
    return sorted(store.digests())


def test_what_is_sealed_can_be_opened_again_whole(store, evidence, model_folder, tmp_path):
    sealed = seal(store, evidence, model_folder)

    opened = release.open_(store, sealed.digest)

    assert opened == sealed
    assert release.evidence_of(store, opened.files) == evidence
    assert store.get(opened.files["lock"].sha256) == b"numpy==2.0\n"
    assert {path for path in opened.files if path.startswith("model/")} == {f"model/{path}" for path in MODEL}
    assert opened.lock == sha256(b"numpy==2.0\n")


def test_sealing_twice_is_sealing_once(store, evidence, model_folder):
    once = seal(store, evidence, model_folder)
    files = kept(store)

    again = seal(store, evidence, model_folder)

    assert again.digest == once.digest
    assert kept(store) == files


@pytest.mark.parametrize(
    "changed",
    [
        {"code": {**CODE, "lib/helper.py": b"y = 3\n"}},
        {"code": {"notebooks/train.py": CODE["notebooks/train.py"]}},
        {"lock": b"numpy==2.1\n"},
        {"lock": None},
        {"author": "Bob"},
        {"created": "2026-01-31T12:01:00.001Z"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_whatever_differs_makes_another_release(changed, tmp_path, evidence, model_folder):
    store = Store(str(tmp_path / "store"))

    assert seal(store, evidence, model_folder).digest != seal(store, evidence, model_folder, **changed).digest


def test_any_changed_byte_of_the_store_is_found(tmp_path, evidence, model_folder):
    store = Store(str(tmp_path / "store"))
    sealed = seal(store, evidence, model_folder)
    whole = {sealed.digest, *(file.sha256 for file in sealed.files.values())}
    for digest in whole:
        place = tmp_path / "store" / "sha256" / digest[:2] / digest[2:]
        good = place.read_bytes()
        for bad in (bytes([good[0] ^ 1]) + good[1:], good[:-1], good + b"\n", b""):
            place.write_bytes(bad)
            with pytest.raises(Damaged, match="was changed"):
                store.get(digest)
        place.write_bytes(good)

    assert len(whole) == len(kept(store))


def test_sealing_again_puts_damaged_bytes_right(store, evidence, model_folder):
    sealed = seal(store, evidence, model_folder)
    digest = sealed.files["code/lib/helper.py"].sha256
    Folder(store.url).write(f"sha256/{digest[:2]}/{digest[2:]}", b"damaged")

    seal(store, evidence, model_folder)

    assert store.get(sealed.files["code/lib/helper.py"].sha256) == b"y = 2\n"


def test_a_release_that_is_not_there_is_damaged(store):
    with pytest.raises(Damaged, match="0123456789ab is gone"):
        release.open_(store, "0123456789abcdef" * 4)


def test_bytes_that_are_no_release_are_damaged(store):
    for data in (b"not even JSON", b'{"notebook": "train"}', b"[]"):
        with pytest.raises(Damaged, match="is no release"):
            release.open_(store, store.put(data).sha256)


def test_the_code_is_laid_out_as_it_stood(store, evidence, model_folder, tmp_path):
    sealed = seal(store, evidence, model_folder)

    folder = release.export_code(store, sealed, tmp_path / "out")

    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == CODE


def test_no_path_leads_out_of_the_folder(store, tmp_path):
    escape = {"code/../../escaped": store.put(b"x")}

    with pytest.raises(Damaged, match="leads out of"):
        store.export(escape, "code/", tmp_path / "deep" / "out")

    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "deep" / "escaped").exists()


@pytest.mark.parametrize("fault", ["changed", "missing"])
def test_a_model_that_is_not_what_was_validated_is_not_sealed(fault, store, evidence, model_folder):
    path = model_folder / "data" / "model.skops"
    path.unlink() if fault == "missing" else path.write_bytes(b"\x00\x02")

    with pytest.raises(Damaged, match=r"model\.skops of the model is not what was validated"):
        seal(store, evidence, model_folder)


def test_the_manifest_is_canonical_and_its_digest_is_its_name(store, evidence, model_folder):
    sealed = seal(store, evidence, model_folder)

    manifest = store.get(sealed.digest)

    assert sha256(manifest) == sealed.digest
    assert manifest == json.dumps(json.loads(manifest), sort_keys=True, separators=(",", ":")).encode()
    assert json.loads(manifest)["files"]["code/lib/helper.py"] == {"sha256": sha256(b"y = 2\n"), "size": 6}


@pytest.mark.parametrize(
    ("digest", "said"),
    [("0" * 64, "able-adder"), ("f" * 64, "amber-camel"), (sha256(b"otter"), "solar-bunting")],
)
def test_an_alias_belongs_to_its_digest_for_ever(digest, said):
    assert release.alias(digest) == said


def test_aliases_are_spread_wide():
    said = {release.alias(sha256(str(number).encode())) for number in range(200)}

    assert len(said) > 190


def test_a_large_file_is_never_whole_in_memory(store, tmp_path):
    size = 64_000_000
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(size)
    digest = files.sha256(large)
    tracemalloc.start()
    sealed = store.put_file(large, digest)
    store.get_to(digest, tmp_path / "again" / "large")
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sealed == Sealed(sha256=digest, size=size)
    assert files.sha256(tmp_path / "again" / "large") == digest
    assert held < size or store.url.startswith("memory:")
    large.write_bytes(b"another")
    with pytest.raises(Damaged, match="is not"):
        store.put_file(large, digest)


@pytest.mark.parametrize(
    ("changed", "said", "hint"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "not allowed", "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "not allowed", "AWS_ACCESS_KEY_ID"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be", "run the same command again"),
        ({"BUCKET": "nosuch"}, "there is no bucket 'nosuch'", "make it"),
    ],
)
def test_a_bucket_that_cannot_be_used_is_told_in_a_line(changed, said, hint, releases, bucket, monkeypatch):
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    store = Store(releases.replace(bucket.name, changed.get("BUCKET", bucket.name), 1))
    for ask in (lambda: store.get("0" * 64), lambda: store.put(b"x"), lambda: list(store.digests())):
        with pytest.raises(Error, match=said) as refused:
            ask()
        assert type(refused.value) in (Unavailable, Usage)
        assert store.url in str(refused.value)
        assert hint in refused.value.hint


def test_a_store_that_cannot_be_reached_could_not_answer(tmp_path):
    (tmp_path / "store").write_text("a file")

    for broken in (Store(str(tmp_path / "store")), Store("nosuch://bucket")):
        with pytest.raises(Unavailable):
            broken.put(b"x")


def test_sealed_evidence_says_who_accepted_it(store, evidence):
    accepted = replace(evidence, accepted_by="Ada <ada@example.org>")

    sealed = release.seal_evidence(store, accepted, accepted.run.notebook_file.read_bytes(), b"before")

    assert isinstance(sealed["evidence.json"], Sealed)
    assert release.evidence_of(store, sealed).accepted_by == "Ada <ada@example.org>"
    assert Path(evidence.run.notebook_file).read_bytes() == store.get(sealed["executed.ipynb"].sha256)
    assert store.get(sealed["reference.ipynb"].sha256) == b"before"
