"""params/*.yaml: what an environment gives a notebook and demands of it."""

import io
import json
import shutil
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from ground import command, git
from nbpromote import notebook, params, report
from nbpromote.errors import BadInput, NotBuilt, NotFound, Usage
from nbpromote.model import Gate, Limits, Mode, Parameter, Policy, Schema, canonical
from nbpromote.params import interpolation, yaml
from nbpromote.workflow.evidence import accepting

ROOT = Path("/project")

TRAIN = Schema(
    parameters=(
        Parameter(name="months", type="list[int]", default=[1]),
        Parameter(name="alpha", type="float", default=0.1),
        Parameter(name="label", type="str", default="x"),
        Parameter(name="flights", type="str", default="data/flights.parquet"),
        Parameter(name="residuals", type="str", default="data/residuals.parquet"),
    )
)
SCORE = Schema(parameters=(Parameter(name="model", type="str | None"), Parameter(name="month", type="int")))
KNOWN = {"train_delay": TRAIN, "score_flights": SCORE}


def load(files, env="dev", notebook="train_delay", **options):
    overrides = options.pop("overrides", None)
    around = params.Around(**{"root": ROOT, "notebooks": KNOWN, **options})
    return params.load(files.get, env, notebook, KNOWN[notebook], around, overrides=overrides)


def findings(files, names=None, known=KNOWN, *, checks=(), **options):
    around = params.Around(notebooks=known, **options)
    return params.findings(files.get, files if names is None else names, around, checks=checks)


def problems(files, kind=BadInput, **options):
    """What `load` refuses with, line by line."""
    with pytest.raises(kind) as caught:
        load(files, **options)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def value(schema_type, text):
    """A `-p` of one parameter."""
    schema = Schema(parameters=(Parameter(name="p", type=schema_type),))
    found = params.load({"dev.yaml": ""}.get, "dev", "n", schema, params.Around(root=ROOT), overrides={"p": text})
    return found.parameters["p"]


# -- YAML ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", None),
        ("plain", "plain"),
        ("'1'", "1"),
        ("3", 3),
        ("null", None),
        ("~", None),
        ("true", True),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("-7", -7),
        ("1_000", "1_000"),
        ("12:30:00", "12:30:00"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1e", "1e"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("=", "="),
        ("[1, [2], {a: b}]", [1, [2], {"a": "b"}]),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ('"\\u00e9"', "é"),
    ],
)
def test_yaml_is_1_2_core(text, meaning):
    document = yaml.parse(text, "x.yaml")

    assert document.findings == ()
    assert document.root.value == meaning
    assert type(document.root.value) is type(meaning)


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", (3, 1), "key 'a' is given twice; first on line 1"),
        ("{a: 1, 'a': 2}", (1, 8), "key 'a' is given twice"),
        ("a: &x 1\n", (1, 4), "an anchor, &x"),
        ("a: 1\nb: *x\n", (2, 4), "an alias, *x"),
        ("a:\n  <<: {b: 1}\n", (2, 3), "a merge key"),
        ("a: !!str 1\n", (1, 4), "a tag, tag:yaml.org,2002:str"),
        ("a: !!python/object/apply:os.system [ls]\n", (1, 4), "a tag"),
        ("a: ! x\n", (1, 4), "a tag"),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", (2, 1), "a directive"),
        ("%YAML 1.1\n---\na: no\n", (2, 1), "a directive"),
        ("a: .nan\n", (1, 4), ".nan is not a finite number"),
        ("a: -.inf\n", (1, 4), "-.inf is not a finite number"),
        ("a: 12e4567\n", (1, 4), "12e4567 is too large for a number"),
        (f"a: {'9' * 5000}\n", (1, 4), "a number of more than 1,000 characters"),
        ("1: a\n", (1, 1), "key 1 is not text"),
        ("true: a\n", (1, 1), "key True is not text"),
        ("? [a]\n: 1\n", (1, 3), "key a list is not text"),
        ("a: 1\n---\nb: 2\n", (2, 1), "a second document"),
        ('a: "\\ud800"\n', (1, 4), "text holds half of a surrogate pair"),
        ("a: 1\nb: c: d\n", (2, 5), "not YAML: mapping values are not allowed here"),
        ("a:\n\tb: 1\n", (2, 1), "not YAML: a tab; YAML wants spaces"),
        ("a: [1, 2\n", (2, 1), "not YAML: "),
        ("a: 1\nb: \x00\n", (2, 4), "not YAML: unacceptable character"),
        ("a: 1\nb: \"\\U99999999\"\n", (2, 1), "not YAML: cannot be parsed"),
        ("[" * 65 + "]" * 65, (1, 65), "nested more than 64 levels deep"),
        ("[" * 100_000, (1, 65), "nested more than 64 levels deep"),
        ("a: " + "x" * yaml.BYTES, (None, None), "is larger than 1,048,576 bytes"),
        ("a: " + "é" * (yaml.BYTES // 2), (None, None), "is larger than 1,048,576 bytes"),
        (f"[{'1,' * 20_000}]", (1, 40000), "more than 20,000 values"),
    ],
)  # fmt: skip
def test_what_json_cannot_say_is_refused_with_its_place(text, place, told):
    finding = yaml.parse(text, "x.yaml").findings[0]

    assert (finding.path, finding.line, finding.column) == ("x.yaml", *place)
    assert finding.message.startswith(told)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(JSON, st.sampled_from([None, 2]), st.booleans())
@example({"\U0001f600": "\U0001f600\x7f\x85\u2028", "": -0.0, "<<": "*x &y !z"}, None, False)
@example(10**999, None, True)
def test_every_json_document_is_yaml_of_the_same_value(value, indent, compact):
    separators = (",", ":") if compact and not indent else None

    document = yaml.parse(json.dumps(value, indent=indent, separators=separators), "x.yaml")

    assert document.findings == ()
    assert canonical(document.root.value) == canonical(value)


@settings(max_examples=150, deadline=None)
@given(JSON)
@example({"a": "next\x85line", "b": "\u2028"})
@example("\x7f")
def test_a_character_is_read_as_it_stands_or_refused(value):
    document = yaml.parse(json.dumps(value, ensure_ascii=False), "x.yaml")

    if not document.findings:
        assert canonical(document.root.value) == canonical(value)
    else:
        assert any(character in json.dumps(value, ensure_ascii=False) for character in REFUSED)


