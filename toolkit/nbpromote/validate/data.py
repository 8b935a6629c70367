"""Are inputs and outputs what they should be, and what live's are? Asked of all, with a contract and without one."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from nbpromote.model import Check, Column, DataRule, Json, Outcome, Profile, Run
from nbpromote.validate.case import Case, counted, short

RANGE = (0.5, 2.0)  # rows, as shares of live's
_FEW = 10  # rows; that all of fewer agree may be chance
_LISTED = 20  # lines of details, and names in a line

# the answer to one question: `PASSED` is worth telling, and no more
Said = tuple[Outcome, str]

FAILED, UNSURE, TOLD = Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED


def outputs_sound(case: Case) -> Check:
    """Every table that was written holds something, and has lost nothing since the live deployment."""
    run, rules, live = case.run, case.run.contract.outputs, _live(case)
    tables = {name: run.profiles[name] for name in run.outputs if name in run.profiles}
    said = list(_no_tables(rules, tables))
    for name, profile in tables.items():
        before = live.profiles.get(name) if live else None
        said += _of_output(name, profile, before, rules.get(name, DataRule()), _changed(run, live))
    sound = f"{counted(len(tables), 'output')} sound"
    return concluded("outputs-sound", said, sound=sound, none="no declared output is a table", asked=tables)


def inputs_sound(case: Case) -> Check:
    """Every declared input is there, holds something, and is as young as its contract wants."""
    run, rules, live = case.run, case.run.contract.inputs, _live(case)
    near = {name: path for name, path in run.reads.items() if "://" not in path}
    said = list(_no_tables(rules, run.profiles))
    for name, path in near.items():
        file, rule, profile = run.files.get(name), rules.get(name, DataRule()), run.profiles.get(name)
        if file is None or not file.size:
            said.append((FAILED, f"{name} is {'empty' if file else 'not there'}: {path}"))
            continue
        said += _fresh(name, file.modified, run.started, rule)
        if profile is not None:
            said += _filled(name, profile, rule)
            before = live.profiles.get(name) if live else None
            if before is not None and not profile.fault:
                lost = dict(_lost(name, profile, before)).values()
                said += ((TOLD, text) for text in (*lost, *_new(name, profile, before)))
    sound = f"{counted(len(near), 'input')} sound"
    return concluded("inputs-sound", said, sound=sound, none="no declared input is a file", asked=near)


def _live(case: Case) -> Run | None:
    return case.against.live.run if case.against.live else None


def concluded(
    name: str, said: list[Said], *, sound: str, none: str, asked: Collection[str], count: int | None = None
) -> Check:
    """The worst answer counts and is told first; all of them stand in the details."""
    if not said and not asked:
        return Check(name=name, outcome=Outcome.SKIPPED, summary=none)
    said = sorted(said, key=lambda one: _WORST_FIRST.index(one[0]))
    outcome, texts = said[0][0] if said else TOLD, [text for _, text in said]
    more = f", and {len(texts) - 1} more" if len(texts) > 1 else ""
    summary = "; ".join([*([sound] if outcome is TOLD else []), *(text + more for text in texts[:1])])
    details = tuple(texts[:_LISTED]) if more else ()
    return Check(name=name, outcome=outcome, summary=summary, details=details, count=count or len(asked))


_WORST_FIRST = (FAILED, Outcome.ERRORED, UNSURE, TOLD)


def _no_tables(rules: Mapping[str, DataRule], tables: Mapping[str, Profile]) -> Iterator[Said]:
    """A rule that asks for rows of what has none was never met."""
    for name, rule in rules.items():
        if name not in tables and (rule.min_rows, rule.max_rows, rule.versus_live) != (None, None, None):
            yield UNSURE, f"{name} is no table that can be looked at, and {rule.where} bounds its rows"


# -- what can be asked of one alone


def _filled(name: str, profile: Profile, rule: DataRule) -> Iterator[Said]:
    if profile.fault:
        yield FAILED, f"{name} cannot be read: {short(profile.fault)}"
    elif not profile.rows and rule.min_rows == 0:
        yield TOLD, f"{name} has no rows, which {rule.where} allows"
    elif not profile.rows:
        yield FAILED, f"{name} is empty: 0 rows"
    elif rule.min_rows is not None and profile.rows < rule.min_rows:
        yield FAILED, f"{name} has {_counted(profile.rows)}, and {rule.where} wants {rule.min_rows:,} or more"
    elif rule.max_rows is not None and profile.rows > rule.max_rows:
        yield FAILED, f"{name} has {_counted(profile.rows)}, and {rule.where} wants {rule.max_rows:,} or fewer"


def _fresh(name: str, modified: str, started: str, rule: DataRule) -> Iterator[Said]:
    if rule.max_age is None:
        return
    if not modified:
        yield UNSURE, f"nobody can tell how old {name} is"
        return
    age = (datetime.fromisoformat(started) - datetime.fromisoformat(modified)).total_seconds()
    if age > rule.max_age:
        yield FAILED, f"{name} is stale: {_duration(age)} old, and {rule.where} allows {_duration(rule.max_age)}"


def _counted(rows: int) -> str:
    return f"{rows:,} row" if rows == 1 else f"{rows:,} rows"


def _duration(seconds: float) -> str:
    unit, size = next(((unit, size) for unit, size in _UNITS.items() if seconds >= size), ("s", 1))
    return f"{seconds / size:.3g} {unit}"


_UNITS = {"d": 86400, "h": 3600, "min": 60}


# -- against what is live


def _of_output(name: str, now: Profile, before: Profile | None, rule: DataRule, changed: str) -> Iterator[Said]:
    """`changed` tells parameters that are not as live's: they explain how many rows there are, and what is constant."""
    yield from _filled(name, now, rule)
    if now.fault or not now.rows:
        return
    if before is None or not before.rows:
        yield from ((TOLD, f"{name}: column {one.name} holds nothing") for one in now.columns if one.nulls == now.rows)
        return
    yield from _rows(name, now.rows, before.rows, rule, changed)
    lost = dict(_lost(name, now, before))
    yield from ((TOLD if column in rule.may_change else FAILED, text) for column, text in lost.items())
    yield from ((TOLD, text) for text in _new(name, now, before))
    for column in now.columns:
        known = before.column(column.name)
        if known is not None and column.name not in (*rule.may_change, *lost):
            yield from _values(f"{name}: column {column.name}", (column, now.rows), (known, before.rows), changed)


