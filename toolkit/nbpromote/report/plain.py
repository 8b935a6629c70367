"""Records as the JSON that `--json` prints. Keys are a promise to scripts: added to, never renamed."""

from __future__ import annotations

from collections.abc import Sequence

from nbpromote.model import (
    Attempt,
    Board,
    Candidate,
    Cell,
    Check,
    Collection,
    Decision,
    Deployment,
    Difference,
    Environment,
    Event,
    Evidence,
    Gate,
    Heard,
    Json,
    Model,
    Move,
    Outcome,
    Plan,
    Promotion,
    Prospect,
    Status,
    Verdict,
    Verification,
    Wait,
    dump,
)
from nbpromote.report import words
from nbpromote.report.comparison.plain import cell_json, value_json
from nbpromote.report.text import given


def board_json(board: Board) -> dict[str, Json]:
    return {"as_of": board.as_of or None, "stale": board.stale, **status_json(board.rows)}


def status_json(rows: Sequence[Status]) -> dict[str, Json]:
    return {"environments": [_environment(row) for row in rows]}


def _environment(row: Status) -> dict[str, Json]:
    return {
        "name": row.environment,
        "tracking_uri": row.tracking_uri,
        "notebooks": [
            {**_deployment(live), "config_pending": live.notebook in row.pending} for live in row.deployments
        ],
        "held": {notebook: list(digests) for notebook, digests in row.held.items()},
        "open": list(row.open),
        "due": dict(row.due),
        "waiting": [_waiting(attempt, row.waits.get(attempt.event.attempt, ())) for attempt in row.waiting],
        "frozen": dump(row.frozen) if row.frozen else None,
        "unshared": row.alone,
    }


def _waiting(attempt: Attempt, waits: Sequence[Wait]) -> dict[str, Json]:
    event = attempt.event
    return {
        "attempt": event.attempt,
        "notebooks": list(event.notebooks),
        "aliases": list(event.aliases),
        "at": event.at,
        "actor": event.actor,
        "consents": [dump(consent) for consent in attempt.consents],
        "waits": [dump(wait) for wait in waits],
    }


def _deployment(live: Deployment) -> dict[str, Json]:
    return {
        "notebook": live.notebook,
        "release": live.release,
        "alias": live.alias,
        "code": live.code,
        "state": live.state,
        "adopted": live.adopted,
        "since": live.since,
        "overrides": list(live.overrides),
        "model": _model(live.model),
        "run": live.run,
        "metrics": dict(live.metrics),
    }


def _model(model: Model | None) -> dict[str, Json] | None:
    if model is None:
        return None
    return {"name": model.name, "version": model.version, "sha256": model.sha256}


def history_json(events: Sequence[Event]) -> dict[str, Json]:
    """Every event, oldest first."""
    return {"events": [event_json(event) for event in sorted(events, key=lambda event: event.at)]}


def event_json(event: Event) -> dict[str, Json]:
    return {
        "id": event.id,
        "at": event.at,
        "actor": event.actor,
        "verb": event.verb,
        "step": event.step,
        "environment": event.environment,
        "notebooks": list(event.notebooks),
        "release": next(iter(event.digests), ""),
        "alias": next(iter(event.aliases), ""),
        "attempt": event.attempt,
        "reason": event.reason,
        "commit": event.commit,
        "releases": list(event.digests),
        "aliases": list(event.aliases),
        "vouched": event.vouched,
        "overrides": list(event.overrides),
        "holds": list(event.holds),
        "incumbents": [deployment.incumbent for deployment in event.deployments if deployment.incumbent],
        "runs": [deployment.run for deployment in event.deployments],
        "evidence": [deployment.evidence for deployment in event.deployments],
        "codes": [deployment.code for deployment in event.deployments],
        "bound": event.bound,
        "after": event.after,
    }


def evidence_json(evidence: Evidence) -> dict[str, Json]:
    run = evidence.run
    return {
        "notebook": run.notebook,
        "environment": run.environment,
        "passed": evidence.passed,
        "evidence": evidence.digest,
        "run": run.id,
        "ci": dump(run.ci) if run.ci else None,
        "code": run.code.digest,
        "commit": run.commit,
        "dirty": run.dirty,
        "params_commit": run.params_commit,
        "params_dirty": run.params_dirty,
        "started": run.started,
        "seconds": run.seconds,
        "parameters": dict(run.parameters),
        "resolved": dict(run.resolved),
        "failure": _cell(run.failure) if run.failure else None,
        "cells": [_cell(cell) for cell in run.cells],
        **checks_json(evidence.checks),
        "files": {name: dump(file) for name, file in run.files.items()},
        "metrics": dict(evidence.metrics),
        "model": {"uri": evidence.model.uri, **(_model(evidence.model) or {})} if evidence.model else None,
        "accepted_by": evidence.accepted_by,
        "executed": str(run.notebook_file),
        "tracking_uri": run.tracking_uri,
        "mlflow_run": run.mlflow_run,
        "notes": list(run.notes),
        "withheld": list(run.withheld),
        "start": run.start,
        "isolation": run.isolation,
        "refused": list(run.refused),
    }


def _cell(cell: Cell) -> dict[str, Json]:
    return {
        "number": cell.number,
        "id": cell.id,
        "ending": cell.ending.value,
        "seconds": cell.seconds,
        "error": words.clean(cell.error),
        "message": words.clean(cell.message),
    }


