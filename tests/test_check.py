"""`check`: every code on real files, notebooks that give none, its formats, its configuration, and its memory."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, writes

from ground import HEADER, Ground, begun
from nbpromote import notebook, workflow
from nbpromote.model import Finding, Severity
from nbpromote.workflow.authoring.checking import codes

ROOT = Path(__file__).parents[1]
PARAMETERS = '# %% tags=["parameters"]\n'

POLICY = """\
promotes_from: [dev]
protects: ["data/prod/**", "s3://acme-prod/**"]
"""
DEV = """\
parameters: {server: "https://mlflow.dev.acme.io/api"}
notebooks:
  base:
    inputs: {table: data/dev/table.csv}
"""
PROD = """\
tracking_uri: https://mlflow.acme.io
parameters: {server: "https://db.prod.acme.io/api"}
notebooks:
  base:
    inputs: {table: data/prod/table.csv}
"""
BASE = f"""{HEADER}
{PARAMETERS}table: str = "../data/dev/table.csv"  # what to read
server: str = "https://mlflow.dev.acme.io/api"  # whom to ask

# %%
print(table, server)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """A project of one sound notebook in two environments, with a lock and a package of its own."""
    root = tmp_path_factory.mktemp("check") / "small"
    ground = begun(root, root)
    ground.write("pyproject.toml", '[tool.nbpromote]\nproject = "small"\nlock = "requirements.txt"\n')
    ground.write("requirements.txt", "pandas==2.2.0\nscikit-learn==1.5.0\nmlflow==3.17.2\nnbformat==5.10\n")
    ground.write(".gitignore", ".nbpromote/\ndata/\nnotebooks/hidden.py\n")
    ground.write("notebooks/base.py", BASE)
    ground.write("notebooks/tracked.py", "VALUE = 1\n")
    ground.write("notebooks/hidden.py", "VALUE = 2\n")
    ground.write("params/dev.yaml", DEV)
    ground.write("params/prod.yaml", PROD)
    ground.write("params/prod.policy.yaml", POLICY)
    ground.commit("start")
    ground.write("notebooks/untracked.py", "VALUE = 3\n")
    return ground


def found(place: Ground, cells: str, suffix: str = ".py") -> list[Finding]:
    """What `check` says of a notebook that consists of `cells`; nothing of it stays."""
    path = place.write(f"notebooks/case{suffix}", cells)
    try:
        return [f for f in workflow.check(place.project, ["case"]).findings if f.path.startswith("notebooks/case")]
    finally:
        path.unlink()


