"""Contracts: what a person writes of a notebook's data and scraps, and what is asked of every output unasked."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from pyarrow import feather, parquet
from pyarrow.csv import WriteOptions, write_csv

from ground import Ground
from nbpromote import execute, tables, validate
from nbpromote.errors import BadInput
from nbpromote.model import (
    Breach,
    Cell,
    Check,
    Code,
    Column,
    Contract,
    DataRule,
    Ending,
    Evaluation,
    Evidence,
    File,
    Judged,
    Profile,
    Run,
    Sanitizer,
    Schema,
    ScrapRule,
    Tolerance,
    dump,
    load,
)
from nbpromote.params import contracts
from nbpromote.tables import inside, profile
from nbpromote.validate import Reference
from nbpromote.workflow.site import lineage

BESIDE = {
    "notebooks/flights.schema.yaml": b"schema_type: dataframe\n",
    "notebooks/rules.py": b"import pandera.pandas as pa\n",
    "notebooks/nbval.cfg": b"[ids]\nregex: 0x[0-9a-f]+\nreplace: ADDRESS\n",
}


def read(text: str, **beside: bytes) -> Contract:
    files = {**BESIDE, **beside, "notebooks/train.contract.yaml": text.encode()}
    return contracts.contract("notebooks/train.py", files.get, inputs={"flights"}, outputs={"residuals"})


def wrong(text: str) -> list[str]:
    """Every problem, without the file's name."""
    with pytest.raises(BadInput) as error:
        read(text)
    problems = error.value.problems or (str(error.value),)
    return [problem.strip().removeprefix("notebooks/train.contract.yaml:") for problem in problems]


# -- the file


def test_a_notebook_without_a_contract_has_the_defaults():
    assert contracts.contract("notebooks/train.py", {}.get, inputs=(), outputs=()) == Contract()
    assert contracts.files("notebooks/train.py", {}.get) == ()


