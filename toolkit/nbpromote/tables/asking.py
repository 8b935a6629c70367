"""What a kernel is given to ask of tables by pandera's schemas, and how its answer is read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files as resources

from nbpromote.model import Breach, Json, Judged

_MARK = "nbpromote-tables:"

# for a kernel that is started before it is asked
WARMING = ("pandas", "pyarrow.parquet", "pandera.pandas", "pandera.io.pandas_io")

_MISSING = "pip install 'nbpromote[contracts]' in the kernel's environment"


@dataclass(frozen=True, kw_only=True)
class Question:
    """About one table. `schema` is a file, `attribute` what it is called in it where that is Python, `path` where the
    modules are that it imports.
    """

    name: str
    schema: str
    attribute: str
    data: str
    path: tuple[str, ...] = ()


def question(asked: Iterable[Question]) -> str:
    """A source that prints the answers."""
    text = resources("nbpromote.tables").joinpath("inside.py").read_text(encoding="utf-8")
    plain = json.dumps([asdict(one) for one in asked])
    return f"""
_names = {{"__name__": "question"}}
exec(compile({text!r}, "<nbpromote>", "exec"), _names)
import json as _json
print({_MARK!r} + _json.dumps(_names["judge"](_json.loads({plain!r}))))
"""


def answers(printed: str) -> dict[str, Judged]:
    """The answers to `question` among what the kernel printed; none where it printed none."""
    line = next((line for line in printed.splitlines() if line.startswith(_MARK)), None)
    found: Mapping[str, Json] = json.loads(line.removeprefix(_MARK)) if line else {}
    return {name: _judged(said) for name, said in found.items()}


def _judged(said: Mapping[str, Json]) -> Judged:
    return Judged(
        rows=said.get("rows", 0),
        checks=said.get("checks", 0),
        breaches=tuple(_breach(one) for one in said.get("breaches", ())),
        error=said.get("error", ""),
        hint=_MISSING if said.get("missing") else "",
    )


def _breach(said: Mapping[str, Json]) -> Breach:
    return Breach(**{**said, "rows": tuple(said["rows"]), "values": tuple(said["values"])})
