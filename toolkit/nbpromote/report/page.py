"""One self-contained HTML page for a run or a release: a person looks at it, and nothing in it can run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbpromote.model import Check, Decision, Deployment, Evidence, Json, Outcome, Release, Scrap, Verdict
from nbpromote.report import charts, notebook, words

ROWS = 200  # of a table; the whole of it is in the executed notebook


@dataclass(frozen=True, kw_only=True)
class Table:
    """A scrap's table as text; `numeric` are the columns that hold numbers only."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    left_out: int = 0


def page(
    evidence: Evidence,
    *,
    executed: str,
    live: Deployment | None = None,
    decision: Decision | None = None,
    release: Release | None = None,
    alias: str = "",
) -> str:
    """The page as one string. `executed` is the text of the executed notebook; nothing of it can run.

    `live` and `decision` add the comparison and the gates; `release` and `alias` make it a release's page.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined  # 0.05 s

    templates = Environment(
        loader=PackageLoader("nbpromote.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "text": words.clean,
        "seconds": words.seconds,
        "short": words.short,
        "value": words.value,
    }
    node = notebook.read(executed)
    verdicts = decision.verdicts if decision else ()
    return templates.get_template("page.html.jinja").render(
        csp=notebook.CSP,
        evidence=evidence,
        run=evidence.run,
        live=live,
        decision=decision,
        heading=_heading(release, alias),
        facts=_facts(evidence, release, alias),
        reasons=_reasons(evidence, decision),
        warnings=[v.reason for v in verdicts if v.outcome.blocks and not v.refuses],
        metrics=charts.metrics(evidence.metrics, live.metrics if live else {}, verdicts),
        gates=[_gate(verdict) for verdict in verdicts],
        checks=sorted(evidence.checks, key=_weight),
        tables=[_table(scrap) for scrap in evidence.scraps if _is_table(scrap)],
        figures=_figures(node, evidence),
        parameters=_parameters(evidence, live),
        lineage=words.files(evidence.run),
        timings=charts.timings(evidence.run.cells),
        notebook=notebook.document(node) if node is not None else "",
    )


def _heading(release: Release | None, alias: str) -> str:
    name = alias or (words.short(release.digest) if release else "")
    return f"Release {name}" if name else "Run"


def _facts(evidence: Evidence, release: Release | None, alias: str) -> list[tuple[str, str]]:
    """What this page is about, in pairs; empty ones are left out."""
    run, model = evidence.run, evidence.model
    commit = words.short(run.commit or "") + (" with edits" if run.commit and run.dirty else "")
    facts = [
        ("Environment", run.environment),
        ("Release", words.release(alias, release.digest if release else "")),
        ("Started", f"{words.moment(run.started)} UTC"),
        ("By", run.actor),
        ("Commit", commit or "none"),
        ("Params", words.params(run)),
        ("Code", words.short(run.code.digest)),
        ("Model", f"{model.name} version {model.version}" if model and model.name else ""),
        ("Model bytes", words.short(model.sha256) if model else ""),
        ("Kernel", f"{run.kernel}, {run.start}" if run.start else run.kernel),
        ("Isolation", run.isolation),
        ("Run", run.id),
        ("Baseline accepted by", evidence.accepted_by),
    ]
    return [(name, value) for name, value in facts if value]


def _reasons(evidence: Evidence, decision: Decision | None) -> list[str]:
    """Why the answer is no: the failing cell, every check that blocks, then what the gates refuse."""
    run = evidence.run
    checks = {f"{check.name} {check.outcome}: {check.summary}": check.name for check in evidence.unmet}
    cell = words.failure(run.failure, of=len(run.cells)) if run.failure else ""
    # the same news twice: the cell is told with its id and error
    again = {reason for reason, name in checks.items() if cell and name == "ran-to-the-end"}
    unmet = decision.unmet if decision else ()
    unproved = ["no check proves that every cell ran to the end"] if not (evidence.passed or checks) else []
    reasons = dict.fromkeys([cell, *checks, *unproved, *unmet])
    return [reason for reason in reasons if reason and reason not in again]


def _gate(verdict: Verdict) -> dict[str, str]:
    warns = verdict.outcome.blocks and not verdict.refuses
    return {
        "outcome": "warning" if warns else verdict.outcome.value,
        "gate": words.gate(verdict.gate),
        "seen": words.number(verdict.seen) if verdict.seen is not None else "",
        "live": words.number(verdict.live) if verdict.live is not None else "",
        "where": verdict.gate.where,
    }


def _weight(check: Check) -> tuple[bool, bool]:
    """Those that block come first, those that were skipped last."""
    return not check.outcome.blocks, check.outcome is Outcome.SKIPPED


def _parameters(evidence: Evidence, live: Deployment | None) -> list[dict[str, str]]:
    run = evidence.run
    values: Mapping[str, Json] = {**run.parameters, **run.inputs, **run.outputs}
    before = {**live.parameters, **live.inputs, **live.outputs} if live else {}
    return [
        {
            "name": name,
            "value": words.value(value) + (f" → {words.line(run.resolved[name])}" if name in run.resolved else ""),
            "kind": "output" if name in run.outputs else "input" if name in run.inputs else "",
            "live": words.value(before[name]) if name in before and before[name] != value else "",
        }
        for name, value in sorted(values.items())
    ]


# -- scraps --------------------------------------------------------------------------------------------------


def _is_table(scrap: Scrap) -> bool:
    rows = scrap.value
    return scrap.kind == "table" and isinstance(rows, list) and all(isinstance(row, dict) for row in rows)


def _table(scrap: Scrap) -> Table:
    shown = scrap.value[:ROWS]
    header = tuple(dict.fromkeys(name for row in shown for name in row))
    return Table(
        name=scrap.name,
        header=tuple(str(name) for name in header),
        rows=tuple(tuple(_spelled(row.get(name)) for name in header) for row in shown),
        numeric=tuple(all(isinstance(row.get(name), int | float | None) for row in shown) for name in header),
        left_out=len(scrap.value) - len(shown),
    )


def _spelled(value: Json) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return words.number(value)
    return value if isinstance(value, str) else words.value(value)


def _figures(node: Json | None, evidence: Evidence) -> list[dict[str, Any]]:
    if node is None:
        return []
    found = ((scrap.name, notebook.figure(node, scrap)) for scrap in evidence.scraps if scrap.kind == "figure")
    return [{"name": name, "address": address} for name, address in found if address]
