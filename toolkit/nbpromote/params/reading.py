"""The room's verbs: read the files through a callable, work them out, and tell all that is wrong at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from nbpromote.errors import BadInput, NotBuilt, NotFound, nearest
from nbpromote.model import Environment, Finding, Policy, Schema
from nbpromote.params import naming, resolve
from nbpromote.params.around import Around
from nbpromote.params.demands import PolicyFile, policy_file
from nbpromote.params.given import Given
from nbpromote.params.resolve import Sheet
from nbpromote.params.tree import Read
from nbpromote.params.values import ParamsFile, params_file


def folder_reader(folder: Path) -> Read:
    """Reads the working tree's files."""

    def read(name: str) -> str | None:
        try:
            return (folder / name).read_bytes().decode()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror}", where=str(folder / name)) from error

    return read


def policy(read: Read, env: str, notebook: str, *, folder: str = "params") -> Policy:
    """What an environment demands of a notebook; no policy file: an entry that demands nothing."""
    file = policy_file(read, env, folder)
    tell(file.wrong)
    sheet = Sheet(environment=env, base=ParamsFile(path=""), own=ParamsFile(path=""), policy=file)
    return sheet.demands(notebook)


def load(
    read: Read,
    env: str,
    notebook: str,
    schema: Schema,
    around: Around,
    *,
    overrides: Mapping[str, Given] | None = None,
) -> Environment:
    """An environment with everything that one notebook gets there.

    Raises `NotFound` for an unknown environment, `BadInput` with every problem of its files, `NotBuilt` where
    nothing is wrong but something asks for what this version does not carry out.
    """
    read = cache(read)
    _must_exist(read, env, around)
    if around.notebooks is not None:
        around = replace(around, notebooks={**around.notebooks, notebook: schema})
    sheet = _sheet(read, env, around)
    answer = resolve.resolve(sheet, notebook, schema, overrides or {})
    strangers = list(resolve.strangers(sheet, frozenset()))
    if strangers:  # base.yaml may serve another environment; seldom asked, so read only now
        strangers = list(resolve.strangers(sheet, _used(read, around.environments, around.folder)))
    files = (sheet.base, sheet.own, sheet.policy)
    wrong = [finding for file in files for finding in file.wrong]
    wrong += [*answer.wrong, *answer.unset, *strangers, *resolve.others(sheet, notebook)]
    wrong += resolve.strange_schemes(sheet.files, around.schemes)
    tell(wrong, answer.unbuilt)
    return resolve.environment(sheet, notebook, answer)


def tracking_uri(read: Read, env: str, around: Around) -> str:
    """Where an environment's MLflow is; cheap, since no notebook is asked. As written where a variable is not set."""
    return resolve.tracking_uri(_sheet(read, env, around), resolve.Answer())


def _must_exist(read: Read, env: str, around: Around) -> None:
    folder, known = around.folder, around.environments
    if naming.is_name(env) and _there(read, f"{env}.yaml"):
        return
    if env in known:
        raise NotFound(f"no {folder}/{env}.yaml where environments are read from", hint="is it committed?")
    hint = f"known: {', '.join(known)}" if known else f"{folder}/{env}.yaml would make one"
    raise NotFound(f"no environment {env!r} in {folder}/{nearest(env, known)}", hint=hint)


def _there(read: Read, name: str) -> bool:
    try:
        return read(name) is not None
    except (BadInput, UnicodeDecodeError):
        return True


def _sheet(read: Read, env: str, around: Around) -> Sheet:
    return Sheet(
        environment=env,
        base=params_file(read, "base", around.folder),
        own=params_file(read, env, around.folder),
        policy=policy_file(read, env, around.folder),
        around=around,
    )


def _used(read: Read, environments: Iterable[str], folder: str) -> frozenset[str]:
    return frozenset(name for env in environments for name in params_file(read, env, folder).used)


