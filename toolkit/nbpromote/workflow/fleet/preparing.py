"""What each notebook would run with now, without reading again what has not changed since it was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from nbpromote import notebook, validate
from nbpromote.errors import BadInput, Error, nearest
from nbpromote.model import Code, Environment, Json, Pair, Schema, digest, dump, load, sha256
from nbpromote.params import Given
from nbpromote.workflow.evidence import performing, running
from nbpromote.workflow.fleet.ordering import Places
from nbpromote.workflow.site import Site, footing
from nbpromote.workflow.site.asked import Files
from nbpromote.workflow.site.kept import Memory


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the bytes of a notebook and of the files that it imports say."""

    code: Code
    kernel: str
    baseline: str


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """`rests` is what a run of it would rest on, and `never` why it is never skipped."""

    name: str
    path: str
    environment: Environment
    overrides: Mapping[str, Given]
    rests: Mapping[str, str] = field(default_factory=dict)
    never: str = ""

    @property
    def places(self) -> Places:
        reads, writes = self.environment.inputs.values(), self.environment.outputs.values()
        return Places(reads=tuple(reads), writes=tuple(writes))

    @property
    def wants_live(self) -> bool:
        """Whether it cannot start where a model is not live yet."""
        given = self.environment.parameters.values()
        return any(isinstance(value, str) and value.startswith(performing.LIVE) for value in given)


class Known:
    """The facts of a project's notebooks; those of unchanged bytes come from the last time."""

    def __init__(self, site: Site, kept: Memory) -> None:
        self._site = site
        self._kept = kept

    @cached_property
    def schemas(self) -> dict[str, Schema | None]:
        """None for a notebook that cannot be read."""
        found = {pair.name: self._answer(pair)["code"] for pair in self._site.pairs}
        return {name: None if code is None else load(Code, code).schema for name, code in found.items()}

    def facts(self, pair: Pair) -> Facts:
        """Raises what keeps the notebook from being read."""
        answer = self._answer(pair)
        if answer["code"] is None:
            return Facts(code=self._site.sources.code(pair), kernel="", baseline="")
        return Facts(code=load(Code, answer["code"]), kernel=answer["kernel"], baseline=answer["baseline"])

    def _answer(self, pair: Pair) -> Mapping[str, Json]:
        sides = {side.name: sha256(side.read_bytes()) for side in (pair.script, pair.ipynb) if side}
        rests = digest([sides, self._tracked_digest, list(self._site.project.include)])
        return self._kept.answer(f"notebook {pair.name}", rests, lambda: self._look(pair))

    def _look(self, pair: Pair) -> dict[str, Json]:
        files = Files(self._site.project.root, self._tracked)
        sides = self._site.sources.sides(pair)
        try:
            code = self._site.sources.code_of(sides, files.read, self._tracked)
            kernel = notebook.kernel(notebook.read(pair))
            baseline = notebook.accepted_digest(running.accepted(pair), validate.is_marked)
        except Error:
            return {"code": None, "files": dict(files.states(files.asked))}
        asked = files.asked.difference(sides)
        return {"code": dump(code), "kernel": kernel, "baseline": baseline, "files": dict(files.states(asked))}

    @cached_property
    def _tracked(self) -> dict[str, str]:
        return self._site.git.tracked()

    @cached_property
    def _tracked_digest(self) -> str:
        """Which files there are decides which ones an import or a glob of `include` finds."""
        return digest(sorted(self._tracked))


def prepare(
    site: Site, environment: str, pairs: Iterable[Pair], *, given: Mapping[str, Given], cell_limit: float | None
) -> tuple[Prepared, ...]:
    """Every notebook with its values and what it rests on. Raises one `BadInput` for all that cannot be prepared."""
    with Memory(site, "fleet/notebooks.json") as kept:
        known = Known(site, kept)
        pairs = tuple(pairs)
        _refuse_unknown(given, [schema for pair in pairs if (schema := known.schemas[pair.name])])
        found: list[Prepared] = []
        wrong: list[Error] = []
        for pair in pairs:
            try:
                found.append(_prepared(site, environment, pair, known, given, cell_limit))
            except Error as error:
                wrong.append(error)
    if wrong:
        raise _together(wrong)
    return tuple(found)


def _together(wrong: list[Error]) -> Error:
    told = dict.fromkeys(str(error) for error in wrong)
    if len(told) == 1:
        return wrong[0]
    return BadInput("not every notebook can be run, and nothing was run", problems=told, hint=wrong[0].hint)


def _refuse_unknown(given: Mapping[str, Given], schemas: Iterable[Schema]) -> None:
    declared = sorted({name for schema in schemas for name in schema.names})
    strange = [name for name in given if name not in declared]
    if strange:
        told = [f"unknown parameter {name!r}{nearest(name, declared)}" for name in strange]
        hint = f"these notebooks declare {', '.join(declared) or 'no parameters'}"
        raise BadInput(told[0] if len(told) == 1 else "unknown parameters", problems=told[1:] and told, hint=hint)


def _prepared(
    site: Site, env: str, pair: Pair, known: Known, given: Mapping[str, Given], cell_limit: float | None
) -> Prepared:
    if not site.policy(env, "").is_entry:
        return _above(site, env, pair, known, given, cell_limit)
    facts = known.facts(pair)
    overrides = _own(given, facts.code.schema)
    environment = site.environment(env, pair.name, facts.code.schema, overrides=overrides, schemas=known.schemas)
    environment = running.limited(environment, cell_limit)
    rests = footing.rests(
        site,
        environment,
        code=facts.code.digest,
        kernel=facts.kernel,
        baseline=facts.baseline,
        lock=site.sources.lock(),
    )
    return _whole(site, pair, environment, overrides, rests)


def _above(
    site: Site, env: str, pair: Pair, known: Known, given: Mapping[str, Given], cell_limit: float | None
) -> Prepared:
    live = site.ledger.state(env)[pair.name].live
    if live is not None and not live.adopted:
        overrides = _own(given, live.schema)
        environment = running.limited(running.frozen(site, live, overrides, schemas=known.schemas), cell_limit)
        return _whole(site, pair, environment, overrides, running.rests_live(site, live, environment))
    code = running.rehearsed(site, site.project.relative(pair.path))
    overrides = _own(given, code.schema)
    environment = site.environment(env, pair.name, code.schema, overrides=overrides, schemas=known.schemas)
    return Prepared(
        name=pair.name,
        path=site.project.relative(pair.path),
        environment=environment,
        overrides=overrides,
        never="no release of it is live, and a rehearsal publishes nothing to stand on",
    )


def _own(given: Mapping[str, Given], schema: Schema) -> dict[str, Given]:
    return {name: value for name, value in given.items() if name in schema.names}


def _whole(
    site: Site, pair: Pair, environment: Environment, overrides: Mapping[str, Given], rests: Mapping[str, str]
) -> Prepared:
    return Prepared(
        name=pair.name,
        path=site.project.relative(pair.path),
        environment=environment,
        overrides=overrides,
        rests=rests,
        never=_never(environment),
    )


def _never(environment: Environment) -> str:
    """Why no run of it can stand for a later one; empty where one can."""
    if not environment.declares:
        return "params do not declare both its inputs and its outputs"
    if environment.secrets:
        return "it gets secrets, whose values are not recorded"
    if environment.pass_env:
        return "it gets variables by pass_env, whose values are not recorded"
    far = sorted(name for name, path in environment.inputs.items() if "://" in path)
    return f"input {far[0]} is not a file on this machine" if far else ""
