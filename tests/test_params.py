"""params/*.yaml: what an environment gives a notebook and demands of it."""

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbpromote import params
from nbpromote.errors import BadInput, NotBuilt, NotFound, Usage
from nbpromote.model import Gate, Limits, Mode, Parameter, Policy, Schema, canonical
from nbpromote.params import yaml

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
    options = {"root": ROOT, "known": KNOWN, **options}
    return params.load(files.get, env, notebook, KNOWN[notebook], **options)


def problems(files, kind=BadInput, **options):
    """What `load` refuses with, line by line."""
    with pytest.raises(kind) as caught:
        load(files, **options)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def value(schema_type, text):
    """A `-p` of one parameter."""
    schema = Schema(parameters=(Parameter(name="p", type=schema_type),))
    found = params.load({"dev.yaml": ""}.get, "dev", "n", schema, root=ROOT, overrides={"p": text})
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
    ("text", "line", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' is given twice; first on line 1"),
        ("{a: 1, 'a': 2}", 1, "key 'a' is given twice"),
        ("a: &x 1\n", 1, "an anchor, &x"),
        ("a: 1\nb: *x\n", 2, "an alias, *x"),
        ("a:\n  <<: {b: 1}\n", 2, "a merge key"),
        ("a: !!str 1\n", 1, "a tag, tag:yaml.org,2002:str"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "a tag"),
        ("a: ! x\n", 1, "a tag"),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", 2, "a directive"),
        ("%YAML 1.1\n---\na: no\n", 2, "a directive"),
        ("a: .nan\n", 1, ".nan is not a finite number"),
        ("a: -.inf\n", 1, "-.inf is not a finite number"),
        ("a: 12e4567\n", 1, "12e4567 is too large for a number"),
        (f"a: {'9' * 5000}\n", 1, "a number of more than 1,000 characters"),
        ("1: a\n", 1, "key 1 is not text"),
        ("true: a\n", 1, "key True is not text"),
        ("? [a]\n: 1\n", 1, "key a list is not text"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ('a: "\\ud800"\n', 1, "text holds half of a surrogate pair"),
        ("a: 1\nb: c: d\n", 2, "not YAML: mapping values are not allowed here"),
        ("a:\n\tb: 1\n", 2, "not YAML: a tab; YAML wants spaces"),
        ("a: [1, 2\n", 2, "not YAML: "),
        ("a: 1\nb: \x00\n", 2, "not YAML: unacceptable character"),
        ("a: 1\nb: \"\\U99999999\"\n", 2, "not YAML: cannot be parsed"),
        ("[" * 65 + "]" * 65, 1, "nested more than 64 levels deep"),
        ("[" * 100_000, 1, "nested more than 64 levels deep"),
        ("a: " + "x" * yaml.BYTES, None, "is larger than 1,048,576 bytes"),
        ("a: " + "é" * (yaml.BYTES // 2), None, "is larger than 1,048,576 bytes"),
        (f"[{'1,' * 20_000}]", 1, "more than 20,000 values"),
    ],
)  # fmt: skip
def test_what_json_cannot_say_is_refused_with_its_line(text, line, told):
    finding = yaml.parse(text, "x.yaml").findings[0]

    assert (finding.path, finding.line) == ("x.yaml", line)
    assert finding.message.startswith(told)


def test_64_levels_are_taken():
    assert yaml.parse("[" * 64 + "]" * 64, "x.yaml").findings == ()


def test_an_alias_bomb_costs_nothing():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    start = time.process_time()

    told = problems({"dev.yaml": "\n".join(lines)})

    assert time.process_time() - start < 2
    assert any("params/dev.yaml:1: an anchor, &a0" in line for line in told)


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
    for finding in params.findings(files.get, files, KNOWN):
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
            load(files, env=name, known_environments=("dev", "prod"))
        assert caught.value.hint == "known: dev, prod"
    with pytest.raises(NotFound, match="no environment 'prd' in params/; did you mean 'prod'"):
        load(files, env="prd", known_environments=("dev", "prod"))


def test_an_environment_that_is_not_in_the_commit_is_not_an_empty_one():
    with pytest.raises(NotFound, match=r"no params/prod.yaml where environments are read from") as caught:
        load({}, env="prod", known_environments=("prod",))

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
    limits: {cell: 1h, start: 90}
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
    assert found.tracking_uri == "sqlite:////project/.nbpromote/mlflow/dev.db"
    assert (found.kernel, found.limits, found.pass_env) == (None, Limits(), ())
    assert found.policy == Policy()
    assert (found.revision, found.commit) == ({}, None)


def test_the_later_layer_wins_and_says_where_it_stands():
    found = load(FILES, env="prod", overrides={"alpha": "2"}, revision={"params/prod.yaml": "ab"}, commit="cd")

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
    assert found.limits == Limits(start=90, cell=3600)
    assert found.pass_env == ("HOME_DATA", "WAREHOUSE")
    assert (found.revision, found.commit) == ({"params/prod.yaml": "ab"}, "cd")


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

    assert load(files, known_environments=("dev", "prod")).parameters["label"] == "x"
    assert load(files, env="prod").parameters["label"] == "x-b"
    assert params.findings(files.get, files, KNOWN) == ()


def test_the_working_tree_is_read_as_it_is(tmp_path):
    (tmp_path / "dev.yaml").write_text("parameters: {label: tree}")
    read = params.folder_reader(tmp_path)

    assert params.load(read, "dev", "train_delay", TRAIN, root=ROOT).parameters["label"] == "tree"
    (tmp_path / "dev.yaml").write_bytes(b"a: 1\nlabel: \xff")
    with pytest.raises(BadInput, match="not UTF-8") as caught:
        params.load(read, "dev", "train_delay", TRAIN, root=ROOT)
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
        ("str", "caf\udce9"),
    ],
)
def test_a_value_of_another_type_is_refused(annotation, text):
    with pytest.raises(BadInput, match="parameter 'p' of n wants ") as caught:
        value(annotation, text)

    assert caught.value.where == "-p"