REFUSED = [*map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff"]


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_ruamel_reads_the_same_where_it_reads_yaml_1_2(value):
    text = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    # quotes leave it no choice of type; it folds long lines wrongly
    writer.allow_unicode, writer.default_style, writer.width = False, '"', 10**9
    writer.dump(texts(value), text)

    assert yaml.parse(text.getvalue(), "x.yaml").root.value == texts(value)


def texts(value):
    if isinstance(value, list):
        return [texts(entry) for entry in value]
    if isinstance(value, dict):
        return {key: texts(entry) for key, entry in value.items()}
    return value if isinstance(value, str) else str(value)


def test_64_levels_are_taken():
    assert yaml.parse("[" * 64 + "]" * 64, "x.yaml").findings == ()


def test_an_alias_bomb_costs_nothing():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    start = time.process_time()

    told = problems({"dev.yaml": "\n".join(lines)})

    assert time.process_time() - start < 2
    assert any("params/dev.yaml:1:5: an anchor, &a0" in line for line in told)


def test_an_interpolation_bomb_does_not_go_off():
    lines = ["parameters:", "  a0: xxxxxxxxxx"]
    lines += [f"  a{n}: '{f'{{a{n - 1}}}' * 10}'" for n in range(1, 12)]
    start = time.process_time()

    told = problems({"dev.yaml": "\n".join(lines)})

    assert time.process_time() - start < 2
    assert any("grows to more than 65,536 characters" in line for line in told)


ALPHABET = st.sampled_from([*"abc:-?{}[],&*!|>'\"%#@`~ \n\t\\.019", "<<", "---\n", "...\n", "\ufeff", "\ud800", "é"])
SNIPPETS = st.sampled_from(
    ["parameters:", "\n  ", "notebooks:", "train_delay:", "months:", "gates:", "- ", "{metric: mae, max: 1}",
     "{x}", "a", ": ", "\n", "secrets", "promotes_from", "[dev]", "limits: {cell: 1}", "inputs", "1", "'"]
)  # fmt: skip


@given(
    st.one_of(
        st.binary(max_size=200).map(lambda data: data.decode("utf-8", "surrogateescape")),
        st.text(max_size=200),
        st.lists(ALPHABET, max_size=60).map("".join),
        st.lists(SNIPPETS, max_size=40).map("".join),
    )
)
@settings(max_examples=100, deadline=None)
@example("%YAML 1.1\n--- !<\n")
@example("parameters: {a: '{a}'}")
def test_whatever_is_in_a_file_the_answer_is_a_value_or_one_error(text):
    files = {"base.yaml": text, "dev.yaml": text, "dev.policy.yaml": text}

    with suppress(Usage):
        canonical(dict(load(files).parameters))
    for finding in findings(files, files, KNOWN):
        assert finding.path.startswith("params")


@given(st.text(max_size=40), st.sampled_from(["int", "float", "list[int]", "dict[str, Any]", "str | None"]))
@settings(max_examples=100, deadline=None)
def test_whatever_is_on_the_command_line_the_answer_is_of_the_type_or_one_error(text, annotation):
    with suppress(Usage):
        found = value(annotation, text)
        assert json.loads(canonical(found)) == found


# -- environments and their order ----------------------------------------------------------------------------


def test_environments_are_the_files():
    names = [
        "base.yaml",
        "prod.yaml",
        "dev.yaml",
        "prod.policy.yaml",
        "README.md",
        ".hidden.yaml",
        "a b.yaml",
    ]

    assert params.environments(names) == ("dev", "prod")
    assert params.environments([]) == ()


@pytest.mark.parametrize(
    ("sources", "ordered"),
    [
        ({}, ("dev", "prod", "staging")),
        ({"prod": ("staging",), "staging": ("dev",)}, ("dev", "staging", "prod")),
        ({"prod": ("dev", "staging")}, ("dev", "staging", "prod")),
        ({"dev": ("prod",)}, ("prod", "staging", "dev")),
    ],
)
def test_entry_environments_come_first(sources, ordered):
    assert params.order(["dev", "prod", "staging"], sources) == ordered


def test_a_circle_and_an_unknown_source_are_told_together():
    with pytest.raises(BadInput) as caught:
        params.order(["dev", "prod"], {"prod": ("dev", "stagin"), "dev": ("prod", "dve")})

    assert "prod promotes from 'stagin', which is no environment" in caught.value.problems
    assert "dev promotes from 'dve', which is no environment; did you mean 'dev'?" in caught.value.problems
    assert any("environments promote from each other" in problem for problem in caught.value.problems)


def test_an_unknown_environment_names_the_nearest():
    files = {"prod.yaml": "", "dev.yaml": ""}

    for name in ("prd", "base", "../prod", "prod.policy", ""):
        with pytest.raises(NotFound) as caught:
            load(files, env=name, environments=("dev", "prod"))
        assert caught.value.hint == "known: dev, prod"
    with pytest.raises(NotFound, match="no environment 'prd' in params/; did you mean 'prod'"):
        load(files, env="prd", environments=("dev", "prod"))


def test_an_environment_that_is_not_in_the_commit_is_not_an_empty_one():
    with pytest.raises(NotFound, match=r"no params/prod.yaml where environments are read from") as caught:
        load({}, env="prod", environments=("prod",))

    assert caught.value.hint == "is it committed?"


# -- what a notebook gets ------------------------------------------------------------------------------------

FILES = {
    "base.yaml": """\
kernel: python3
limits: {cell: 10m}
pass_env: [HOME_DATA]
parameters:
  data_dir: data/base
  label: base
notebooks:
  train_delay:
    parameters: {alpha: 1}
    inputs: {flights: "{data_dir}/flights.parquet"}
""",
    "prod.yaml": """\
pass_env: [WAREHOUSE, HOME_DATA]
parameters:
  data_dir: data/{label}
  label: prod
notebooks:
  train_delay:
    kernel: ml
    limits: {cell: 1h, start: 90, cell_output: 500kB}
    parameters:
      months: [1, 2]
    outputs: {residuals: "/mnt/{data_dir}/{{r}}.parquet"}
""",
    "prod.policy.yaml": """\
promotes_from: [staging]
gates:
  - {check: outputs-match, mode: warn}
notebooks:
  train_delay:
    strategy: copy
    gates:
      - metric: mae
        max: 30
      - {metric: mae, versus: live, max_relative_increase: 0.02}
""",
}


def test_a_notebook_that_is_given_nothing_keeps_its_defaults():
    found = load({"dev.yaml": ""})

    assert found.parameters == {parameter.name: parameter.default for parameter in TRAIN.parameters}
    assert set(found.origins.values()) == {"parameters cell"}
    assert found.tracking_uri == "sqlite:////project/.nbpromote/mlflow/dev/mlflow.db"
    assert (found.kernel, found.limits, found.pass_env) == (None, Limits(), ())
    assert found.policy == Policy()


def test_the_later_layer_wins_and_says_where_it_stands():
    found = load(FILES, env="prod", overrides={"alpha": "2"})

    assert found.parameters == {
        "months": [1, 2],
        "alpha": 2.0,
        "label": "prod",
        "flights": "/project/data/prod/flights.parquet",
        "residuals": "/mnt/data/prod/{r}.parquet",
    }
    assert found.origins == {
        "months": "params/prod.yaml:10",
        "alpha": "-p",
        "label": "params/prod.yaml:4",
        "flights": "params/base.yaml:10",
        "residuals": "params/prod.yaml:11",
    }
    assert found.inputs == {"flights": "/project/data/prod/flights.parquet"}
    assert found.outputs == {"residuals": "/mnt/data/prod/{r}.parquet"}
    assert found.kernel == "ml"
    assert found.limits == Limits(start=90, cell=3600, cell_output=500e3)
    assert found.pass_env == ("HOME_DATA", "WAREHOUSE")


def test_the_command_line_moves_what_is_made_of_it():
    found = load(FILES, env="prod", overrides={"label": "trial", "residuals": "here.parquet"})

    assert found.inputs["flights"] == "/project/data/trial/flights.parquet"
    assert found.outputs["residuals"] == found.parameters["residuals"] == "/project/here.parquet"


def test_the_policy_has_the_gates_of_all_notebooks_and_its_own():
    found = params.policy(FILES.get, "prod", "train_delay")

    assert (found.promotes_from, found.strategy) == (("staging",), "copy")
    assert found.gates == (
        Gate(check="outputs-match", mode=Mode.WARN, where="params/prod.policy.yaml:3"),
        Gate(metric="mae", max=30, where="params/prod.policy.yaml:8"),
        Gate(metric="mae", versus="live", max_relative_increase=0.02, where="params/prod.policy.yaml:10"),
    )
    assert load(FILES, env="prod").policy == found
    assert params.policy(FILES.get, "prod", "other").gates == found.gates[:1]
    assert params.policy(FILES.get, "dev", "train_delay").is_entry


@pytest.mark.parametrize(
    ("uri", "absolute"),
    [
        ("http://localhost:5000", "http://localhost:5000"),
        ("sqlite:////abs/x.db", "sqlite:////abs/x.db"),
        ("sqlite:///x.db", "sqlite:////project/x.db"),
        ("sqlite:///../shared/x.db", "sqlite:////shared/x.db"),
    ],
)
def test_a_relative_store_is_one_of_the_project(uri, absolute):
    assert load({"dev.yaml": f"tracking_uri: {uri}"}).tracking_uri == absolute


def test_a_parameter_of_base_may_serve_another_environment_alone():
    files = {
        "base.yaml": "parameters: {bucket: b}",
        "dev.yaml": "",
        "prod.yaml": "parameters: {label: 'x-{bucket}'}",
    }

    assert load(files, environments=("dev", "prod")).parameters["label"] == "x"
    assert load(files, env="prod").parameters["label"] == "x-b"
    assert findings(files, files, KNOWN) == ()


def test_the_working_tree_is_read_as_it_is(tmp_path):
    (tmp_path / "dev.yaml").write_text("parameters: {label: tree}")
    read = params.folder_reader(tmp_path)

    assert params.load(read, "dev", "train_delay", TRAIN, params.Around(root=ROOT)).parameters["label"] == "tree"
    (tmp_path / "dev.yaml").write_bytes(b"a: 1\nlabel: \xff")
    with pytest.raises(BadInput, match="not UTF-8") as caught:
        params.load(read, "dev", "train_delay", TRAIN, params.Around(root=ROOT))
    assert caught.value.where == "params/dev.yaml:2"


# -- types ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "text", "meaning"),
    [
        ("str", "x", "x"),
        ("str", "007", "007"),
        ("str", "", ""),
        ("str", "null", "null"),
        ("str", "'x'", "'x'"),
        ("str", "{data_dir}", "{data_dir}"),
        ("str | None", "007", "007"),
        ("str | None", "null", None),
        ("Optional[str]", "no", "no"),
        ("Optional[int]", "null", None),
        ("int", "007", 7),
        ("int | None", "3", 3),
        ("float", "3", 3.0),
        ("float", "1e-3", 0.001),
        ("int | float", "3", 3),
        ("bool", "true", True),
        ("list[int]", "[1, 2]", [1, 2]),
        ("list", '["a", 1]', ["a", 1]),
        ("List[float]", "[1]", [1.0]),
        ("dict[str, list[int]]", "{a: [1]}", {"a": [1]}),
        ("dict", "{}", {}),
        ("Literal['a', 'b']", "b", "b"),
        ("Literal['007']", "007", "007"),
        ("typing.Literal[1, 2]", "2", 2),
        ("Union[int, list[int]]", "[1]", [1]),
        ("Annotated[int, 'help']", "1", 1),
        ("date", "2026-01-31", "2026-01-31"),
        ("datetime.date | None", "2024-02-29", "2024-02-29"),
        ("datetime", "2026-01-31T12:00", "2026-01-31T12:00"),
        ("datetime.datetime", "2026-01-31 12:00:00.5+02:00", "2026-01-31 12:00:00.5+02:00"),
        ("'date'", "2026-01-31", "2026-01-31"),
        ("list[date]", "[2026-01-31, 2026-02-01]", ["2026-01-31", "2026-02-01"]),
        ("int | None", "None", None),
        ("str | None", "None", None),
        ("str | None", "", ""),
        ("str", "None", "None"),
        ("Literal['None']", "None", "None"),
        ("Literal['a'] | None", "null", None),
        ("date | None", "null", None),
        ("'int'", "1", 1),
        ("Any", "[1, x]", [1, "x"]),
        ("pd.Timestamp", "2026-01-31", "2026-01-31"),
        ("__import__('os').system('false')", "x", "x"),
        ("not an annotation", "1", 1),
    ],
)
def test_a_value_of_the_command_line_is_typed_by_the_schema(annotation, text, meaning):
    found = value(annotation, text)

    assert found == meaning
    assert type(found) is type(meaning)


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        ("int", "x"),
        ("int", "1.0"),
        ("int", "1_000"),
        ("int", "true"),
        ("int", "'7'"),
        ("int", ""),
        ("float", "12e4567"),
        ("float", ".nan"),
        ("float", "nan"),
        ("float", "true"),
        ("float", "9" * 400),
        ("bool", "1"),
        ("bool", "yes"),
        ("bool", "True # or not\n---\n"),
        ("list[int]", "january"),
        ("list[int]", "[1, true]"),
        ("list[int]", "[1, *a]"),
        ("dict[str, int]", "[1]"),
        ("Literal['a', 'b']", "c"),
        ("Literal[1]", "true"),
        ("int | None", "x"),
        ("int | None", ""),
        ("int", "None"),
        ("date", "2026-02-30"),
        ("date", "31.01.2026"),
        ("date", "20260131"),
        ("date", "2026-01-31T12:00"),
        ("datetime", "2026-01-31"),
        ("datetime", "2026-01-31T25:00"),
        ("list[date]", "[2026-13-01]"),
        ("str", "caf\udce9"),
    ],
)
def test_a_value_of_another_type_is_refused(annotation, text):
    with pytest.raises(BadInput, match="parameter 'p' of n wants ") as caught:
        value(annotation, text)

    assert caught.value.where == "-p"


