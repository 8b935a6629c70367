"""Evidence, plans, decisions, findings and parameters as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap

from nbpromote.model import (
    Check,
    Decision,
    Difference,
    Environment,
    Evidence,
    Gate,
    Outcome,
    Plan,
    Promotion,
    Run,
    Verdict,
)
from nbpromote.report import words
from nbpromote.report.layout import Paint, columns

STYLES = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "red",
    Outcome.ERRORED: "red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.SKIPPED: "bold",
}


def evidence(evidence: Evidence, *, colour: bool = False) -> str:
    """What a run showed, the verdict first."""
    paint, run = Paint(colour), evidence.run
    lines = [_verdict(evidence, paint)]
    if run.failure is not None:
        lines.append(paint(words.failure(run.failure, of=len(run.cells)), "red"))
    lines += ["", *(_checks(evidence.checks, paint) or ["no check was made, so nothing is proved"])]
    lines += _block("metrics", ([words.line(n), words.number(v)] for n, v in evidence.metrics.items()))
    lines += _block("files", ([kind, words.line(name), *told] for kind, name, *told in words.files(run)))
    lines += _list("notes", run.notes)
    if not evidence.passed and run.withheld:
        names = _withheld(run)
        lines += ["", *wrap(f"not given to the kernel (`pass_env` in params lets them in): {names}", 110)]
    return _end([*lines, "", *columns(_places(evidence))])


def _withheld(run: Run) -> str:
    """First those that the failure speaks of; a CI job sets a hundred, and the record has them all."""
    said = words.failure(run.failure, of=len(run.cells)) if run.failure else ""
    names = sorted(map(words.line, run.withheld), key=lambda name: name not in said)
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


_NAMES = 12


def _verdict(evidence: Evidence, paint: Paint) -> str:
    verdict = paint("passed", "green") if evidence.passed else paint("not passed", "red")
    run = evidence.run
    ran = sum(cell.ending.good for cell in run.cells)
    return (
        f"{verdict}: {words.line(run.notebook)} in {words.line(run.environment)}, "
        f"{ran} of {len(run.cells)} cells ran in {words.seconds(run.seconds)}"
    )


def _checks(checks: Sequence[Check], paint: Paint) -> list[str]:
    rows = [[paint(c.outcome.value, STYLES[c.outcome]), words.line(c.name), words.line(c.summary)] for c in checks]
    lines = []
    for check, told in zip(checks, columns(rows), strict=True):
        lines += [told, *_indented(check.details)]
    return lines


def _indented(details: Iterable[str]) -> list[str]:
    return [f"    {part}".rstrip() for detail in details for part in words.clean(detail).splitlines()]


def _places(evidence: Evidence) -> list[list[str]]:
    run = evidence.run
    rows = [["run", words.line(run.id)], ["notebook", words.line(str(run.notebook_file))]]
    if used := words.used(run.cells):
        rows.append(["cells", used])
    if evidence.model is not None:
        rows.append(["model", words.line(evidence.model.uri)])
    if evidence.accepted_by:
        rows.append(["accepted by", words.line(evidence.accepted_by)])
    return [*rows, ["from", _source(run)]]


def _source(run: Run) -> str:
    commit = f"commit {words.short(run.commit)}" if run.commit else "no commit"
    source = f"{commit}, with edits" if run.dirty else commit
    params = words.params(run)
    return f"{source}; params of {params}" if params else source


def plan(plan: Plan, *, colour: bool = False) -> str:
    """What a promotion would change, and everything still unmet."""
    paint = Paint(colour)
    verdict = paint("ready", "green") if plan.allowed else paint("not ready", "red")
    rows = [
        ["release", f"{words.release(plan.alias, plan.release)} from {words.line(plan.source)}"],
        ["replaces", _incumbent(plan)],
        ["strategy", _strategy(plan)],
    ]
    lines = [
        f"{verdict}: {words.line(plan.notebook)} from {words.line(plan.source)} to {words.line(plan.target)}",
        "",
    ]
    lines += columns(rows)
    lines += _block("parameters that change", (_changed(plan, name) for name in sorted(plan.changed)))
    lines += _block("gates", (_asked(gate, plan) for gate in plan.gates))
    lines += _list("still unmet", plan.unmet)
    return _end([*lines, "", "nothing was changed"])


def _incumbent(plan: Plan) -> str:
    live = plan.incumbent
    if live is None:
        return f"nothing: the first in {words.line(plan.target)}"
    same = ", the same code" if live.code == plan.code else ""
    since = f"live since {words.moment(live.since)}, {words.line(live.state)}"
    return f"{words.release(live.alias, live.release)}, {since}{same}"


def _strategy(plan: Plan) -> str:
    target, source = words.line(plan.target), words.line(plan.source)
    told = {
        "retrain": f"retrain: it runs in {target} with {target}'s parameters",
        "copy": f"copy: nothing runs; the model verified in {source} is carried over",
    }
    return told.get(plan.strategy, words.line(plan.strategy))


def _changed(plan: Plan, name: str) -> list[str]:
    before, after = plan.changed[name]
    change = f"{words.value(before)} -> {words.value(after)}"
    return [words.line(name), change, words.line(plan.origins.get(name, ""))]


def _asked(gate: Gate, plan: Plan) -> list[str]:
    unasked = "not asked: nothing is live" if gate.relative and plan.incumbent is None else ""
    return [words.gate(gate), unasked or words.line(gate.where)]


def decision(decision: Decision, *, colour: bool = False) -> str:
    """What each gate saw, refusals first, and every other reason with them."""
    paint = Paint(colour)
    door = words.line(decision.environment)
    verdict = paint("allowed", "green") if decision.allowed else paint("refused", "red")
    verdicts = sorted(decision.verdicts, key=lambda v: (not v.refuses, not v.outcome.blocks))
    told = {v.reason for v in verdicts if v.refuses}
    lines = [f"{verdict}: {len(verdicts)} gates asked at the door of {door}", ""]
    lines += columns([_judged(verdict, paint) for verdict in verdicts])
    lines += _list("also unmet", [reason for reason in decision.unmet if reason not in told])
    return _end(lines)


def _judged(verdict: Verdict, paint: Paint) -> list[str]:
    # a gate that only warns never refuses, whatever it saw
    outcome = "warning" if verdict.outcome.blocks and not verdict.refuses else verdict.outcome.value
    style = "yellow" if outcome == "warning" else STYLES[verdict.outcome]
    return [paint(outcome, style), words.line(verdict.reason)]


def promotion(promotion: Promotion, *, colour: bool = False) -> str:
    """What an attempt to make a release live came to: what is live now, or every reason why it is not."""
    paint, plan = Paint(colour), promotion.plan
    lines = [_outcome(promotion, paint)]
    lines += [words.line(promotion.note)] if promotion.note else []
    lines += _list("unmet", plan.unmet)
    if promotion.evidence is not None and not promotion.evidence.passed:
        lines += ["", evidence(promotion.evidence, colour=colour)]
    if promotion.decision is not None:
        lines += ["", decision(promotion.decision, colour=colour)]
    if promotion.verification:
        lines += ["", "verification", *_checks(promotion.verification, paint)]
    return _end(lines)


def _outcome(promotion: Promotion, paint: Paint) -> str:
    plan, live = promotion.plan, promotion.deployment
    what = f"{words.line(plan.notebook)} {words.release(plan.alias, plan.release)}"
    target = words.line(plan.target)
    if live is None:
        return f"{paint('not live', 'red')}: {what} did not get into {target}; what is live there was not changed"
    if live.state == "failed":
        return f"{paint('failed', 'red')}: {what} did not pass its verification in {target}"
    state = "live" if live.state == "verified" else "live, and not yet verified"
    model = f", model version {words.line(live.model.version)}" if live.model and live.model.version else ""
    old = plan.incumbent
    instead = f", in place of {words.line(old.alias)}" if old and old.release != live.release else ""
    return f"{paint(state, 'green' if live.state == 'verified' else 'yellow')}: {what} in {target}{model}{instead}"


def checks(checks: Sequence[Check], *, colour: bool = False) -> str:
    """Each answer on a line, with its details below."""
    return _end(_checks(checks, Paint(colour)) or ["nothing was asked"])


def parameters(environment: Environment, *, colour: bool = False) -> str:
    """Every value that a notebook gets in an environment, and the file and line that gave it."""
    paint = Paint(colour)
    rows = [
        [words.line(name), words.value(value), kind, words.line(environment.origins.get(name, ""))]
        for name, value, kind in given(environment)
    ]
    rows += [
        [words.line(name), words.line(reference), "secret", words.line(environment.secret_origins.get(name, ""))]
        for name, reference in sorted(environment.secrets.items())
    ]
    if not rows:
        return f"no parameters in {words.line(environment.name)}"
    header = [paint(name, "bold") for name in ("name", "value", "", "from")]
    return _end(columns([header, *rows]))


def differences(found: Sequence[Difference], environments: tuple[str, str], *, colour: bool = False) -> str:
    """What two environments give and demand differently."""
    if not found:
        return f"{environments[0]} and {environments[1]} do not differ"
    header = ["", "", *environments, f"{environments[0]} from", f"{environments[1]} from"]
    rows = [
        [
            words.line(one.notebook),
            f"{one.what} {one.name}",
            *(words.value(value) for value in one.values),
            *(words.line(origin) for origin in one.origins),
        ]
        for one in found
    ]
    return _end(columns([[Paint(colour)(name, "bold") for name in header], *rows]))


def given(environment: Environment) -> list[tuple[str, object, str]]:
    """Name, value and `input`, `output` or nothing, by name; a declared path stands for a plain value."""
    values: dict[str, object] = {**environment.parameters, **environment.inputs, **environment.outputs}
    return [(name, values[name], _kind(name, environment.inputs, environment.outputs)) for name in sorted(values)]


def _kind(name: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    return "output" if name in outputs else "input" if name in inputs else ""


def _block(title: str, rows: Iterable[Sequence[str]]) -> list[str]:
    lines = columns(rows, indent=2)
    return ["", title, *lines] if lines else []


def _list(title: str, reasons: Iterable[str]) -> list[str]:
    lines = [f"  - {words.line(reason)}" for reason in reasons]
    return ["", title, *lines] if lines else []


def _end(lines: Sequence[str]) -> str:
    return "\n".join(lines).rstrip()
