"""Records in, strings out: text for a terminal, JSON for scripts, HTML for people. Writes nothing."""

from typing import TYPE_CHECKING

from nbpromote import faces

if TYPE_CHECKING:
    from nbpromote.report.changed import changes, changes_json
    from nbpromote.report.collected import FORMS, report_as
    from nbpromote.report.comparison import comparisons, comparisons_as, comparisons_json
    from nbpromote.report.explained import explanation, explanation_json, explanations, explanations_json
    from nbpromote.report.exporting import EXPORTS, exported
    from nbpromote.report.fleets import fleet, fleet_json, fleet_junit
    from nbpromote.report.found import findings, findings_as, findings_json, github, junit, sarif
    from nbpromote.report.pages import page
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
    from nbpromote.report.promoted import advanced, heard, promotion, said, verified
    from nbpromote.report.proposed import Proposal, Step, proposal
    from nbpromote.report.standing import board, collection, history, status
    from nbpromote.report.subject import Kind, Rival, Subject
    from nbpromote.report.text import checks, decision, differences, evidence, parameters
    from nbpromote.report.words import gate
else:
    __getattr__ = faces.lazy(
        __name__,
        {
            "standing": "board collection history status",
            "changed": "changes changes_json",
            "collected": "FORMS report_as",
            "comparison": "comparisons comparisons_as comparisons_json",
            "explained": "explanation explanation_json explanations explanations_json",
            "exporting": "EXPORTS exported",
            "found": "findings findings_as findings_json github junit sarif",
            "fleets": "fleet fleet_json fleet_junit",
            "pages": "page",
            "plain": "board_json checks_json collection_json decision_json differences_json"
            " evidence_json heard_json history_json parameters_json promotion_json status_json verified_json",
            "plans": "plan plan_as plan_json",
            "promoted": "advanced heard promotion said verified",
            "proposed": "Proposal Step proposal",
            "subject": "Kind Rival Subject",
            "text": "checks decision differences evidence parameters",
            "words": "gate",
        },
    )

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