# -- one table of refusals -----------------------------------------------------------------------------------

NOTEBOOK = "notebooks:\n  train_delay:\n    "
CHANGES = (
    "max_increase, max_decrease, max_relative_increase, max_relative_decrease, min_absolute_change, min_relative_change"
)


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("paramters: {}", "1:1", "unknown key 'paramters' in a params file; did you mean 'parameters'?"),
        ("gates: []", "1:1", "unknown key 'gates' in a params file; it belongs in <environment>.policy.yaml"),
        ("- a", "1:1", 'a params file wants keys with values, got ["a"]'),
        ("parameters: 3", "1:1", "parameters wants keys with values, got 3"),
        ("parameters: {alhpa: 1}", "1:14", "no notebook declares parameter 'alhpa'; did you mean 'alpha'?"),
        ("parameters:\n  'x; import os': 1", "2:3",
         "'x; import os' cannot be a parameter: a name is a Python identifier"),
        ("parameters: {class: 1}", "1:14", "'class' cannot be a parameter: a name is a Python identifier"),
        ("notebooks: {train_dely: {}}", "1:13", "there is no notebook 'train_dely'; did you mean 'train_delay'?"),
        (NOTEBOOK + "output: {}", "3:5",
         "unknown key 'output' in notebooks.train_delay; did you mean 'outputs'?"),
        (NOTEBOOK + "parameters: {month: [1]}", "3:18",
         "parameter 'month' is not declared by train_delay; did you mean 'months'?"),
        (NOTEBOOK + "inputs: {flight: x}", "3:14",
         "input 'flight' is not declared by train_delay; did you mean 'flights'?"),
        ("notebooks:\n  score_flights:\n    parameters: {moth: 1}", "3:18",
         "parameter 'moth' is not declared by score_flights; did you mean 'month'?"),
        (NOTEBOOK + "parameters:\n      months: january", "4:7",
         "parameter 'months' of train_delay wants list[int], got 'january'"),
        ("parameters: {label: no, alpha: yes}", "1:25", "parameter 'alpha' of train_delay wants float, got 'yes'"),
        ("parameters: {label: 7}", "1:14", "parameter 'label' of train_delay wants str, got 7"),
        ("parameters: {label: null}", "1:14", "parameter 'label' of train_delay wants str, got nothing"),
        (NOTEBOOK + "inputs: {months: x}", "3:14", "parameter 'months' of train_delay wants list[int], got 'x'"),
        (NOTEBOOK + "inputs: {months: [1]}", "3:14",
         "input 'months' of train_delay is declared as list[int]; a path is str"),
        (NOTEBOOK + "inputs: {flights: ''}", "3:14", "input 'flights' of train_delay wants a path, got ''"),
        (NOTEBOOK + "inputs: {flights: ~/x}", "3:14",
         "input 'flights' of train_delay starts with '~', which differs from user to user: '~/x'"),
        (NOTEBOOK + "outputs: {flights: ..}", "3:15",
         "output 'flights' of train_delay would replace the project itself: '..'"),
        (NOTEBOOK + "outputs: {flights: a/x, residuals: a/b/../x}", "3:29",
         "outputs 'flights' and 'residuals' of train_delay go to the same place"),
        (NOTEBOOK + "outputs: {flights: a, residuals: a/x}", "3:27",
         "outputs 'flights' and 'residuals' of train_delay go to places inside each other"),
        (NOTEBOOK + "{parameters: {flights: a}, inputs: {flights: b}}", "3:41",
         "'flights' of train_delay is given under parameters and under inputs"),
        ("parameters: {label: '{lable}'}", "1:14",
         "parameter 'label' asks for {lable}, which nothing gives in dev; did you mean 'label'?"),
        ("parameters: {label: '{label}'}", "1:14", "parameter 'label' goes in a circle: label -> label"),
        ("parameters: {label: '{months}', months: [1]}", "1:14",
         "parameter 'label' cannot put {months} into text: it is neither text nor a number"),
        ("parameters: {label: 'a{b'}", "1:14",
         "parameter 'label' holds a brace that names no parameter; write '{{' for a plain '{'"),
        ("parameters: {label: '{label.__class__}'}", "1:14",
         "parameter 'label' holds a brace that names no parameter; write '{{' for a plain '{'"),
        (NOTEBOOK + "inputs: {flights: x}\n    parameters: {label: '{flights}'}", "4:18",
         "parameter 'label' asks for {flights}, which is an input"),
        ("limits: {cell: soon}", "1:10", "limits.cell wants a duration such as 90s, 10m, 1h or 1d, got 'soon'"),
        ("limits: {cell: 0}", "1:10", "limits.cell wants a duration such as 90s, 10m, 1h or 1d, got 0"),
        ("limits: {cell: true}", "1:10", "limits.cell wants a duration such as 90s, 10m, 1h or 1d, got true"),
        ("limits: {cell_output: 10m}", "1:10", "limits.cell_output wants a size such as 500kB, 10MB or 1GB, got '10m'"),
        ("limits: {cell_output: 10}", "1:10", "limits.cell_output wants a size such as 500kB, 10MB or 1GB, got 10"),
        ("limits: {notebook_output: 9B}", "1:10",
         "limits.notebook_output wants a size such as 500kB, 10MB or 1GB, got '9B'"),
        ("limits: {cells: 1}", "1:10", "unknown key 'cells' in limits; did you mean 'cell'?"),
        ("kernel: ../x", "1:1", "kernel wants a name of letters, digits, '.', '_' and '-', got '../x'"),
        ("pass_env: HOME", "1:1", "pass_env wants a list, got 'HOME'"),
        ("pass_env: [A=B]", "1:12", "pass_env wants names of environment variables, got 'A=B'"),
        ("tracking_uri: ./mlruns", "1:1",
         "tracking_uri wants sqlite:///path.db or http(s)://server, got './mlruns'"),
        ("tracking_uri: sqlite://", "1:1", "tracking_uri names no file, so nothing would be kept: 'sqlite://'"),
        ("tracking_uri: http://me:word@host", "1:1",
         "tracking_uri holds a password;"
         " MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD keep it out of files"),
    ],
)  # fmt: skip
def test_a_params_file_is_refused_with_its_place_and_the_nearest_name(text, place, told):
    assert problems({"dev.yaml": text}) == [f"params/dev.yaml:{place}: {told}"]
    found = findings({"dev.yaml": text}, ["dev.yaml"], KNOWN)
    assert [(finding.place, finding.message) for finding in found] == [(f"params/dev.yaml:{place}", told)]


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("promotes_form: [dev]", "1:1",
         "unknown key 'promotes_form' in a policy file; did you mean 'promotes_from'?"),
        (
            "policy_ref: main",
            "1:1",
            "unknown key 'policy_ref' in a policy file; it belongs in pyproject.toml, under [tool.nbpromote]",
        ),
        ("parameters: {}", "1:1", "unknown key 'parameters' in a policy file; it belongs in <environment>.yaml"),
        ("promotes_from: dev", "1:1", "promotes_from wants a list, got 'dev'"),
        ("promotes_from: [1]", "1:17", "promotes_from wants a line of text, got 1"),
        (NOTEBOOK + "strategy: retrian", "3:5",
         "strategy is one of retrain, copy, got 'retrian'; did you mean 'retrain'?"),
        ("gates: {metric: mae}", "1:1", 'gates wants a list, got {"metric": "mae"}'),
        ("gates:\n  - mae", "2:5", "a gate wants keys with values, got 'mae'"),
        ("gates: [{metric: mae, maximum: 3}]", "1:23", "unknown key 'maximum' in a gate; did you mean 'max'?"),
        ("gates: [{metric: mae, max: x}]", "1:23", "max wants a number, got 'x'"),
        ("gates: [{metric: mae, max: true}]", "1:23", "max wants a number, got true"),
        ("gates: [{max: 3}]", "1:9", "a gate names one metric, one check or one budget"),
        ("gates: [{metric: a, check: b}]", "1:9", "a gate names one metric, one check or one budget"),
        ("gates: [{metric: mae}]", "1:9", "a gate on a metric wants max, min or versus: live"),
        ("gates: [{metric: mae, max: 1, min: 2}]", "1:9", "min is above max"),
        ("gates: [{metric: mae, max: 1, versus: live}]", "1:9",
         f"max is absolute; a gate versus live takes {CHANGES}"),
        ("gates: [{metric: mae, versus: live}]", "1:9",
         f"a gate versus live wants one of {CHANGES}; or `on` and confidence: better for certain"),
        ("gates: [{metric: mae, versus: live, max_increase: 1, confidence: 95}]", "1:54",
         "confidence is above 0.5 and below 1, such as 0.95; got 95"),
        ("gates: [{metric: mae, versus: live, on: holdout}]", "1:9",
         f"a gate versus live wants one of {CHANGES}; or `on` and confidence: better for certain"),
        ("gates: [{metric: mae, max: 3, by: carrier}]", "1:9",
         "by slices rows: add `on: EVALUATION`, one of the notebook's contract"),
        ("gates: [{metric: acuracy, min: 0.5, on: holdout}]", "1:9",
         "no rows can be scored by 'acuracy'; did you mean 'accuracy'?; `on` goes with mae, rmse, mse, mape,"
         " median_absolute_error, max_error, bias, r2, accuracy, balanced_accuracy, precision, recall, f1, auc,"
         " log_loss, brier"),
        ("gates: [{metric: max_error, on: holdout, versus: live, confidence: 0.9}]", "1:9",
         "resampled rows say too little about max_error: take confidence out"),
        ("gates: [{metric: mae, on: holdout, versus: live, confidence: 0.9, greater_is_better: true}]", "1:9",
         "mae is better when it is less: take greater_is_better out"),
        ("gates: [{metric: lift, versus: live, min_relative_change: 0.1}]", "1:9",
         "whether more of 'lift' is better is not known: add greater_is_better: true or false"),
        ("gates: [{metric: mae, versus: live, min_absolute_change: 0}]", "1:37",
         "min_absolute_change is above 0; what may be lost is a max_increase or max_decrease"),
        ("gates: [{metric: mae, max: 3, min_count: 2}]", "1:9",
         "min_count is what a check must have compared; a gate on a metric has none"),
        ("gates: [{check: ran, min_count: 0}]", "1:22", "min_count wants a whole number from 1 on, got 0"),
        ("gates: [{check: ran, min_count: 1.5}]", "1:22", "min_count wants a whole number from 1 on, got 1.5"),
        ("gates: [{budget: tim, max: 10m}]", "1:10",
         "budget is one of time, memory, output, got 'tim'; did you mean 'time'?"),
        ("gates: [{budget: time, max: 4GB}]", "1:24", "max wants a duration such as 90s, 10m, 1h or 1d, got '4GB'"),
        ("gates: [{budget: time, max: 10}]", "1:24", "max wants a duration such as 90s, 10m, 1h or 1d, got 10"),
        ("gates: [{budget: time, max: '10'}]", "1:24", "max wants a duration such as 90s, 10m, 1h or 1d, got '10'"),
        ("gates: [{budget: memory, max: 400}]", "1:26", "max wants a size such as 500kB, 10MB or 1GB, got 400"),
        ("gates: [{budget: time, min: 3, on: x}]", "1:9",
         "a gate on a budget has no on, min: it takes max, or versus: live with max_relative_increase"),
        ("gates: [{budget: time}]", "1:9",
         "a gate on a budget says nothing yet: it takes max, or versus: live with max_relative_increase"),
        ("gates: [{budget: time, max_relative_increase: 0.5}]", "1:9",
         "max_relative_increase compares: add `versus: live`"),
        ("gates: [{budget: time, max: 1m, versus: live, max_relative_increase: 0.5}]", "1:9",
         "max is absolute; a budget versus live takes max_relative_increase"),
        ("gates: [{metric: mae, max_increase: 1}]", "1:9", "max_increase compares: add `versus: live`"),
        ("gates: [{metric: mae, versus: prod, max_increase: 1}]", "1:23", "versus is one of live, got 'prod'"),
        ("gates: [{check: ran, max: 1}]", "1:9", "a gate on a check has no max: it passes or it does not"),
        ("gates: [{check: ran, mode: wran}]", "1:22",
         "mode is one of enforce, warn, off, got 'wran'; did you mean 'warn'?"),
        ("notebooks: {train_dely: {}}", "1:13", "there is no notebook 'train_dely'; did you mean 'train_delay'?"),
    ],
)  # fmt: skip
def test_a_policy_file_is_refused_with_its_place_and_the_nearest_name(text, place, told):
    files = {"dev.yaml": "", "prod.yaml": "", "prod.policy.yaml": text}

    assert problems(files, env="prod") == [f"params/prod.policy.yaml:{place}: {told}"]
    found = findings(files, files, KNOWN)
    assert [(finding.place, finding.message) for finding in found] == [(f"params/prod.policy.yaml:{place}", told)]