def codes_of(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


# -- no findings -----------------------------------------------------------------------------------------------

SOUND = {
    "nothing but text": "# %% [markdown]\n# see https://example.org/data and /home/ada/notes\n",
    "an analysis with pandas": """
# %% tags=["parameters"]
table: str = "../data/dev/table.csv"  # what to read
months: list[int] = [1, 2]
since: str = "2024-01-01"
limit: float | None = None

# %%
import json
from pathlib import Path
import pandas as pd

frame = pd.read_csv(table, sep="/", parse_dates=["date"]).query("month in @months")
frame["day"] = frame["date"].dt.strftime("%Y/%m/%d")
frame["url"] = "/" + frame["path"].str.replace("/data/", "/", regex=False)
frame = frame[frame["path"].str.startswith("/home/")]
frame = frame[frame["date"] > since].head(limit)

# %%
out = Path("..") / "build" / "report.json"
out.write_text(json.dumps({"n/a": 0, "ratio a/b": 1.0, "mime": "text/html", "when": "01/02/2024"}))
""",
    "regexes, routes and formats": r"""
# %%
import re
pattern = re.compile(r"^/(home|data)/(\w+)/https?://.*$")
unit = "km/h"; either = "and/or"; label = f"{unit}/s"
print("loss (1/s)", "/", "//", "/usr", "~", "y ~ x + z", "C:", "a:b")
answer = client.get("/api/v1/items") if (client := None) else None
ok = re.match(r"/data/[a-z]+/x", "text")
""",
    "docstrings, comments and namespaces": '''
# %%
"""See https://docs.example.org/x and /home/ada/x."""

def plot(axis):
    """Reads like https://docs.example.org/plot."""
    # https://stackoverflow.com/q/1
    return axis.set_title("delay (min) / flight")

XML = "http://www.w3.org/2000/svg"
''',
    "names of files in the project": """
# %%
import tracked
from pathlib import Path
frame = Path("../data/shared/table.csv")
other = open("lookup/airports.csv")
""",
    "parameters used in every way": r'''
# %% tags=["parameters"]
alpha = 0.1
beta = 2
gamma = "x"
delta = [1]
folder = "../data/dev"
query = "a"
epsilon = 1

# %%
def model(x):
    return x * alpha

print(f"{beta:>{len(gamma)}}")
names = [item for item in delta]
sql = """select * from t where a = :query"""

# %%
!ls {folder} || echo none; test $_exit_code
_exit_code
# %%
%timeit -n {epsilon} model(1)
''',
    "magics that stay in the project": """
# %%
# %cd ..
# %run -i notebooks/tracked.py /home/ada/x
# %load_ext autoreload
# %matplotlib inline
rows = tree.xpath("//table/tbody/tr"); ratio = 7 //2/1
text = '''
%cd /home/ada/x
'''
""",
    "an operator at the beginning of a line": "\n# %%\nx = (\n    1\n    != 2\n)\n%matplotlib inline\n",
    "shell with a look at what came": "\n# %%\n%matplotlib inline\nout = !git status\nassert _exit_code == 0\n",
    "a bash cell, which fails by itself": "\n# %%\n%%bash\nset -e\nls /data/prod/x\n",
    "mlflow as the environment gives it": """
# %%
import mlflow
with mlflow.start_run():
    mlflow.log_metric("mae", 1.0)

# %%
import os
# %env MLFLOW_TRACKING_URI
# %env MODE=fast
os.environ.update(OMP_NUM_THREADS="1")
print({"MLFLOW_TRACKING_URI": os.environ["MLFLOW_TRACKING_URI"]})
os.environ.setdefault("OMP_NUM_THREADS", "MLFLOW_TRACKING_URI")
""",
    "digests, ids and base64": """
# %%
commit = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
run = "6b7f8e1e-3c5c-4bd3-9d7a-1f7b63a5a4f2"
icon = "iVBORw0KGgo="
password = None
columns = ["password_hash", "secret_name", "api_key_id"]
key = "customer_id"
""",
    "names of secrets, placeholders and tokenizers": """
# %%
password = ""; db_password = "..."; pwd = "<password>"; passwd = "${DB_PASSWORD}"; secret = "***"
x = connect(password="changeme", user="ada", token="EMPTY", password_env="DB_PASSWORD", secret="DB_SECRET")
password_hash = "bcrypt-or-argon2"
allowed = connect(password="correct-horse")  # pragma: allowlist secret
tokens = ["a"]; token = "word"; api_key = "customer_id"
tokenizer = load(sep_token="[SEP]", pad_token="<pad>", eos_token="</s>", unk_token="<|endoftext|>")
frame = frame.rename(columns={"pwd": "password_text", "token": "word_1"}).astype({"password": "string"})
labels = {"password": "Your password, please", "secret": None}
if token == "correct-horse":
    pass
""",
    "secrets from where they belong": """
# %%
import os
password = os.environ["WAREHOUSE_PASSWORD"]
api_key = os.getenv("API_KEY", "")
url = f"postgresql://{os.environ['DB_USER']}:{password}@{os.environ['DB_HOST']}/flights"
""",
    "a helper that leaves early, and a class": """
# %%
class Reader:
    def input(self):
        return 1

    def exit(self):
        return None

Reader().input(); Reader().exit()

def first(rows):
    for row in rows:
        if row:
            return row
    raise ValueError("no row")
""",
    "statistics and plots": r"""
# %%
import numpy as np
import sklearn.linear_model
import pandas as pd
x = np.arange(10) / 3
formula = "delay ~ C(carrier) + distance / speed"
title = r"$\alpha / \beta$"
latex = "\\frac{a}{b}"
html = "<a href='https://example.org'>x</a>"
style = {"font-family": "Helvetica/Arial", "path": "./figures/x.png"}
print("saved to", "figures/x.png", "as of 2024/01/01 12:00")
""",
    "an R notebook": HEADER.replace("python", "R").replace("display_name: Python 3", "display_name: R")
    + '\n# %%\nx <- read.csv("/data/prod/x.csv")\nsetwd("/home/ada")\n',
}


@pytest.mark.parametrize("cells", SOUND.values(), ids=SOUND)
def test_a_sound_notebook_gives_no_finding(place: Ground, cells: str) -> None:
    # numpy is of no locked package here, and R is not installed: the points of other cases
    told = [f for f in found(place, cells) if "'numpy'" not in f.message and f.code != "NBP706"]

    assert told == []


def test_this_repositorys_notebooks_and_templates_give_no_finding(tmp_path: Path) -> None:
    from ground import command

    for name, extra in (("flights", ["--example", "flights"]), ("empty", [])):
        command("init", str(tmp_path / name), *extra)
        done = command("-C", str(tmp_path / name), "check")
        assert done.stdout == "no problem found\n", done.stdout


# -- every code ------------------------------------------------------------------------------------------------

HEX = "AKIAIOSFODNN7" + "EXAMPLA"  # in two pieces, so that no scanner takes this file for a leak
CASES = {
    # pair and file
    "NBP102 markers of a merge": "\n# %%\n<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> other\n",
    "NBP103 bytes that are no script": "# ---\n# jupyter:\n#   jupytext: [\n# ---\n\n# %%\n1\n",
    # the parameters cell
    "NBP201 a call": f"\n{PARAMETERS}x = len([1])\n\n# %%\nx\n",
    "NBP202 a second cell": f"\n{PARAMETERS}x = 1\n\n{PARAMETERS}y = 1\n\n# %%\nx, y\n",
    "NBP203 assigned below": f"\n{PARAMETERS}x = 1\n\n# %%\nx = 2\nprint(x)\n",
    "NBP203 bound by a loop": f"\n{PARAMETERS}x = 1\n\n# %%\nfor x in range(3):\n    print(x)\n",
    "NBP204 never read": f"\n{PARAMETERS}x = 1\n\n# %%\nprint('x')\n",
    "NBP204 read only in a comment": f"\n{PARAMETERS}rate = 1\n\n# %%\nprint(1)  # the rate\n",
    "NBP205 IPython's name": f"\n{PARAMETERS}In = 1\n\n# %%\nprint(In)\n",
    "NBP205 papermill's name": f"\n{PARAMETERS}pm_run_uuid = 'x'\n\n# %%\nprint(pm_run_uuid)\n",
    "NBP206 a type that is none": f"\n{PARAMETERS}x: DataFrame = 1\n\n# %%\nprint(x)\n",
    "NBP207 text for a number": f"\n{PARAMETERS}x: int = 'one'\n\n# %%\nprint(x)\n",
    "NBP207 None where it is not optional": f"\n{PARAMETERS}x: list[int] = None\n\n# %%\nprint(x)\n",
    "NBP208 Python's own name": f"\n{PARAMETERS}list = [1]\n\n# %%\nprint(list)\n",
    # leaks
    "NBP301 a path that is opened": "\n# %%\nopen('/warehouse/x.csv')\n",
    "NBP301 a home": "\n# %%\nhere = '/home/ada/x'\n",
    "NBP301 a tilde": "\n# %%\nhere = '~/data/x.csv'\n",
    "NBP301 Windows": "\n# %%\nhere = r'C:\\Users\\ada\\x.csv'\n",
    "NBP301 Windows, a share with slashes": "\n# %%\nhere = '//server/share/t.csv'\n",
    "NBP301 a magic that goes there": "\n# %%\n%cd /home/ada/x\n",
    "NBP301 a magic that runs it": "\n# %%\n# %run -i /home/ada/x.py\n",
    "NBP301 Path": "\n# %%\nfrom pathlib import Path\nx = Path('/srv') / 'models' / 'x'\n",
    "NBP301 the beginning of an f-string": "\n# %%\nname = 1\nx = f'/data/{name}/x.csv'\n",
    "NBP301 a default": f"\n{PARAMETERS}x = '/data/x.csv'\n\n# %%\nprint(x)\n",
    "NBP302 a URL": "\n# %%\nx = 'https://api.acme.io/v1'\n",
    "NBP302 a bucket": "\n# %%\nx = 's3://bucket/table.parquet'\n",
    "NBP302 a database": "\n# %%\nx = 'postgresql://db.acme.io/flights'\n",
    "NBP302 a file database": "\n# %%\nx = 'sqlite:///flights.db'\n",
    "NBP302 pairs": "\n# %%\nx = 'Driver={ODBC 18};Server=db.acme.io;Database=flights'\n",
    "NBP303 what prod protects": "\n# %%\nx = open('../data/prod/deep/x.csv')\n",
    "NBP303 in SQL": "\n# %%\nx = \"select * from read_csv('../data/prod/x.csv')\"\n",
    "NBP303 in pieces": "\n# %%\nfrom pathlib import Path\nx = Path('..') / 'data' / 'prod' / 'x.csv'\n",
    "NBP303 as an f-string": "\n# %%\nn = 1\nx = f'../data/prod/{n}.csv'\n",
    "NBP303 a bare host": "\n# %%\nx = connect('db.prod.acme.io')\n",
    "NBP303 the entry's folder, in code": "\n# %%\nx = open('../data/dev/x.csv')\n",
    "NBP303 in a default": f"\n{PARAMETERS}x = '../data/prod/x.csv'\n\n# %%\nprint(x)\n",
    "NBP305 a tracking server": "\n# %%\nimport mlflow\nmlflow.set_tracking_uri(server)\n",
    "NBP305 an experiment": "\n# %%\nfrom mlflow import set_experiment\nset_experiment('mine')\n",
    "NBP305 by a variable": "\n# %%\nimport os\nos.environ['MLFLOW_TRACKING_URI'] = server\n",
    "NBP305 by another name": "\n# %%\nfrom mlflow import set_experiment as se\nse('mine')\n",
    "NBP305 by a variable, if unset": "\n# %%\nimport os\nos.environ.setdefault('MLFLOW_EXPERIMENT_NAME', 'x')\n",
    "NBP305 by a keyword": "\n# %%\nfrom os import environ\nenviron.update(MLFLOW_TRACKING_URI=server)\n",
    "NBP305 by a dict": "\n# %%\nimport os\nos.environ |= {'MLFLOW_TRACKING_URI': server}\n",
    "NBP305 by putenv": "\n# %%\nimport os\nos.putenv('MLFLOW_TRACKING_URI', server)\n",
    "NBP305 by a magic": "\n# %%\n# %env MLFLOW_TRACKING_URI=mine\n",
    "NBP305 by a magic, apart": "\n# %%\n# %set_env MLFLOW_EXPERIMENT_NAME mine\n",
    # secrets
    "NBP401 a cloud key": f"\n# %%\nkey = '{HEX}'\n",
    "NBP401 a plain password": "\n# %%\npassword = 'correct-horse'\n",
    "NBP401 a keyword": "\n# %%\nx = connect(passwd='correct-horse')\n",
    "NBP401 a keyword on a line of its own": "\n# %%\nx = dict(\n    user='ada',\n    password='correct-horse',\n)\n",
    "NBP401 a key": "\n# %%\nx = {'password': 'correct-horse'}\n",
    "NBP401 a variable": "\n# %%\nimport os\nos.environ['DB_PASSWORD'] = 'correct-horse'\n",
    "NBP401 a default": f"\n{PARAMETERS}db_password: str = 'hunter'\n\n# %%\nprint(db_password)\n",
    "NBP401 a token": "\n# %%\nx = connect(api_key='ab12cd34ef')\n",
    "NBP401 in a cell of another language": '\n# %% language="bash"\n# export PASSWORD="hunter2-Ab9"\n',
    "NBP401 a password": "\n# %%\npassword = 'hunter2-Ab9'\n",
    # code
    "NBP501 not Python": "\n# %%\ndef broken(\n",
    "NBP502 not in the lock": "\n# %%\nimport torch\n",
    "NBP502 of another name": "\n# %%\nfrom yaml import safe_load\n",
    "NBP503 not added": "\n# %%\nimport untracked\n",
    "NBP503 ignored": "\n# %%\nfrom hidden import VALUE\n",
    "NBP501 below a magic": "\n# %%\n# %time x = 1\ndef broken(\n",
    "NBP504 exit": "\n# %%\nif 1 > 2:\n    exit()\n",
    "NBP504 sys.exit": "\n# %%\nimport sys\nsys.exit(0)\n",
    "NBP504 raise SystemExit": "\n# %%\nif 1 > 2:\n    raise SystemExit\n",
    "NBP504 raise SystemExit with a reason": "\n# %%\ndef stop():\n    raise SystemExit('no data')\n",
    "NBP505 input": "\n# %%\nx = input('which?')\n",
    "NBP505 getpass": "\n# %%\nimport getpass\nx = getpass.getpass()\n",
    "NBP506 a bare command": "\n# %%\n!pip install pandas\n",
    "NBP506 its output kept": "\n# %%\nfiles = !ls\n",
    "NBP506 as jupytext writes it": "\n# %%\n# !ls\n",
    "NBP506 as jupytext writes it, its output kept": "\n# %%\n# files = !ls\nfiles\n",
    # outputs
    "NBP601 nothing to compare with": "\n# %%\n# NBVAL_CHECK_OUTPUT\nprint(1)\n",
    "NBP604 a tolerance for nothing": '\n# %% tags=["rtol=1e-3"]\nx = 1\n',
}


@pytest.mark.parametrize("name", CASES)
def test_a_fault_has_its_code_and_its_place(place: Ground, name: str) -> None:
    code = name.split()[0]

    told = found(place, CASES[name])

    assert code in codes_of(told), told
    assert {f.code for f in told} - {code} <= {"NBP302"}, told  # an address of prod is an address too
    finding = next(f for f in told if f.code == code)
    assert finding.severity == (Severity.WARNING if code in codes.WARNINGS else Severity.ERROR)
    assert finding.path == "notebooks/case.py"
    assert finding.line or code in ("NBP103",), finding


def test_the_place_is_the_line_and_the_column(place: Ground) -> None:
    (finding,) = found(place, "# %% [markdown]\n# Text\n\n# %%\nx = 1\ny = open('/warehouse/x.csv')\n")

    assert (finding.line, finding.column, finding.cell) == (6, 10, 1)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("NBP401") and "cloud" not in name])
