"""What the environments give the notebooks: `params`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from nbpromote import params, validate
from nbpromote.model import Difference, Environment, Gate, Json, Policy, Window, canonical, dump
from nbpromote.params import Given
from nbpromote.project import Project
from nbpromote.workflow.site import Site


def show_params(
    project: Project, name: str, *, env: str | None = None, parameters: Mapping[str, Given] | None = None
) -> Environment:
    """The resolved values of one notebook in one environment, each with the place it comes from."""
    site = Site(project)
    return _resolved(site, name, env or site.entry(), parameters)


def compare_params(project: Project, one: str, other: str, name: str | None = None) -> tuple[Difference, ...]:
    """What two environments give and demand differently; equal values are left out. Of all notebooks without a name.

    As everywhere, an entry environment is read from the working tree and the others from the commit.
    """
    site = Site(project)
    names = [name] if name else [pair.name for pair in site.pairs]
    both = [(each, (_resolved(site, each, one), _resolved(site, each, other))) for each in names]
    whole = _unequal("", *map(_of_all, both[0][1])) if both else ()
    parts = [part for each, pair in both for part in (*_values(each, pair), *_unequal(each, *map(_of_one, pair)))]
    return (*whole, *parts)


def schema_of(project: Project, name: str | None = None, *, policy: bool = False) -> dict[str, Json]:
    """JSON Schema of a notebook's parameters; without a name, of the params files of this project."""
    site = Site(project)
    if policy:
        return params.schemas.policy_file(site.schemas, tuple(validate.CHECKS))
    if name is None:
        return params.schemas.params_file(site.schemas)
    pair = site.pair(name)
    return params.schemas.parameters(pair.name, site.sources.code(pair).schema)


def _resolved(site: Site, name: str, env: str, parameters: Mapping[str, Given] | None = None) -> Environment:
    pair = site.pair(name)
    code = site.sources.code(pair)
    schemas = {**site.schemas, pair.name: code.schema}
    return site.environment(env, pair.name, code.schema, overrides=parameters, schemas=schemas)


# -- what differs

_Settings = dict[tuple[str, str], Json]  # by what it is and its name


def _values(notebook: str, pair: tuple[Environment, Environment]) -> Iterator[Difference]:
    one, other = pair
    for name in one.parameters:
        values = (one.parameters[name], other.parameters[name])
        if canonical(values[0]) != canonical(values[1]):
            origins = (one.origins[name], other.origins[name])
            yield Difference(notebook=notebook, what=_kind(name, pair), name=name, values=values, origins=origins)


def _kind(name: str, pair: tuple[Environment, Environment]) -> str:
    if any(name in environment.outputs for environment in pair):
        return "output"
    return "input" if any(name in environment.inputs for environment in pair) else "parameter"


def _of_all(environment: Environment) -> _Settings:
    return {
        ("setting", "tracking_uri"): environment.tracking_uri,
        ("setting", "pass_env"): list(environment.pass_env),
        **_demands(environment.policy, "promotes_from", "protects", "groups", "signatures", "apply", "appliers"),
    }


def _of_one(environment: Environment) -> _Settings:
    return {
        ("setting", "kernel"): environment.kernel,
        **{("setting", f"limits.{name}"): seconds for name, seconds in asdict(environment.limits).items()},
        **_demands(environment.policy, "strategy", "approvals", "soak", "auto", "override", "review_by", "expires"),
        ("policy", "windows"): [_demand(window) for window in environment.policy.windows],
        **{("gate", _asked(gate)): _demand(gate) for gate in environment.policy.gates},
    }


def _asked(gate: Gate) -> str:
    places = [("on", gate.on), ("by", gate.by), ("versus", gate.versus)]
    return " ".join([gate.metric or gate.check or gate.budget or "", *(f"{word} {it}" for word, it in places if it)])


def _demand(rule: Gate | Window) -> dict[str, Json]:
    """A gate's bounds and mode, or a window's hours; where it is written does not count."""
    named = ("metric", "check", "budget", "on", "by", "versus", "where")
    return {key: value for key, value in dump(rule).items() if value is not None and key not in named}


def _demands(policy: Policy, *names: str) -> _Settings:
    written = dump(policy)
    return {("policy", name): written[name] for name in names}


def _unequal(notebook: str, one: _Settings, other: _Settings) -> Iterator[Difference]:
    for what, name in dict.fromkeys([*one, *other]):
        values = (one.get((what, name)), other.get((what, name)))
        if values[0] != values[1]:
            yield Difference(notebook=notebook, what=what, name=name, values=values)