def test_everything_that_a_contract_can_say():
    text = """
compare: {rtol: 1.0e-3, figures: 0.1}
sanitize: [{regex: "run-[0-9]+", replace: RUN}, nbval.cfg]
scraps:
  mae: {type: number, min: 0, max: 60, rtol: 0.01}
  by_month: {type: table, unordered: true}
  note:
inputs: {flights: {schema: flights.schema.yaml, min_rows: 1000, max_age: 2d}}
outputs: {residuals: {schema: "rules.py:residuals", rows_versus_live: [0.5, 2], may_change: [month]}}
evaluation: {holdout: {on: residuals, target: arr_delay, prediction: predicted}}
"""
    asked = read(text)

    file = "notebooks/train.contract.yaml"
    close = Tolerance(rtol=1e-3, figures=0.1)
    assert asked == Contract(
        path=file,
        tolerance=close,
        sanitizers=(Sanitizer(regex="run-[0-9]+", replace="RUN"), Sanitizer(regex="0x[0-9a-f]+", replace="ADDRESS")),
        scraps={
            "mae": ScrapRule(
                kind="number", min=0, max=60, tolerance=Tolerance(rtol=0.01, figures=0.1), where=f"{file}:5"
            ),
            "by_month": ScrapRule(
                kind="table", tolerance=Tolerance(rtol=1e-3, figures=0.1, unordered=True), where=f"{file}:6"
            ),
            "note": ScrapRule(where=f"{file}:7"),
        },
        inputs={
            "flights": DataRule(
                schema="notebooks/flights.schema.yaml", min_rows=1000, max_age=2 * 86400, where=f"{file}:8"
            )
        },
        outputs={
            "residuals": DataRule(
                schema="notebooks/rules.py:residuals", versus_live=(0.5, 2), may_change=("month",), where=f"{file}:9"
            )
        },
        evaluations={
            "holdout": Evaluation(on="residuals", target="arr_delay", prediction="predicted", where=f"{file}:10")
        },
    )
    assert load(Contract, dump(asked)) == asked


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("compar: {}", "1:1: unknown key 'compar' in a contract; did you mean 'compare'?"),
        ("compare: {rtol: -1}", "1:11: rtol is at least 0, got -1"),
        ("compare: {figures: 2}", "1:11: figures is from 0 to 1, got 2"),
        ("compare: {unordered: no}", "1:11: unordered is true or false, got 'no'"),
        ("sanitize: [7]", "1:12: an entry of sanitize wants keys with values, got 7"),
        ("sanitize: [{replace: a}]", "1:12: an entry of sanitize wants a regex"),
        ("sanitize: [{regex: a, replace: 7}]", "1:23: replace wants text, got 7"),
        (
            "sanitize: [{regex: 'x('}]",
            "1:12: 'x(' with '' is no regular expression: missing ), unterminated subpattern at position 1",
        ),
        (
            "sanitize: [{regex: x, replace: '\\g<n>'}]",
            r"1:12: 'x' with '\\g<n>' is no regular expression: unknown group name 'n'",
        ),
        ("sanitize: other.cfg", "1:1: the sanitize file notebooks/other.cfg is not there, or empty"),
        ("sanitize: rules.py", "1:1: rules.py holds no `regex: ...` with a `replace: ...` on the next line"),
        ("sanitize: ../../etc.cfg", "1:1: the sanitize file '../../etc.cfg' leads out of the project"),
        ("scraps: {mae: 3}", "1:10: scraps.mae wants keys with values, got 3"),
        (
            "scraps: {mae: {type: numbr}}",
            "1:16: type is one of number, integer, text, flag, list, mapping, table, figure, got 'numbr'"
            "; did you mean 'number'?",
        ),
        ("scraps: {mae: {min: 5, max: 1}}", "1:10: scraps.mae: its least, 5, is above its most, 1"),
        (
            "scraps: {m: {type: table, max: 1}}",
            "1:10: scraps.m: max can bound a number, and its type is table",
        ),
        ("inputs: {flihts: {}}", "1:10: 'flihts' is no declared input; did you mean 'flights'?"),
        ("inputs: {residuals: {}}", "1:10: 'residuals' is no declared input"),
        ("outputs: {residuals: {max_age: 1d}}", "1:23: unknown key 'max_age' in outputs.residuals"),
        ("inputs: {flights: {min_rows: -1}}", "1:20: min_rows wants a whole number from 0, got -1"),
        ("inputs: {flights: {min_rows: 2, max_rows: 1}}", "1:10: inputs.flights: its least, 2, is above its most, 1"),
        ("inputs: {flights: {max_age: soon}}", "1:20: max_age wants a duration such as 90s, 10m, 1h or 1d, got 'soon'"),
        (
            "outputs: {residuals: {rows_versus_live: [2, 1]}}",
            "1:23: rows_versus_live wants two shares such as [0.5, 2.0], got [2, 1]",
        ),
        ("outputs: {residuals: {may_change: a}}", "1:23: may_change wants a list, got 'a'"),
        (
            "inputs: {flights: {schema: rules.py}}",
            "1:20: schema wants pandera's NAME.yaml or FILE.py:NAME beside the notebook, got 'rules.py'",
        ),
        ("inputs: {flights: {schema: x.yaml}}", "1:20: the schema notebooks/x.yaml is not there, or empty"),
        ("evaluation: {holdout: }", "1:14: evaluation.holdout wants on, target, prediction"),
        (
            "evaluation: {holdout: {on: a, target: y, prediction: y}}",
            "1:14: evaluation.holdout: the truth is no prediction; target and prediction are two columns",
        ),
        ("evaluation: [holdout]", '1:1: evaluation wants keys with values, got ["holdout"]'),
        ("scraps: &x {}", "1:9: an anchor, &x: write the value out where it is wanted"),
        ("[", "1:2: not YAML: expected the node content, but found '<stream end>'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(text, told):
    assert [problem[: len(told)] for problem in wrong(text)] == [told]


def test_all_problems_are_told_together():
    found = wrong("compare: {rtol: a}\nscraps: {mae: {typ: number}}\ninputs: {flihts: {max_rows: a}}\n")

    assert [problem.split(":")[0] for problem in found] == ["1", "2", "3", "3"]


# -- as code of the notebook


def test_a_contract_and_what_it_names_count_as_code(ground: Ground):
    from nbpromote.workflow.site import Site

    before = Site(ground.project).sources.code(ground_pair(ground))
    ground.write("notebooks/count.contract.yaml", 'outputs: {result: {schema: "rules.py:result"}}\n')
    ground.write("notebooks/rules.py", "from deep import limit\n")
    ground.write("notebooks/deep.py", "limit = 3\n")
    ground.commit("say what the result is")

    site = Site(ground.project)
    code = site.sources.code(ground_pair(ground))
    assert sorted(code.files) == ["notebooks/count.contract.yaml", "notebooks/deep.py", "notebooks/rules.py"]
    assert code == site.sources.committed("notebooks/count.ipynb")
    assert before == site.sources.committed("notebooks/count.ipynb", "HEAD~1")
    assert before.digest != code.digest


def ground_pair(ground: Ground):
    from nbpromote.workflow.site import Site

    return Site(ground.project).pair("count")


def test_a_promotion_is_held_to_the_sealed_contract(ground: Ground):
    ground.write("notebooks/count.contract.yaml", "outputs: {result: {min_rows: 3, max_rows: 4}}\n")
    ground.released()
    ground.write("notebooks/count.contract.yaml", "outputs: {result: {min_rows: 1000}}\n")
    done = ground.nbpromote("promote", "count", "--to", "staging")
    runs = [execute.load_run(folder) for folder in sorted((ground.root / ".nbpromote/runs").iterdir())]

    assert done.returncode == 0, done.stdout + done.stderr
    assert {run.environment: run.contract.outputs["result"].max_rows for run in runs} == {"dev": 4, "staging": 4}
    assert {run.environment: run.profiles["result"].rows for run in runs} == {"dev": 3, "staging": 4}


def test_an_untracked_contract_counts_and_a_broken_one_stops_the_run(ground: Ground):
    ground.write("notebooks/count.contract.yaml", "scraps: {rows: {type: text}}\n")
    told = ground.json("run", "count")
    ground.write("notebooks/count.contract.yaml", "scraps: {rows: {type: txet}}\n")
    refused = ground.nbpromote("run", "count")

    failed = {check["name"]: check["summary"] for check in told["checks"] if check["outcome"] == "failed"}
    assert failed == {"scraps-as-declared": "rows is an integer, and has to be text (notebooks/count.contract.yaml:1)"}
    assert execute.load_run(ground.root / ".nbpromote/runs" / told["run"]).dirty
    assert refused.returncode == 2
    assert "notebooks/count.contract.yaml:1:17: type is one of" in refused.stderr


# -- check


def findings(ground: Ground) -> list[str]:
    told = ground.json("check", "--select", "NBP8")
    return [f"{one['code']} {one['path']}:{one['line']}:{one['column']} {one['message']}" for one in told["findings"]]


def test_check_tells_what_is_wrong_with_contracts(ground: Ground):
    file = "notebooks/count.contract.yaml"
    ground.write(
        file,
        "scraps: {rows: {type: nubmer}, eror: {type: number}}\n"
        "outputs: {reslt: {min_rows: 1}, result: {schema: x.yaml}}\n"
        "evaluation: {holdout: {on: rezult, target: a, prediction: b}}\n",
    )
    ground.write("notebooks/conut.contract.yaml", "")
    ground.write("notebooks/train.contract.yml", "")

    assert findings(ground) == [
        "NBP801 notebooks/conut.contract.yaml:None:None stands beside no notebook"
        "; did you mean 'notebooks/count.contract.yaml'?",
        f"NBP801 {file}:1:17 type is one of number, integer, text, flag, list, mapping, table, figure, got 'nubmer'"
        "; did you mean 'number'?",
        f"NBP801 {file}:2:11 'reslt' is no declared output; did you mean 'result'?",
        f"NBP801 {file}:2:42 the schema notebooks/x.yaml is not there, or empty",
        "NBP801 notebooks/train.contract.yml:None:None is not read; did you mean notebooks/train.contract.yaml?",
        f"NBP802 {file}:1:32 no scrap 'eror' is handed out; did you mean 'error'?",
        f"NBP802 {file}:3:24 'rezult' is neither a declared output nor a glued table; did you mean 'result'?",
    ]


def test_check_looks_again_when_a_file_that_a_contract_names_appears(ground: Ground):
    ground.write("notebooks/count.contract.yaml", "outputs: {result: {schema: x.yaml}}\n")
    before = findings(ground)
    ground.write("notebooks/x.yaml", "schema_type: dataframe\n")

    assert (len(before), findings(ground)) == (1, [])


def test_check_names_the_environments_that_declare_nothing_of_it(ground: Ground):
    ground.write("notebooks/count.contract.yaml", "outputs: {result: {min_rows: 1}}\n")
    ground.edit("params/prod.yaml", "outputs: {result: data/prod/result.csv}", "outputs: {}")

    assert findings(ground) == [
        "NBP801 notebooks/count.contract.yaml:1:11 'result' is no declared output in prod",
    ]


# -- what tables look like


def described(profile: Profile | None) -> tuple[int, list[tuple[str, str, int, bool]]]:
    assert profile is not None
    assert not profile.fault
    return profile.rows, [(one.name, one.kind, one.nulls, one.constant) for one in profile.columns]


def a_table(rows: int = 4) -> pa.Table:
    return pa.table(
        {
            "a": pa.array([1, 2, 3, None][:rows], pa.int64()),
            "b": ["x"] * rows,
            "c": pa.array([float("nan")] * rows),
            "d": pa.array([datetime(2026, 1, 31)] * rows, pa.timestamp("us")),
            "e": pa.array(["a", "b", "a", "a"][:rows]).dictionary_encode(),
            "f": [[1, 2]] * rows,
        }
    )


TYPED = [
    ("a", "int64", 1, False),
    ("b", "string", 0, True),
    ("c", "double", 4, False),
    ("d", "timestamp[us]", 0, True),
    ("e", "string", 0, False),
]
READ = [("a", "number", 1, False), ("b", "text", 0, True), ("c", "null", 4, False), ("d", "time", 0, True)]


def test_the_same_table_in_each_format(tmp_path: Path):
    table = a_table()
    parquet.write_table(table, tmp_path / "x.parquet", row_group_size=2)
    parquet.write_table(table, tmp_path / "bare.parquet", write_statistics=False)
    feather.write_feather(table, tmp_path / "x.feather")
    for name, delimiter in (("x.csv", ","), ("x.csv.gz", ","), ("x.tsv", "\t")):
        with pa.output_stream(tmp_path / name) as file:
            write_csv(table.select("abcd"), file, WriteOptions(delimiter=delimiter))
    (tmp_path / "x.jsonl").write_text('{"a": 1, "b": "x"}\n{"b": "x", "c": null}\n\n{"a": 2.5, "b": "x"}\n')

    for name in ("x.parquet", "bare.parquet", "x.feather"):
        rows, columns = described(profile(tmp_path / name))
        assert (name, rows, columns[:-1]) == (name, 4, TYPED)
        assert columns[-1][2:] == (0, True)
    for name in ("x.csv", "x.csv.gz", "x.tsv"):
        assert described(profile(tmp_path / name)) == (4, READ)
    lines = [("a", "number", 1, False), ("b", "text", 0, True), ("c", "null", 3, False)]
    assert described(profile(tmp_path / "x.jsonl")) == (3, lines)


def test_a_folder_is_one_table(tmp_path: Path):
    for month in (1, 2):
        (tmp_path / "t" / f"month={month}").mkdir(parents=True)
        table = pa.table({"a": [7, 7], "only": [1, 2]}).select(["a", "only"][:month])
        parquet.write_table(table, tmp_path / "t" / f"month={month}" / "part.parquet")
    (tmp_path / "t" / "_SUCCESS").touch()

    assert described(profile(tmp_path / "t")) == (4, [("a", "int64", 0, True), ("only", "int64", 2, False)])
    assert profile(tmp_path) is not None
    (tmp_path / "t" / "notes.txt").touch()
    assert profile(tmp_path / "t") is None


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("x.parquet", b"PAR1 junk PAR1", "Parquet file size is 14 bytes"),
        ("x.parquet", b"", "Parquet file size is 0 bytes"),
        ("x.feather", b"ARROW1 junk", "Expected to read"),
        ("x.csv.gz", b"a,b\n", "zlib inflate failed"),
        ("x.jsonl", b'{"a": 1}\n[1]\n', "line 2 is no JSON object"),
        ("x.jsonl", b'{"a": ' + b"[" * 100_000, "maximum recursion depth exceeded"),
        ("x.jsonl", b'{"a": 1' + b"0" * 5_000 + b"}", "Exceeds the limit"),
        ("x.jsonl", b"\xff\xfe\xfd", "codec can't decode"),
        ("x.jsonl.gz", b"junk", "Not a gzipped file"),
        ("x.csv", b"a" + b",a1" * 10_000 + b"\n", None),
        ("x.csv", ",".join(f"a{number}" for number in range(10_002)).encode() + b"\n", "more than 10,000 columns"),
    ],
)
def test_a_broken_file_is_a_fault_and_no_crash(tmp_path: Path, name: str, data: bytes, fault: str | None):
    (tmp_path / name).write_bytes(data)

    found = profile(tmp_path / name)

    assert found is not None
    assert (fault in found.fault) if fault else not found.fault