def test_nothing_is_shown_of_what_its_name_betrays(place: Ground, name: str) -> None:
    (finding,) = found(place, CASES[name])

    assert finding.message == "looks like a secret: Secret Keyword"
    assert "`secrets:`" in finding.hint


def test_a_secret_is_never_shown_in_full(place: Ground) -> None:
    (finding,) = found(place, CASES["NBP401 a cloud key"])

    assert HEX not in str(finding)
    assert "AKIA…" in finding.message


MASKED = {
    "in an address": ("'postgresql://ada:hunter2Ab9@db.acme.io/x'", "NBP302"),
    "in a query": ("'https://api.acme.io/v1?sig=hunter2Ab9'", "NBP302"),
    "in pairs": ("'Server=db.acme.io;Database=x;Uid=ada;Pwd=hunter2Ab9'", "NBP302"),
    "in a command": ("1\n!curl -u ada:hunter2Ab9 api.acme.io", "NBP506"),
}


@pytest.mark.parametrize("name", MASKED)
def test_no_finding_repeats_what_might_let_somebody_in(place: Ground, name: str) -> None:
    source, code = MASKED[name]

    told = found(place, f"\n# %%\nx = {source}\n")

    assert code in codes_of(told)
    assert "hunter2" not in str(told)


def stored(*cells: object, **metadata: object) -> str:
    return writes(new_notebook(cells=list(cells), metadata=metadata))