def test_every_reason_why_a_gate_says_nothing_is_told():
    files = {"dev.yaml": "", "prod.yaml": "", "prod.policy.yaml": "gates:\n  - {metric: mae, confidence: 0.9, by: x}\n"}

    assert problems(files, env="prod")[1:] == [
        "  params/prod.policy.yaml:2:5: confidence compares: add `versus: live`",
        "  params/prod.policy.yaml:2:5: confidence comes of rows that are resampled: add `on: EVALUATION`,"
        " one of the notebook's contract",
        "  params/prod.policy.yaml:2:5: by slices rows: add `on: EVALUATION`, one of the notebook's contract",
    ]


GATES = {
    "{budget: time, max: 10m}": Gate(budget="time", max=600),
    "{budget: memory, max: 4GB}": Gate(budget="memory", max=4e9),
    "{budget: output, max: 1.5MB, mode: warn}": Gate(budget="output", max=1.5e6, mode=Mode.WARN),
    "{budget: time, versus: live, max_relative_increase: 0.5}": Gate(
        budget="time", versus="live", max_relative_increase=0.5
    ),
    "{metric: mae, versus: live, on: holdout, confidence: 0.95}": Gate(
        metric="mae", versus="live", on="holdout", confidence=0.95
    ),
    "{metric: mae, versus: live, on: holdout, confidence: 0.95, max_increase: 0.1}": Gate(
        metric="mae", versus="live", on="holdout", confidence=0.95, max_increase=0.1
    ),
    "{metric: mae, on: holdout, by: carrier, max: 16}": Gate(metric="mae", on="holdout", by="carrier", max=16),
    "{metric: lift, versus: live, greater_is_better: true, min_relative_change: 0.01}": Gate(
        metric="lift", versus="live", greater_is_better=True, min_relative_change=0.01
    ),
    "{metric: val_loss, versus: live, min_absolute_change: 0.5}": Gate(
        metric="val_loss", versus="live", min_absolute_change=0.5
    ),
    "{check: outputs-match, min_count: 3}": Gate(check="outputs-match", min_count=3),
}