@pytest.mark.parametrize(
    ("data", "rows", "columns"),
    [
        (b"", 0, []),
        (b"a,b\n", 0, [("a", "null", 0, False), ("b", "null", 0, False)]),
        (b"\xef\xbb\xbfa\n1\n", 1, [("a", "number", 0, True)]),
        (b'a,b\n"x\ny",1\n', 1, [("a", "text", 0, True), ("b", "number", 0, True)]),
        ("a\né\n".encode("latin-1"), 1, [("a", "text", 0, True)]),
        (b"a,b\n1\n1,2,3\n4,5\n", 3, [("a", "number", 2, True), ("b", "number", 2, True)]),
        (b"a\n" + (b"0.5" + b"0" * 500 + b"\n") * 9_000 + b"x\n", 9_001, [("a", "text", 0, False)]),
    ],
)
def test_what_csv_files_hold(tmp_path: Path, data: bytes, rows: int, columns: list):
    (tmp_path / "x.csv").write_bytes(data)

    assert described(profile(tmp_path / "x.csv")) == (rows, columns)


def test_an_unchanged_file_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "x.csv"
    file.write_text("a\n1\n")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    seen, asked = lineage.Seen(), []
    monkeypatch.setattr(lineage.tables, "profile", lambda path: asked.append(path) or profile(path))

    for _ in range(2):
        measured = seen.measure(str(file))
        assert seen.profile(measured).rows == 1
    file.write_text("a\n1\n2\n")

    assert seen.profile(seen.measure(str(file))).rows == 2
    assert (measured.modified, len(asked)) == ("2023-11-14T22:13:20.000Z", 2)