def stream(text: str) -> object:
    return new_output("stream", name="stdout", text=text)


OF_IPYNB = {
    "NBP103 a cell of no known type": json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "coda", "id": "a"}]}
    ),
    "NBP104 a format without ids": json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": []}),
    "NBP105 an id twice": stored(new_code_cell("1", id="a"), new_code_cell("2", id="b")).replace('"b"', '"a"'),
    "NBP304 prod's folder in an output": stored(
        new_code_cell("print(x)", outputs=[stream("wrote ../data/prod/x.csv\n")], execution_count=1)
    ),
    "NBP402 a key in an output": stored(new_code_cell("print(x)", outputs=[stream(f"key {HEX}")], execution_count=1)),
    "NBP403 a key in metadata": stored(new_code_cell("1", metadata={"aws": HEX})),
    "NBP603 run out of order": stored(new_code_cell("1", execution_count=5), new_code_cell("2", execution_count=2)),
}


@pytest.mark.parametrize("name", OF_IPYNB)
def test_a_fault_of_an_ipynb_has_its_code(place: Ground, name: str) -> None:
    told = found(place, OF_IPYNB[name], ".ipynb")

    assert set(codes_of(told)) == {name.split()[0]}, told


def test_outputs_may_name_the_entry_and_what_is_shared(place: Ground) -> None:
    shown = "read ../data/dev/table.csv from https://mlflow.dev.acme.io/api, wrote /tmp/x, see data/production/x\n"
    cell = new_code_cell("print(1)", outputs=[stream(shown)], execution_count=1)

    assert found(place, stored(cell, new_markdown_cell("data/prod/x")), ".ipynb") == []


