"""Do inputs and outputs hold the schemas that the contract names? pandera was asked when the run had ended."""

from __future__ import annotations

from collections.abc import Iterator

from nbpromote.model import Breach, Check, DataRule, Judged, Outcome
from nbpromote.validate.case import Case, short
from nbpromote.validate.data import FAILED, TOLD, UNSURE, Said, concluded


def data_contract(case: Case) -> Check:
    """Every schema that the contract names holds in every row."""
    run = case.run
    rules = {**run.contract.inputs, **run.contract.outputs}
    named = {name: rule for name, rule in rules.items() if rule.schema}
    said = [one for name, rule in named.items() for one in _said(name, rule, run.judged.get(name))]
    count = sum(judged.checks for judged in run.judged.values())
    sound = f"{count} checks of {' and '.join(named)} hold"
    return concluded("data-contract", said, count=count, sound=sound, none="no contract names a schema", asked=named)


def _said(name: str, rule: DataRule, judged: Judged | None) -> Iterator[Said]:
    if judged is None:
        yield UNSURE, f"{name} is not there to be held against {rule.schema}"
    elif judged.error:
        yield Outcome.ERRORED, f"{name}: {short(judged.error)}" + (f"; {judged.hint}" if judged.hint else "")
    elif judged.breaches:
        yield from ((FAILED, _told(name, breach)) for breach in judged.breaches)
    elif not judged.rows:
        yield TOLD if rule.min_rows == 0 else UNSURE, f"{name} has no rows to hold against {rule.schema}"


def _told(name: str, breach: Breach) -> str:
    what = f"{name}: column {breach.column}" if breach.column else name
    values = ", ".join(short(value, 80) for value in breach.values)
    where = f", in {'row' if breach.count == 1 else 'rows'} {', '.join(breach.rows)}" if breach.rows else ""
    more = " ..." if breach.count > len(breach.values) else ""
    times = f" {breach.count:,} times" if breach.count > 1 else ""
    return f"{short(what)} breaks {short(breach.check, 120)}{times}: {values}{where}{more}"
