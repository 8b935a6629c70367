"""JSON Schema (draft 2020-12) of what may be written: for editors, which complete and judge while one types."""

from __future__ import annotations

from collections.abc import Mapping

from nbpromote.model import Isolation, Json, Mode, Parameter, Schema
from nbpromote.params import keys, types

_Made = dict[str, Json]
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: _Made = {"type": "string", "minLength": 1}
_NAME: _Made = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"}
_NUMBER: _Made = {"type": "number"}
_GAIN: _Made = {"type": "number", "exclusiveMinimum": 0}
_FILLED: _Made = {"type": "string", "pattern": "[{]"}  # a text that is judged when it is filled in


def parameters(notebook: str, schema: Schema) -> _Made:
    """What may be given to a notebook, by -f for instance."""
    return {"$schema": _DRAFT, "title": f"parameters of {notebook}", **_closed(_properties(schema))}


def params_file(known: Mapping[str, Schema | None]) -> _Made:
    """params/<environment>.yaml of a project with these notebooks; None for one whose schema cannot be read."""
    shared: dict[str, list[Json]] = {}
    for schema in known.values():
        for name, made in _filled(_properties(schema or Schema())).items():
            if made not in shared.setdefault(name, []):
                shared[name].append(made)
    parameters = {name: made[0] if len(made) == 1 else {"anyOf": made} for name, made in shared.items()}
    return {
        "$schema": _DRAFT,
        "title": "params/<environment>.yaml: what an environment gives",
        **_closed(
            {
                "tracking_uri": {**_TEXT, "description": "The MLflow server, or sqlite:///file.db"},
                # a name that no notebook declares may serve others: {data_dir}
                "parameters": {**_open(parameters), "description": "For each notebook that declares them"},
                "notebooks": _closed({name: _notebook(schema) for name, schema in known.items()}),
                "pass_env": _list({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
                **_COMMON,
            }
        ),
    }


def policy_file(notebooks: Mapping[str, Schema | None], checks: tuple[str, ...] = ()) -> _Made:
    """params/<environment>.policy.yaml."""
    gates = _list(_gate(checks))
    demands = _closed({"strategy": {"enum": ["retrain", "copy"]}, "gates": gates, **_DEMANDS})
    return {
        "$schema": _DRAFT,
        "title": "params/<environment>.policy.yaml: what an environment demands",
        **_closed(
            {
                "promotes_from": _list(_NAME),
                "protects": _list({**_TEXT, "description": "A glob over paths from the root, or over addresses"}),
                "isolation": {
                    "enum": [mode.value for mode in Isolation],
                    "description": "What keeps a run from writing elsewhere; enforce above the entry environment",
                },
                "fresh": {"type": "boolean", "description": "Runs in warm kernels do not count"},
                "gates": gates,
                **_DEMANDS,
                "groups": {"type": ["object", "null"], "additionalProperties": {"type": "array", "items": _PERSON}},
                "signatures": {"const": "required"},
                "allowed_signers": {**_NAME, "description": "A file in the params folder: whose keys count"},
                "apply": {"enum": ["ci", "anyone"]},
                "appliers": _list(_PERSON),
                "notebooks": _closed(dict.fromkeys(notebooks, demands)),
            }
        ),
        "dependentRequired": {
            "appliers": ["apply"],
            "signatures": ["allowed_signers"],
            "allowed_signers": ["signatures"],
        },
    }


def _notebook(schema: Schema | None) -> _Made:
    if schema is None:
        return _closed({"parameters": _open({}), "inputs": _open({}), "outputs": _open({}), **_COMMON})
    paths = {p.name: {**_TEXT, **_described(p)} for p in schema.parameters if types.is_text(p.type)}
    values = _closed(_filled(_properties(schema)))
    return _closed({"parameters": values, "inputs": _closed(paths), "outputs": _closed(paths), **_COMMON})


def _properties(schema: Schema) -> _Made:
    return {
        parameter.name: {**types.json_schema(parameter.type), **_described(parameter), "default": parameter.default}
        for parameter in schema.parameters
    }


def _described(parameter: Parameter) -> _Made:
    return {"description": parameter.help} if parameter.help else {}


def _filled(made: Json) -> Json:
    """The same, where texts of few spellings may also be `{name}` or `${NAME}`."""
    if isinstance(made, list):
        return [_filled(entry) for entry in made]
    if not isinstance(made, dict):
        return made
    if {"enum", "format", "pattern"} & made.keys():
        return {"anyOf": [made, _FILLED]}
    return {key: entry if key == "default" else _filled(entry) for key, entry in made.items()}


def _gate(checks: tuple[str, ...]) -> _Made:
    made = _closed(
        {
            "metric": _TEXT,
            "check": {"enum": list(checks)} if checks else _TEXT,
            "budget": {"enum": list(keys.BUDGETS), "description": "What the run took: max as 10m, 4GB or 500kB"},
            "versus": {"const": "live"},
            "on": {**_TEXT, "description": "An evaluation of the notebook's contract: both models on the same rows"},
            "by": {**_TEXT, "description": "A column of that table: the worst slice counts"},
            "confidence": {"type": "number", "exclusiveMinimum": 0.5, "exclusiveMaximum": 1},
            "greater_is_better": {"type": "boolean"},
            "min_count": {"type": "integer", "minimum": 1, "description": "Comparisons that a check must have made"},
            "mode": {"enum": [mode.value for mode in Mode]},
            "min": _NUMBER,
            "max": {},  # below: a budget's has a unit
            **dict.fromkeys(keys.CHANGES, _NUMBER),
            **dict.fromkeys(keys.GAINS, _GAIN),
        }
    )
    budget = {"if": {"required": ["budget"]}, "then": _max({"anyOf": [_WITH_UNIT, _SIZE]}), "else": _max(_NUMBER)}
    return {
        **made,
        "type": "object",
        "oneOf": [{"required": [subject]} for subject in keys.SUBJECTS],
        "dependentRequired": {
            **{key: ["versus"] for key in keys.COMPARING},
            "confidence": ["versus", "on"],
            "on": ["metric"],
            "by": ["on"],
            "min_count": ["check"],
        },
        **budget,
    }


def _max(made: _Made) -> _Made:
    return {"properties": {"max": made}}


def _closed(properties: Mapping[str, Json]) -> _Made:
    # a key without a value is as good as none
    return {"type": ["object", "null"], "properties": dict(properties), "additionalProperties": False}


def _open(properties: Mapping[str, Json]) -> _Made:
    return {**_closed(properties), "additionalProperties": True}


def _list(entry: _Made) -> _Made:
    return {"type": ["array", "null"], "items": entry}


_DURATION: _Made = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?\\s*[smhd]?$"},
    ]
}
_PERSON: _Made = {**_TEXT, "description": "A mail, `Name <mail>` or a login; commas part the names of one person"}
_HOURS: _Made = {"type": "string", "pattern": "^[A-Za-z,\\- ]+([0-9]{2}:[0-9]{2}\\s?-\\s?[0-9]{2}:[0-9]{2})?$"}
_DEMANDS: _Made = {
    "approvals": {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            _closed({"count": {"type": "integer", "minimum": 0}, "groups": _list(_NAME), "expires": _DURATION}),
        ],
        "description": "How many people must consent, from which groups, and how long that holds",
    },
    "soak": {"anyOf": [*_DURATION["anyOf"], {"const": 0}], "description": "Time to stand verified below"},
    "windows": _list(
        {
            **_closed({"allow": _HOURS, "deny": _HOURS, "zone": {**_TEXT, "description": "As in Europe/Berlin"}}),
            "type": "object",
            "oneOf": [{"required": ["allow"]}, {"required": ["deny"]}],
        }
    ),
    "auto": {"type": "boolean", "description": "What is verified below is promoted unasked"},
    "override": {**_list(_NAME), "description": "Groups that may pass over what is demanded"},
    "review_by": {**_DURATION, "description": "When what is live wants to be looked at"},
    "expires": {**_DURATION, "description": "When what is live is to be replaced"},
}
_WITH_UNIT: _Made = {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?\\s*[smhd]$"}
_SIZE: _Made = {
    "type": "string",
    "pattern": "^[0-9]+([.][0-9]+)?\\s*(kB|MB|GB|B)$",
}
_KEPT: _Made = {**_SIZE, "description": "Of output that is kept; the rest is in the run's logs"}
_COMMON: _Made = {
    "kernel": _NAME,
    "limits": _closed({**dict.fromkeys(keys.DURATIONS, _DURATION), **dict.fromkeys(keys.OUTPUTS, _KEPT)}),
    "secrets": {
        "type": ["object", "null"],
        "description": "References, never values",
        "additionalProperties": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_.+-]*:."},
    },
}