@pytest.mark.parametrize("text", GATES)
def test_a_gate_is_read_and_the_schema_takes_it(schemas, text):
    found = params.policy({"prod.policy.yaml": f"gates: [{text}]"}.get, "prod", "any")

    assert found.gates == (replace(GATES[text], where="params/prod.policy.yaml:1"),)
    assert schemas[1].is_valid(yaml.parse(f"gates: [{text}]", "x.yaml").root.value)


def test_an_output_in_an_object_store_is_not_built_yet():
    assert problems({"dev.yaml": NOTEBOOK + "outputs: {flights: 's3://b/x'}"}, NotBuilt) == [
        "params/dev.yaml:3:15: output 'flights' of train_delay goes to 's3://b/x': object stores are not built yet"
    ]
    found = load({"dev.yaml": NOTEBOOK + "inputs: {flights: 's3://b/x'}"})
    assert found.inputs == {"flights": "s3://b/x"}


def test_an_undeclared_parameter_of_the_command_line_names_the_nearest():
    assert problems({"dev.yaml": ""}, overrides={"alhpa": "0.9"}) == [
        "unknown parameter 'alhpa'; did you mean 'alpha'?"
    ]


def test_all_problems_of_all_files_are_told_together():
    files = {
        "base.yaml": "parameters: {a: 1, a: 2}\n",
        "dev.yaml": "secrets: {a: hunter22}\nkernle: x\n",
        "dev.policy.yaml": "approvals: 1\ngates: [{}]\n",
    }

    told = problems(files, overrides={"alhpa": "1", "months": "january"})

    assert told == [
        "8 problems with the parameters",
        "  unknown parameter 'alhpa'; did you mean 'alpha'?",
        "  -p: parameter 'months' of train_delay wants list[int], got 'january'",
        "  params/base.yaml:1:14: no notebook declares parameter 'a'",
        "  params/base.yaml:1:20: key 'a' is given twice; first on line 1",
        "  params/dev.policy.yaml:1:1: approvals is about promotions, and without promotes_from there are none to here",
        "  params/dev.policy.yaml:2:9: a gate names one metric, one check or one budget",
        "  params/dev.yaml:1:11: secret 'a' wants a reference, never a value: env:NAME or file:/path",
        "  params/dev.yaml:2:1: unknown key 'kernle' in a params file; did you mean 'kernel'?",
    ]


def test_a_circle_of_parameters_is_named_whole():
    told = problems({"dev.yaml": "parameters: {label: '{b}', b: '{c}', c: '{label}'}"})

    assert "  params/dev.yaml:1:14: parameter 'label' goes in a circle: label -> b -> c -> label" in told


def test_a_long_chain_of_parameters_ends():
    lines = [f"  a{n}: '{{a{n - 1}}}'" for n in range(3000, 0, -1)]
    text = "\n".join(["parameters:", "  label: '{a3000}'", *lines, "  a0: x"])

    told = problems({"dev.yaml": text})

    assert any("asks through more than 16 other parameters" in line for line in told)


def test_thousands_of_mistakes_are_told_in_seconds():
    lines = [f"  a{n}: '{{b{n}}}'" for n in range(2000)]
    start = time.process_time()

    told = problems({"dev.yaml": "\n".join(["parameters:", *lines])})

    assert time.process_time() - start < 5
    assert len(told) > 100


# -- the whole folder ----------------------------------------------------------------------------------------


def test_a_sound_folder_has_no_findings():
    files = {**FILES, "staging.yaml": ""}

    assert findings(files, files, KNOWN) == ()
    assert findings({}, [], KNOWN) == ()