# -- what every table is asked

WHERE = "x.contract.yaml:3"


def a_run(**more) -> Run:
    return Run(
        id="r1",
        notebook="any",
        environment="dev",
        code=Code(digest="c", schema=Schema()),
        folder=Path("/nowhere"),
        started="2026-01-31T12:00:00.000Z",
        ended="",
        seconds=1,
        actor="Ada",
        cells=(Cell(number=1, id="one", ending=Ending.OK),),
        **more,
    )


def asked(name: str, run: Run, live: Run | None = None, *cells) -> Check:
    against = Reference(live=Evidence(run=live, checks=()) if live else None)
    cells = cells or (new_code_cell("pass", execution_count=1),)
    run = replace(run, cells=tuple(Cell(number=n, id=f"c{n}", ending=Ending.OK) for n in range(1, len(cells) + 1)))
    return validate.evidence(run, executed=new_notebook(cells=list(cells)), against=against).check(name)


def a_profile(rows: int, fault: str = "", **columns: str) -> Profile:
    """Columns by kind; `double 0` holds nothing, `double 1` one value."""
    made = []
    for name, text in columns.items():
        kind, _, held = text.partition(" ")
        made.append(Column(name=name, kind=kind, nulls=rows if held == "0" else 0, constant=held == "1"))
    return Profile(rows=rows, columns=tuple(made), fault=fault)


