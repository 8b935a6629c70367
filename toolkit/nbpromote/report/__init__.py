"""Records in, strings out: text for a terminal, JSON for scripts, HTML for people. Writes nothing."""

from nbpromote.report.board import board, collection, history, status
from nbpromote.report.changes import changes, changes_json
from nbpromote.report.collected import FORMS, report_as
from nbpromote.report.comparison import comparisons, comparisons_as, comparisons_json
from nbpromote.report.explanation import explanation, explanation_json, explanations, explanations_json
from nbpromote.report.exported import EXPORTS, exported
from nbpromote.report.findings import findings, findings_as, findings_json, github, junit, sarif
from nbpromote.report.fleet import fleet, fleet_json, fleet_junit
from nbpromote.report.page import page
from nbpromote.report.plain import (
    board_json,
    checks_json,
    collection_json,
    decision_json,
    differences_json,
    evidence_json,
    heard_json,
    history_json,
    parameters_json,
    promotion_json,
    status_json,
    verified_json,
)
from nbpromote.report.plans import plan, plan_as, plan_json
from nbpromote.report.promotion import advanced, heard, promotion, said, verified
from nbpromote.report.proposal import Proposal, Step
from nbpromote.report.proposal import markdown as proposal
from nbpromote.report.subject import Kind, Rival, Subject
from nbpromote.report.text import checks, decision, differences, evidence, parameters
from nbpromote.report.words import gate

__all__ = [
    "EXPORTS",
    "FORMS",
    "Kind",
    "Proposal",
    "Rival",
    "Step",
    "Subject",
    "advanced",
    "board",
    "board_json",
    "changes",
    "changes_json",
    "checks",
    "checks_json",
    "collection",
    "collection_json",
    "comparisons",
    "comparisons_as",
    "comparisons_json",
    "decision",
    "decision_json",
    "differences",
    "differences_json",
    "evidence",
    "evidence_json",
    "explanation",
    "explanation_json",
    "explanations",
    "explanations_json",
    "exported",
    "findings",
    "findings_as",
    "findings_json",
    "fleet",
    "fleet_json",
    "fleet_junit",
    "gate",
    "github",
    "heard",
    "heard_json",
    "history",
    "history_json",
    "junit",
    "page",
    "parameters",
    "parameters_json",
    "plan",
    "plan_as",
    "plan_json",
    "promotion",
    "promotion_json",
    "proposal",
    "report_as",
    "said",
    "sarif",
    "status",
    "status_json",
    "verified",
    "verified_json",
]