def test_two_sides_that_disagree(place: Ground) -> None:
    path = place.write("notebooks/case.ipynb", stored(new_code_cell("x = 1")))

    told = found(place, "\n# %%\nx = 2\n")
    path.unlink()

    assert codes_of(told) == ["NBP101"]
    assert told[0].hint == "nbpromote sync case"


OF_PARAMS = {
    "NBP306": ("params/dev.yaml", "data/dev/table.csv", "data/prod/table.csv", 4),
    "NBP404": ("params/dev.yaml", "parameters:", "# one\npass_env: [A]  # two\nparameters:", None),
    "NBP701": ("params/dev.yaml", "notebooks:", "notebook:", 2),
    "NBP702": ("params/prod.policy.yaml", "protects", "protect", 2),
    "NBP703": ("params/prod.policy.yaml", "promotes_from: [dev]\n", "", None),
    "NBP704": ("params/prod.policy.yaml", "protects", "gates: [{metric: maee, max: 1}]\nprotects", 2),
    "NBP707": ("params/dev.yaml", "parameters:", "tracking_uri: sqlite:///mlflow.db\nparameters:", 1),
    "NBP708": ("params/prod.policy.yaml", "protects", "gates: [{metric: mae, on: houldout, max: 1}]\nprotects", 2),
}


@pytest.mark.parametrize("code", [code for code in OF_PARAMS if code != "NBP404"])
def test_a_fault_of_params_has_its_code(place: Ground, code: str) -> None:
    path, old, new, line = OF_PARAMS[code]
    before = (place.root / path).read_text()
    place.edit(path, old, new)

    told = [f for f in workflow.check(place.project).findings if f.code == code]
    (place.root / path).write_text(before)

    assert told
    assert line is None or (told[0].path, told[0].line) == (path, line)


def test_a_secret_in_params_and_params_that_git_ignores(place: Ground) -> None:
    before = (place.root / "params/dev.yaml").read_text()
    place.write("params/dev.yaml", before + "  # a comment: AKIA\n")
    place.edit("params/dev.yaml", "https://mlflow.dev.acme.io/api", HEX)
    place.write("params/qa.yaml", "parameters: {}\n")
    place.write("params/.gitignore", "qa.yaml\n")

    told = {f.code: f for f in workflow.check(place.project).findings}
    for name in ("params/qa.yaml", "params/.gitignore"):
        (place.root / name).unlink()
    (place.root / "params/dev.yaml").write_text(before)

    assert (told["NBP404"].path, told["NBP404"].line) == ("params/dev.yaml", 1)
    assert told["NBP705"].path == "params/qa.yaml"


def test_a_kernel_that_is_not_installed_is_told(place: Ground) -> None:
    path = place.write("notebooks/case.py", HEADER.replace("name: python3", "name: python7") + "\n# %%\n1\n")

    told = [f for f in workflow.check(place.project).findings if f.code == "NBP706"]
    path.unlink()

    assert [f.path for f in told] == ["notebooks/case.py"]
    assert told[0].severity is Severity.WARNING