def writing(profile: Profile, rule: DataRule | None = None, **parameters) -> Run:
    contract = Contract(path="x.contract.yaml", outputs={"table": rule} if rule else {})
    paths = {"table": "/data/table.parquet"}
    return a_run(outputs=paths, profiles={"table": profile}, contract=contract, parameters={**parameters, **paths})


LIVE = writing(a_profile(1000, a="double", b="string", c="double 1", d="double 0"), months=[1])
SAME = {"a": "double", "b": "string", "c": "double 1", "d": "double 0"}


@pytest.mark.parametrize(
    ("run", "outcome", "summary"),
    [
        (LIVE, "passed", "1 output sound"),
        (writing(a_profile(1900, **SAME)), "passed", "1 output sound"),
        (writing(a_profile(1000, fault="no footer")), "failed", "table cannot be read: no footer"),
        (writing(a_profile(0, **SAME)), "failed", "table is empty: 0 rows"),
        (
            writing(a_profile(0, **SAME), DataRule(min_rows=0, where=WHERE)),
            "passed",
            f"1 output sound; table has no rows, which {WHERE} allows",
        ),
        (
            writing(a_profile(999, **SAME), DataRule(min_rows=1000, where=WHERE)),
            "failed",
            f"table has 999 rows, and {WHERE} wants 1,000 or more",
        ),
        (
            writing(a_profile(1001, **SAME), DataRule(max_rows=1000, where=WHERE)),
            "failed",
            f"table has 1,001 rows, and {WHERE} wants 1,000 or fewer",
        ),
        (
            writing(a_profile(400, **SAME), months=[1]),
            "failed",
            "table has 400 rows, 0.4 times live's 1,000, outside of 0.5 to 2",
        ),
        (
            writing(a_profile(3000, **SAME), months=[1, 2, 3]),
            "passed",
            "1 output sound; table has 3,000 rows, 3 times live's 1,000, where months is [1, 2, 3] after [1]",
        ),
        (
            writing(a_profile(3000, **SAME), DataRule(versus_live=(0.9, 1.1)), months=[1, 2, 3]),
            "failed",
            "table has 3,000 rows, 3 times live's 1,000, outside of 0.9 to 1.1",
        ),
        (writing(a_profile(400, **SAME), DataRule(versus_live=(0, 9)), months=[1]), "passed", "1 output sound"),
        (
            writing(a_profile(1000, **SAME, e="string")),
            "passed",
            "1 output sound; table: new column e",
        ),
        (writing(a_profile(1000, a="double", c="double 1", d="double")), "failed", "table: column b is gone"),
        (
            writing(a_profile(1000, **{**SAME, "a": "string"})),
            "failed",
            "table: column a is string, and was double",
        ),
        (
            writing(a_profile(1000, **{**SAME, "a": "string"}), DataRule(may_change=("a",)), months=[1]),
            "passed",
            "1 output sound; table: column a is string, and was double",
        ),
        (writing(a_profile(1000, **{**SAME, "d": "null 0"}), months=[1]), "passed", "1 output sound"),
        (
            writing(a_profile(1000, **{**SAME, "a": "null 0"}), months=[1]),
            "failed",
            "table: column a holds nothing, and live's does",
        ),
        (
            writing(a_profile(1000, **{**SAME, "b": "string 1"}), months=[1]),
            "failed",
            "table: column b holds one value only, and live's holds several",
        ),
        (
            writing(a_profile(1000, **{**SAME, "b": "string 1"}), months=[2]),
            "passed",
            "1 output sound; table: column b holds one value only, and live's holds several, "
            "where months is [2] after [1]",
        ),
        (
            writing(a_profile(1000, **{**SAME, "b": "string 1"}), DataRule(may_change=("b",)), months=[1]),
            "passed",
            "1 output sound",
        ),
        (
            writing(a_profile(800, **{**SAME, "a": "double 0", "b": "string 1"}), months=[1]),
            "failed",
            "table: column a holds nothing, and live's does, and 1 more",
        ),
    ],
)
def test_what_every_output_is_asked_against_live(run: Run, outcome: str, summary: str):
    check = asked("outputs-sound", run, LIVE)

    assert (check.outcome, check.summary) == (outcome, summary)


