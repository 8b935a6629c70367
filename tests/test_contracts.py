"""Contracts: what a person writes of a notebook's data and scraps, and what is asked of every output unasked."""

from __future__ import annotations

import pytest

from ground import Ground
from nbpromote.errors import BadInput
from nbpromote.model import Contract, DataRule, Evaluation, Sanitizer, ScrapRule, Tolerance, dump, load
from nbpromote.params import contracts

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

    before = Site(ground.project).code(ground_pair(ground))
    ground.write("notebooks/count.contract.yaml", 'outputs: {result: {schema: "rules.py:result"}}\n')
    ground.write("notebooks/rules.py", "from deep import limit\n")
    ground.write("notebooks/deep.py", "limit = 3\n")
    ground.commit("say what the result is")

    site = Site(ground.project)
    code = site.code(ground_pair(ground))
    assert sorted(code.files) == ["notebooks/count.contract.yaml", "notebooks/deep.py", "notebooks/rules.py"]
    assert code == site.committed_code("notebooks/count.ipynb")
    assert before == site.committed_code("notebooks/count.ipynb", "HEAD~1")
    assert before.digest != code.digest


def ground_pair(ground: Ground):
    from nbpromote.workflow.site import Site

    return Site(ground.project).pair("count")


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