def test_every_file_of_the_folder_is_judged():
    files = {
        "base.yaml": "parameters: {alpah: 1}\n",
        "dev.yaml": "kernel: [\n",
        "prod.yaml": "parameters: {months: 3}\n",
        "prod.policy.yaml": "promotes_from: [prod, stagng]\ngates: [{check: outputs-mtach}]\n",
        "prd.policy.yaml": "soka: 1h\n",
        "staging.yml": "",
        "a b.yaml": "",
    }

    found = findings(files, files, KNOWN, checks=("outputs-match",))

    assert [f"{finding.place}: {finding.message}" for finding in found] == [
        "params: environments promote from each other: prod -> prod",
        "params/a b.yaml: 'a b' cannot be an environment's name",
        "params/base.yaml:1:14: no notebook declares parameter 'alpah'; did you mean 'alpha'?",
        "params/dev.yaml:2:1: not YAML: expected the node content, but found '<stream end>'",
        "params/prd.policy.yaml: there is no environment 'prd'; did you mean 'prod'?",
        "params/prd.policy.yaml:1:1: unknown key 'soka' in a policy file; did you mean 'soak'?",
        "params/prod.policy.yaml:1:23: prod promotes from 'stagng', which is no environment",
        "params/prod.policy.yaml:2:10: there is no check 'outputs-mtach'; did you mean 'outputs-match'?",
        "params/prod.yaml:1:14: parameter 'months' of train_delay wants list[int], got 3",
        "params/staging.yml: is not read; did you mean staging.yaml?",
    ]


def test_a_notebook_whose_schema_cannot_be_read_may_declare_anything():
    text = "parameters: {unheard_of: 1}\nnotebooks: {score_flights: {parameters: {other: 1}}}\n"
    files = {"dev.yaml": text}
    known = {"train_delay": TRAIN, "score_flights": None}

    assert load(files, notebooks=known).parameters["label"] == "x"
    assert findings(files, files, known) == ()
    assert len(findings(files, files, KNOWN)) == 2


# -- the cell's own defaults ---------------------------------------------------------------------------------


def cell(source):
    """The schema of a parameters cell, with defaults held against their annotations."""
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})])
    return notebook.schema(node, "n.ipynb", fits=params.fits)


@pytest.mark.parametrize(
    "line",
    [
        "x = 1",
        "x: int = 1",
        "x: float = 1",
        "x: list[int] = []",
        "x: dict[str, float] = {'a': 1}",
        "x: Literal['a', 'b'] = 'b'",
        "x: int | None = None",
        "x: 'date' = '2026-01-31'",
        "x: datetime = '2026-01-31T12:00:00Z'",
        "x: Any = None",
        "from typing import Literal\nimport datetime\nx: Literal[1] = 1",
        "x: pd.Timestamp = 'any text'",
        "x = -0.0",
    ],
)
def test_a_default_that_fits_its_annotation_is_taken(line):
    assert cell(line).names == ("x",)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("x: int = 1.0", "the default of 'x', 1.0, is no int"),
        ("x: int = True", "the default of 'x', True, is no int"),
        ("x: bool = 0", "the default of 'x', 0, is no bool"),
        ("x: str = None", "the default of 'x', None, is no str"),
        ("x: list[int] = ['a']", "the default of 'x', ['a'], is no list[int]"),
        ("x: Literal['a', 'b'] = 'c'", "the default of 'x', 'c', is no Literal['a', 'b']"),
        ("x: date = '2026-02-30'", "the default of 'x', '2026-02-30', is no date"),
        ("x = 1e400", "the default of 'x' is not a plain literal"),
        ("x = '\\ud800'", "the default of 'x' is not a plain literal"),
        ("x = {'\\ud800': 1}", "the default of 'x' is not a plain literal"),
        (f"x = 0x{'f' * 5000}", "the default of 'x' is not a plain literal"),
        ("x = (1, 2)", "the default of 'x' is not a plain literal"),
    ],
)
def test_a_default_that_does_not_fit_is_refused_with_its_line(line, told):
    with pytest.raises(BadInput) as caught:
        cell(f"a = 1\n{line}")

    assert caught.value.message.endswith(f" line 2: {told}")


def test_a_default_is_judged_before_anything_runs(ground):
    ground.edit("notebooks/count.py", "top: int = 3", "top: int = 'three'")
    (ground.root / "notebooks/count.ipynb").unlink()

    checked, ran = ground.nbpromote("check"), ground.nbpromote("run", "count")

    assert (checked.returncode, ran.returncode) == (1, 2)
    for told in (checked.stdout, ran.stderr):
        assert "the default of 'top', 'three', is no int" in told
    assert "notebooks/count.py:14: NBP207 " in checked.stdout


def test_a_word_that_is_not_among_those_allowed_names_the_nearest():
    with pytest.raises(BadInput, match="got 'sumer'; did you mean 'summer'"):
        value("Literal['summer', 'winter']", "sumer")


# -- given by hand -------------------------------------------------------------------------------------------


def test_p_stands_over_y_over_f_and_the_later_over_the_earlier(ground):
    one = ground.write("one.yaml", "top: 10\nlimit: 2\nresult: ../data/one.csv\n")
    two = ground.write("two.yaml", "# again\ntop: 11\n")

    shown = ground.json(
        "params", "show", "count", "-f", str(one), "-f", str(two), "-y", "{limit: 3}", "-p", "limit", "4"
    )

    found = {row["name"]: (row["value"], row["from"]) for row in shown["parameters"]}
    assert found["top"] == (11, f"{two}:2")
    assert found["limit"] == (4.0, "-p")
    assert found["result"] == (str(ground.root.parent / "data/one.csv"), f"{one}:3")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tpo: 3", "values.yaml:1:1: unknown parameter 'tpo'; did you mean 'top'?"),
        ("limit: 1\ntop: '3'", "values.yaml:2:1: parameter 'top' of count wants int, got '3'"),
        ("top: 3\ntop: 4", "values.yaml:2:1: key 'top' is given twice; first on line 1"),
        ("top: .nan", "values.yaml:1:6: .nan is not a finite number"),
        ("[1, 2]", "values.yaml:1:1: parameters wants keys with values, got [1, 2]"),
        ("\udce9: 1", "values.yaml: not UTF-8"),
        (None, "values.yaml: cannot be read: No such file or directory"),
    ],
)
def test_a_file_of_values_is_refused_with_its_place(ground, text, told):
    if text is not None:
        (ground.root / "values.yaml").write_bytes(text.encode(errors="surrogateescape"))

    done = ground.nbpromote("params", "show", "count", "-f", str(ground.root / "values.yaml"))

    assert done.returncode == 2
    assert told in done.stderr


# -- variables of whoever runs -------------------------------------------------------------------------------