def test_of_few_rows_nobody_can_tell():
    few = writing(a_profile(3, a="double"))
    check = asked("outputs-sound", writing(a_profile(3, a="double 1")), few)
    more = asked("outputs-sound", writing(a_profile(7, a="double")), few)

    assert (check.outcome, more.outcome) == ("inconclusive", "inconclusive")
    assert check.summary.endswith("holds one value only, and live's holds several: too few rows to tell")
    assert more.summary == "table has 7 rows, 2.3 times live's 3: too few to tell"


def test_what_an_output_is_asked_while_nothing_is_live():
    empty, void, full = (writing(a_profile(rows, a=kind)) for rows, kind in ((0, "double"), (9, "double 0"), (9, "x")))
    told = [(check.outcome, check.summary) for check in (asked("outputs-sound", one) for one in (empty, void, full))]

    assert told == [
        ("failed", "table is empty: 0 rows"),
        ("passed", "1 output sound; table: column a holds nothing"),
        ("passed", "1 output sound"),
    ]
    assert asked("outputs-sound", a_run()).outcome == "skipped"
    plot = replace(writing(a_profile(1), DataRule(min_rows=5, where=WHERE)), profiles={})
    assert asked("outputs-sound", plot).outcome == "inconclusive"


def reading(rule: DataRule | None = None, *, path="/data/in.csv", size=10, modified="2026-01-30T12:00:00.000Z", **more):
    contract = Contract(path="x.contract.yaml", inputs={"source": rule} if rule else {})
    files = {"source": File(path=path, size=size, sha256="0", modified=modified)} if size is not None else {}
    return a_run(inputs={"source": path}, files=files, contract=contract, **more)