def _rows(name: str, now: int, before: int, rule: DataRule, changed: str) -> Iterator[Said]:
    low, high = rule.versus_live or RANGE
    if low <= now / before <= high:
        return
    text = f"{name} has {_counted(now)}, {now / before:.2g} times live's {before:,}"
    if rule.versus_live is None and changed:
        yield TOLD, f"{text}, where {changed}"
    elif rule.versus_live is None and max(now, before) < _FEW:
        yield UNSURE, f"{text}: too few to tell"
    else:
        yield FAILED, f"{text}, outside of {low:g} to {high:g}"


def _lost(name: str, now: Profile, before: Profile) -> Iterator[tuple[str, str]]:
    """What readers of the table counted on, by column. One that is all null has kept whatever kind it had."""
    for known in before.columns:
        column = now.column(known.name)
        if column is None:
            yield known.name, f"{name}: column {known.name} is gone"
        elif column.kind != known.kind and "null" not in (column.kind, known.kind):
            yield known.name, f"{name}: column {known.name} is {column.kind}, and was {known.kind}"


def _new(name: str, now: Profile, before: Profile) -> Iterator[str]:
    added = [column.name for column in now.columns if before.column(column.name) is None]
    if added and before.columns:
        yield f"{name}: new {'column' if len(added) == 1 else 'columns'} {', '.join(added[:_LISTED])}"


def _values(what: str, now: tuple[Column, int], before: tuple[Column, int], changed: str) -> Iterator[Said]:
    """Each side is a column and the rows of its table."""
    (column, rows), (known, known_rows) = now, before
    few = UNSURE if rows < _FEW else FAILED
    chance = ": too few rows to tell" if rows < _FEW else ""
    if column.nulls == rows and known.nulls < known_rows:
        yield few, f"{what} holds nothing, and live's does{chance}"
    elif column.constant and not known.constant and known.nulls < known_rows:
        text = f"{what} holds one value only, and live's holds several"
        yield (TOLD, f"{text}, where {changed}") if changed else (few, f"{text}{chance}")


def _changed(run: Run, live: Run | None) -> str:
    """The parameters, but for paths, that are not as live's: `months is [1, 2] after [1]`."""
    if live is None:
        return ""
    paths = {*run.inputs, *run.outputs, *live.inputs, *live.outputs}
    names = sorted((run.parameters.keys() | live.parameters.keys()) - paths)
    both = [(name, live.parameters.get(name), run.parameters.get(name)) for name in names]
    told = [f"{name} is {_json(now)} after {_json(before)}" for name, before, now in both if before != now]
    return ", ".join(told[:_LISTED])


def _json(value: Json) -> str:
    return short(json.dumps(value, ensure_ascii=False), 60)