# -- one table of refusals -----------------------------------------------------------------------------------

NOTEBOOK = "notebooks:\n  train_delay:\n    "


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("paramters: {}", 1, "unknown key 'paramters' in a params file; did you mean 'parameters'?"),
        ("gates: []", 1, "unknown key 'gates' in a params file; it belongs in <environment>.policy.yaml"),
        ("- a", 1, 'a params file wants keys with values, got ["a"]'),
        ("parameters: 3", 1, "parameters wants keys with values, got 3"),
        ("parameters: {alhpa: 1}", 1, "no notebook declares parameter 'alhpa'; did you mean 'alpha'?"),
        ("parameters:\n  'x; import os': 1", 2,
         "'x; import os' cannot be a parameter: a name is a Python identifier"),
        ("parameters: {class: 1}", 1, "'class' cannot be a parameter: a name is a Python identifier"),
        ("notebooks: {train_dely: {}}", 1, "there is no notebook 'train_dely'; did you mean 'train_delay'?"),
        (NOTEBOOK + "output: {}", 3,
         "unknown key 'output' in notebooks.train_delay; did you mean 'outputs'?"),
        (NOTEBOOK + "parameters: {month: [1]}", 3,
         "parameter 'month' is not declared by train_delay; did you mean 'months'?"),
        (NOTEBOOK + "inputs: {flight: x}", 3,
         "input 'flight' is not declared by train_delay; did you mean 'flights'?"),
        ("notebooks:\n  score_flights:\n    parameters: {moth: 1}", 3,
         "parameter 'moth' is not declared by score_flights; did you mean 'month'?"),
        (NOTEBOOK + "parameters:\n      months: january", 4,
         "parameter 'months' of train_delay wants list[int], got 'january'"),
        ("parameters: {label: no, alpha: yes}", 1, "parameter 'alpha' of train_delay wants float, got 'yes'"),
        ("parameters: {label: 7}", 1, "parameter 'label' of train_delay wants str, got 7"),
        ("parameters: {label: null}", 1, "parameter 'label' of train_delay wants str, got nothing"),
        (NOTEBOOK + "inputs: {months: x}", 3, "parameter 'months' of train_delay wants list[int], got 'x'"),
        (NOTEBOOK + "inputs: {months: [1]}", 3,
         "input 'months' of train_delay is declared as list[int]; a path is str"),
        (NOTEBOOK + "inputs: {flights: ''}", 3, "input 'flights' of train_delay wants a path, got ''"),
        (NOTEBOOK + "inputs: {flights: ~/x}", 3,
         "input 'flights' of train_delay starts with '~', which differs from user to user: '~/x'"),
        (NOTEBOOK + "outputs: {flights: ..}", 3,
         "output 'flights' of train_delay would replace the project itself: '..'"),
        (NOTEBOOK + "outputs: {flights: a/x, residuals: a/b/../x}", 3,
         "outputs 'flights' and 'residuals' of train_delay go to the same place"),
        (NOTEBOOK + "outputs: {flights: a, residuals: a/x}", 3,
         "outputs 'flights' and 'residuals' of train_delay go to places inside each other"),
        (NOTEBOOK + "{parameters: {flights: a}, inputs: {flights: b}}", 3,
         "'flights' of train_delay is given under parameters and under inputs"),
        ("parameters: {label: '{lable}'}", 1,
         "parameter 'label' asks for {lable}, which nothing gives in dev; did you mean 'label'?"),
        ("parameters: {label: '{label}'}", 1, "parameter 'label' goes in a circle: label -> label"),
        ("parameters: {label: '{months}', months: [1]}", 1,
         "parameter 'label' cannot put {months} into text: it is neither text nor a number"),
        ("parameters: {label: 'a{b'}", 1,
         "parameter 'label' holds a brace that names no parameter; write '{{' for a plain '{'"),
        ("parameters: {label: '{label.__class__}'}", 1,
         "parameter 'label' holds a brace that names no parameter; write '{{' for a plain '{'"),
        (NOTEBOOK + "inputs: {flights: x}\n    parameters: {label: '{flights}'}", 4,
         "parameter 'label' asks for {flights}, which is an input"),
        ("limits: {cell: soon}", 1, "limits.cell wants a duration such as 90s, 10m, 1h or 1d, got 'soon'"),
        ("limits: {cell: 0}", 1, "limits.cell wants a duration such as 90s, 10m, 1h or 1d, got 0"),
        ("limits: {cell: true}", 1, "limits.cell wants a duration such as 90s, 10m, 1h or 1d, got true"),
        ("limits: {cells: 1}", 1, "unknown key 'cells' in limits; did you mean 'cell'?"),
        ("kernel: ../x", 1, "kernel wants a name of letters, digits, '.', '_' and '-', got '../x'"),
        ("pass_env: HOME", 1, "pass_env wants a list, got 'HOME'"),
        ("pass_env: [A=B]", 1, "pass_env wants names of environment variables, got 'A=B'"),
        ("tracking_uri: ./mlruns", 1,
         "tracking_uri wants sqlite:///path.db or http(s)://server, got './mlruns'"),
        ("tracking_uri: sqlite://", 1, "tracking_uri names no file, so nothing would be kept: 'sqlite://'"),
        ("tracking_uri: http://me:word@host", 1,
         "tracking_uri holds a password;"
         " MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD keep it out of files"),
    ],
)  # fmt: skip
def test_a_params_file_is_refused_with_file_line_and_nearest_name(text, line, told):
    assert problems({"dev.yaml": text}) == [f"params/dev.yaml:{line}: {told}"]
    found = params.findings({"dev.yaml": text}.get, ["dev.yaml"], KNOWN)
    assert [(finding.place, finding.message) for finding in found] == [(f"params/dev.yaml:{line}", told)]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("promotes_form: [dev]", 1,
         "unknown key 'promotes_form' in a policy file; did you mean 'promotes_from'?"),
        ("parameters: {}", 1, "unknown key 'parameters' in a policy file; it belongs in <environment>.yaml"),
        ("promotes_from: dev", 1, "promotes_from wants a list, got 'dev'"),
        ("promotes_from: [1]", 1, "promotes_from wants a line of text, got 1"),
        (NOTEBOOK + "strategy: retrian", 3,
         "strategy is one of retrain, copy, got 'retrian'; did you mean 'retrain'?"),
        ("gates: {metric: mae}", 1, 'gates wants a list, got {"metric": "mae"}'),
        ("gates:\n  - mae", 2, "a gate wants keys with values, got 'mae'"),
        ("gates: [{metric: mae, maximum: 3}]", 1, "unknown key 'maximum' in a gate; did you mean 'max'?"),
        ("gates: [{metric: mae, max: x}]", 1, "max wants a number, got 'x'"),
        ("gates: [{metric: mae, max: true}]", 1, "max wants a number, got true"),
        ("gates: [{max: 3}]", 1, "a gate names one metric or one check"),
        ("gates: [{metric: a, check: b}]", 1, "a gate names one metric or one check"),
        ("gates: [{metric: mae}]", 1, "a gate on a metric wants max, min or versus: live"),
        ("gates: [{metric: mae, max: 1, min: 2}]", 1, "min is above max"),
        ("gates: [{metric: mae, max: 1, versus: live}]", 1,
         "max is absolute; a gate versus live takes"
         " max_increase, max_decrease, max_relative_increase, max_relative_decrease"),
        ("gates: [{metric: mae, versus: live}]", 1,
         "a gate versus live wants one of"
         " max_increase, max_decrease, max_relative_increase, max_relative_decrease"),
        ("gates: [{metric: mae, max_increase: 1}]", 1, "max_increase compares: add `versus: live`"),
        ("gates: [{metric: mae, versus: prod, max_increase: 1}]", 1, "versus is one of live, got 'prod'"),
        ("gates: [{check: ran, max: 1}]", 1, "a gate on a check has no max: it passes or it does not"),
        ("gates: [{check: ran, mode: wran}]", 1,
         "mode is one of enforce, warn, off, got 'wran'; did you mean 'warn'?"),
        ("notebooks: {train_dely: {}}", 1, "there is no notebook 'train_dely'; did you mean 'train_delay'?"),
    ],
)  # fmt: skip
def test_a_policy_file_is_refused_with_file_line_and_nearest_name(text, line, told):
    files = {"dev.yaml": "", "prod.yaml": "", "prod.policy.yaml": text}

    assert problems(files, env="prod") == [f"params/prod.policy.yaml:{line}: {told}"]
    found = params.findings(files.get, files, KNOWN)
    assert [(finding.place, finding.message) for finding in found] == [(f"params/prod.policy.yaml:{line}", told)]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        *(
            ("dev.policy.yaml", f"{key}: 1", 1)
            for key in (
                "approvals",
                "soak",
                "expires",
                "review_by",
                "windows",
                "appliers",
                "apply",
            )
        ),
        *(
            ("dev.policy.yaml", NOTEBOOK + f"{key}: 1", 3)
            for key in ("auto", "policy_ref", "isolation", "override", "expires")
        ),
    ],
)
def test_a_key_that_is_not_built_yet_is_refused_never_ignored(name, text, line):
    files = {"dev.yaml": "", name: text}

    (told,) = problems(files, NotBuilt)

    assert told.startswith(f"params/{name}:{line}: key ")
    assert told.endswith("is not built yet")
    assert len(params.findings(files.get, files, KNOWN)) == 1