@pytest.mark.parametrize(
    ("run", "outcome", "summary"),
    [
        (reading(), "passed", "1 input sound"),
        (a_run(), "skipped", "no declared input is a file"),
        (reading(path="s3://bucket/in.csv", size=None), "skipped", "no declared input is a file"),
        (reading(size=None), "failed", "source is not there: /data/in.csv"),
        (reading(size=0), "failed", "source is empty: /data/in.csv"),
        (reading(profiles={"source": a_profile(0, a="string", b="x")}), "failed", "source is empty: 0 rows"),
        (reading(profiles={"source": a_profile(0, fault="ragged")}), "failed", "source cannot be read: ragged"),
        (
            reading(DataRule(min_rows=5, where=WHERE), profiles={"source": a_profile(4, a="string", b="x")}),
            "failed",
            f"source has 4 rows, and {WHERE} wants 5 or more",
        ),
        (reading(DataRule(max_age=86400, where=WHERE)), "passed", "1 input sound"),
        (
            reading(DataRule(max_age=86399, where=WHERE)),
            "failed",
            f"source is stale: 1 d old, and {WHERE} allows 24 h",
        ),
        (reading(DataRule(max_age=9, where=WHERE), modified=""), "inconclusive", "nobody can tell how old source is"),
        (
            reading(DataRule(min_rows=9, where=WHERE)),
            "inconclusive",
            f"source is no table that can be looked at, and {WHERE} bounds its rows",
        ),
        (
            reading(profiles={"source": a_profile(9, a="double", c="x")}),
            "passed",
            "1 input sound; source: column a is double, and was string, and 2 more",
        ),
    ],
)
def test_what_every_input_is_asked(run: Run, outcome: str, summary: str):
    live = reading(profiles={"source": a_profile(9, a="string", b="x")})
    check = asked("inputs-sound", run, live)

    assert (check.outcome, check.summary) == (outcome, summary)


# -- the scraps that a contract names


def glued(name: str, value, encoder: str = "json"):
    payload = {"name": name, "data": value, "encoder": encoder, "version": 1}
    output = new_output("display_data", data={f"application/scrapbook.scrap.{encoder}+json": payload})
    return new_code_cell("pass", execution_count=1, outputs=[output])


@pytest.mark.parametrize(
    ("rule", "values", "fault"),
    [
        (ScrapRule(), [None], ""),
        (ScrapRule(kind="number", min=0, max=9), [5.5], ""),
        (ScrapRule(kind="number"), [5], ""),
        (ScrapRule(kind="flag"), [True], ""),
        (ScrapRule(kind="table"), [("pandas", "")], ""),
        (ScrapRule(), [], "was not handed out"),
        (ScrapRule(), [1, 1], "was glued 2 times, in cells 1, 2"),
        (ScrapRule(), ["nan"], "is NaN"),
        (ScrapRule(kind="number"), [1.8e308], "is infinite"),
        (ScrapRule(kind="text"), ["nan"], ""),
        (ScrapRule(kind="number", min=0), [-1], "is -1, below 0"),
        (ScrapRule(kind="number", max=0), [1], "is 1, above 0"),
        (ScrapRule(kind="integer"), [1.5], "is a number, and has to be an integer"),
        (ScrapRule(kind="number"), [True], "is a flag, and has to be a number"),
        (ScrapRule(kind="number"), ["12"], "is text, and has to be a number"),
        (ScrapRule(kind="table"), [[1]], "is a list, and has to be a table"),
        (ScrapRule(kind="mapping"), [[1]], "is a list, and has to be a mapping"),
    ],
)
def test_a_scrap_is_as_declared(rule: ScrapRule, values: list, fault: str):
    contract = Contract(path="x.contract.yaml", scraps={"mae": replace(rule, where=WHERE)})
    cells = [glued("mae", *reversed(value)) if isinstance(value, tuple) else glued("mae", value) for value in values]
    check = asked("scraps-as-declared", a_run(contract=contract), None, glued("other", 1), *cells)

    fault = fault.replace("cells 1, 2", "cells 2, 3")
    assert check.summary == (f"mae {fault} ({WHERE})" if fault else "1 scrap as declared")
    assert check.outcome == ("failed" if fault else "passed")