def tell(wrong: Iterable[Finding], unbuilt: Iterable[Finding] = (), *, about: str = "the parameters") -> None:
    """Raise for all problems together; one alone is told as it is."""
    wrong, unbuilt = _sorted(wrong), _sorted(unbuilt)
    problems = [*wrong, *unbuilt]
    if not problems:
        return
    if len(problems) == 1:
        kind = BadInput if wrong else NotBuilt
        raise kind(problems[0].message, where=problems[0].place, hint=problems[0].hint)
    told = [f"{problem.place}: {problem.message}" if problem.path else problem.message for problem in problems]
    hint = next((problem.hint for problem in problems if problem.hint), "")
    if wrong:
        raise BadInput(f"{len(problems)} problems with {about}", problems=told, hint=hint)
    raise NotBuilt("\n  ".join([f"{len(problems)} keys ask for what is not built yet", *told]), hint=hint)


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(dict.fromkeys(findings), key=lambda finding: (finding.path, finding.line or 0, finding.column or 0))


# -- every file at once --------------------------------------------------------------------------------------


def findings(read: Read, names: Iterable[str], around: Around, *, checks: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Everything that is wrong with a params folder whose files are called `names`; never raises for content.

    `checks` are the names that a gate's `check` may have; none given: not asked. A text that asks for a variable that
    is not set is not judged: it may be set where that environment runs.
    """
    names, folder = tuple(names), around.folder
    environments = naming.environments(names)
    sheets = [_sheet(read, env, around) for env in environments]
    protected = {sheet.environment: sheet.demands("").protects for sheet in sheets}
    sheets = [replace(sheet, around=replace(around, protected=protected)) for sheet in sheets]
    policies = [policy_file(read, _environment(name), folder) for name in names if _is_policy(name)]
    params = [params_file(read, name, folder) for name in ("base", *environments)]
    found = [*_names(names, environments, folder), *_order(sheets, folder), *_checks(policies, tuple(checks))]
    for file in params:
        found += file.wrong
    for demand in policies:
        found += demand.wrong
    found += resolve.strange_schemes(params, around.schemes)
    for sheet in sheets or [_sheet(read, "base", around)]:
        found += _of_sheet(sheet, frozenset(name for file in params for name in file.used))
    return tuple(_sorted(found))


def _of_sheet(sheet: Sheet, used: frozenset[str]) -> Iterator[Finding]:
    yield from resolve.strangers(sheet, used)
    for notebook, schema in (sheet.around.notebooks or {}).items():
        if schema is not None:
            answer = resolve.resolve(sheet, notebook, schema, {})
            yield from (*answer.wrong, *answer.unbuilt)


def _is_policy(name: str) -> bool:
    return name.endswith(naming.POLICY)


def _environment(name: str) -> str:
    return name.removesuffix(naming.POLICY).removesuffix(".yaml")


def _names(names: Iterable[str], environments: tuple[str, ...], folder: str) -> Iterator[Finding]:
    for name in names:
        path, env = f"{folder}/{name}", _environment(name)
        if name.endswith(".yml"):
            yield Finding(path=path, message=f"is not read; did you mean {name.removesuffix('yml')}yaml?")
        elif _is_policy(name) and env not in environments:
            message = f"there is no environment {env!r}{nearest(env, environments)}"
            yield Finding(path=path, message=message, hint=f"{folder}/{env}.yaml would make one")
        elif name.endswith(".yaml") and not _is_policy(name) and env not in (*environments, "base"):
            yield Finding(path=path, message=f"{env!r} cannot be an environment's name", hint=_LETTERS)


_LETTERS = "letters, digits, '.', '_' and '-', as in a git branch's name"


def _order(sheets: Iterable[Sheet], folder: str) -> Iterator[Finding]:
    sheets = tuple(sheets)
    known = [sheet.environment for sheet in sheets]
    sources = {sheet.environment: sheet.policy.sources for sheet in sheets}
    for sheet in sheets:
        for source in sheet.policy.promotes_from:
            if source.value not in known:
                yield source.finding(naming.unknown_source(sheet.environment, source.value, known))
    inside = {env: tuple(name for name in names if name in known) for env, names in sources.items()}
    yield from (Finding(path=folder, message=fault) for fault in naming.faults(known, inside))


def _checks(policies: Iterable[PolicyFile], known: tuple[str, ...]) -> Iterator[Finding]:
    for file in policies:
        asked = [*file.checks, *(name for part in file.notebooks.values() for name in part.checks)]
        for name in asked:
            if known and name.value not in known:
                yield name.finding(f"there is no check {name.value!r}{nearest(name.value, known)}")
