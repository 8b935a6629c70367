"""From no passing evidence is another pass made by hand: what was changed in a file, or in the store, is refused.

The boundary is the digest. Evidence is made in memory by the process that ran the notebook, and every copy of it on a
disk is bound by SHA-256 of all of it: in a run's folder by the digest that stands in it, in the store by its name, in
the ledger's commits by the deployment that names it. So one field, wherever it is, is as good as all. Whoever makes a
new digest too can write to the run's folder of the entry environment, and could as well run what he likes there; above
it, a promotion runs the sealed code itself, or carries over what the store holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output

from nbpromote import gate, release, validate
from nbpromote.errors import Error, Refused
from nbpromote.model import (
    Cell,
    Code,
    Contest,
    Contract,
    Ending,
    Evidence,
    Gate,
    Model,
    Run,
    Schema,
    ScrapRule,
    canonical,
    dump,
    load,
)
from nbpromote.release import Store
from nbpromote.workflow.evidence import proof

CASES = int(os.environ.get("EVIDENCE_CASES", "1000"))  # `make soak` asks for more


def _executed() -> Any:
    """A cell that glues a metric and a text, one that shows what is compared."""
    glued = [
        new_output("display_data", {"application/scrapbook.scrap.json+json": {"name": name, "data": data}})
        for name, data in (("mae", 12.5), ("unit", "min"))
    ]
    shown = [new_output("stream", name="stdout", text="12 flights\n")]
    marked = new_code_cell("# NBVAL_CHECK_OUTPUT\nprint(n)", outputs=shown, execution_count=2)
    return new_notebook(cells=[new_code_cell("glue()", outputs=glued, execution_count=1), marked])


def _run(folder: Path) -> Run:
    (folder / "outputs/result").mkdir(parents=True, exist_ok=True)
    (folder / "outputs/result/result.csv").write_text("number\n1\n")
    return Run(
        id="20260131T120000-train-dev-3f9a",
        notebook="train",
        environment="dev",
        code=Code(digest="c0de" * 16, schema=Schema(), files={"lib.py": "11b" * 21 + "1"}),
        folder=folder,
        started="2026-01-31T12:00:00.000Z",
        ended="2026-01-31T12:00:09.000Z",
        seconds=9.0,
        actor="Ada <ada@example.org>",
        cells=tuple(Cell(number=n, id=f"c{n}", ending=Ending.OK, seconds=1.5, memory=90_000) for n in (1, 2)),
        path="notebooks/train.ipynb",
        parameters={"top": 3},
        outputs={"result": "data/dev/result.csv"},
        left={"top": "3", "result": json.dumps(str(folder / "outputs/result/result.csv"))},
        locked={"numpy": "2.0.0"},
        packages={"numpy": "2.0.0"},
        isolation="enforce",
    )


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Evidence]:
    """Evidence of several kinds, all of it by the real checks."""
    plain, shown = _run(tmp_path_factory.mktemp("run")), _executed()
    model = Model(uri="models:/m-1", files={"MLmodel": "ab" * 32}, predictions={"values": [1.0, 2.5]})
    contest = Contest(metric="mae", on="holdout", rows=100, candidate=12.5, live=13.0, low=-0.9, high=-0.1)
    rules = Contract(path="notebooks/train.contract.yaml", scraps={"mae": ScrapRule(kind="number", min=0.0, max=60.0)})
    runs = {
        "plain": plain,
        "with a model": replace(plain, models=(model,), tracked={"mae": 12.5, "r2": 0.5}),
        "with a contract": replace(plain, contract=rules),
        "with a contest": plain,
    }
    against = validate.Reference(notebook=shown, name="notebooks/train.ipynb")
    found = {
        kind: validate.evidence(
            run, executed=shown, against=against, contests=(contest,) if kind == "with a contest" else ()
        )
        for kind, run in runs.items()
    }
    assert all(evidence.passed for evidence in found.values()), [evidence.unmet for evidence in found.values()]
    return found


GATES = (Gate(metric="mae", max=20.0), Gate(check="outputs-match"), Gate(check="parameters-as-given"))


def _places(plain: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every field of it is, however deep."""
    for key in plain if isinstance(plain, dict) else range(len(plain)) if isinstance(plain, list) else ():
        yield (*at, key)
        yield from _places(plain[key], (*at, key))


REMOVED = object()
CORRUPTIONS = st.one_of(
    st.just(REMOVED),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    st.sampled_from(
        [[], {}, [{}], "", "NaN", "passed", "skipped", "failed", "ok", -1, 1e308, float("nan"), {"a": [None]}]
    ),
)


