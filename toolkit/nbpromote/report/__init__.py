"""Records in, strings out: text for a terminal, JSON for scripts, HTML for people. Writes nothing."""

from nbpromote.report.board import board, history, status
from nbpromote.report.changes import changes, changes_json
from nbpromote.report.collected import FORMS, report_as
from nbpromote.report.comparison import comparisons, comparisons_as, comparisons_json
from nbpromote.report.explanation import explanation, explanation_json, explanations, explanations_json
from nbpromote.report.findings import findings, findings_as, findings_json, github, junit, sarif
from nbpromote.report.fleet import fleet, fleet_json, fleet_junit
from nbpromote.report.page import page
from nbpromote.report.plain import (
    board_json,
    checks_json,
    decision_json,
    differences_json,
    evidence_json,
    history_json,
    parameters_json,
    promotion_json,
    status_json,
    verified_json,
)
from nbpromote.report.plans import plan, plan_as, plan_json
from nbpromote.report.promotion import advanced, promotion, said, verified
from nbpromote.report.proposal import Proposal, Step
from nbpromote.report.proposal import markdown as proposal
from nbpromote.report.subject import Kind, Rival, Subject
from nbpromote.report.text import checks, decision, differences, evidence, parameters

__all__ = [
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
    "findings",
    "findings_as",
    "findings_json",
    "fleet",
    "fleet_json",
    "fleet_junit",
    "github",
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