def test_an_output_in_an_object_store_is_not_built_yet():
    assert problems({"dev.yaml": NOTEBOOK + "outputs: {flights: 's3://b/x'}"}, NotBuilt) == [
        "params/dev.yaml:3: output 'flights' of train_delay goes to 's3://b/x': object stores are not built yet"
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
        "  params/base.yaml:1: key 'a' is given twice; first on line 1",
        "  params/base.yaml:1: no notebook declares parameter 'a'",
        "  params/dev.policy.yaml:2: a gate names one metric or one check",
        "  params/dev.yaml:1: secret 'a' wants a reference, never a value: env:NAME or file:/path",
        "  params/dev.yaml:2: unknown key 'kernle' in a params file; did you mean 'kernel'?",
        "  params/dev.policy.yaml:1: key 'approvals' (consent by people) is not built yet",
    ]


def test_a_circle_of_parameters_is_named_whole():
    told = problems({"dev.yaml": "parameters: {label: '{b}', b: '{c}', c: '{label}'}"})

    assert "  params/dev.yaml:1: parameter 'label' goes in a circle: label -> b -> c -> label" in told


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

    assert params.findings(files.get, files, KNOWN) == ()
    assert params.findings({}.get, [], KNOWN) == ()


def test_every_file_of_the_folder_is_judged():
    files = {
        "base.yaml": "parameters: {alpah: 1}\n",
        "dev.yaml": "kernel: [\n",
        "prod.yaml": "parameters: {months: 3}\n",
        "prod.policy.yaml": "promotes_from: [prod, stagng]\ngates: [{check: outputs-mtach}]\n",
        "prd.policy.yaml": "soak: 1h\n",
        "staging.yml": "",
        "a b.yaml": "",
    }

    found = params.findings(files.get, files, KNOWN, checks=("outputs-match",))

    assert [f"{finding.place}: {finding.message}" for finding in found] == [
        "params: environments promote from each other: prod -> prod",
        "params/a b.yaml: 'a b' cannot be an environment's name",
        "params/base.yaml:1: no notebook declares parameter 'alpah'; did you mean 'alpha'?",
        "params/dev.yaml:2: not YAML: expected the node content, but found '<stream end>'",
        "params/prd.policy.yaml: there is no environment 'prd'; did you mean 'prod'?",
        "params/prd.policy.yaml:1: key 'soak' (time to stand verified below) is not built yet",
        "params/prod.policy.yaml:1: prod promotes from 'stagng', which is no environment",
        "params/prod.policy.yaml:2: there is no check 'outputs-mtach'; did you mean 'outputs-match'?",
        "params/prod.yaml:1: parameter 'months' of train_delay wants list[int], got 3",
        "params/staging.yml: is not read; did you mean staging.yaml?",
    ]


def test_a_notebook_whose_schema_cannot_be_read_may_declare_anything():
    text = "parameters: {unheard_of: 1}\nnotebooks: {score_flights: {parameters: {other: 1}}}\n"
    files = {"dev.yaml": text}
    known = {"train_delay": TRAIN, "score_flights": None}

    assert load(files, known=known).parameters["label"] == "x"
    assert params.findings(files.get, files, known) == ()
    assert len(params.findings(files.get, files, KNOWN)) == 2