def plan_json(plan: Plan) -> dict[str, Json]:
    """With one notebook its facts stand on top as well."""
    moves = [_move(move) for move in plan.moves]
    return {
        **(moves[0] if len(moves) == 1 else {}),
        "to": plan.target,
        "allowed": plan.allowed,
        "unmet": list(plan.unmet),
        "waits": [dump(wait) for wait in plan.waits],
        "overrides": list(plan.overrides),
        "moves": moves,
        "digest": plan.digest,
        "ledger": plan.head,
    }


def _move(move: Move) -> dict[str, Json]:
    return {
        "notebook": move.notebook,
        "release": move.release,
        "alias": move.alias,
        "code": move.code,
        "from": move.source,
        "strategy": move.strategy,
        "unmet": list(move.unmet),
        "incumbent": _deployment(move.incumbent) if move.incumbent else None,
        "parameters": dict(move.parameters),
        "origins": dict(move.origins),
        "changed": {name: {"live": live, "candidate": new} for name, (live, new) in move.changed.items()},
        "gates": [_gate(gate) for gate in move.gates],
        "prospect": _prospect(move.prospect) if move.prospect else None,
    }


def _prospect(prospect: Prospect) -> dict[str, Json]:
    parts = ("modules", "packages", "metrics", "data", "tables")
    return {
        "cells": [cell_json(cell) for cell in prospect.cells],
        **{part: [value_json(change) for change in getattr(prospect, part)] for part in parts},
        "model": value_json(prospect.model) if prospect.model else None,
        "rollback": {"possible": prospect.back.outcome is Outcome.PASSED, "summary": prospect.back.summary},
        "unread": list(prospect.unread),
    }


def _gate(gate: Gate) -> dict[str, Json]:
    return {"gate": words.gate(gate), "mode": gate.mode.value, "where": gate.where}


def decision_json(decision: Decision) -> dict[str, Json]:
    return {
        "environment": decision.environment,
        "allowed": decision.allowed,
        "unmet": list(decision.unmet),
        "gates": [_verdict(verdict) for verdict in decision.verdicts],
    }


def _verdict(verdict: Verdict) -> dict[str, Json]:
    return {
        **_gate(verdict.gate),
        "outcome": verdict.outcome.value,
        "refuses": verdict.refuses,
        "seen": verdict.seen,
        "live": verdict.live,
        "reason": verdict.reason,
        "contest": dump(verdict.contest) if verdict.contest else None,
    }


def checks_json(checks: Sequence[Check]) -> dict[str, Json]:
    return {
        "checks": [
            {"name": c.name, "outcome": c.outcome.value, "summary": c.summary, "details": list(c.details)}
            for c in checks
        ]
    }


def heard_json(heard: Heard) -> dict[str, Json]:
    return {"event": event_json(heard.event), "waits": [dump(wait) for wait in heard.waits]}


def promotion_json(promotion: Promotion) -> dict[str, Json]:
    """With one notebook its facts stand on top as well."""
    candidates = [_candidate(promotion, candidate) for candidate in promotion.candidates]
    unasked = [_candidate(promotion, Candidate(move=move)) for move in promotion.plan.moves]
    return {
        **((candidates or unasked)[0] if len(unasked) == 1 else {}),
        "done": promotion.done,
        "state": promotion.state,
        "attempt": promotion.attempt,
        "note": promotion.note,
        "waits": [dump(wait) for wait in promotion.waits],
        "overrides": list(promotion.overrides),
        "written": list(promotion.written),
        "candidates": candidates,
        "plan": plan_json(promotion.plan),
    }


def _candidate(promotion: Promotion, candidate: Candidate) -> dict[str, Json]:
    went_live = promotion.state in ("verified", "unverified", "failed")
    live = candidate.deployment if went_live else None
    return {
        "notebook": candidate.move.notebook,
        "deployment": _deployment(live) if live else None,
        "evidence": evidence_json(candidate.evidence) if candidate.evidence else None,
        "decision": decision_json(candidate.decision) if candidate.decision else None,
        "verification": checks_json(candidate.verification)["checks"],
    }


def verified_json(found: Sequence[Verification]) -> dict[str, Json]:
    return {
        "passed": all(one.outcome is Outcome.PASSED for one in found),
        "deployments": [
            {
                "environment": one.deployment.environment,
                **_deployment(one.deployment),
                "outcome": one.outcome.value,
                **checks_json(one.checks),
            }
            for one in found
        ],
    }


def parameters_json(environment: Environment) -> dict[str, Json]:
    return {
        "environment": environment.name,
        "tracking_uri": environment.tracking_uri,
        "params_commit": environment.params_commit,
        "params_dirty": environment.params_dirty,
        "parameters": [
            {"name": name, "value": value, "kind": kind or "value", "from": environment.origins.get(name)}
            for name, value, kind in given(environment)
        ],
        "secrets": [
            {"name": name, "reference": reference, "from": environment.secret_origins.get(name)}
            for name, reference in sorted(environment.secrets.items())
        ],
    }


def differences_json(differences: Sequence[Difference], environments: tuple[str, str]) -> dict[str, Json]:
    return {
        "environments": list(environments),
        "differences": [
            {
                "notebook": one.notebook or None,
                "what": one.what,
                "name": one.name,
                "values": list(one.values),
                "from": [origin or None for origin in one.origins],
            }
            for one in differences
        ],
    }


def collection_json(found: Collection) -> dict[str, Json]:
    return {
        "done": found.done,
        "bytes": found.size,
        "removed" if found.done else "would_remove": [dump(litter) for litter in found.litter],
        "kept": dict(found.kept),
        "notes": list(found.notes),
    }