def test_a_metric_that_mlflow_was_given_is_handed_out_too():
    contract = Contract(path="x.contract.yaml", scraps={"mae": ScrapRule(max=9), "r2": ScrapRule(where=WHERE)})
    check = asked("scraps-as-declared", a_run(contract=contract, tracked={"mae": 3.0}))

    assert (check.outcome, check.summary) == ("failed", f"r2 was not handed out ({WHERE})")


# -- schemas of pandera's


JUDGED = Judged(rows=3, checks=4)


@pytest.mark.parametrize(
    ("rule", "judged", "outcome", "summary"),
    [
        (DataRule(), None, "skipped", "no contract names a schema"),
        (DataRule(schema="x.yaml"), JUDGED, "passed", "4 checks of table hold"),
        (DataRule(schema="x.yaml"), None, "inconclusive", "table is not there to be held against x.yaml"),
        (DataRule(schema="x.yaml"), Judged(), "inconclusive", "table has no rows to hold against x.yaml"),
        (
            DataRule(schema="x.yaml", min_rows=0),
            Judged(checks=4),
            "passed",
            "4 checks of table hold; table has no rows to hold against x.yaml",
        ),
        (
            DataRule(schema="x.yaml"),
            Judged(error="no pandera", hint="pip install it"),
            "errored",
            "table: no pandera; pip install it",
        ),
        (
            DataRule(schema="x.yaml"),
            replace(
                JUDGED,
                breaches=(Breach(column="a", check="in_range(0, 9)", count=2, rows=("1", "7"), values=("-1", "12")),),
            ),
            "failed",
            "table: column a breaks in_range(0, 9) 2 times: -1, 12, in rows 1, 7",
        ),
        (
            DataRule(schema="x.yaml"),
            replace(JUDGED, breaches=(Breach(column="", check="column_in_dataframe", count=1, values=("'b'",)),)),
            "failed",
            "table breaks column_in_dataframe: 'b'",
        ),
    ],
)
def test_what_a_schema_said(rule: DataRule, judged: Judged | None, outcome: str, summary: str):
    run = replace(writing(a_profile(3, a="double"), rule), judged={"table": judged} if judged else {})
    check = asked("data-contract", run)

    assert (check.outcome, check.summary) == (outcome, summary)


PANDERA = {"reason": "NO SCHEMA WAS ASKED: pandera is not installed (pip install 'nbpromote[contracts]')"}
RULES = """
import pandera.pandas as pa
from bounds import MOST

print("imported")
result = pa.DataFrameSchema({"number": pa.Column(int, pa.Check.in_range(0, MOST))})
"""


def test_a_run_is_held_against_its_contract(ground: Ground):
    pytest.importorskip("pandera", **PANDERA)
    ground.write(
        "notebooks/count.contract.yaml",
        "scraps: {rows: {type: integer, min: 3}, error: {type: number, max: 5}}\n"
        'outputs: {result: {schema: "rules.py:result", min_rows: 3}}\n',
    )
    ground.write("notebooks/rules.py", RULES)
    ground.write("notebooks/bounds.py", "MOST = 1\n")
    ground.git("add", "notebooks/bounds.py")  # what a schema imports counts when git has it, as what a notebook does
    first = ground.json("run", "count")
    ground.write("notebooks/bounds.py", "MOST = 9\n")
    second = ground.json("run", "count")

    checks = [{check["name"]: check for check in told["checks"]} for told in (first, second)]
    assert [one["data-contract"]["outcome"] for one in checks] == ["failed", "passed"]
    assert checks[0]["data-contract"]["summary"] == "result: column number breaks in_range(0, 1): 2, in row 2"
    assert checks[1]["scraps-as-declared"]["summary"] == "2 scraps as declared"
    assert checks[1]["outputs-sound"]["summary"] == "1 output sound"


def test_a_kernel_without_pandera_is_told_what_to_install(ground: Ground, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pandera", None)
    monkeypatch.setitem(sys.modules, "pandera.errors", None)
    names = {"name": "result", "schema": "x.yaml", "attribute": "", "data": "x.csv", "path": []}
    (said,) = inside.judge([names]).values()
    answer = tables.answers(f"other\nnbpromote-tables:{json.dumps({'result': said})}\n")

    assert answer["result"].error.startswith("the kernel cannot import pandera: ")
    assert answer["result"].hint == "pip install 'nbpromote[contracts]' in the kernel's environment"