def test_a_variable_is_filled_in_and_its_name_is_told():
    text = """\
tracking_uri: https://${HOST}/mlflow
parameters:
  data_dir: ${DATA}/dev
  label: $5 of ${DATA}, not ${{DATA}} or $DATA
notebooks:
  train_delay:
    inputs: {flights: "{data_dir}/flights.parquet"}
"""

    found = load({"dev.yaml": text}, variables={"DATA": "/mnt/é {x}", "HOST": "mlflow.example.org"})

    assert found.tracking_uri == "https://mlflow.example.org/mlflow"
    assert found.parameters["label"] == "$5 of /mnt/é {x}, not ${DATA} or $DATA"
    assert found.inputs["flights"] == "/mnt/é {x}/dev/flights.parquet"
    assert found.origins["label"] == "params/dev.yaml:4 (${DATA})"
    assert found.origins["flights"] == "params/dev.yaml:7 (${DATA})"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("label: '${DAAT}'", "asks for ${DAAT}, and no environment variable of that name is set"),
        ("label: '${WAREHOUSE_PASSWORD}'",
         "asks for ${WAREHOUSE_PASSWORD}, which is named like a secret; use secrets: {...}"),
        ("label: '${api_key}'", "asks for ${api_key}, which is named like a secret; use secrets: {...}"),
        ("label: '${DATA:-x}'",
         "holds '${' that names no environment variable; write '${{' for a plain '${'"),
        ("label: '${'", "holds '${' that names no environment variable; write '${{' for a plain '${'"),
        ("label: '${BYTES}'", "asks for ${BYTES}, which is not UTF-8"),
    ],
)  # fmt: skip
def test_a_variable_that_cannot_be_filled_in_is_told_with_its_place(text, told):
    variables = {"DATA": "/mnt", "BYTES": "\udce9", "WAREHOUSE_PASSWORD": "x", "api_key": "x"}

    assert problems({"dev.yaml": f"parameters:\n  {text}"}, variables=variables) == [
        f"params/dev.yaml:2:3: parameter 'label' {told}"
    ]


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("${MLFLOW}", "asks for ${MLFLOW}, and no environment variable of that name is set"),
        ("${MLFLOW_TOKEN}", "asks for ${MLFLOW_TOKEN}, which is named like a secret; use secrets: {...}"),
        ("${DATA}", "wants sqlite:///path.db or http(s)://server, got '/mnt'"),
    ],
)
def test_an_address_is_judged_when_it_is_filled_in(uri, told):
    assert problems({"dev.yaml": f"tracking_uri: {uri}"}, variables={"DATA": "/mnt"}) == [
        f"params/dev.yaml:1:1: tracking_uri {told}"
    ]


def test_check_does_not_want_the_variables_of_another_machine():
    files = {"dev.yaml": "tracking_uri: ${MLFLOW}\nparameters: {label: '${DATA}', data_dir: '${SECRET}'}"}

    (found,) = findings(files, files, {"train_delay": TRAIN, "score_flights": None})

    assert "named like a secret" in found.message


# -- what an environment has for itself ----------------------------------------------------------------------

PROTECTED = {"prod": ("data/prod/**", "s3://prod-*/**", "*.prod.example.org"), "dev": ("data/dev/**",)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tracking_uri: https://mlflow.prod.example.org/x", "1:1: tracking_uri names 'mlflow.prod.example.org', which"),
        ("parameters: {label: data/prod}", "1:14: parameter 'label' of train_delay names 'data/prod', which"),
        ("parameters: {label: ../data/prod/x}", "1:14: parameter 'label' of train_delay names 'data/prod/x', which"),
        ("parameters: {label: 'of data/prod/x, all'}", "names 'data/prod/x', which"),
        ("parameters: {label: 's3://prod-eu/a b'}", "names 's3://prod-eu/a b', which"),
        ("parameters: {label: '{d}/x', d: /project/data/prod}", "names 'data/prod/x', which"),
        (NOTEBOOK + "inputs: {flights: data/dev/../prod/x}",
         "3:14: input 'flights' of train_delay names 'data/prod/x', which"),
        (NOTEBOOK + "outputs: {flights: data/prod/x/y}",
         "3:15: output 'flights' of train_delay names 'data/prod/x/y', which"),
    ],
)  # fmt: skip
def test_nothing_names_what_another_environment_protects(text, told):
    (refused,) = problems({"dev.yaml": text}, protected=PROTECTED)

    assert told in refused
    assert "which prod protects: " in refused
    files = {"dev.yaml": text, "prod.yaml": "", "prod.policy.yaml": f"protects: {json.dumps(PROTECTED['prod'])}"}
    (found,) = findings(files, files, KNOWN, root=ROOT)
    assert told in f"{found.place}: {found.message}"


@pytest.mark.parametrize(
    "text",
    ["parameters: {label: data/dev}", "parameters: {label: data/production}", "parameters: {label: prod}",
     "parameters: {label: s3://preprod-eu/x}", "tracking_uri: https://mlflow.example.org/prod"],
)  # fmt: skip
def test_an_environment_may_name_its_own_and_what_nobody_protects(text):
    assert load({"dev.yaml": text}, protected=PROTECTED)


def test_what_is_given_by_hand_and_the_cell_s_own_default_are_held_to_it_too():
    with pytest.raises(BadInput, match="parameter 'label' of train_delay names 'data/prod/x'") as caught:
        load({"dev.yaml": ""}, protected=PROTECTED, overrides={"label": "data/prod/x"})
    assert caught.value.where == "-p"
    with pytest.raises(BadInput, match=r"parameter 'flights' of train_delay names 'data/flights.parquet'") as caught:
        load({"dev.yaml": ""}, protected={"prod": ("data/*.parquet",), "staging": ()})
    assert "parameters cell" in str(caught.value)


# -- params in a repository of their own ---------------------------------------------------------------------


@pytest.fixture
def config(ground):
    """The ground's params as a repository beside the project; the project's own history has none."""
    config = ground.root.parent / "config"
    shutil.move(ground.root / "params", config)
    ground.write("pyproject.toml", '[tool.nbpromote]\nproject = "small"\nparams = "../config"\n')
    ground.commit("params are elsewhere")
    return repository(config)


def repository(folder):
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "Conny Figure")
    git(folder, "config", "user.email", "conny@example.org")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "values")
    return folder


def edit(file, old, new):
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_above_the_entry_values_come_from_the_commit_of_their_own_repository(ground, config):
    from mlflow import MlflowClient

    head = git(config, "rev-parse", "HEAD")
    for name, old in (("dev", 3), ("staging", 4)):
        edit(config / f"{name}.yaml", f"top: {old}", "top: 9")

    here, above = ground.json("run", "count"), ground.json("run", "count", "--env", "staging")

    assert (here["parameters"]["top"], here["params_commit"], here["params_dirty"]) == (9, head, True)
    assert (above["parameters"]["top"], above["params_commit"], above["params_dirty"]) == (4, head, False)
    assert here["commit"] != head
    record = json.loads(next(ground.root.glob(f".nbpromote/runs/{above['run']}/run.json")).read_text())
    assert record["params_commit"] == head
    tags = MlflowClient(here["tracking_uri"]).get_run(here["mlflow_run"]).data.tags
    assert (tags["nbpromote.params_commit"], tags["nbpromote.params_dirty"]) == (head, "true")
    evidence = accepting.find_evidence(ground.project, here["run"])
    assert report.evidence(evidence).count(f"params of commit {head[:12]}, with edits") == 1


def test_what_no_commit_of_that_repository_holds_is_refused_above_the_entry(ground, config):
    (config / "qa.yaml").write_text("")
    (config / "qa.policy.yaml").write_text("promotes_from: [dev]\n")

    done = ground.nbpromote("params", "show", "count", "--env", "qa")

    assert done.returncode == 2
    assert "config/qa.yaml is not committed" in done.stderr
    assert "git add and commit it" in done.stderr


def test_bytes_that_are_no_text_are_told_with_their_place_in_a_commit_too(ground):
    (ground.root / "params/staging.yaml").write_bytes(b"kernel: python3\nparameters: {a: '\xff'}\n")
    ground.commit()

    done = ground.nbpromote("params", "show", "count", "--env", "staging")

    assert done.returncode == 2
    assert "params/staging.yaml:2: not UTF-8" in done.stderr


def test_params_in_no_repository_serve_the_entry_alone(ground, config):
    shutil.rmtree(config / ".git")

    here, above = (ground.nbpromote("params", "show", "count", "--env", env) for env in ("dev", "staging"))

    assert here.returncode == 0
    assert above.returncode == 2
    assert f"{config} is in no git repository: git init there, and commit" in above.stderr


def test_ignored_params_serve_the_entry_alone(ground):
    ground.git("rm", "--quiet", "--cached", "-r", "params")
    ground.write(".gitignore", ".nbpromote/\ndata/\nparams/\n")
    ground.commit("params are nobody's")

    here, above = (ground.nbpromote("params", "show", "count", "--env", env) for env in ("dev", "staging"))

    assert (here.returncode, above.returncode) == (0, 2)
    assert "git ignores this file" in above.stderr