def _corrupted(plain: Any, at: tuple[Any, ...], value: Any) -> Any:
    """A copy with one field removed, or with another value in it."""
    key, *rest = at
    changed = plain.copy()
    if rest:
        changed[key] = _corrupted(plain[key], tuple(rest), value)
        return changed
    assume(repr(value) != repr(plain[key]))
    if value is REMOVED:
        del changed[key]
    else:
        changed[key] = value
    return changed


def _allowed(evidence: Evidence) -> bool:
    return evidence.passed and gate.decide(evidence, GATES, live=None, environment="dev").allowed


many = settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
kinds = st.sampled_from(["plain", "with a model", "with a contract", "with a contest"])


@pytest.fixture(scope="module")
def files(passing: dict[str, Evidence]) -> dict[str, tuple[Any, list[Any]]]:
    """What is written of each, and where its fields are."""
    written = {kind: json.loads(proof.written(evidence)) for kind, evidence in passing.items()}
    return {kind: (plain, list(_places(plain))) for kind, plain in written.items()}


def test_evidence_is_read_as_it_was_written(passing: dict[str, Evidence]) -> None:
    for evidence in passing.values():
        assert proof.read(proof.written(evidence), where="here") == evidence
        assert _allowed(evidence)


@many
@given(kind=kinds, field=st.integers(min_value=0), value=CORRUPTIONS)
def test_one_field_removed_or_corrupted_never_gives_a_pass(
    files: dict[str, tuple[Any, list[Any]]], kind: str, field: int, value: Any
) -> None:
    plain, places = files[kind]
    changed = _corrupted(plain, places[field % len(places)], value)

    with pytest.raises(Refused, match="not as it was written"):
        proof.read(json.dumps(changed), where="here")


@settings(many, max_examples=max(CASES // 5, 1))
@given(kind=kinds, at=st.integers(min_value=0), byte=st.integers(0, 255), cut=st.booleans())
def test_one_byte_changed_or_an_end_cut_off_never_gives_a_pass(
    passing: dict[str, Evidence], kind: str, at: int, byte: int, cut: bool
) -> None:
    data = proof.written(passing[kind]).encode()
    at %= len(data)
    changed = data[:at] if cut else data[:at] + bytes([byte]) + data[at + 1 :]
    text = changed.decode(errors="replace")

    try:
        read = proof.read(text, where="here")
    except Refused:
        return
    assert read == passing[kind]  # white space


@settings(many, max_examples=min(CASES // 10, 1000))  # each is a file
@given(kind=kinds, field=st.integers(min_value=0), value=CORRUPTIONS)
def test_the_store_gives_out_nothing_but_what_was_put(
    tmp_path_factory: pytest.TempPathFactory, passing: dict[str, Evidence], kind: str, field: int, value: Any
) -> None:
    store = Store(str(tmp_path_factory.getbasetemp() / "store"))
    plain = dump(passing[kind])
    sealed = {"evidence.json": store.put(canonical(plain))}
    places = list(_places(plain))
    digest = sealed["evidence.json"].sha256
    file = Path(store.url) / "sha256" / digest[:2] / digest[2:]
    file.write_text(json.dumps(_corrupted(plain, places[field % len(places)], value)))

    with pytest.raises(release.Damaged):
        release.evidence_of(store, sealed)


# -- what a verdict stands on, where somebody has made a new digest as well --------------------------------------------


@settings(many, max_examples=max(CASES // 3, 1))
@given(kind=kinds, field=st.integers(min_value=0), value=CORRUPTIONS)
def test_what_the_verdict_stands_on_is_judged_as_it_is(
    passing: dict[str, Evidence], kind: str, field: int, value: Any
) -> None:
    """Each check by name and outcome, each cell's ending, each metric that a gate asks for."""
    plain = dump(passing[kind])
    stands = [("checks", n, key) for n in range(len(plain["checks"])) for key in ("name", "outcome")]
    stands += [("checks", n) for n in range(len(plain["checks"]))] + [("checks",), ("metrics",), ("metrics", "mae")]
    stands += [("run", "cells", n, "ending") for n in range(len(plain["run"]["cells"]))]
    at = stands[field % len(stands)]
    changed = _corrupted(plain, at, value)
    # a question that did not arise blocks nothing, unless a gate asks it; nor does a metric within its limits
    assume(at[-1] != "outcome" or value not in ("passed", "skipped"))
    assume(at[-1] != "ending" or value != "ok")
    assume(at[-1] != "mae" or not (isinstance(value, int | float) and not isinstance(value, bool) and value <= 20))

    try:
        evidence = load(Evidence, changed)
        unasked = [name for name in validate.CHECKS if evidence.check(name) is None]
        allowed = _allowed(evidence)
    except (Error, ValueError, TypeError, AttributeError):
        return
    assert unasked or not allowed