# -- what somebody accepted ------------------------------------------------------------------------------------


def is_marked(cell: object) -> bool:
    return "NBVAL_CHECK_OUTPUT" in cell.source  # type: ignore[attr-defined]


def accepted() -> object:
    cells = [
        new_code_cell("# NBVAL_CHECK_OUTPUT\nprint(1)", id="one", outputs=[stream("1\n")], execution_count=1),
        new_code_cell("print(2)", id="two", outputs=[stream("2\n")], execution_count=2),
    ]
    return notebook.stamp(new_notebook(cells=cells), is_marked, by="Ada Test <ada@example.org>", run="r1")


def test_accepted_outputs_that_something_saved_over_are_found(place: Ground) -> None:
    node = accepted()
    sound = found(place, writes(node), ".ipynb")
    node.cells[0].execution_count = 1  # what a new run in JupyterLab changes anyway
    node.cells[1].outputs[0].text = "3\n"  # not marked
    still = found(place, writes(node), ".ipynb")
    node.cells[0].outputs[0].text = "7\n"

    told = found(place, writes(node), ".ipynb")

    assert sound == still == []
    assert [(f.code, f.cell, f.cell_id) for f in told] == [("NBP602", 1, "one")]
    assert "Ada Test" in told[0].message


def test_outputs_that_nobody_accepted_are_no_reference_for_a_run() -> None:
    node = accepted()
    node.cells[0].outputs[0].text = "7\n"

    reference = notebook.without_changed(node, is_marked)

    assert reference.cells[0].outputs == []
    assert reference.cells[1].outputs


def test_what_was_accepted_stays_out_of_scripts_and_survives_sync_and_jupytext(place: Ground) -> None:
    import jupytext

    path = place.write("notebooks/case.ipynb", writes(accepted()))
    place.nbpromote("sync", "case")
    script = place.root / "notebooks/case.py"
    ours, theirs = script.read_text(), jupytext.writes(jupytext.read(path), "py:percent")
    script.write_text(ours + "\n# %%\nprint(3)\n")
    place.nbpromote("sync", "case")
    kept = json.loads(path.read_text())
    for file in (path, script):
        file.unlink()

    assert "accepted" not in ours
    assert "accepted" not in theirs
    assert len(kept["cells"]) == 3
    assert kept["metadata"]["nbpromote"]["accepted"]["cells"].keys() == {"one"}


# -- what is told ----------------------------------------------------------------------------------------------


def test_noqa_silences_its_code_on_its_line(place: Ground) -> None:
    cells = """
# %%
a = 'https://api.acme.io/v1'  # noqa: NBP302
b = 'https://api.acme.io/v2'  # noqa: E501, nbp302
c = 'https://api.acme.io/v3'  # noqa: NBP301
d = 'https://api.acme.io/v4'  # noqa
"""

    assert [f.message[-4:-1] for f in found(place, cells)] == ["/v3", "/v4"]


def test_noqa_works_in_an_ipynb_too(place: Ground) -> None:
    cells = stored(new_code_cell("a = 1\nb = 'https://api.acme.io/v1'  # noqa: NBP302\nc = 'https://api.acme.io/v2'"))

    (finding,) = found(place, cells, ".ipynb")

    assert finding.message.endswith("(line 3 of the cell)")


TWO = "\n# %%\na = 'https://api.acme.io/v1'\nb = open('/warehouse/x.csv')\n!ls\n"
CONFIGURED = {
    "all": ("", [], ["NBP302", "NBP301", "NBP506"]),
    "a family": ('select = ["NBP3"]', [], ["NBP302", "NBP301"]),
    "all but one": ('ignore = ["NBP506"]', [], ["NBP302", "NBP301"]),
    "the longer one counts": ('select = ["NBP301"]\nignore = ["NBP3"]', [], ["NBP301"]),
    "of two as long, ignored": ('select = ["NBP3"]\nignore = ["NBP3"]', [], []),
    "per notebook": ('per-notebook = {"cas*" = ["NBP3"]}', [], ["NBP506"]),
    "another notebook": ('per-notebook = {"explore_*" = ["NBP3"]}', [], ["NBP302", "NBP301", "NBP506"]),
    "--select in place of the project's": ('select = ["NBP5"]', ["--select", "NBP301,NBP302"], ["NBP302", "NBP301"]),
    "--ignore on top": ('ignore = ["NBP301"]', ["--ignore", "NBP302"], ["NBP506"]),
}


@pytest.mark.parametrize("name", CONFIGURED)
def test_codes_are_selected_and_ignored(place: Ground, name: str) -> None:
    table, options, expected = CONFIGURED[name]
    before = (place.root / "pyproject.toml").read_text()
    place.write("pyproject.toml", f"{before}\n[tool.nbpromote.check]\n{table}\n")
    path = place.write("notebooks/case.py", TWO)

    told = json.loads(place.nbpromote("check", "case", "--json", *options).stdout)["findings"]
    path.unlink()
    place.write("pyproject.toml", before)

    assert [row["code"] for row in told] == expected