def test_params_may_be_a_submodule(ground, config):
    ground.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(config), "params")
    ground.write("pyproject.toml", '[tool.nbpromote]\nproject = "small"\n')
    ground.commit("params are a submodule")
    edit(ground.root / "params/staging.yaml", "top: 4", "top: 9")

    shown = ground.json("params", "show", "count", "--env", "staging")

    assert {row["name"]: row["value"] for row in shown["parameters"]}["top"] == 4
    assert shown["params_commit"] == git(config, "rev-parse", "HEAD")


# -- the verbs -----------------------------------------------------------------------------------------------


def test_what_differs_between_two_environments_is_shown_with_its_places(ground):
    done = ground.nbpromote("params", "diff", "dev", "staging", "count")
    found = {(one["what"], one["name"]): one for one in ground.json("params", "diff", "dev", "staging")["differences"]}

    assert done.returncode == 1
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["count", "parameter", "top", "3", "4", "params/dev.yaml:3", "params/staging.yaml:3"] in rows
    assert found["output", "result"]["values"][1] == str(ground.root / "data/staging/result.csv")
    assert found["policy", "promotes_from"]["values"] == [[], ["dev"]]
    assert found["gate", "rows"] == {
        "notebook": "count",
        "what": "gate",
        "name": "rows",
        "values": [None, {"min": 2, "mode": "enforce"}],
        "from": [None, None],
    }
    assert not {name for what, name in found if what == "setting"} - {"tracking_uri"}
    assert ("parameter", "limit") not in found


def test_two_environments_that_do_not_differ_are_said_so_with_exit_code_0(ground):
    done = ground.nbpromote("params", "diff", "dev", "dev")

    assert (done.returncode, done.stdout) == (0, "dev and dev do not differ\n")
    assert ground.nbpromote("params", "diff", "dev", "stagin").returncode == 2


HERE = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def schemas():
    """Of this repository's own example project."""
    made = [json.loads(command("-C", str(HERE), "params", "schema", *option).stdout) for option in ([], ["--policy"])]
    for schema in made:
        Draft202012Validator.check_schema(schema)
    return [Draft202012Validator(schema) for schema in made]


def test_the_schemas_take_the_example_s_own_files(schemas):
    files = sorted((HERE / "params").glob("*.yaml"))

    for file in files:
        schema = schemas[file.name.endswith(".policy.yaml")]
        assert list(schema.iter_errors(yaml.parse(file.read_text(), file.name).root.value)) == []
    assert len(files) == 6


@pytest.mark.parametrize(
    "text",
    [
        "",
        "parameters:",
        "parameters: {months: [2], data_dir: x}",
        "notebooks: {train_delay: {inputs: {flights: '{data_dir}/x'}, limits: {cell: 1h}, kernel: python3}}",
        "limits: {start: 90, cell: 1.5h, cell_output: 1.5 MB, notebook_output: 1GB}",
        "secrets: {a: 'env:A'}",
    ],
)
def test_the_schema_takes_what_is_right(schemas, text):
    assert schemas[0].is_valid(yaml.parse(text, "x.yaml").root.value)


@pytest.mark.parametrize(
    ("which", "text"),
    [
        (0, "paramters: {}"),
        (0, "promotes_from: [dev]"),
        (0, "parameters: {months: january}"),
        (0, "parameters: {sample_rate: '1'}"),
        (0, "parameters: {sample_rate: true}"),
        (0, "notebooks: {train_dely: {}}"),
        (0, "notebooks: {train_delay: {parameters: {month: 1}}}"),
        (0, "notebooks: {train_delay: {inputs: {months: x}}}"),
        (0, "limits: {cell: soon}"),
        (0, "limits: {cell_output: 10}"),
        (0, "pass_env: HOME"),
        (1, "gates: [{metric: mae, maximum: 3}]"),
        (1, "gates: [{max: 3}]"),
        (1, "gates: [{check: outputs-mtach}]"),
        (1, "gates: [{budget: time, max: 10}, {budget: memory, max: lots}]"),
        (1, "gates: [{metric: mae, max: 10m}]"),
        (1, "gates: [{metric: mae, max: 3, by: carrier}]"),
        (1, "gates: [{metric: mae, versus: live, confidence: 0.95}]"),
        (1, "gates: [{check: outputs-match, budget: time}]"),
        (1, "notebooks: {train_delay: {strategy: retrian}}"),
        (1, "promotes_from: dev"),
        (1, "parameters: {}"),
    ],
)
def test_the_schema_refuses_what_the_files_are_refused_for(schemas, which, text):
    assert not schemas[which].is_valid(yaml.parse(text, "x.yaml").root.value)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("date", ["2026-01-31"], [20260131]),
        ("datetime", ["2026-01-31T12:00"], ["noon"]),
        ("Literal['a', 'b']", ["a"], ["c", 1]),
        ("int | None", [1, None], ["1"]),
        ("dict[str, list[float]]", [{"a": [1, 2.5]}], [{"a": 1}]),
        ("Any", [1, "x", None], []),
    ],
)
def test_a_type_as_json_schema(kind, good, bad):
    schema = Schema(parameters=(Parameter(name="p", type=kind, default=good[0], help="what it is"),))
    alone = Draft202012Validator(params.schemas.parameters("n", schema))
    file = Draft202012Validator(params.schemas.params_file({"n": schema}))

    for value, right in [*((value, True) for value in good), *((value, False) for value in bad)]:
        assert alone.is_valid({"p": value}) is right
        assert file.is_valid({"parameters": {"p": value}}) is right
    assert alone.schema["properties"]["p"]["description"] == "what it is"


def test_a_text_that_is_yet_to_be_filled_in_is_taken_in_a_file_alone():
    schema = Schema(parameters=(Parameter(name="day", type="list[date]", default=[]),))

    assert Draft202012Validator(params.schemas.params_file({"n": schema})).is_valid({"parameters": {"day": ["${DAY}"]}})


# -- properties ----------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_braces_written_twice_are_text(text):
    filler = interpolation.Filler(lambda name: "never", {})

    assert filler.fill(text.replace("{", "{{").replace("}", "}}")) == text


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["{a}", "${V}", "${X}", "{{", "}}", "{", "}", "$", "a", "{b", "${", "${A_KEY}", "é"])))
def test_a_text_is_filled_in_once_or_refused(pieces):
    def lookup(name):
        if name == "a":
            return "{b}${V}"
        raise interpolation.Fault

    filler = interpolation.Filler(lookup, {"V": "{a}", "A_KEY": "never"})
    try:
        filled = filler.fill("".join(pieces))
    except interpolation.Fault:
        return

    assert "never" not in filled  # and what was filled in is not read again
    assert filled.count("é") == pieces.count("é")


LAYER = st.dictionaries(st.sampled_from(["months", "alpha", "label"]), st.integers(0, 9), max_size=3)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[LAYER] * 6))
def test_the_last_layer_that_gives_a_value_wins(layers):
    spelled = {"months": lambda n: [n], "alpha": float, "label": str}
    base, own, base_part, own_part, file, hand = ({k: spelled[k](v) for k, v in layer.items()} for layer in layers)
    files = {
        f"{name}.yaml": json.dumps({"parameters": shared, "notebooks": {"train_delay": {"parameters": part}}})
        for name, shared, part in (("base", base, base_part), ("dev", own, own_part))
    }
    by_hand = {name: value if isinstance(value, str) else json.dumps(value) for name, value in hand.items()}

    found = load(files, overrides={**params.from_yaml(json.dumps(file), "f"), **by_hand})

    defaults = {parameter.name: parameter.default for parameter in TRAIN.parameters}
    assert found.parameters == {**defaults, **base, **own, **base_part, **own_part, **file, **hand}
    for name in hand:
        assert found.origins[name] == "-p"
