"""Where it comes from: who, when, on which machine, and every digest that names it."""

from __future__ import annotations

from typing import Any

from nbpromote.model import Event, Run
from nbpromote.report import words
from nbpromote.report.pages.sheet import Sheet

_NOTES = 40


def provenance(sheet: Sheet) -> dict[str, Any]:
    subject = sheet.subject
    evidence, run = subject.evidence, subject.evidence.run
    release, model = subject.release, evidence.model
    groups = {
        "Run": {
            "Run": run.id,
            "Started": f"{words.moment(run.started)} UTC",
            "By": run.actor,
            "In CI": run.ci.told if run.ci else "",
            "Machine": run.machine.told if run.machine else "",
            "Kernel": f"{run.kernel}, {run.start}" if run.start else run.kernel,
            "Isolation": run.isolation,
            "MLflow run": run.mlflow_run,
        },
        "Code": {
            "Commit": commit(run),
            "Code": run.code.digest,
            "Params": words.params(run),
            "Lock": run.lock or "",
            "Notebook": run.path,
        },
        "Proof": {
            "Release": release.digest if release else "",
            "Sealed by": release.author if release else "",
            "Evidence": subject.digest,
            "Model": f"{model.name} version {model.version}" if model and model.name else "",
            "Model bytes": model.sha256 if model else "",
            "Compared with": evidence.reference,
            "Accepted by": evidence.accepted_by,
        },
    }
    return {
        "groups": {name: {key: value for key, value in facts.items() if value} for name, facts in groups.items()},
        "history": [_event(event) for event in subject.attempt],
        "notes": run.notes[: sheet.few(_NOTES)],
        "withheld": ", ".join(run.withheld) if run.withheld and not evidence.passed else "",
    }


def commit(run: Run) -> str:
    return f"{run.commit}{' with edits' if run.dirty else ''}" if run.commit else "none"


def _event(event: Event) -> dict[str, str]:
    return {
        "at": words.moment(event.at),
        "step": f"{event.verb}: {event.step}",
        "actor": event.actor,
        "reason": words.event(event),
    }