REFUSED = {
    "a code that is none": ('select = ["NBP399"]', ["pyproject.toml:6", "'NBP399'", "did you mean 'NBP"]),
    "a family that is none": ('ignore = ["E501"]', ["pyproject.toml:6", "'E501'"]),
    "one of a notebook": ('[tool.nbpromote.check.per-notebook]\n"a*" = ["NBP999"]', ["pyproject.toml:7", "'NBP999'"]),
    "an unknown key": ('selct = ["NBP3"]', ["pyproject.toml:6", "did you mean 'select'"]),
    "no list": ('select = "NBP3"', ["pyproject.toml:6", "wants a list of codes"]),
    "no table": ('per-notebook = ["NBP3"]', ["pyproject.toml:6", "wants a table"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_configuration_that_says_nothing_sound_is_refused(place: Ground, name: str) -> None:
    table, words = REFUSED[name]
    before = (place.root / "pyproject.toml").read_text()
    place.write("pyproject.toml", f"{before}\n[tool.nbpromote.check]\n{table}\n")

    done = place.nbpromote("check")
    place.write("pyproject.toml", before)

    assert done.returncode == 2
    assert [word for word in words if word not in done.stderr] == [], done.stderr


def test_a_warning_is_told_and_does_not_fail(place: Ground) -> None:
    path = place.write("notebooks/case.py", CASES["NBP601 nothing to compare with"])

    done = place.nbpromote("check", "case")
    path.unlink()

    assert done.returncode == 0
    assert "NBP601" in done.stdout
    assert done.stdout.endswith("no problem and 1 warning found\n")


# -- forms -----------------------------------------------------------------------------------------------------


def formed(place: Ground, form: str, cells: str = TWO) -> str:
    path = place.write("notebooks/case.py", cells)
    done = place.nbpromote("check", "case", "base", "--format", form)
    path.unlink()
    assert done.stderr == ""
    assert done.returncode == 1
    return done.stdout


def test_text_reads_as_a_linter_s(place: Ground) -> None:
    lines = formed(place, "text").splitlines()

    assert re.match(r"notebooks/case.py:3:5: NBP302 URL 'https://api.acme.io/v1' \[cell 2, \w+\]$", lines[0])
    assert lines[1].startswith("    make it a parameter")
    assert lines[-1] == "3 problems found"


def test_junit_has_a_suite_a_file_and_a_case_a_finding(place: Ground) -> None:
    root = ElementTree.fromstring(formed(place, "junit", TWO + "\n# %%\n# NBVAL_CHECK_OUTPUT\n1\n"))

    assert root.attrib == {
        "name": "nbpromote check", "tests": "5", "failures": "3", "errors": "0", "skipped": "0",
    }  # fmt: skip
    assert [(suite.get("name"), suite.get("tests")) for suite in root] == [
        ("notebooks/case.py", "4"),
        ("notebooks/base.py", "1"),
    ]
    assert [case.find("failure") is None for case in root[0]] == [False, False, False, True]
    assert root[0][0].find("failure").get("type") == "NBP302"  # type: ignore[union-attr]


def test_sarif_holds_what_code_hosts_need(place: Ground) -> None:
    document = json.loads(formed(place, "sarif"))
    later = json.loads(formed(place, "sarif", "\n# %% [markdown]\n# More\n" + TWO))

    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert (document["version"], run["tool"]["driver"]["name"]) == ("2.1.0", "nbpromote")
    assert {rule["id"] for rule in rules} == set(codes.DESCRIPTIONS)
    assert all(rule["shortDescription"]["text"] for rule in rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning")
    place_of = run["results"][0]["locations"][0]["physicalLocation"]
    assert place_of["artifactLocation"]["uri"] == "notebooks/case.py"
    assert place_of["region"] == {"startLine": 3, "startColumn": 5}
    prints = [[r["partialFingerprints"] for r in one["runs"][0]["results"]] for one in (document, later)]
    assert prints[0] == prints[1]
    assert len({str(one) for one in prints[0]}) == 3


def test_github_s_annotations_are_escaped() -> None:
    from nbpromote import report

    finding = Finding(path="a,b:c.py", line=3, column=5, code="NBP301", message="100% of\nit", hint="mend: it")

    assert report.github([finding]) == (
        "::error file=a%2Cb%3Ac.py,line=3,col=5,title=NBP301::100%25 of%0Ait%0Amend: it"
    )


def test_an_answer_goes_to_a_file(place: Ground, tmp_path: Path) -> None:
    path = place.write("notebooks/case.py", TWO)
    done = place.nbpromote("check", "case", "--format", "sarif", "--output", str(tmp_path / "check.sarif"))
    path.unlink()

    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads((tmp_path / "check.sarif").read_text())["version"] == "2.1.0"


def test_an_answer_goes_to_no_folder_that_is_not_there(place: Ground, tmp_path: Path) -> None:
    done = place.nbpromote("check", "base", "--output", str(tmp_path / "reprots" / "check.txt"))

    assert done.returncode == 2
    assert "reprots" in done.stderr
    assert list(tmp_path.iterdir()) == []


# -- memory ----------------------------------------------------------------------------------------------------


def tell(place: Ground, *names: str) -> list[str]:
    return sorted({finding.code for finding in workflow.check(place.project, names).findings})


def test_what_did_not_change_is_not_read_again(place: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(place)
    monkeypatch.setattr(notebook, "check", lambda *args: pytest.fail("a notebook was read again"))
    monkeypatch.setattr(notebook, "parse", lambda *args: pytest.fail("a notebook was read again"))

    assert tell(place) == []


def test_no_heavy_library_is_imported_where_nothing_changed(place: Ground) -> None:
    import subprocess
    import sys

    tell(place)
    heavy = ["nbformat", "jupytext", "pydantic", "detect_secrets", "nbval", "mlflow", "papermill", "jupyter_client"]
    script = (
        "import sys; from nbpromote import cli; code = cli.answer(sys.argv[1:]);"
        f"print(code, [name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "-C", str(place.root), "check"], capture_output=True, text=True, check=True
    )

    assert done.stdout.endswith("0 []\n"), done.stdout


EDITS = {
    "the script": ("notebooks/case.py", "import tracked", "import tracked\nx = 'https://a.acme.io'", "NBP302"),
    "params": ("params/dev.yaml", "table: data/dev/", "tble: data/dev/", "NBP701"),
    "a policy": ("params/prod.policy.yaml", "data/prod/**", "notebooks/lookup/**", "NBP303"),
    "the lock": ("requirements.txt", "pandas==", "polars==", "NBP502"),
    "what an import imports": ("notebooks/tracked.py", "VALUE = 1", "import untracked", "NBP503"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_the_answer_at_once_and_its_undoing_too(place: Ground, name: str) -> None:
    path, old, new, code = EDITS[name]
    case = place.write("notebooks/case.py", "\n# %%\nimport tracked\nimport pandas\nopen('lookup/x.csv')\n")
    before = (place.root / path).read_text()

    first = tell(place)
    place.edit(path, old, new)
    second = tell(place)
    (place.root / path).write_text(before)
    third = tell(place)
    case.unlink()

    assert first == third == []
    assert code in second


def test_what_git_tracks_changes_the_answer(place: Ground) -> None:
    case = place.write("notebooks/case.py", "\n# %%\nimport untracked\n")

    first = tell(place, "case")
    place.git("add", "notebooks/untracked.py")
    second = tell(place, "case")
    place.git("rm", "--cached", "--quiet", "notebooks/untracked.py")
    third = tell(place, "case")
    case.unlink()

    assert (first, second, third) == (["NBP503"], [], ["NBP503"])


def test_a_file_that_appears_shadows_what_was_imported(place: Ground) -> None:
    case = place.write("notebooks/case.py", "\n# %%\nimport pandas\n")

    first = tell(place, "case")
    shadow = place.write("notebooks/pandas.py", "x = 1\n")
    second = tell(place, "case")
    shadow.unlink()
    case.unlink()

    assert (first, second) == ([], ["NBP503"])


@pytest.mark.parametrize("kept", ["", "{}", "[1]", '{"toolkit": 1, "answers": 2}', "\0"])
def test_a_memory_that_cannot_be_read_is_made_anew(place: Ground, kept: str) -> None:
    place.write(".nbpromote/check/findings.json", kept)

    assert tell(place) == []


# -- what is written of it -------------------------------------------------------------------------------------


def test_every_code_is_documented_as_its_rule_describes_itself() -> None:
    page = (ROOT / "docs/checks.md").read_text()

    for code, description in codes.DESCRIPTIONS.items():
        severity = "warning" if code in codes.WARNINGS else "error"
        assert f"| {code} | {severity} | {description} |" in page, "run tests/describe_checks.py"


def test_every_code_has_a_case_here() -> None:
    tried = {name.split()[0] for name in (*CASES, *OF_IPYNB, *OF_PARAMS)}
    elsewhere = {"NBP101", "NBP106", "NBP602", "NBP705", "NBP706", "NBP801", "NBP802"}

    assert set(codes.DESCRIPTIONS) - tried == elsewhere


def test_a_run_is_not_compared_with_what_was_saved_over_the_accepted(ground: Ground) -> None:
    for line in (("run",), ("baseline", "--yes")):  # the first run has nothing to be compared with
        ground.nbpromote(*line, "count")
    sound, again = ground.nbpromote("check", "count"), ground.nbpromote("run", "count")
    ground.edit("notebooks/count.ipynb", "counted to 3", "counted to 4")

    checked, ran = ground.nbpromote("check", "count"), ground.nbpromote("run", "count")

    assert (sound.returncode, again.returncode) == (0, 0), sound.stdout + again.stdout
    assert (checked.returncode, ran.returncode) == (1, 1)
    assert "NBP602 the stored output is not the one that Ada Test accepted" in checked.stdout
    assert "cell 3: no accepted output to compare with" in ran.stdout
